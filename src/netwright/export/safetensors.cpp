#include "netwright/export/safetensors.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"

namespace netwright {
namespace {

static_assert(std::endian::native == std::endian::little, "values are copied as they lie in memory");

using Json = nlohmann::ordered_json;
constexpr std::uint64_t longest_header = 100'000'000;   // the format's own limit

[[noreturn]] void fail(const std::string& why) { throw UsageError("safetensors: " + why); }

// Elements of a shape that a stranger wrote: -1 for a negative size or more than fit into a file.
std::int64_t checked_elements(const Shape& shape) {
  constexpr std::int64_t most = std::int64_t{1} << 40;
  std::int64_t count = 1;
  for (const auto size : shape) {
    if (size < 0 || size > most || (size > 0 && count > most / size)) return -1;
    count *= size;
  }
  return count;
}

void check(const Weights& weights) {
  std::set<std::string_view> names;
  for (const auto& weight : weights) {
    if (weight.name == "__metadata__" || !names.insert(weight.name).second) fail("there are two entries called '" + weight.name + "'");
    if (checked_elements(weight.shape) != static_cast<std::int64_t>(weight.values.size()))
      fail("'" + weight.name + "' has " + std::to_string(weight.values.size()) + " values for the shape " + to_string(weight.shape));
  }
}

Json read_header(std::string_view bytes) {
  if (bytes.size() < 8) fail("the file ends after " + std::to_string(bytes.size()) + " bytes, within the length of its header");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  if (length > longest_header) fail("a header of " + std::to_string(length) + " bytes is longer than the format allows; this is no safetensors file");
  if (length > bytes.size() - 8) fail("the file ends within its header (" + std::to_string(bytes.size() - 8) + " of " + std::to_string(length) + " bytes)");
  Json header = Json::parse(bytes.substr(8, length), nullptr, false);
  if (!header.is_object()) fail("the header is no JSON object");
  return header;
}

struct Place {
  std::string name;
  Shape shape;
  std::uint64_t begin = 0, end = 0;
};

Place read_place(const std::string& name, const Json& entry) {
  const auto whole = [](const Json& list) { return list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& n) { return n.is_number_unsigned(); }); };
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets"))
    fail("'" + name + "' needs dtype, shape and data_offsets");
  if (entry["dtype"] != "F32") fail("'" + name + "' has the type " + entry["dtype"].dump(-1, ' ', false, Json::error_handler_t::replace) + "; only F32 is read");
  if (!whole(entry["shape"]) || !whole(entry["data_offsets"]) || entry["data_offsets"].size() != 2)
    fail("'" + name + "' needs whole numbers in shape and two in data_offsets");
  return {name, entry["shape"].get<Shape>(), entry["data_offsets"][0].get<std::uint64_t>(), entry["data_offsets"][1].get<std::uint64_t>()};
}

Metadata read_metadata(const Json& entry) {
  Metadata metadata;
  if (!entry.is_object()) fail("__metadata__ needs an object of texts");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) fail("__metadata__ '" + key + "' needs text");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

}  // namespace

std::string to_safetensors(const Weights& weights, const Metadata& metadata) {
  check(weights);
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t at = 0;
  for (const auto& weight : weights) {
    const std::uint64_t end = at + weight.values.size() * sizeof(float);
    header[weight.name] = {{"dtype", "F32"}, {"shape", weight.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();
  std::string bytes(reinterpret_cast<const char*>(&length), 8);
  bytes.reserve(8 + text.size() + at);
  bytes += text;
  for (const auto& weight : weights) bytes.append(reinterpret_cast<const char*>(weight.values.data()), weight.values.size() * sizeof(float));
  return bytes;
}

Safetensors from_safetensors(std::string_view bytes) {
  const Json header = read_header(bytes);
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  const std::string_view values = bytes.substr(8 + length);
  Safetensors result;
  std::vector<Place> places;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") result.metadata = read_metadata(entry);
    else places.push_back(read_place(name, entry));
  }
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.begin < b.begin; });
  std::uint64_t at = 0;
  for (const auto& place : places) {
    const std::int64_t count = checked_elements(place.shape);
    if (count < 0 || place.begin != at || place.end < place.begin || place.end - place.begin != static_cast<std::uint64_t>(count) * sizeof(float))
      fail("'" + place.name + "' of shape " + to_string(place.shape) + " cannot lie at bytes " + std::to_string(place.begin) + " to " + std::to_string(place.end));
    if (place.end > values.size()) fail("the file ends within '" + place.name + "' (" + std::to_string(values.size()) + " of " + std::to_string(place.end) + " bytes of values)");
    Weight weight{place.name, place.shape, std::vector<float>(static_cast<std::size_t>(count))};
    if (count > 0) std::memcpy(weight.values.data(), values.data() + place.begin, place.end - place.begin);
    result.weights.push_back(std::move(weight));
    at = place.end;
  }
  if (at != values.size()) fail(std::to_string(values.size() - at) + " bytes follow the last tensor");
  return result;
}

void write_safetensors(const std::filesystem::path& file, const Weights& weights, const Metadata& metadata) { write_file(file, to_safetensors(weights, metadata)); }

Safetensors read_safetensors(const std::filesystem::path& file) {
  const std::string bytes = read_file(file);
  try {
    return from_safetensors(bytes);
  } catch (const UsageError& error) {
    throw UsageError(file.string() + ": " + error.what());
  }
}

}  // namespace netwright
