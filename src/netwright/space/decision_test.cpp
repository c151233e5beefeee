#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/space/message_of_test.hpp"

namespace netwright {
namespace {

std::vector<std::string> letters(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back("c" + std::to_string(i));
  return names;
}

Decision one_of(const std::string& name, int choices, std::optional<Condition> condition = std::nullopt) {
  return {.name = name, .choices = letters(choices), .condition = std::move(condition)};
}

Decision subset(const std::string& name, int choices, int minimum, int maximum) {
  return {.name = name, .kind = Kind::k_of_n, .choices = letters(choices), .minimum = minimum, .maximum = maximum};
}

std::optional<Condition> random_condition(const std::vector<Decision>& earlier, Rng& rng) {
  if (earlier.empty() || rng.chance(0.3)) return std::nullopt;
  const auto parent = rng.below(earlier.size());
  const int n = static_cast<int>(earlier[parent].choices.size());
  return Condition{static_cast<int>(parent), rng.subset(n, 1 + static_cast<int>(rng.below(static_cast<std::uint64_t>(n))))};
}

// One to four decisions of every kind, up to four choices each, some for the supernet only, hung below each other at random.
DecisionTree random_tree(std::uint64_t seed) {
  Rng rng(seed);
  std::vector<Decision> decisions;
  const auto count = 1 + rng.below(4);
  while (decisions.size() < count) {
    Decision d{.name = "d" + std::to_string(decisions.size()), .kind = static_cast<Kind>(rng.below(3)), .choices = letters(1 + static_cast<int>(rng.below(4)))};
    d.condition = random_condition(decisions, rng);
    if (d.choices.size() > 1 && rng.chance(0.3)) {
      d.search_only.assign(d.choices.size(), false);
      d.search_only[rng.below(d.choices.size())] = true;
    }
    if (d.kind == Kind::k_of_n) {
      d.maximum = static_cast<int>(rng.below(static_cast<std::uint64_t>(d.pickable()) + 1));
      d.minimum = static_cast<int>(rng.below(static_cast<std::uint64_t>(d.maximum) + 1));
    }
    decisions.push_back(std::move(d));
  }
  return DecisionTree(std::move(decisions));
}

std::vector<Architecture> all(const DecisionTree& tree) {
  std::vector<Architecture> list;
  enumerate(tree, [&](const Architecture& a) {
    list.push_back(a);
    return true;
  });
  return list;
}

// Decisions that were active in both and differ. A change of one decision can differ in no other that stayed active.
std::vector<int> changes(const Architecture& a, const Architecture& b) {
  std::vector<int> changed;
  for (std::size_t i = 0; i < a.picks.size(); ++i)
    if (a.picks[i] != b.picks[i] && a.picks[i] != Architecture::inactive && b.picks[i] != Architecture::inactive) changed.push_back(static_cast<int>(i));
  return changed;
}

// Chi-square of draws against the uniform distribution over `architectures`, in deviations from its mean.
double uniformity(const DecisionTree& tree, std::size_t architectures, int draws_each) {
  std::map<Architecture, int> counts;
  Rng rng = Seed(11).derive("uniformity").rng();
  for (std::size_t i = 0; i < architectures * static_cast<std::size_t>(draws_each); ++i) ++counts[sample(tree, rng)];
  EXPECT_LE(counts.size(), architectures);
  double chi = static_cast<double>(architectures - counts.size()) * draws_each;
  for (const auto& [architecture, count] : counts) chi += std::pow(count - draws_each, 2) / draws_each;
  const auto freedom = static_cast<double>(architectures - 1);
  return (chi - freedom) / std::sqrt(2 * freedom);
}

RC_GTEST_PROP(AnyTree, SizeCountsWhatEnumerateVisits, (std::uint64_t seed)) {
  const auto tree = random_tree(seed);
  const auto list = all(tree);
  RC_ASSERT(size(tree) == std::to_string(list.size()));
  RC_ASSERT(approximate_size(tree) == static_cast<double>(list.size()));
  RC_ASSERT(std::set<Architecture>(list.begin(), list.end()).size() == list.size());
  for (const auto& a : list) validate(tree, a);
}

RC_GTEST_PROP(AnyTree, SamplesAreValidAndReadBack, (std::uint64_t seed)) {
  const auto tree = random_tree(seed);
  Rng rng(seed);
  for (int i = 0; i < 20; ++i) {
    const auto a = sample(tree, rng);
    validate(tree, a);
    RC_ASSERT(normalised(tree, a) == a);
    RC_ASSERT(parse(tree, print(tree, a)) == a);
    RC_ASSERT(parse(tree, print_json(tree, a)) == a);
    RC_ASSERT(encode(tree, a).size() == encoding_length(tree));
  }
}

RC_GTEST_PROP(AnyTree, MutationsChangeOneDecision, (std::uint64_t seed)) {
  const auto tree = random_tree(seed);
  Rng rng(seed);
  for (int i = 0; i < 20; ++i) {
    const auto a = sample(tree, rng);
    const auto child = mutate(tree, a, rng);
    validate(tree, child);
    if (neighbours(tree, a).empty()) RC_ASSERT(child == a);
    else RC_ASSERT(changes(a, child).size() == 1U);
  }
}

RC_GTEST_PROP(AnyTree, NeighboursAreValidDistinctAndMutual, (std::uint64_t seed)) {
  const auto tree = random_tree(seed);
  Rng rng(seed);
  const auto a = sample(tree, rng);
  const auto around = neighbours(tree, a);
  RC_ASSERT(std::set<Architecture>(around.begin(), around.end()).size() == around.size());
  for (const auto& b : around) {
    validate(tree, b);
    const auto changed = changes(a, b);
    RC_ASSERT(changed.size() == 1U);
    const auto back = neighbours(tree, b);
    const auto same_pick = [&](const Architecture& c) { return c.picks[static_cast<std::size_t>(changed[0])] == a.picks[static_cast<std::size_t>(changed[0])]; };
    RC_ASSERT(std::any_of(back.begin(), back.end(), same_pick));
  }
}

RC_GTEST_PROP(AnyTree, CrossoverTakesEveryPickFromAParent, (std::uint64_t seed)) {
  const auto tree = random_tree(seed);
  Rng rng(seed);
  for (int i = 0; i < 20; ++i) {
    const auto a = sample(tree, rng), b = sample(tree, rng), child = crossover(tree, a, b, rng);
    validate(tree, child);
    for (std::size_t d = 0; d < tree.size(); ++d)
      if (child.picks[d] != Architecture::inactive) RC_ASSERT(child.picks[d] == a.picks[d] || child.picks[d] == b.picks[d]);
    RC_ASSERT(crossover(tree, a, a, rng) == a);
  }
}

TEST(Sample, IsUniformOverArchitecturesNotOverPicks) {
  // The second choice of the root has 24 architectures below it, the others one each: 26 in all.
  const DecisionTree tree({one_of("root", 3), one_of("a", 4, Condition{0, {1}}), one_of("b", 6, Condition{0, {1}})});
  EXPECT_EQ(size(tree), "26");
  EXPECT_LT(std::abs(uniformity(tree, 26, 400)), 4.0);
}

TEST(Sample, IsUniformWhereSubsetsAreListed) {
  // Children that hang on one and on several members.
  const DecisionTree tree({subset("edges", 4, 1, 3), one_of("a", 3, Condition{0, {0}}), one_of("b", 2, Condition{0, {1, 2}})});
  EXPECT_LT(std::abs(uniformity(tree, all(tree).size(), 400)), 4.0);
}

TEST(Sample, IsUniformWhereSubsetsAreDrawnMemberByMember) {
  const DecisionTree tree({subset("edges", 13, 0, 13), one_of("a", 3, Condition{0, {2}})});
  EXPECT_EQ(size(tree), "16384");
  EXPECT_LT(std::abs(uniformity(tree, 16384, 10)), 4.0);
}

TEST(Sample, AnEmptyTreeHasOneArchitecture) {
  const DecisionTree tree;
  Rng rng(1);
  EXPECT_EQ(size(tree), "1");
  EXPECT_EQ(sample(tree, rng), Architecture{});
  EXPECT_EQ(mutate(tree, {}, rng), Architecture{});
  EXPECT_EQ(parse(tree, ""), Architecture{});
  EXPECT_EQ(all(tree).size(), 1U);
}

TEST(Size, IsExactWhereDoublesAreNot) {
  std::vector<Decision> layers;
  for (int i = 0; i < 22; ++i) layers.push_back(one_of("layer" + std::to_string(i), 9));
  EXPECT_EQ(size(DecisionTree(layers)), "984770902183611232881");  // 9^22, FBNet
  for (int i = 22; i < 400; ++i) layers.push_back(one_of("layer" + std::to_string(i), 9));
  EXPECT_EQ(size(DecisionTree(layers)).size(), 382U);
  EXPECT_EQ(approximate_size(DecisionTree(layers)), std::numeric_limits<double>::infinity());
}

TEST(Size, CountsElasticDepth) {
  // Five stages of 2, 3 or 4 blocks, each of 9 forms: (9^2 + 9^3 + 9^4)^5, Once-for-all.
  std::vector<Decision> decisions;
  for (int stage = 0; stage < 5; ++stage) {
    const int depth = static_cast<int>(decisions.size());
    const std::string name = "stage" + std::to_string(stage);
    decisions.push_back({.name = name, .kind = Kind::ordinal, .choices = {"2", "3", "4"}});
    for (int block = 0; block < 4; ++block) {
      std::optional<Condition> condition;
      if (block == 2) condition = Condition{depth, {1, 2}};
      if (block == 3) condition = Condition{depth, {2}};
      decisions.push_back(one_of(name + ".block" + std::to_string(block), 9, condition));
    }
  }
  EXPECT_EQ(size(DecisionTree(decisions)), "21758655492572485851");
}

TEST(Size, SubsetsOfManyChoicesAreCountedWithoutWalkingThem) {
  EXPECT_EQ(size(DecisionTree({subset("edges", 62, 31, 31)})), "465428353255261088");
  Rng rng(3);
  const DecisionTree tree({subset("edges", 62, 31, 31)});
  for (int i = 0; i < 100; ++i) validate(tree, sample(tree, rng));
}

TEST(Encode, MarksWhatIsPickedAndLeavesInactiveDecisionsZero) {
  const DecisionTree tree({one_of("root", 2), one_of("child", 2, Condition{0, {1}}), subset("edges", 3, 2, 2)});
  EXPECT_EQ(encode(tree, {{0, Architecture::inactive, 0b101}}), (std::vector<float>{1, 0, 0, 0, 1, 0, 1}));
  EXPECT_EQ(encode(tree, {{1, 0, 0b110}}), (std::vector<float>{0, 1, 1, 0, 0, 1, 1}));
}

TEST(Normalised, FillsWhatBecameActiveAndClearsTheRest) {
  const DecisionTree tree({one_of("root", 2), one_of("a", 2, Condition{0, {0}}), one_of("b", 2, Condition{0, {1}})});
  const auto none = Architecture::inactive;
  EXPECT_EQ(normalised(tree, {{1, 1, none}}), (Architecture{{1, none, 0}}));
}

TEST(Parse, ErrorsNameDecisionValueAndNearestName) {
  const DecisionTree tree({{.name = "stem", .choices = {"conv_3x3", "conv_5x5"}},
                           {.name = "inner", .choices = {"x", "y"}, .condition = Condition{0, {0}}},
                           {.name = "edges", .kind = Kind::k_of_n, .choices = {"0", "1", "2"}, .minimum = 2, .maximum = 2}});
  const auto message = [&](const std::string& text) { return message_of([&] { parse(tree, text); }); };
  EXPECT_EQ(message("stem=conv_3x4,inner=x,edges=0+1"), "decision 'stem' has no choice 'conv_3x4'; did you mean 'conv_3x3'?");
  EXPECT_EQ(message("stm=conv_3x3"), "there is no decision 'stm'; did you mean 'stem'?");
  EXPECT_EQ(message("stem=conv_3x3,edges=0+1"), "decision 'inner' is active and needs a pick");
  EXPECT_EQ(message("stem=conv_5x5,inner=x,edges=0+1"), "decision 'inner' is not active here and takes no pick");
  EXPECT_EQ(message("stem=conv_5x5,edges=0"), "decision 'edges' picks 2 of its choices, not 1");
  EXPECT_EQ(message("stem=conv_5x5,edges=1+1"), "decision 'edges' picks '1' twice");
  EXPECT_EQ(message("stem=conv_5x5,stem=conv_5x5"), "decision 'stem' is given twice");
  EXPECT_EQ(message("stem"), "'stem' is no pick: write decision=choice, or decision=choice+choice");
  EXPECT_EQ(message(R"({"stem": 1.5})"), "decision 'stem' picks 1.5; a pick is a string, or a list of them");
  EXPECT_EQ(message(R"({"stem": )"), "an architecture that starts with '{' is JSON, and this is none: byte 10");
  EXPECT_EQ(parse(tree, R"({"edges": [2, "0"], "stem": "conv_5x5"})").picks, (std::vector<std::int64_t>{1, Architecture::inactive, 0b101}));
}

TEST(Tree, RefusesWhatCannotBe) {
  const auto message = [](std::vector<Decision> decisions) { return message_of([&] { DecisionTree tree(std::move(decisions)); }); };
  EXPECT_EQ(message({one_of("a", 2), one_of("a", 2)}), "decision 'a' stands twice in the tree");
  EXPECT_EQ(message({one_of("a", 2, Condition{0, {0}})}), "decision 'a' needs a parent that stands before it");
  EXPECT_EQ(message({one_of("a", 2), one_of("b", 2, Condition{0, {2}})}), "decision 'b' hangs on a choice that 'a' does not have");
  EXPECT_EQ(message({one_of("a", 0)}), "decision 'a' has no choice that may be picked");
  EXPECT_EQ(message({subset("a", 63, 1, 1)}), "decision 'a' has 63 choices; a subset is drawn from at most 62");
  EXPECT_EQ(message({subset("a", 3, 2, 4)}), "decision 'a' picks 2 to 4 of 3 choices, which cannot be");
  EXPECT_EQ(message({one_of("a=b", 2)}), "decision 'a=b' uses the name 'a=b'; a name is not empty and holds none of =, + and blanks");
  EXPECT_EQ(message({subset("a", 30, 15, 15), one_of("b", 2, Condition{0, {0, 1}})}),
            "decision 'a' has more than 2^20 subsets and a child that hangs on several of its choices: the space cannot be counted");
}

// ---- the tree of an open graph ----

Value convolve(Builder& b, Value x, const std::string& decision) { return b.add("conv", x, {{"channels", 4}, {"kernel", Open{decision, {3, 5}}}}); }

TEST(DecisionsOf, DepthSwitchesOnTheBlocksThatItKeeps) {
  Builder b;
  Value x = convolve(b, b.input({4, 8, 8}), "kernel1");
  std::vector<Value> ends = {x};
  for (const auto* name : {"kernel2", "kernel3"}) ends.push_back(x = convolve(b, x, name));
  const auto tree = decisions_of(b.finish({b.select("depth", ends, {})}));
  ASSERT_EQ(tree.size(), 4U);
  EXPECT_EQ(tree[0].name, "kernel1");
  EXPECT_EQ(tree[0].condition, std::nullopt);
  EXPECT_EQ(tree[1].name, "depth");
  EXPECT_EQ(tree[1].kind, Kind::one_of);
  EXPECT_EQ(tree[2].name, "kernel2");
  EXPECT_EQ(tree[2].kind, Kind::ordinal);
  EXPECT_EQ(tree[2].condition, (Condition{1, {1, 2}}));
  EXPECT_EQ(tree[3].condition, (Condition{1, {2}}));
  EXPECT_EQ(size(tree), "14");  // 2 + 4 + 8
}

TEST(DecisionsOf, BranchesNest) {
  const auto inner = [](Builder& b, Value x) {
    return b.choice("inner", x, {{"a", [](Builder& in, Value v) { return convolve(in, v, "kernel"); }}, {"b", [](Builder& in, Value v) { return in.add("identity", v); }}});
  };
  Builder b;
  const Value x = b.choice("outer", b.input({4, 8, 8}), {{"skip", [](Builder& in, Value v) { return in.add("identity", v); }}, {"deep", inner}});
  const auto tree = decisions_of(b.finish({x}));
  EXPECT_EQ(tree[1].condition, (Condition{0, {1}}));
  EXPECT_EQ(tree[2].condition, (Condition{1, {0}}));
  EXPECT_EQ(size(tree), "4");
}

TEST(DecisionsOf, TiedPlacesAreOneDecisionAndLeaveOutDeadNodes) {
  Builder b;
  Value x = convolve(b, b.input({4, 8, 8}), "kernel");
  convolve(b, x, "nobody_reads_this");
  x = convolve(b, x, "kernel");
  const auto tree = decisions_of(b.finish({x}));
  ASSERT_EQ(tree.size(), 1U);
  EXPECT_EQ(tree[0].choices, (std::vector<std::string>{"3", "5"}));
}

TEST(DecisionsOf, TiedPlacesMustAgree) {
  Builder b;
  Value x = convolve(b, b.input({4, 8, 8}), "kernel");
  x = b.add("conv", x, {{"channels", 4}, {"kernel", Open{"kernel", {3, 7}}}});
  const Graph graph = b.finish({x});
  EXPECT_EQ(message_of([&] { decisions_of(graph); }), "decision 'kernel' has ordered choices 3, 5 at node 'conv' but ordered choices 3, 7 at node 'conv_2'");
}

TEST(DecisionsOf, OneNameUnderTwoParentsIsRefused) {
  const auto skip = [](Builder& in, Value v) { return in.add("identity", v); };
  const auto kernel = [](Builder& in, Value v) { return convolve(in, v, "kernel"); };
  Builder b;
  Value x = b.choice("first", b.input({4, 8, 8}), {{"skip", skip}, {"conv", kernel}});
  x = b.choice("second", x, {{"skip", skip}, {"conv", kernel}});
  const Graph graph = b.finish({x});
  EXPECT_EQ(message_of([&] { decisions_of(graph); }),
            "decision 'kernel' stands under 'first' at node 'conv' but under 'second' at node 'conv'; give the two places names of their own");
  Builder inside;
  const auto again = [&](Builder& in, Value v) { return in.choice("first", v, {{"skip", skip}, {"conv", skip}}); };
  const Graph nested = inside.finish({inside.choice("first", inside.input({4, 8, 8}), {{"skip", skip}, {"conv", again}})});
  EXPECT_EQ(message_of([&] { decisions_of(nested); }), "node 'choice': decision 'first' stands inside one of its own branches");
}

TEST(DecisionsOf, ASelectThatAlwaysKeepsAnInputDoesNotSwitchIt) {
  Builder b;
  const Value x = b.input({4, 8, 8});
  const Value one = convolve(b, x, "kernel1"), two = convolve(b, x, "kernel2");
  const auto both = decisions_of(b.finish({b.select("edges", {one, two}, {.minimum = 2, .maximum = 2})}));
  EXPECT_EQ(both[static_cast<std::size_t>(both.find("kernel1"))].condition, std::nullopt);
  Builder c;
  const Value y = c.input({4, 8, 8});
  const Value three = convolve(c, y, "kernel1"), four = convolve(c, y, "kernel2");
  const auto some = decisions_of(c.finish({c.select("edges", {three, four}, {.minimum = 0, .maximum = 2})}));
  EXPECT_EQ(some[static_cast<std::size_t>(some.find("kernel2"))].condition, (Condition{some.find("edges"), {1}}));
  EXPECT_EQ(size(some), "9");  // (1 + 2)^2
}

}  // namespace
}  // namespace netwright
