#include "netwright/report/report.hpp"

#include "netwright/core/markup.hpp"
#include <gtest/gtest.h>

#include <cmath>

#include "netwright/core/rng.hpp"
#include "netwright/report/chart.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

Trial trial(std::int64_t number, const std::string& phase, const std::string& label, const std::string& architecture, Metrics metrics) {
  Trial result{.number = number, .phase = phase, .label = label, .space = "nasbench201", .architecture = architecture, .state = TrialState::done};
  result.outcome.metrics = std::move(metrics);
  result.outcome.seconds = 12.5;
  return result;
}

ReportData example() {
  ReportData data{.record = {.name = "demo <b>&amp;", .space = "nasbench201", .config = "name: demo # <script>alert('x')</script>", .seed = 7, .versions = R"({"netwright": "0.1.0"})", .machine = R"({"cores": 2})", .created_at = 1.7e9}};
  data.phases = {{.name = "search", .kind = "search", .state = "done", .started_at = 1.7e9, .finished_at = 1.7e9 + 75}};
  for (int i = 0; i < 5; ++i)
    data.trials.push_back(trial(i, "search", "", "arch" + std::to_string(i), {{"val_accuracy", 0.5 + 0.01 * ((i * 3) % 5)}, {"params", 1e5 * (i + 1)}, {"macs", 1e7 * (5 - i)}}));
  data.trials[3].state = TrialState::failed;
  data.trials[3].outcome.reason = "diverged: loss is <nan> in epoch 2";
  Trial best = trial(0, "retrain", "best", "arch<3>", {{"val_accuracy", 0.92}, {"test_accuracy", 0.9123}, {"params", 123456}, {"macs", 3.3e7}, {"epochs", 10}});
  for (int epoch = 1; epoch <= 3; ++epoch) best.outcome.reports.push_back({epoch, {{"val_accuracy", 0.3 * epoch}, {"train_loss", 1.0 / epoch}}});
  data.trials.push_back(best);
  data.trials.push_back(trial(0, "baselines", "random", "other1", {{"val_accuracy", 0.90}, {"test_accuracy", 0.8951}}));
  data.trials.push_back(trial(1, "baselines", "random", "other2", {{"val_accuracy", 0.91}, {"test_accuracy", 0.9011}}));
  data.trials.push_back(trial(2, "baselines", "resnet", "resnet", {{"val_accuracy", 0.89}, {"test_accuracy", 0.8800}}));
  data.series["supernet"] = {{"loss/train", 0, "2.3"}, {"loss/train", 1, "1.1"}, {"loss/val", 0, "2.4"}, {"val_accuracy", 1, "0.5"},
                             {"alpha/edge", 0, "[0.5, 0.5]"}, {"alpha/edge", 1, "[0.2, 0.8]"}, {"broken", 0, "{"}, {"alpha/odd", 0, "[null]"}};
  data.choices["edge"] = {"skip", "conv_3x3"};
  return data;
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Every tag is closed in order; gives what is wrong, or nothing.
std::string imbalance(const std::string& html) {
  std::vector<std::string> open;
  for (std::size_t at = html.find('<'); at != std::string::npos; at = html.find('<', at + 1)) {
    if (html.compare(at, 2, "<!") == 0) continue;
    const std::size_t end = html.find('>', at);
    if (end == std::string::npos) return "an open tag at the end";
    const bool closes = html[at + 1] == '/';
    const std::size_t start = at + (closes ? 2 : 1);
    const std::string name = html.substr(start, html.find_first_of(" />\n", start) - start);
    if (name == "meta" || html[end - 1] == '/') continue;
    if (!closes) open.push_back(name);
    else if (open.empty() || open.back() != name) return "</" + name + "> closes " + (open.empty() ? "nothing" : "<" + open.back() + ">");
    else open.pop_back();
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

void expect_sound(const std::string& html) {
  EXPECT_EQ(imbalance(html), "");
  EXPECT_FALSE(says(html, "http"));
  EXPECT_FALSE(says(html, "<script"));
  EXPECT_FALSE(says(html, "nan\"")) << html;
}

TEST(Report, NumbersComeFromTheStudy) {
  const std::string html = render(example());
  expect_sound(html);
  for (const char* part : {"91.23 %", "90.11 %", "88.00 %", "123k", "33M", "seed 7", "found by the search", "hand-made ResNet", "0.1.0", "1m 15s", "2023-11-14 22:13 UTC", "53.00 %", "edge: conv_3x3 0.8",
                           "loss is &lt;nan&gt; in epoch 2", "1 failed trial", "Pareto front", "best so far", "train_loss by epoch"})
    EXPECT_TRUE(says(html, part)) << part;
}

TEST(Report, TextOfTheStudyIsEscaped) {
  const std::string html = render(example());
  EXPECT_TRUE(says(html, "demo &lt;b&gt;&amp;amp;"));
  EXPECT_TRUE(says(html, "&lt;script&gt;alert(&#39;x&#39;)"));
  EXPECT_TRUE(says(html, "arch&lt;3&gt;"));
}

TEST(Report, TheVerdictIsPlain) {
  ReportData data = example();
  const auto found = verdict(data.trials, data.goal);
  EXPECT_EQ(found.kind, Verdict::Kind::beats);
  EXPECT_EQ(found.architecture, "arch<3>");
  EXPECT_EQ(found.sentence, "The search beats its baselines: 91.23 % test accuracy against 90.11 % of the strongest one (random architecture).");
  ASSERT_EQ(found.rows.size(), 4u);
  EXPECT_TRUE(found.rows[0].chosen);
  data.trials[5].outcome.metrics["test_accuracy"] = 0.9011;   // a tie is no victory
  EXPECT_EQ(verdict(data.trials, data.goal).kind, Verdict::Kind::does_not_beat);
  EXPECT_TRUE(says(render(data), "The search does NOT beat its baselines: 90.11 %"));
}

TEST(Report, TheTestPartNeverChooses) {
  std::vector<Trial> trials{trial(0, "retrain", "best", "a", {{"val_accuracy", 0.9}, {"test_accuracy", 0.8}}), trial(1, "retrain", "best", "b", {{"val_accuracy", 0.8}, {"test_accuracy", 0.95}})};
  EXPECT_EQ(verdict(trials, {}).architecture, "a");
  EXPECT_EQ(verdict(trials, {}).kind, Verdict::Kind::no_baselines);
}

TEST(Report, ModelsOfTextAreJudgedByTheirPerplexity) {
  const auto of = [](double accuracy, double validation, double test) {
    return Metrics{{"val_accuracy", accuracy}, {"test_accuracy", accuracy}, {"val_perplexity", validation}, {"test_perplexity", test}};
  };
  ReportData data{.record = {.name = "text"}};
  data.trials = {trial(0, "retrain", "best", "a", of(0.3, 60, 58)), trial(1, "retrain", "best", "b", of(0.2, 50, 59)), trial(0, "baselines", "random", "c", of(0.4, 70, 64.5))};
  const auto found = verdict(data.trials, {});
  EXPECT_EQ(found.architecture, "b");
  EXPECT_EQ(found.kind, Verdict::Kind::beats);
  EXPECT_EQ(found.sentence, "The search beats its baselines: 59 test perplexity against 64.5 of the strongest one (random architecture).");
  EXPECT_TRUE(says(render(data), "chosen by its validation perplexity"));
}

TEST(Report, RunsOfOneNetworkAreAveraged) {
  std::vector<Trial> trials{trial(0, "retrain", "best", "a", {{"val_accuracy", 0.8}, {"test_accuracy", 0.7}}), trial(1, "retrain", "best", "a", {{"val_accuracy", 0.9}, {"test_accuracy", 0.9}})};
  const auto rows = verdict(trials, {}).rows;
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_DOUBLE_EQ(rows[0].test->mean, 0.8);
  EXPECT_NEAR(rows[0].test->deviation, std::sqrt(0.02), 1e-12);
  EXPECT_EQ(rows[0].test->runs, 2);
}

TEST(Report, EmptyFailedAndSingleStudiesRender) {
  ReportData empty{.record = {.name = "empty"}};
  expect_sound(render(empty));
  EXPECT_TRUE(says(render(empty), "No trial has been made yet."));
  ReportData failed = empty;
  for (int i = 0; i < 3; ++i) {
    failed.trials.push_back(trial(i, "search", "", "a", {}));
    failed.trials.back().state = TrialState::failed;
    failed.trials.back().outcome.reason = "out of memory";
  }
  expect_sound(render(failed));
  EXPECT_TRUE(says(render(failed), "All 3 trials failed. Most often: out of memory."));
  ReportData one = empty;
  one.trials.push_back(trial(0, "search", "", "a", {{"val_accuracy", 0.25}, {"params", 10}}));
  expect_sound(render(one));
  EXPECT_TRUE(says(render(one), "Best of 1 finished trial: val_accuracy 25.00 %"));
  ReportData waiting = empty;
  waiting.trials.push_back(trial(0, "search", "", "a", {}));
  waiting.trials.back().state = TrialState::running;
  expect_sound(render(waiting));
  EXPECT_TRUE(says(render(waiting), "No trial has given a value yet (1 trial, 0 failed)."));
}

TEST(Report, AStudyIsReadAndItsBestNetworkDrawn) {
  const auto space = find_space("nasbench201");
  Study study = Study::create(":memory:", {.name = "small", .space = "nasbench201", .config = "name: small", .seed = 3});
  study.put_phase({.name = "search", .kind = "search", .state = "done"});
  Rng rng(5);
  for (int i = 0; i < 30; ++i) study.append_finished(trial(i, "search", "", space->print(sample(space->decisions(), rng)), {{"val_accuracy", rng.uniform()}, {"params", 1e6 * rng.uniform()}}));
  study.append_series("search", {{"alpha/" + space->decisions()[0].name, 0, "[0.1, 0.2, 0.3, 0.2, 0.2]"}});
  Config config;
  config.space.name = "nasbench201";
  const std::string html = html_report(study, *space, config);
  expect_sound(html);
  const auto data = collect(study, config.goal);
  EXPECT_EQ(data.trials.size(), 30u);
  EXPECT_TRUE(says(html, "<pre>" + escape_html("nasbench201:" + best_architecture(data)) + "</pre>"));
  EXPECT_TRUE(says(html, "<figcaption>network</figcaption><svg"));
  EXPECT_TRUE(says(html, space->decisions()[0].choices[2] + " 0.3"));
}

TEST(Report, PhasesWithBoundsOfTheirOwnTellWhatTheyFound) {
  const auto space = find_space("nasbench201");
  Study study = Study::create(":memory:", {.name = "small", .space = "nasbench201", .config = "name: small", .seed = 3});
  Config config;
  config.space.name = "nasbench201";
  for (const auto& [name, bound] : {std::pair("search", 2e6), std::pair("search_2", 1e6), std::pair("search_3", 100.0)}) {
    study.put_phase({.name = name, .kind = "search", .state = "done"});
    config.phases.push_back({"search", SearchOptions{.constraints = {{.metric = "params", .at_most = bound}}}});
    for (int i = 0; i < 3; ++i) study.append_finished(trial(i, name, "", "arch" + std::to_string(i), {{"val_accuracy", 0.5 + 0.1 * i}, {"params", 0.6e6 * (i + 1)}}));
  }
  const std::string html = html_report(study, *space, config);
  expect_sound(html);
  for (const char* part : {"params &#8804; 2M", "params &#8804; 1M", "params &#8804; 100", "val_accuracy 70.00 %, params 1.8M", "val_accuracy 50.00 %, params 600k", "<b>missed</b>"})
    EXPECT_TRUE(says(html, part)) << part;
}

TEST(Report, AnArchitectureOfAnotherVersionIsLeftUndrawn) {
  EXPECT_TRUE(draw_architecture(*find_space("nasbench201"), "nonsense", {}).empty());
  ReportData derived{.record = {.name = "derived"}, .phases = {{.name = "derive", .summary = R"({"architecture": "x=y"})"}}};
  EXPECT_EQ(best_architecture(derived), "x=y");
}

}  // namespace
}  // namespace netwright
