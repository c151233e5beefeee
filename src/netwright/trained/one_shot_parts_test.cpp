// Architecture updates, regularisers, stages and derivations, and that every one of them resumes to the same bits.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <numeric>
#include <set>
#include <unistd.h>

#include "netwright/config/method.hpp"
#include "netwright/core/error.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/learned/policy.hpp"
#include "netwright/space/message_of_test.hpp"
#include "netwright/space/variation.hpp"
#include "netwright/supernet/derive.hpp"
#include "netwright/supernet/mixed.hpp"
#include "netwright/supernet/partial.hpp"
#include "netwright/trained/derivation.hpp"
#include "netwright/trained/latency.hpp"
#include "netwright/trained/stage.hpp"

namespace netwright {
namespace {

Split light_and_dark(std::int64_t images, std::int64_t side) {
  Source source;
  source.train = {{1, side, side}, {}, {}, {"left", "right"}};
  Rng rng(9);
  for (std::int64_t i = 0; i < images; ++i) {
    source.train.labels.push_back(i % 2);
    for (std::int64_t p = 0; p < side * side; ++p) source.train.pixels.push_back(static_cast<std::uint8_t>(rng.below(120) + ((p % side >= side / 2) == (i % 2 == 1) ? 90 : 0)));
  }
  return split_source(std::move(source), {.validation = 32}, Seed(1));
}

NetworkOptions small(std::int64_t side = 8) { return {.input = {1, side, side}, .classes = 2, .search = true, .settings = {{"channels", "4"}, {"cells", "1"}}}; }

// ---- the second order ----

TEST(SecondOrder, DifferenceAgreesWithDifferentiatingTwiceAndWeightsComeBack) {
  const auto space = find_space("nasbench201");
  Supernet supernet(space->open(small()), {.dtype = at::kDouble}, {.without = {"weighted_sum", "convolve", "normalise"}});
  const auto parameters = ArchitectureParameters::start(space->decisions(), Seed(1), {.dtype = at::kDouble}, {.deviation = 0.5});
  const auto relaxation = make_relaxation("softmax", space->decisions());
  at::manual_seed(3);
  const at::Tensor x = at::randn({4, 1, 8, 8}, at::kDouble), z = at::randn({4, 1, 8, 8}, at::kDouble), y = at::tensor({0, 1, 1, 0}, at::kLong);
  const auto loss = [&](const at::Tensor& images) {
    Rng rng(1);
    return at::cross_entropy_loss(supernet.forward(images, relaxation->draw(parameters, rng))[0], y);
  };
  BilevelCase bilevel{[&] { return loss(z); }, [&] { return loss(x); }, parameters.defined(), supernet.parameters()};
  bilevel.rate = 0.1, bilevel.momentum = 0.9, bilevel.weight_decay = 3e-4;
  const auto before = supernet.parameters()[0].detach().clone();
  const auto run = [&](const char* name, std::map<std::string, std::string, std::less<>> options) {
    make_architecture_update(name, options)->gradients(bilevel);
    return bilevel.architecture[0].grad().clone();
  };
  const at::Tensor first = run("first_order", {}), near = run("second_order", {{"radius", "1e-4"}}), exact = run("second_order", {{"hessian", "exact"}});
  EXPECT_TRUE(near.allclose(exact, 1e-4, 1e-7));
  EXPECT_FALSE(first.allclose(exact, 1e-3, 1e-6));
  EXPECT_TRUE(supernet.parameters()[0].equal(before));
}

// Noise that differs between the two losses of the difference would be divided by its small step.
TEST(SecondOrder, TheDifferenceIsOfTheWeightsAndNotOfTheNoise) {
  const auto space = find_space("nasbench201");
  const Split split = light_and_dark(64, 8);
  for (const std::string relaxation : {"softmax", "gumbel", "dirichlet"}) {
    const auto moved = [&](const std::string& update, const Settings& how) {
      const SupernetOptions options{.relaxation = relaxation, .update = update, .epochs = 1, .batch = 16, .update_options = how};
      OneShot search(space->decisions(), space->open(small()), options, Seed(3), {.dtype = at::kDouble}, {.without = {"weighted_sum", "convolve", "pool", "normalise"}});
      search.train(split, {});
      return at::cat(search.parameters().vectors).detach();
    };
    const at::Tensor exact = moved("second_order", {{"hessian", "exact"}}), near = moved("second_order", {{"radius", "1e-7"}}), first = moved("first_order", {});
    // Adam's first steps are signs: of a gradient that is noise half of them are others.
    const auto others = [&](const at::Tensor& a) { return (a - exact).abs().gt(1e-4).to(at::kDouble).mean().item<double>(); };
    EXPECT_LT(others(near), 0.1) << relaxation;
    EXPECT_GT(others(first), 0) << relaxation;
  }
}

// ---- what parts say of themselves ----

TEST(Traits, AreWhatTheCodeDoes) {
  const auto space = find_space("nasbench201");
  const DecisionTree& tree = space->decisions();
  const auto parameters = ArchitectureParameters::start(tree, Seed(1), {}, {.deviation = 0.5});
  for (const auto& part : relaxation_parts()) {
    const PartValues options(part, {});
    const auto relaxation = make_relaxation(part.name, {tree, options, make_parameter_policy(tree, parameters)});
    EXPECT_EQ(relaxation->differentiable(), part.has("gradient")) << part.name;
    EXPECT_EQ(find_relaxation(part.name).needs_policy, part.has("policy")) << part.name;
    bool mixes = false, gradient = true;
    Rng rng(2);
    for (const auto& [name, entry] : relaxation->draw(parameters, rng)) {
      gradient = gradient && entry.weights.requires_grad();
      for (const double value : entry.values) mixes = mixes || (value > 0 && value < 1);
    }
    EXPECT_EQ(mixes, part.has("mixes")) << part.name;
    EXPECT_EQ(gradient, part.has("gradient in weight steps")) << part.name;
  }
  for (const auto& part : architecture_update_parts()) {
    const auto update = make_architecture_update(part.name);
    EXPECT_EQ(update->by_reward(), part.has("by reward")) << part.name;
    EXPECT_EQ(update->moves(), !part.has("fixed")) << part.name;
    EXPECT_EQ(update->moves() && !update->by_reward(), part.has("needs gradient")) << part.name;
  }
}

// ---- regularisers ----

TEST(Regularisers, EveryNameHasCodeAndItsGradientAgreesWithFiniteDifferences) {
  const auto space = find_space("nasbench201");
  const Graph open = space->open(small());
  const DecisionTree& tree = space->decisions();
  const auto parameters = ArchitectureParameters::start(tree, Seed(1), {.dtype = at::kDouble}, {.deviation = 0.5});
  const auto relaxation = make_relaxation("softmax", tree);
  ASSERT_EQ(regularisers().size(), regulariser_parts().size());
  for (const auto& entry : regularisers()) {
    std::map<std::string, std::string, std::less<>> options;
    if (entry.name == "beta") options["weight"] = "2";
    const auto regulariser = make_regulariser(entry.name, options, {tree, open});
    const auto value = [&] {
      Rng rng(1);
      const Mixture mixture = relaxation->draw(parameters, rng);
      return regulariser->apply(at::scalar_tensor(1.3, at::kDouble), {tree, parameters, mixture, *relaxation, 0.5});
    };
    for (const auto& vector : parameters.defined()) vector.mutable_grad() = at::Tensor();
    value().backward();
    const at::Tensor vector = parameters.vectors[0], gradient = vector.grad();
    const at::NoGradGuard no_grad;
    for (std::int64_t i = 0; i < vector.numel(); ++i) {
      constexpr double h = 1e-5;
      vector[i] += h;
      const double up = value().item<double>();
      vector[i] -= 2 * h;
      const double down = value().item<double>();
      vector[i] += h;
      EXPECT_NEAR(gradient[i].item<double>(), (up - down) / (2 * h), 1e-7) << entry.name;
    }
  }
}

// The table's sum over one architecture's picks is the cost of its network.
// Widths that several places share, inside candidates too, change together: else their shapes would not fit.
TEST(CostTable, SharedWidthsChangeTogether) {
  const auto space = find_space("mnasnet");
  const DecisionTree& tree = space->decisions();
  const Graph open = space->open({.input = {1, 32, 32}, .classes = 2, .search = true});
  const CostTable table = cost_table(open, tree, "params");
  for (std::size_t d = 0; d < tree.size(); ++d) {
    if (tree[d].kind != Kind::ordinal) continue;
    EXPECT_TRUE(std::is_sorted(table.choices[d].begin(), table.choices[d].end())) << tree[d].name;
    EXPECT_LT(table.choices[d].front(), table.choices[d].back()) << tree[d].name;
  }
}

TEST(CostTable, OfAOneHotMixtureIsTheCostOfTheClosedNetwork) {
  for (const std::string name : {"nasbench201", "minimal2"}) {
    const auto space = find_space(name);
    NetworkOptions options = small();
    options.settings.erase(name == "minimal2" ? "cells" : "");
    const Graph open = space->open(options);
    const CostTable table = cost_table(open, space->decisions(), "macs");
    options.search = false;
    Rng rng(3);
    for (int trial = 0; trial < 5; ++trial) {
      const Architecture architecture = sample(space->decisions(), rng);
      const Mixture mixture = one_hot(space->decisions(), architecture, {.dtype = at::kDouble});
      std::vector<at::Tensor> weights;
      for (const auto& decision : space->decisions()) weights.push_back(mixture.at(decision.name).weights);
      EXPECT_EQ(expected_cost(table, space->decisions(), weights).item<double>(), static_cast<double>(cost(space->close(architecture, options)).macs)) << space->print(architecture);
    }
  }
}

// ---- stages ----

// Two edges of equal importance and certainty: the one whose choices stayed as they were is taken.
TEST(Stages, AStableEdgeGoesFirstWhereEarlierRowsAreKnown) {
  const std::vector<std::vector<double>> rows{{0.1, 0.2, 0.7}, {0.1, 0.2, 0.7}, {0.4, 0.3, 0.3}};
  const std::vector<std::vector<double>> then{{0.1, 0.7, 0.2}, {0.1, 0.2, 0.7}, {0.4, 0.3, 0.3}};
  const std::vector<bool> pickable{false, true, true};
  EXPECT_EQ(edge_scores(rows, pickable).edge, 0);
  const EdgeScores scores = edge_scores(rows, pickable, {then, rows});
  EXPECT_EQ(scores.edge, 1);
  EXPECT_EQ(scores.choice, 2);
  EXPECT_NEAR(scores.stability[0], (4.0 / 9 + 1) / 2, 1e-12);
  EXPECT_NEAR(scores.stability[1], 1, 1e-12);
  EXPECT_EQ(scores.score[0], 0);
}

TEST(Stages, DropTheWeakestAndCloseEdges) {
  EXPECT_EQ(kept_choices({0.1, 0.4, 0.2, 0.3}, 2), (std::vector<int>{1, 3}));
  const auto space = find_space("darts");
  const DecisionTree& tree = space->decisions();
  auto parameters = ArchitectureParameters::start(tree, Seed(1), {}, {.deviation = 1});
  const auto relaxation = make_relaxation("softmax", tree);
  for (int decision = 0; decision < 16; ++decision) ASSERT_GE(close_best_edge(tree, parameters, relaxation->probabilities(parameters)), 0) << decision;
  EXPECT_EQ(close_best_edge(tree, parameters, relaxation->probabilities(parameters)), -1);
  // Two edges a node are decided, all others carry nothing. The first node's select takes all its inputs, so no edge hangs on it.
  for (std::size_t d = 0; d < tree.size(); ++d) {
    if (tree[d].kind != Kind::k_of_n || tree.children(static_cast<int>(d)).empty()) continue;
    int decided = 0;
    for (const int child : tree.children(static_cast<int>(d))) decided += parameters.left(tree[static_cast<std::size_t>(child)], static_cast<std::size_t>(child)).size() == 1;
    EXPECT_EQ(decided, 2);
  }
}

// ---- stages under a policy ----

// Without a 'none' all edges are equally important: the surest is closed.
TEST(Stages, EquallyImportantEdgesAreClosedByCertainty) {
  EXPECT_EQ(edge_scores({{0.4, 0.6}, {0.9, 0.1}, {0.5, 0.5}}, {true, true}).edge, 1);
}

SupernetOptions by_reward(const std::string& relaxation, std::vector<StageOptions> stages) {
  SupernetOptions options{.relaxation = relaxation, .update = "reinforce", .batch = 16, .stages = std::move(stages)};
  options.update_options = {{"samples", "2"}};
  if (relaxation == "policy") options.relaxation_options = {{"hidden", "8"}};
  return options;
}

void expect_nothing_out(const OneShot& search, const Architecture& architecture) {
  const DecisionTree& tree = search.tree();
  for (std::size_t d = 0; d < tree.size(); ++d)
    for (const int choice : picked(tree[d], architecture.picks[d])) EXPECT_FALSE(search.parameters().is_out(d, static_cast<std::size_t>(choice))) << tree[d].name;
}

TEST(StagesByReward, WhatIsDroppedIsNeverDrawnAgain) {
  const auto space = find_space("nasbench201");
  const Split split = light_and_dark(64, 8);
  for (const std::string relaxation : {"policy", "gates", "uniform"}) {
    OneShot search(space->decisions(), space->open(small()), by_reward(relaxation, {{.epochs = 1, .keep = 3}, {.epochs = 1, .keep = 2}}), Seed(3));
    search.train(split, {});
    const auto probabilities = search.probabilities();
    for (std::size_t d = 0; d < search.tree().size(); ++d) {
      const auto left = search.parameters().left(search.tree()[d], d);
      EXPECT_EQ(left.size(), 2U) << relaxation;
      double of_left = 0;
      for (const auto i : left) of_left += probabilities[d][static_cast<std::size_t>(i)];
      EXPECT_NEAR(of_left, 1, 1e-6) << relaxation;
    }
    Rng rng(4);
    for (int i = 0; i < 50; ++i) expect_nothing_out(search, search.policy()->sample(rng, search.parameters().out).architecture);
    for (const std::string rule : {"strongest", "best_of"}) expect_nothing_out(search, derive(search, {.rule = rule}, split.validation, Seed(2)));
  }
}

// A stage keeps what its policy found likely: the parameters' own softmax, over what may be picked.
TEST(StagesByReward, KeepTheLikelyChoicesOfThePolicy) {
  const auto space = find_space("nasbench201");
  std::vector<double> before;
  OneShot search(space->decisions(), space->open(small()), by_reward("uniform", {{.epochs = 1, .keep = 2}}), Seed(3));
  search.train(light_and_dark(64, 8), {}, {.on_epoch = [&](const OneShotReport& r) { return before = r.probabilities[0], true; }});
  EXPECT_NE(before[0], before[1]);   // not the uniform draws of the weights
  for (const auto i : search.parameters().left(search.tree()[0], 0))
    for (std::size_t other = 0; other < before.size(); ++other)
      if (search.parameters().is_out(0, other)) EXPECT_GE(before[static_cast<std::size_t>(i)], before[other]);
}

// Selects of edges: once a node's two are closed, its others are shut, and no draw takes one of them.
TEST(StagesByReward, ClosedEdgesShutTheOthersOfTheirNode) {
  const auto space = find_space("darts");
  const DecisionTree& tree = space->decisions();
  const auto relaxation = make_relaxation("softmax", tree);
  auto parameters = ArchitectureParameters::start(tree, Seed(1), {}, {.deviation = 1});
  while (close_best_edge(tree, parameters, relaxation->probabilities(parameters)) >= 0) {}
  const std::vector<std::pair<std::string, std::shared_ptr<const Policy>>> list{
      {"lstm", make_controller(tree, {.hidden = 8}, Seed(3))}, {"parameters", make_parameter_policy(tree, parameters)}};
  std::set<std::vector<std::int64_t>> drawn;
  Rng rng(2);
  for (const auto& [name, policy] : list)
    for (int i = 0; i < 20; ++i) {
      drawn.insert(policy->sample(rng, parameters.out).architecture.picks);
      EXPECT_NO_THROW(validate(tree, policy->sample(rng, parameters.out).architecture)) << name;
    }
  for (const std::string name : {"uniform", "fair", "sandwich"}) {
    const auto sampled = make_relaxation(name, tree);
    for (const Mixture& mixture : sampled->paths(parameters, rng))
      for (std::size_t d = 0; d < tree.size(); ++d) {
        const auto entry = mixture.find(tree[d].name);
        if (tree[d].kind != Kind::k_of_n || entry == mixture.end() || tree.children(static_cast<int>(d)).empty()) continue;
        for (const int child : tree.children(static_cast<int>(d))) {
          const auto& of = *tree[static_cast<std::size_t>(child)].condition;
          if (!parameters.left(tree[static_cast<std::size_t>(child)], static_cast<std::size_t>(child)).empty()) continue;
          for (const int input : of.choices) EXPECT_EQ(entry->second.values[static_cast<std::size_t>(input)], 0) << name << tree[d].name;
        }
      }
  }
  EXPECT_EQ(drawn.size(), 1U);   // all is closed
}

TEST(StagesByReward, AFreshStageHasAPolicyOfItsOwn) {
  const auto space = find_space("nasbench201");
  const auto weights = [&](bool fresh) {
    OneShot search(space->decisions(), space->open(small()), by_reward("policy", {{.epochs = 1, .keep = 3}, {.epochs = 1, .fresh = fresh}}), Seed(3));
    search.train(light_and_dark(64, 8), {}, {.on_epoch = [](const OneShotReport&) { return false; }});
    return search.policy()->parameters()[0].tensor.detach().clone();
  };
  const at::Tensor went_on = weights(false), anew = weights(true);
  OneShot start(space->decisions(), space->open(small()), by_reward("policy", {{.epochs = 1}}), Seed(3));
  EXPECT_FALSE(anew.equal(went_on));
  EXPECT_FALSE(anew.equal(start.policy()->parameters()[0].tensor));
  EXPECT_LE(anew.abs().max().item<double>(), 0.1);   // as controllers start
}

TEST(StagesByReward, OpenedChoicesAreDrawn) {
  const auto space = find_space(std::string(NETWRIGHT_SOURCE_DIR) + "/spaces/elastic_mobile.yaml");
  const Graph open = space->open({.input = {1, 8, 8}, .classes = 2, .search = true});
  const DecisionTree& tree = space->decisions();
  OneShot search(tree, open, by_reward("policy", {{.epochs = 1, .open = {{}}}, {.epochs = 1, .open = {{{"kernel", 2}}}}}), Seed(3));
  const auto drawn = [&] {
    Rng rng(4);
    std::set<std::string> words;
    for (int i = 0; i < 60; ++i) {
      const Architecture architecture = search.policy()->sample(rng, search.parameters().out).architecture;
      for (std::size_t d = 0; d < tree.size(); ++d)
        if (tree[d].kind != Kind::k_of_n && architecture.picks[d] != Architecture::inactive)
          words.insert(tree[d].name.substr(tree[d].name.rfind('.') + 1) + std::to_string(architecture.picks[d]));
    }
    return words;
  };
  const auto closed = drawn();
  search.train(light_and_dark(64, 8), {});
  auto opened = closed;
  opened.insert("kernel1");
  EXPECT_EQ(drawn(), opened);
  EXPECT_FALSE(closed.contains("kernel1"));
}

TEST(Derivation, LimitsAChoice) {
  const DecisionTree tree({{.name = "a.0", .choices = {"skip", "conv"}}, {.name = "a.1", .choices = {"skip", "conv"}}, {.name = "b", .choices = {"skip", "conv"}}});
  const Architecture derived = strongest_with_limit(tree, {{0.9, 0.1}, {0.6, 0.4}, {0.7, 0.3}}, "skip", 1, "a.");
  EXPECT_EQ(derived.picks, (std::vector<std::int64_t>{0, 1, 0}));
}

// ---- every part in a whole search ----

struct SearchCase {
  std::string name;
  SupernetOptions options;
  std::string rule = "strongest";
};

std::vector<SearchCase> cases() {
  const auto with = [](std::string relaxation, std::string update) { return SupernetOptions{.relaxation = std::move(relaxation), .update = std::move(update), .epochs = 3, .batch = 16}; };
  std::vector<SearchCase> list{{"second_order", with("softmax", "second_order")}, {"single_level", with("concrete", "single_level")}};
  for (const std::string name : {"sigmoid", "gumbel", "gumbel_hard", "dirichlet", "gates"}) list.push_back({name, with(name, "first_order")});
  for (const std::string name : {"uniform", "fair", "sandwich"}) list.push_back({name, with(name, "none")});
  SupernetOptions two = with("gates", "first_order");
  two.relaxation_options = {{"paths", "two"}};
  two.architecture_beta1 = 0, two.architecture_weight_decay = 0;
  list.push_back({"two_paths", two});
  SupernetOptions controller = with("policy", "reinforce");
  controller.relaxation_options = {{"hidden", "8"}}, controller.update_options = {{"samples", "2"}};
  list.push_back({"controller", controller, "best_of"});
  SupernetOptions reinforced = with("gates", "reinforce");
  reinforced.update_options = {{"samples", "2"}};
  list.push_back({"reinforced_gates", reinforced});
  for (auto [name, one] : {std::pair{"controller", controller}, {"gates", reinforced}, {"uniform", with("uniform", "reinforce")}}) {
    one.update_options = {{"samples", "2"}};
    one.stages = {{.epochs = 1, .keep = 3}, {.epochs = 1, .keep = 2, .fresh = true}, {.epochs = 1, .close_every = 1}};
    list.push_back({std::string("stages_by_reward_") + name, one, "best_of"});
  }
  SupernetOptions stages = with("softmax", "first_order");
  stages.stages = {{.epochs = 1, .keep = 3, .skip_dropout = 0.3}, {.epochs = 1, .keep = 2, .fresh = true}, {.epochs = 1, .close_every = 1}};
  list.push_back({"stages", stages, "perturbation"});
  SupernetOptions partial = with("softmax", "first_order");
  partial.partial = 2, partial.edge_weights = true, partial.regularisers = {{"beta", {}}, {"cost_add", {{"reference", "1M"}}}}, partial.eigenvalue_stop = 100;
  list.push_back({"partial_and_regularised", partial, "threshold"});
  SupernetOptions distilled = with("sandwich", "none");
  distilled.distil = true;
  list.push_back({"distilled", distilled});
  return list;
}

class WholeSearch : public testing::TestWithParam<SearchCase> {};

TEST_P(WholeSearch, DerivesAnArchitectureAndResumesToTheSameBits) {
  const auto space = find_space("nasbench201");
  const Split split = light_and_dark(128, 8);
  const Graph open = space->open(small());
  const auto file = std::filesystem::temp_directory_path() / ("netwright_parts_" + GetParam().name + "_" + std::to_string(getpid()));
  std::filesystem::remove(file);
  OneShot whole(space->decisions(), open, GetParam().options, Seed(5));
  EXPECT_EQ(whole.train(split, {}), TrainEnd::done);
  {
    OneShot first(space->decisions(), open, GetParam().options, Seed(5));
    int steps = 0;
    EXPECT_EQ(first.train(split, {}, {.interrupted = [&] { return ++steps > 7; }, .checkpoint = file}), TrainEnd::interrupted);
  }
  OneShot second(space->decisions(), open, GetParam().options, Seed(5));
  EXPECT_EQ(second.train(split, {}, {.checkpoint = file}), TrainEnd::done);
  for (std::size_t i = 0; i < whole.supernet().tensors().size(); ++i)
    EXPECT_TRUE(whole.supernet().tensors()[i].tensor.equal(second.supernet().tensors()[i].tensor)) << whole.supernet().tensors()[i].name;
  EXPECT_EQ(whole.probabilities(), second.probabilities());
  const Architecture derived = derive(whole, {.rule = GetParam().rule}, split.validation, Seed(2));
  EXPECT_NO_THROW(validate(space->decisions(), derived));
  EXPECT_EQ(derived, derive(second, {.rule = GetParam().rule}, split.validation, Seed(2)));
  std::filesystem::remove(file);
}

INSTANTIATE_TEST_SUITE_P(Parts, WholeSearch, testing::ValuesIn(cases()), [](const auto& info) { return info.param.name; });

TEST(OneShotOptions, AGradientNeedsADifferentiableRelaxation) {
  const auto space = find_space("nasbench201");
  EXPECT_THROW(OneShot(space->decisions(), space->open(small()), {.relaxation = "uniform"}, Seed(1)), UsageError);
  EXPECT_THROW(OneShot(space->decisions(), space->open(small()), {.relaxation_options = {{"temprature", "2"}}}, Seed(1)), UsageError);
}

// ---- progressive shrinking ----

std::shared_ptr<const Space> elastic_space() { return find_space(std::string(NETWRIGHT_SOURCE_DIR) + "/spaces/elastic_mobile.yaml"); }
Graph elastic_graph() { return elastic_space()->open({.input = {1, 8, 8}, .classes = 2, .search = true}); }

SupernetOptions shrinking() {
  return {.relaxation = "uniform",
          .update = "none",
          .batch = 16,
          .stages = {{.epochs = 1, .open = {{}}},
                     {.epochs = 1, .open = {{{"kernel", 3}}}, .learning_rate = 0.03, .teacher = true},
                     {.epochs = 1, .open = {{{"kernel", 3}, {"depth", 2}}}, .draws = 2, .teacher = true},
                     {.epochs = 1, .draws = 2, .learning_rate = 0.01, .sort_channels = true, .teacher = true}},
          .kernel_transform = true};
}

TEST(Shrinking, StagesOpenTheLastChoicesOfTheNamedDecisions) {
  const auto space = elastic_space();
  const DecisionTree& tree = space->decisions();
  auto parameters = ArchitectureParameters::start(tree, Seed(1));
  open_choices(tree, parameters, {{"depth", 2}, {"kernel", 3}});
  for (std::size_t d = 0; d < tree.size(); ++d) {
    const auto left = parameters.left(tree[d], d);
    const std::vector<std::int64_t> wanted = tree[d].name.ends_with("kernel") ? std::vector<std::int64_t>{0, 1, 2}
                                             : tree[d].name.ends_with("depth") ? std::vector<std::int64_t>{1, 2}
                                                                               : std::vector<std::int64_t>{2};
    EXPECT_EQ(left, wanted) << tree[d].name;
  }
  const Architecture largest = largest_architecture(tree);
  EXPECT_EQ(std::ranges::count(largest.picks, 2), static_cast<std::ptrdiff_t>(tree.size()));
}

TEST(Shrinking, ResumesToTheSameBitsFromEveryStage) {
  const auto space = elastic_space();
  const Split split = light_and_dark(64, 8);
  const auto file = std::filesystem::temp_directory_path() / ("shrinking" + std::to_string(getpid()) + ".safetensors");
  OneShot whole(space->decisions(), elastic_graph(), shrinking(), Seed(3));
  whole.train(split, {});
  for (std::int64_t stop = 1; stop < 4; ++stop) {
    std::filesystem::remove(file);
    {
      OneShot first(space->decisions(), elastic_graph(), shrinking(), Seed(3));
      first.train(split, {}, {.on_epoch = [&](const OneShotReport& r) { return r.epoch < stop; }, .checkpoint = file});
    }
    OneShot second(space->decisions(), elastic_graph(), shrinking(), Seed(3));
    second.train(split, {}, {.checkpoint = file});
    for (std::size_t i = 0; i < whole.supernet().tensors().size(); ++i)
      EXPECT_TRUE(whole.supernet().tensors()[i].tensor.equal(second.supernet().tensors()[i].tensor)) << stop << whole.supernet().tensors()[i].name;
  }
  std::filesystem::remove(file);
}

// What a stage closes is not run: its own tensors get no gradient, so weight decay apart they would stay as they are.
TEST(Shrinking, TheFirstStageTrainsTheLargestNetworkAlone) {
  const auto space = elastic_space();
  SupernetOptions options = shrinking();
  options.stages.resize(1);
  options.weight_decay = 0;
  OneShot search(space->decisions(), elastic_graph(), options, Seed(3));
  search.train(light_and_dark(96, 8), {});
  int steps = 0;
  for (const auto& named : search.supernet().tensors()) {
    if (named.op != kernel_step_op) continue;
    ++steps;
    EXPECT_TRUE(named.tensor.equal(at::eye(named.tensor.size(0)))) << named.name;
  }
  EXPECT_EQ(steps, 18);   // 7 to 5 and 5 to 3, of nine layers
}

TEST(Shrinking, SmallNetworksLearnFromTheTeacher) {
  const auto space = elastic_space();
  const Split split = light_and_dark(192, 8);
  SupernetOptions options = shrinking();
  for (auto& stage : options.stages) stage.epochs = 2, stage.learning_rate = stage.learning_rate > 0 ? 0.03 : 0;
  OneShot search(space->decisions(), elastic_graph(), options, Seed(3));
  Architecture smallest;
  for (std::size_t d = 0; d < space->decisions().size(); ++d) smallest.picks.push_back(0);
  smallest = normalised(space->decisions(), smallest);
  search.train(split, {});
  EXPECT_GT(search.evaluate(smallest, split.validation, 16).accuracy, 0.8);
  EXPECT_GT(search.evaluate(largest_architecture(space->decisions()), split.validation, 16).accuracy, 0.8);
}

// Statistics of its own are the mean over batches: the same batch twice gives those of one. They are near those of the batch (their variances are
// unbiased, over as few as 128 pixels here).
TEST(Shrinking, RecalibratedStatisticsAreThoseOfTheImages) {
  const auto space = elastic_space();
  const Split split = light_and_dark(96, 8);
  SupernetOptions options = shrinking();
  options.batch = 32;
  OneShot search(space->decisions(), elastic_graph(), options, Seed(3));
  search.train(split, {});
  const Architecture largest = largest_architecture(space->decisions());
  std::vector<at::Tensor> before;
  for (const auto& named : search.supernet().tensors()) before.push_back(named.tensor.detach().clone());
  const Evaluation of_batch = search.evaluate(largest, split.validation, 32), recalibrated = search.evaluate_recalibrated(largest, split.validation, 32, split.validation);
  EXPECT_NEAR(recalibrated.accuracy, of_batch.accuracy, 1.0 / 32);
  EXPECT_NE(recalibrated.loss, of_batch.loss);
  Part twice = split.validation;
  twice.indices.insert(twice.indices.end(), split.validation.indices.begin(), split.validation.indices.end());
  EXPECT_NEAR(search.evaluate_recalibrated(largest, split.validation, 32, twice).loss, recalibrated.loss, 1e-5 * recalibrated.loss);
  // A batch of one image can be validated now.
  EXPECT_NEAR(search.evaluate_recalibrated(largest, split.validation, 1, split.validation).images, 32, 0);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(search.supernet().tensors()[i].tensor.equal(before[i]));
  Part none = split.validation;
  none.indices.clear();
  EXPECT_THROW(search.evaluate_recalibrated(largest, split.validation, 32, none), UsageError);
}

TEST(Shrinking, WrongStagesAreOneLine) {
  const auto space = elastic_space();
  const auto said = [&](const SupernetOptions& options) -> std::string {
    try {
      OneShot(space->decisions(), elastic_graph(), options, Seed(1));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  SupernetOptions options = shrinking();
  options.stages[1].open = {{{"kernl", 3}}};
  EXPECT_EQ(said(options), "supernet: no decision's name ends in 'kernl', which a stage opens; did you mean 'kernel'?");
  options = shrinking(), options.stages[0].teacher = true;
  EXPECT_EQ(said(options), "supernet: the first stage has no network to learn from: teacher stands in a later one");
  options = shrinking(), options.distil = true;
  EXPECT_EQ(said(options), "supernet: distil and a stage's teacher are two teachers: one is needed");
  options = shrinking(), options.stages[1].keep = 2;
  EXPECT_EQ(said(options), "supernet: stages with open say which choices there are; keep and close_every would take out others");
}

TEST(Latency, IsATimeOfAnyClosedNetwork) {
  const auto images = find_space("minimal"), text = find_space("darts_rnn");
  EXPECT_GT(latency_ms(images->close(images->parse(images->print({{0}})), {.input = {3, 8, 8}, .classes = 10}), {}, {.runs = 3, .batch = 2}), 0);
  Rng rng = Seed(1).rng();
  const NetworkOptions tiny{.input = {5}, .classes = 7, .settings = {{"width", "8"}}};
  EXPECT_GT(latency_ms(text->close(sample(text->decisions(), rng), tiny), {}, {.runs = 1}), 0);
}

// ---- stages with networks of their own ----

TEST(Growth, AFreshStageTrainsANetworkOfItsOwnAndResumesToTheSameBits) {
  const auto space = find_space("nasbench201");
  const Split split = light_and_dark(64, 8);
  const SupernetOptions options{.batch = 16, .stages = {{.epochs = 1, .keep = 3}, {.epochs = 1, .fresh = true, .network = {{"cells", "2"}}}, {.epochs = 1, .fresh = true}}};
  const auto file = std::filesystem::temp_directory_path() / ("growth" + std::to_string(getpid()) + ".safetensors");
  std::filesystem::remove(file);
  OneShot whole = make_one_shot(*space, small(), options, Seed(3));
  const std::int64_t before = cost(whole.supernet().graph()).params;
  whole.train(split, {});
  NetworkOptions grown = small();
  grown.settings["cells"] = "2";
  EXPECT_EQ(cost(whole.supernet().graph()).params, cost(space->open(grown)).params);
  EXPECT_LT(before, cost(whole.supernet().graph()).params);
  for (std::int64_t stop = 1; stop < 3; ++stop) {
    std::filesystem::remove(file);
    OneShot first = make_one_shot(*space, small(), options, Seed(3));
    first.train(split, {}, {.on_epoch = [&](const OneShotReport& r) { return r.epoch < stop; }, .checkpoint = file});
    OneShot second = make_one_shot(*space, small(), options, Seed(3));
    second.train(split, {}, {.checkpoint = file});
    EXPECT_EQ(second.probabilities(), whole.probabilities()) << stop;
    for (std::size_t i = 0; i < whole.supernet().tensors().size(); ++i)
      EXPECT_TRUE(whole.supernet().tensors()[i].tensor.equal(second.supernet().tensors()[i].tensor)) << stop << whole.supernet().tensors()[i].name;
  }
  OneShot loaded = make_one_shot(*space, small(), options, Seed(3));
  loaded.load(file);
  EXPECT_EQ(derive(loaded, {}, split.validation, Seed(1)), derive(whole, {}, split.validation, Seed(1)));
  std::filesystem::remove(file);
}

// ---- resolutions ----

std::vector<at::Tensor> trained_at(std::vector<std::int64_t> resolutions) {
  const auto space = find_space("nasbench201");
  OneShot search = make_one_shot(*space, small(), {.update = "none", .epochs = 2, .batch = 16, .resolutions = std::move(resolutions)}, Seed(3));
  search.train(light_and_dark(64, 8), {});
  std::vector<at::Tensor> weights;
  for (const auto& named : search.supernet().tensors()) weights.push_back(named.tensor.detach().clone());
  return weights;
}

bool all_equal(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const at::Tensor& x, const at::Tensor& y) { return x.equal(y); });
}

TEST(Resolutions, TrainTheSameWeights) {
  const auto own = trained_at({});
  EXPECT_TRUE(all_equal(own, trained_at({8})));   // through a network of its own that shares all weights
  const auto two = trained_at({4, 8});
  EXPECT_FALSE(all_equal(own, two));
  EXPECT_FALSE(all_equal(trained_at({4}), two));
  EXPECT_TRUE(all_equal(two, trained_at({4, 8})));
}

TEST(Resolutions, AreOfImages) {
  const auto text = find_space("darts_rnn");
  const NetworkOptions tiny{.input = {5}, .classes = 7, .search = true, .settings = {{"width", "8"}}};
  EXPECT_EQ(misfit({.resolutions = {4}}, text->open(tiny)), "resolutions are of images; the network reads 5");
  const auto images = find_space("nasbench201");
  OneShot search = make_one_shot(*images, small(), {.epochs = 1, .batch = 16, .resolutions = {8, 6}}, Seed(3));
  EXPECT_EQ(message_of([&] { search.train(light_and_dark(64, 8), {}); }),
            "supernet: resolution 6: node 'reduce2.downsample.sum' (add): input 0 has shape 16x1x1 but input 1 has 16x2x2");
}

TEST(Growth, WrongStagesAreOneLine) {
  const auto space = find_space("nasbench201");
  const auto said = [&](const std::vector<StageOptions>& stages) { return misfit({.stages = stages}); };
  EXPECT_EQ(said({{.fresh = true, .network = {{"cells", "2"}}}}), "the first stage's network is the phase's: its settings stand in space.search");
  EXPECT_EQ(said({{}, {.network = {{"cells", "2"}}}}), "a stage with a network of its own starts anew: write fresh: true beside it");
  EXPECT_EQ(said({{}, {.fresh = true, .network = {{"cells", "2"}}}, {.teacher = true}}),
            "a teacher's network is that of all stages: network settings do not go with it");
}

}  // namespace
}  // namespace netwright
