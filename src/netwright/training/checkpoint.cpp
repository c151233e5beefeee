#include "netwright/training/checkpoint.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

struct Kind {
  at::ScalarType type;
  const char* name;
};
constexpr std::array<Kind, 4> kinds = {{{at::kFloat, "F32"}, {at::kDouble, "F64"}, {at::kLong, "I64"}, {at::kBFloat16, "BF16"}}};

const char* kind_name(at::ScalarType type) {
  const auto* found = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return kind.type == type; });
  if (found == kinds.end()) throw Error(std::string("a checkpoint cannot hold tensors of type ") + c10::toString(type));
  return found->name;
}

at::ScalarType kind_type(const std::string& name) {
  const auto* found = std::find_if(kinds.begin(), kinds.end(), [&](const Kind& kind) { return name == kind.name; });
  if (found == kinds.end()) throw Error("unknown type " + name);
  return found->type;
}

at::Tensor read_tensor(const Json& entry, std::string_view values) {
  const auto shape = entry.at("shape").get<std::vector<std::int64_t>>();
  const auto first = entry.at("data_offsets").at(0).get<std::size_t>();
  const auto last = entry.at("data_offsets").at(1).get<std::size_t>();
  at::Tensor tensor = at::empty(shape, at::TensorOptions(kind_type(entry.at("dtype").get<std::string>())));
  if (last < first || last > values.size() || last - first != tensor.nbytes()) throw Error("it is truncated");
  if (last > first) std::memcpy(tensor.data_ptr(), values.data() + first, last - first);
  return tensor;
}

Checkpoint parse(std::string_view content) {
  std::uint64_t length = 0;
  if (content.size() < sizeof length) throw Error("it is truncated");
  std::memcpy(&length, content.data(), sizeof length);
  content.remove_prefix(sizeof length);
  if (length > content.size()) throw Error("it is truncated, or no checkpoint");
  const Json header = Json::parse(content.substr(0, length));
  Checkpoint checkpoint;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") checkpoint.note = entry.at("note").get<std::string>();
    else checkpoint.tensors[name] = read_tensor(entry, content.substr(length));
  }
  return checkpoint;
}

}  // namespace

void save_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint) {
  const at::NoGradGuard no_grad;
  Json header;
  header["__metadata__"] = {{"note", checkpoint.note}};
  std::string values;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const at::Tensor plain = tensor.detach().cpu().contiguous();
    const std::size_t first = values.size();
    values.append(static_cast<const char*>(plain.data_ptr()), plain.nbytes());
    header[name] = {{"dtype", kind_name(plain.scalar_type())}, {"shape", plain.sizes().vec()}, {"data_offsets", {first, values.size()}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');   // the format asks for aligned values
  const std::uint64_t length = text.size();
  std::string content(reinterpret_cast<const char*>(&length), sizeof length);
  write_file(file, content + text + values);
}

Checkpoint load_checkpoint(const std::filesystem::path& file) {
  const std::string content = read_file(file);
  try {
    return parse(content);
  } catch (const nlohmann::json::exception&) {
    throw UsageError(file.string() + ": no checkpoint: its header is no JSON of the expected form");
  } catch (const Error& error) {
    throw UsageError(file.string() + ": no whole checkpoint: " + error.what());
  }
}

}  // namespace netwright
