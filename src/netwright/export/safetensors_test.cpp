#include "netwright/export/safetensors.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "netwright/core/error.hpp"
#include "netwright/core/rng.hpp"

namespace netwright {
namespace {

Weights random_weights(std::uint64_t seed) {
  Rng rng(seed);
  Weights weights;
  for (std::uint64_t i = 0, count = rng.below(6); i < count; ++i) {
    Weight weight{.name = "a\"" + std::to_string(i) + ".weight"};
    for (std::uint64_t d = 0, rank = rng.below(4); d < rank; ++d) weight.shape.push_back(static_cast<std::int64_t>(rng.below(4)));
    for (std::int64_t n = 0; n < elements(weight.shape); ++n) weight.values.push_back(static_cast<float>(rng.normal()));
    weights.push_back(std::move(weight));
  }
  return weights;
}

TEST(Safetensors, RoundTrip) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    const Weights weights = random_weights(seed);
    const Metadata metadata{{"architecture", "darts:<\u00e9>"}};
    const std::string bytes = to_safetensors(weights, metadata);
    const Safetensors again = from_safetensors(bytes);
    RC_ASSERT(again.metadata == metadata);
    RC_ASSERT(again.weights.size() == weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i)
      RC_ASSERT(again.weights[i].name == weights[i].name && again.weights[i].shape == weights[i].shape && again.weights[i].values == weights[i].values);
    std::uint64_t header = 0;
    std::memcpy(&header, bytes.data(), 8);
    RC_ASSERT(header % 8 == 0);
  }));
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string bytes = to_safetensors({{"w", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"b", {1}, {7}}}, {{"k", "v"}});
  for (std::size_t length = 0; length < bytes.size(); ++length) EXPECT_THROW(from_safetensors(std::string_view(bytes).substr(0, length)), UsageError) << length;
  EXPECT_THROW(from_safetensors(bytes + "x"), UsageError);
}

std::string file_of(const std::string& header, std::size_t values) {
  const std::uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(values, '\0');
}

template <class Stored>
std::string bytes_of(std::initializer_list<Stored> values) {
  return std::string(reinterpret_cast<const char*>(std::data(values)), values.size() * sizeof(Stored));
}

TEST(Safetensors, FilesOfOthersAreReadAsFloat32WithoutTheirCounters) {
  const std::string header = R"({"d":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"steps":{"dtype":"I64","shape":[],"data_offsets":[16,24]},)"
                             R"("h":{"dtype":"F16","shape":[5],"data_offsets":[24,34]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[34,38]}})";
  const std::string values = bytes_of<double>({0.5, -3}) + bytes_of<std::int64_t>({7}) + bytes_of<std::uint16_t>({0x3C00, 0xC000, 0x0001, 0x7BFF, 0xFC00}) +
                             bytes_of<std::uint16_t>({0x3F80, 0xC2F7});
  const Weights read = from_safetensors(file_of(header, 0) + values).weights;
  ASSERT_EQ(read.size(), 3u);
  EXPECT_EQ(read[0].values, (std::vector<float>{0.5f, -3.0f}));
  EXPECT_EQ(read[1].values, (std::vector<float>{1.0f, -2.0f, std::ldexp(1.0f, -24), 65504.0f, -std::numeric_limits<float>::infinity()}));
  EXPECT_EQ(read[2].values, (std::vector<float>{1.0f, -123.5f}));
}

TEST(Safetensors, BadHeadersNameTheTensor) {
  const std::string bad[] = {
      R"({"w":{"dtype":"F16","shape":[1],"data_offsets":[0,4]}})",
      R"({"w":{"dtype":"I64","shape":[1],"data_offsets":[0,4]}})",
      R"({"w":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})",
      R"({"w":{"dtype":32,"shape":[1],"data_offsets":[0,4]}})",
      R"({"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})",
      R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
      R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
      R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})",
      R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
      R"({"w":{"dtype":"F32","shape":[1]}})",
      R"({"w":[1]})",
  };
  for (const auto& header : bad) {
    try {
      from_safetensors(file_of(header, 4));
      ADD_FAILURE() << "accepted " << header;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("'w'"), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(from_safetensors(file_of("[]", 0)), UsageError);
  EXPECT_THROW(from_safetensors(file_of("nonsense", 0)), UsageError);
  EXPECT_THROW(from_safetensors(std::string(64, '\xff')), UsageError);
}

TEST(Safetensors, WritingChecksTheWeights) {
  EXPECT_THROW(to_safetensors({{"w", {2}, {1}}}), UsageError);
  EXPECT_THROW(to_safetensors({{"w", {1}, {1}}, {"w", {1}, {1}}}), UsageError);
}

}  // namespace
}  // namespace netwright
