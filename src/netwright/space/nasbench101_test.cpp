// NAS-Bench-101 against its released code (tests/oracles.json).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/library/nasbench101.hpp"
#include "netwright/space/path_encoding.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

const Space& space() {
  static const auto made = make_nasbench101();
  return *made;
}

Json cell_cases() {
  const auto file = Json::parse(std::ifstream(std::string(NETWRIGHT_SOURCE_DIR) + "/tests/oracles.json"));
  Json found = Json::array();
  for (const auto& entry : file["cases"])
    if (entry["id"].get<std::string>().starts_with("N101-") && entry["input"].contains("matrix")) found.push_back(entry);
  return found;
}

TEST(Nasbench101, CellsHaveTheReleasedHashChannelsAndSizes) {
  const Json cases = cell_cases();
  EXPECT_GE(cases.size(), 7U);
  for (const auto& entry : cases) {
    const Json& expect = entry["expect"];
    const auto cell = parse_nasbench101(entry["input"].dump());
    const auto small = pruned(cell);
    ASSERT_TRUE(small.has_value());
    EXPECT_EQ(Json::parse(print_nasbench101(*small))["matrix"], expect["pruned_matrix"]) << entry["id"];
    EXPECT_EQ(Json::parse(print_nasbench101(*small))["ops"], expect["pruned_ops"]) << entry["id"];
    EXPECT_EQ(nasbench101_hash(*small), expect["hash"].get<std::string>()) << entry["id"];
    EXPECT_EQ(Json(vertex_channels(128, 128, *small)), expect["vertex_channels_128_128"]) << entry["id"];
    EXPECT_EQ(Json(vertex_channels(128, 256, *small)), expect["vertex_channels_128_256"]) << entry["id"];
    // As a user meets it: read as an architecture of the space, whose seven vertices are pruned again.
    const Cost size = cost(space().close(space().parse(entry["input"].dump()), {}));
    EXPECT_EQ(size.params, expect["trainable_parameters"].get<std::int64_t>()) << entry["id"];
    EXPECT_EQ(size.macs, expect["macs_32x32"].get<std::int64_t>()) << entry["id"];
  }
}

// All 423,624 are counted by the known answer N101-counts.
TEST(Nasbench101, SmallCellsAreAsManyAsPublished) {
  const auto counts = count_nasbench101(5);
  EXPECT_EQ(counts, (std::map<int, std::int64_t>{{2, 1}, {3, 6}, {4, 84}, {5, 2441}}));
}

TEST(Nasbench101, EveryMoveStaysInTheSpace) {
  Rng rng(4);
  const auto& tree = space().decisions();
  Architecture before = sample(tree, rng);
  for (int i = 0; i < 200; ++i) {
    const Architecture a = sample(tree, rng);
    for (const auto& b : {a, mutate(tree, a, rng), crossover(tree, a, before, rng)}) {
      EXPECT_NO_THROW(validate(tree, b));
      EXPECT_TRUE(pruned(parse_nasbench101(space().print(b))).has_value());
      EXPECT_EQ(space().parse(space().print(b)), b);
    }
    before = a;
  }
  for (const auto& b : neighbours(tree, before)) EXPECT_NO_THROW(validate(tree, b));
}

TEST(Nasbench101, SizeCountsWhatTheRuleLeaves) {
  // A sample without the rule tells the share that keeps it.
  const auto& tree = space().decisions();
  std::vector<Decision> same(tree.begin(), tree.end());
  const DecisionTree free(same);
  Rng rng(8);
  int kept = 0;
  constexpr int draws = 20000;
  for (int i = 0; i < draws; ++i) kept += tree.allows(sample(free, rng)) ? 1 : 0;
  EXPECT_NEAR(approximate_size(tree) / approximate_size(free), static_cast<double>(kept) / draws, 0.02);
}

TEST(Nasbench101, IsomorphicCellsAreOne) {
  const auto cases = cell_cases();
  std::map<std::string, std::set<std::uint64_t>> canonical;
  std::set<std::uint64_t> all;
  for (const auto& entry : cases) {
    const auto value = space().canonical(space().parse(entry["input"].dump()));
    canonical[entry["expect"]["hash"]].insert(value);
    all.insert(value);
  }
  EXPECT_LT(canonical.size(), cases.size());  // one is a relabelling of another
  EXPECT_EQ(canonical.size(), all.size());
}

TEST(Nasbench101, HasNoOpenGraph) { EXPECT_THROW(space().open({}), Unsupported); }

std::string message_of(const std::string& text) {
  try {
    space().parse(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Nasbench101, BadCellsAreNamed) {
  EXPECT_EQ(message_of(R"({"matrix": [[0,1,0],[0,0,1],[0,0,0]], "ops": ["input","conv3x3-bn-rel","output"]})"),
            "NAS-Bench-101 cell: ops[1] names the unknown operation 'conv3x3-bn-rel'; did you mean 'conv3x3-bn-relu'?");
  EXPECT_EQ(message_of(R"({"matrix": [[0,1,0],[1,0,1],[0,0,0]], "ops": ["input","maxpool3x3","output"]})"),
            "NAS-Bench-101 cell: matrix[1][0] is 1; edges lead from lower to higher vertices");
  EXPECT_EQ(message_of(R"({"matrix": [[0,1,0],[0,0,0],[0,0,0]], "ops": ["input","maxpool3x3","output"]})"),
            "this is no architecture: the space asks that a path leads from the input to the output");
}

// By hand: a chain of conv3x3 (0) and maxpool (2), and an edge from input to output.
TEST(PathEncoding, SetsTheBitOfEachPath) {
  const auto cell = parse_nasbench101(R"({"matrix": [[0,1,0,1],[0,0,1,0],[0,0,0,1],[0,0,0,0]], "ops": ["input","conv3x3-bn-relu","maxpool3x3","output"]})");
  const auto bits = path_encoding(cell);
  ASSERT_EQ(bits.size(), 364U);
  EXPECT_EQ(std::accumulate(bits.begin(), bits.end(), 0.0F), 2.0F);
  EXPECT_EQ(bits[0], 1.0F);              // the empty path
  EXPECT_EQ(bits[1 + 3 + 0 * 3 + 2], 1.0F);  // conv3x3, maxpool3x3
  const auto other = path_encoding(Nasbench201Cell{1, 2, 3, 4, 0, 1});
  ASSERT_EQ(other.size(), 155U);
  EXPECT_EQ(other[4], 1.0F);                                     // 3<-0
  EXPECT_EQ(other[5 + 1 * 5 + 0], 1.0F);                         // 1<-0, 3<-1
  EXPECT_EQ(other[5 + 2 * 5 + 1], 1.0F);                         // 2<-0, 3<-2
  EXPECT_EQ(other[5 + 25 + (1 * 5 + 3) * 5 + 1], 1.0F);          // 1<-0, 2<-1, 3<-2
  EXPECT_EQ(std::accumulate(other.begin(), other.end(), 0.0F), 4.0F);
}

}  // namespace
}  // namespace netwright
