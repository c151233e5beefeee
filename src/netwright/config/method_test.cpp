#include "netwright/config/method.hpp"

#include <gtest/gtest.h>

#include "netwright/graph/builder.hpp"
#include "netwright/strategy/one_shot_parts.hpp"

namespace netwright {
namespace {

bool says(const std::string& reason, const std::string& part) { return reason.find(part) != std::string::npos; }

// A map of 8 channels through one open place.
Graph with(const std::function<Value(Builder&, Value)>& place) {
  Builder b;
  const Value x = b.input({8, 6, 6});
  return b.finish({b.add("linear", b.add("flatten", b.add("global_pool", place(b, x))), {{"features", std::int64_t{10}}})});
}

Graph choice() {
  return with([](Builder& b, Value x) {
    return b.choice("op", x, {{"relu", [](Builder& inner, Value v) { return inner.add("relu", v); }}, {"tanh", [](Builder& inner, Value v) { return inner.add("tanh", v); }}});
  });
}

Graph joined(int picked) {
  return with([&](Builder& b, Value x) {
    return b.select("inputs", {x, b.add("relu", x), b.add("tanh", x)}, {.minimum = picked, .maximum = picked, .combine = "concat", .name = "join"});
  });
}

Graph open_number(const std::string& attribute, std::vector<std::int64_t> values) {
  Attributes attributes{{"kernel", std::int64_t{3}}, {"channels", std::int64_t{8}}};
  attributes[attribute] = Open{"size", std::move(values)};
  return with([&](Builder& b, Value x) { return b.add("conv", x, attributes, "conv"); });
}

TEST(Method, GradientsAreThereWhereTheyAreNeeded) {
  EXPECT_EQ(misfit(SupernetOptions{}), "");
  EXPECT_TRUE(says(misfit({.relaxation = "uniform"}), "'uniform' carries no gradient"));
  EXPECT_TRUE(says(misfit({.relaxation = "policy", .update = "single_level"}), "'policy' carries no gradient"));
  EXPECT_EQ(misfit({.relaxation = "policy", .update = "reinforce"}), "");
  EXPECT_EQ(misfit({.relaxation = "gates", .update = "first_order"}), "");
  EXPECT_TRUE(says(misfit({.relaxation = "gates", .update = "second_order"}), "in steps of the weights"));
  EXPECT_EQ(misfit({.relaxation = "gumbel_hard", .update = "second_order"}), "");
}

TEST(Method, StagesRegularisersAndTheEigenvalueFollowALoss) {
  EXPECT_EQ(misfit({.stages = {{.keep = 3, .close_every = 2, .fresh = true}}}), "");
  EXPECT_EQ(misfit({.relaxation = "uniform", .update = "none", .stages = {{.keep = 3}}}), "");
  EXPECT_TRUE(says(misfit({.relaxation = "uniform", .update = "none", .stages = {{.close_every = 3}}}), "'uniform' with update 'none' holds all choices alike"));
  for (const std::string relaxation : {"gates", "policy", "uniform"}) {
    EXPECT_EQ(misfit({.relaxation = relaxation, .update = "reinforce", .stages = {{.keep = 3, .close_every = 2}, {.fresh = true}}}), "") << relaxation;
    EXPECT_EQ(misfit({.relaxation = relaxation, .update = "reinforce", .stages = {{.open = {{{"kernel", 2}}}}, {}}}), "") << relaxation;
  }
  EXPECT_TRUE(says(misfit({.relaxation = "gates", .update = "reinforce", .regularisers = {{.name = "beta"}}}), "which update 'reinforce' does not use"));
  EXPECT_TRUE(says(misfit({.update = "none", .eigenvalue_stop = 1.3}), "eigenvalue_stop"));
  EXPECT_EQ(misfit({.regularisers = {{.name = "beta"}}, .eigenvalue_stop = 1.3}), "");
}

TEST(Method, TheGraphCanBeSharedAndMixed) {
  const SupernetOptions mixed, sampled{.relaxation = "fair", .update = "none"}, hard{.relaxation = "gumbel_hard"};
  EXPECT_EQ(misfit(mixed, choice()), "");
  EXPECT_TRUE(says(misfit(mixed, joined(2)), "node 'join': a select that concatenates"));
  EXPECT_TRUE(says(misfit(hard, joined(2)), "concatenates"));
  EXPECT_EQ(misfit(sampled, joined(2)), "");
  EXPECT_EQ(misfit(mixed, joined(3)), "");   // it takes them all
  for (const auto& options : {mixed, sampled}) {
    EXPECT_EQ(misfit(options, open_number("kernel", {3, 5, 7})), "");
    EXPECT_TRUE(says(misfit(options, open_number("kernel", {3, 4})), "all odd or all even"));
    EXPECT_EQ(misfit(options, open_number("channels", {4, 8})), "");
    EXPECT_TRUE(says(misfit(options, open_number("dilation", {1, 2})), "node 'conv': an open 'dilation' has no supernet"));
  }
}

TEST(Method, CostsAreCountedWhereOneNumberCanChangeAlone) {
  // Two layers of their own widths, one of which is picked.
  const Graph depth = with([](Builder& b, Value x) {
    const auto layer = [&](const std::string& name) { return b.add("conv", x, {{"kernel", std::int64_t{1}}, {"channels", Open{name, {4, 8}}}}, name); };
    return b.select("depth", {layer("first"), layer("second")}, {.name = "depth"});
  });
  const SupernetOptions counted{.regularisers = {{.name = "cost_add"}}}, measured{.regularisers = {{"cost_add", {{"table", "costs.json"}}}}};
  EXPECT_TRUE(says(misfit(counted, depth), "regulariser 'cost_add' cannot count costs: with one value of decision 'first' alone"));
  EXPECT_EQ(misfit(measured, depth), "");
  EXPECT_EQ(misfit({}, depth), "");
  EXPECT_EQ(misfit(counted, open_number("channels", {4, 8})), "");
}

TEST(Method, PerturbationNeedsAMixture) {
  for (const auto& relaxation : relaxation_parts())
    for (const auto& rule : derivation_parts())
      EXPECT_EQ(misfit(SupernetOptions{.relaxation = relaxation.name}, DeriveOptions{.rule = rule.name}).empty(), rule.name != "perturbation" || relaxation.has("mixes"))
          << relaxation.name << " " << rule.name;
}

}  // namespace
}  // namespace netwright
