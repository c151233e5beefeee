// What every space promises, for each built-in one; and the doors of space.hpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/message_of_test.hpp"

namespace netwright {
namespace {

constexpr double small = 20000;

bool differs_where_both_active(std::int64_t a, std::int64_t b) { return a != b && a != Architecture::inactive && b != Architecture::inactive; }

int changes(const Architecture& a, const Architecture& b) {
  int count = 0;
  for (std::size_t i = 0; i < a.picks.size(); ++i) count += differs_where_both_active(a.picks[i], b.picks[i]) ? 1 : 0;
  return count;
}

class EverySpace : public testing::TestWithParam<std::string> {
 protected:
  std::shared_ptr<const Space> space = find_space(GetParam());
  const DecisionTree& tree = space->decisions();
  NetworkOptions usual{.input = space->info().input, .classes = space->info().classes};
  Rng rng = Seed(5).derive(GetParam()).rng();

  // Whether it has an open graph at all.
  bool opens() const {
    try {
      space->open(usual);
    } catch (const Unsupported& reason) {
      EXPECT_NE(std::string(reason.what()).find("has no open graph: "), std::string::npos);
      return false;
    }
    return true;
  }
};

TEST_P(EverySpace, IsDescribed) {
  EXPECT_EQ(space->info().name, GetParam());
  EXPECT_FALSE(space->info().title.empty());
  EXPECT_FALSE(space->info().traits.empty());
  for (const auto& setting : space->info().search_settings) EXPECT_NO_THROW(netwright::setting(space->info(), {}, setting.name));
}

TEST_P(EverySpace, SamplesAreValidAndReadBack) {
  for (int i = 0; i < 200; ++i) {
    const auto a = sample(tree, rng);
    ASSERT_NO_THROW(validate(tree, a));
    ASSERT_EQ(space->parse(space->print(a)), a) << space->print(a);
    ASSERT_EQ(space->parse(print_json(tree, a)), a);
    ASSERT_EQ(space->canonical(space->parse(space->print(a))), space->canonical(a));
    ASSERT_EQ(encode(tree, a).size(), encoding_length(tree));
  }
}

TEST_P(EverySpace, VariationsAreValidAndChangeOneDecision) {
  for (int i = 0; i < 50; ++i) {
    const auto a = sample(tree, rng), b = sample(tree, rng);
    const auto child = mutate(tree, a, rng), mixed = crossover(tree, a, b, rng);
    ASSERT_NO_THROW(validate(tree, child));
    ASSERT_NO_THROW(validate(tree, mixed));
    ASSERT_EQ(changes(a, child), 1);
    for (const auto& near : neighbours(tree, a)) {
      ASSERT_NO_THROW(validate(tree, near));
      ASSERT_EQ(changes(a, near), 1);
    }
  }
}

TEST_P(EverySpace, ClosedNetworksCostWhatTheirNodesCost) {
  for (int i = 0; i < 5; ++i) {
    const Graph closed = space->close(sample(tree, rng), usual);
    EXPECT_FALSE(closed.open());
    EXPECT_NO_THROW(validate(closed));
    const Cost got = cost(closed);
    EXPECT_GT(got.params, 0);
    EXPECT_GT(got.macs, 0);
    const Shape& out = closed.output().shape;  // one row of classes, or one a step of a sequence
    EXPECT_EQ(out.back(), usual.classes) << to_string(out);
    EXPECT_LE(out.size(), 2U);
  }
}

TEST_P(EverySpace, TextMeansTheNetworkOfItsArchitecture) {
  const auto a = sample(tree, rng);
  EXPECT_EQ(canonical_hash(space->network(space->print(a), usual)), canonical_hash(space->close(a, usual)));
}

TEST_P(EverySpace, OpenGraphHasTheDecisionsOfTheTree) {
  if (!opens()) GTEST_SKIP() << "declared: it has no open graph";
  for (const bool search : {false, true}) {
    NetworkOptions options = usual;
    options.search = search;
    const auto read = decisions_of(space->open(options));
    ASSERT_EQ(read.size(), tree.size());
    for (std::size_t i = 0; i < tree.size(); ++i) {
      EXPECT_EQ(read[i].name, tree[i].name);
      EXPECT_EQ(read[i].kind, tree[i].kind);
      EXPECT_EQ(read[i].choices, tree[i].choices);
      EXPECT_EQ(read[i].condition, tree[i].condition);
      EXPECT_EQ(read[i].pickable(), tree[i].pickable());
    }
  }
}

TEST_P(EverySpace, SizeIsWhatEnumerateVisits) {
  if (approximate_size(tree) > small) GTEST_SKIP() << "too large to enumerate";
  std::size_t count = 0;
  enumerate(tree, [&](const Architecture&) { return ++count, true; });
  EXPECT_EQ(size(tree), std::to_string(count));
}

TEST_P(EverySpace, SamplesAreUniform) {
  if (approximate_size(tree) > small) GTEST_SKIP() << "too large to count every architecture";
  const auto architectures = static_cast<std::size_t>(approximate_size(tree));
  constexpr int each = 20;
  std::map<Architecture, int> counts;
  for (std::size_t i = 0; i < architectures * each; ++i) ++counts[sample(tree, rng)];
  double chi = static_cast<double>(architectures - counts.size()) * each;
  for (const auto& [architecture, count] : counts) chi += std::pow(count - each, 2) / each;
  const auto freedom = static_cast<double>(architectures - 1);
  EXPECT_LT(std::abs(chi - freedom), 4 * std::sqrt(2 * freedom));
}

TEST_P(EverySpace, IsFoundAgainFromTextAndFromAFile) {
  const auto a = sample(tree, rng);
  EXPECT_EQ(find_architecture(GetParam() + ":" + space->print(a)).architecture, a);
  EXPECT_EQ(find_architecture(GetParam() + ":" + print_json(tree, a)).architecture, a);
  EXPECT_EQ(find_architecture(to_json(*space, a)).architecture, a);
  const auto file = std::filesystem::temp_directory_path() / ("netwright_space_test_" + GetParam() + ".json");
  write_file(file, to_json(*space, a));
  const auto located = find_architecture(file.string());
  std::filesystem::remove(file);
  EXPECT_EQ(located.architecture, a);
  EXPECT_EQ(located.space->info().name, GetParam());
}

TEST_P(EverySpace, UnknownSettingsAreRefused) {
  const bool open = opens();
  usual.settings["chanels"] = "8";
  const auto build = [&] { return open ? space->open(usual) : space->close(sample(tree, rng), usual); };
  EXPECT_NE(message_of([&] { build(); }).find("chanels"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Builtin, EverySpace, testing::ValuesIn(space_names()), [](const auto& info) { return info.param; });

TEST(FindSpace, UnknownNamesGetTheNearest) {
  EXPECT_EQ(message_of([] { find_space("nasbench21"); }), "there is no space 'nasbench21'; did you mean 'nasbench201'?");
}

TEST(FindArchitecture, BadTextIsNamed) {
  EXPECT_EQ(message_of([] { find_architecture("nonsense"); }), "'nonsense' is no architecture: write SPACE:TEXT, SPACE/NAME, or name a .json file");
  EXPECT_EQ(message_of([] { find_architecture("minimal:edge=conv_7x7"); }), "decision 'edge' has no choice 'conv_7x7'; did you mean 'conv_3x3'?");
  EXPECT_EQ(message_of([] { find_architecture(R"({"architecture": "edge=skip"})"); }),
            "the architecture names no space: it needs {\"space\": ..., \"architecture\": ...}");
  EXPECT_EQ(message_of([] { find_architecture(R"({"space": "minimal", "architecture": 3})"); }),
            "the architecture: \"architecture\" is a string or an object of picks");
  EXPECT_EQ(find_architecture(R"({"space": "minimal", "architecture": {"edge": "skip"}})").architecture.picks, std::vector<std::int64_t>{2});
  EXPECT_THROW(find_architecture("no_such_file.json"), UsageError);
}

TEST(ToJson, HoldsSpaceTextAndPicks) {
  const auto space = find_space("minimal2");
  EXPECT_EQ(to_json(*space, {{0, 2}}),
            R"({"space":"minimal2","architecture":"edge1=conv_3x3,edge2=skip","picks":{"edge1":"conv_3x3","edge2":"skip"}})");
}

TEST(Settings, GivenThenSearchThenUsual) {
  const SpaceInfo info{.name = "s", .settings = {{"channels", "36"}, {"auxiliary", "false"}}, .search_settings = {{"channels", "16"}}};
  EXPECT_EQ(integer_setting(info, {}, "channels"), 36);
  EXPECT_EQ(integer_setting(info, {.search = true}, "channels"), 16);
  EXPECT_EQ(integer_setting(info, {.search = true, .settings = {{"channels", "4"}}}, "channels"), 4);
  EXPECT_FALSE(flag_setting(info, {}, "auxiliary"));
  EXPECT_EQ(message_of([&] { integer_setting(info, {.settings = {{"channels", "4x"}}}, "channels"); }),
            "space 's': setting 'channels' is '4x'; it must be a whole number");
  EXPECT_EQ(message_of([&] { integer_setting(info, {.settings = {{"channels", "0"}}}, "channels"); }), "space 's': setting 'channels' is '0'; it must be at least 1");
  EXPECT_EQ(integer_setting(info, {.settings = {{"channels", "0"}}}, "channels", 0), 0);
  EXPECT_EQ(message_of([&] { flag_setting(info, {.settings = {{"auxiliary", "yes"}}}, "auxiliary"); }),
            "space 's': setting 'auxiliary' is 'yes'; it must be true or false");
  EXPECT_EQ(message_of([&] { check_settings(info, {.settings = {{"chanels", "4"}}}); }), "space 's' has no setting 'chanels'; did you mean 'channels'?");
}

TEST(Close, NamesTheDecisionThatIsWrong) {
  EXPECT_EQ(message_of([] { find_space("minimal")->close({{3}}, {}); }), "decision 'edge' has 3 choices; pick 3 is not among them");
  EXPECT_EQ(message_of([] { find_space("minimal")->close({{0, 0}}, {}); }), "an architecture of this space has 1 picks, not 2");
}

TEST(Minimal, ParametersByHand) {
  const auto space = find_space("minimal2");
  const NetworkOptions options{.input = {1, 28, 28}, .classes = 10};
  // stem 8*9 + 16, 3x3 edge 8*8*9 + 16, skip 0, classifier 8*10 + 10
  EXPECT_EQ(cost(space->close(space->parse("edge1=conv_3x3,edge2=skip"), options)).params, 72 + 16 + 576 + 16 + 90);
}

}  // namespace
}  // namespace netwright
