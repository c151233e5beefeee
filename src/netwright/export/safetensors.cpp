#include "netwright/export/safetensors.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
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

// ---- what a value may be stored as ----

float of_half(std::uint16_t bits) {
  const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const float sign = (bits & 0x8000) != 0 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction != 0 ? std::numeric_limits<float>::quiet_NaN() : sign * std::numeric_limits<float>::infinity();
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

float of_brain(std::uint16_t bits) { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }

template <class Stored, auto convert>
float read_value(const char* from) {
  Stored stored;
  std::memcpy(&stored, from, sizeof(Stored));
  return convert(stored);
}

struct Type {
  std::string_view name;
  std::uint64_t bytes;             // of a value
  float (*read)(const char* from); // null: whole numbers, which are left out
};

constexpr auto same = [](float value) { return value; };
constexpr auto rounded = [](double value) { return static_cast<float>(value); };
constexpr std::array types = {Type{"F32", 4, read_value<float, same>}, Type{"F64", 8, read_value<double, rounded>}, Type{"F16", 2, read_value<std::uint16_t, of_half>},
                              Type{"BF16", 2, read_value<std::uint16_t, of_brain>}, Type{"I64", 8, nullptr}, Type{"I32", 4, nullptr}, Type{"I16", 2, nullptr},
                              Type{"I8", 1, nullptr}, Type{"U8", 1, nullptr}, Type{"U16", 2, nullptr}, Type{"U32", 4, nullptr}, Type{"U64", 8, nullptr},
                              Type{"BOOL", 1, nullptr}};

const Type& type_of(const std::string& name, const Json& entry) {
  const auto found = std::ranges::find_if(types, [&](const Type& type) { return entry.is_string() && type.name == entry.get<std::string>(); });
  if (found == types.end())
    fail("'" + name + "' has the type " + entry.dump(-1, ' ', false, Json::error_handler_t::replace) + "; known: F32, F64, F16, BF16 and whole numbers");
  return *found;
}

struct Place {
  std::string name;
  Shape shape;
  const Type* type = nullptr;
  std::uint64_t begin = 0, end = 0;
};

Place read_place(const std::string& name, const Json& entry) {
  const auto whole = [](const Json& list) { return list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& n) { return n.is_number_unsigned(); }); };
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets"))
    fail("'" + name + "' needs dtype, shape and data_offsets");
  const Type& type = type_of(name, entry["dtype"]);
  if (!whole(entry["shape"]) || !whole(entry["data_offsets"]) || entry["data_offsets"].size() != 2)
    fail("'" + name + "' needs whole numbers in shape and two in data_offsets");
  return {name, entry["shape"].get<Shape>(), &type, entry["data_offsets"][0].get<std::uint64_t>(), entry["data_offsets"][1].get<std::uint64_t>()};
}

Weight read_weight(const Place& place, const char* from) {
  Weight weight{place.name, place.shape, std::vector<float>((place.end - place.begin) / place.type->bytes)};
  for (float& value : weight.values) {
    value = place.type->read(from);
    from += place.type->bytes;
  }
  return weight;
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
    if (count < 0 || place.begin != at || place.end < place.begin || place.end - place.begin != static_cast<std::uint64_t>(count) * place.type->bytes)
      fail("'" + place.name + "' of shape " + to_string(place.shape) + " cannot lie at bytes " + std::to_string(place.begin) + " to " + std::to_string(place.end));
    if (place.end > values.size()) fail("the file ends within '" + place.name + "' (" + std::to_string(values.size()) + " of " + std::to_string(place.end) + " bytes of values)");
    if (place.type->read != nullptr) result.weights.push_back(read_weight(place, values.data() + place.begin));
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
