// Tables, comparisons and predictions as a user runs them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "netwright/core/files.hpp"
#include "run_command.hpp"

namespace netwright {
namespace {

using Json = nlohmann::json;

class Tables : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder(testing::TempDir(), "tables");
    write_file(folder_ / "toy.csv", toy());
    write_file(folder_ / "toy.yaml",
               "name: toy\nfile: toy.csv\n"
               "decisions: [{name: layer, column: code, each: character, choices: [none, small, large]}]\n"
               "metrics:\n  val_accuracy: {columns: {1: v1, 3: v3, 9: v9}, factor: 0.01}\n  params: p\n  score: s\n"
               "test: {test_accuracy: {column: t, epochs: 9, factor: 0.01}}\nseconds: {column: sec, epochs: 1}\n");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // 81 networks of four layers: larger is better and slower; a score that says it, and one cell without it.
  static std::string toy() {
    std::string text = "code,v1,v3,v9,t,p,s,sec\n";
    for (int i = 0; i < 81; ++i) {
      const int digits[4] = {i / 27, i / 9 % 3, i / 3 % 3, i % 3};
      const int sum = digits[0] + digits[1] + digits[2] + digits[3];
      std::string code;
      for (const int digit : digits) code += std::to_string(digit);
      const double value = 50 + 5 * sum - (i % 7) * 0.1;
      text += code + "," + std::to_string(value - 20) + "," + std::to_string(value - 8) + "," + std::to_string(value) + "," + std::to_string(value - 1) +
              "," + std::to_string(100 * (sum + 1)) + "," + (i == 0 ? "" : std::to_string(sum * sum)) + "," + std::to_string(10 + sum) + "\n";
    }
    return text;
  }

  Ran run(const std::string& words) const { return netwright_command(words, folder_); }
  void import_toy() const {
    const Ran ran = run("table import toy.yaml --out toy.nwt");
    ASSERT_EQ(ran.code, 0) << ran.out;
  }
  void config(const std::string& search) const {
    write_file(folder_ / "c.yaml", "space: toy.nwt\nphases:\n  - search: {strategy: random, evaluator: {name: tabular, file: toy.nwt}, " + search + "}\n");
  }
  Json json(const std::string& words) const {
    const Ran ran = run(words + " --json");
    EXPECT_EQ(ran.code, 0) << ran.out;
    return Json::parse(ran.out);
  }
  std::filesystem::path folder_;
};

TEST_F(Tables, ADescribedTableIsImportedAndShown) {
  import_toy();
  const Json shown = json("table show toy.nwt");
  EXPECT_EQ(shown.at("rows"), 81);
  EXPECT_EQ(shown.at("columns").size(), 7u);
  EXPECT_EQ(json("space toy.nwt").at("size"), "81");
}

// Those whose data come with netwright; the others where a folder of published data stands beside the source.
TEST_F(Tables, EveryDescriptionOfAPublishedTableIsImported) {
  const std::filesystem::path source = NETWRIGHT_SOURCE_DIR, own = source / "data", beside = source.parent_path() / "shared" / "data";
  std::string missing;
  int imported = 0;
  for (const auto& entry : std::filesystem::directory_iterator(own)) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string text = read_file(entry.path());
    const std::size_t start = text.find("file: ") + 6;
    const std::string file = text.substr(start, text.find('\n', start) - start);
    const bool shipped = std::filesystem::exists(own / file);
    if (!shipped && !std::filesystem::exists(beside / file)) {
      missing += " " + file;
      continue;
    }
    const std::string data = shipped ? own.string() : beside.string();
    const Ran ran = run("table import '" + entry.path().string() + "' --data '" + data + "' --out t.nwt --json");
    EXPECT_EQ(ran.code, 0) << ran.out;
    ++imported;
  }
  EXPECT_GE(imported, 4);
  if (!missing.empty()) GTEST_SKIP() << "not here, so not imported:" << missing;
}

TEST_F(Tables, BadInputIsOneClearLine) {
  import_toy();
  const auto refuses = [&](const std::string& words, const std::string& part) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.code, 2) << words << "\n" << ran.out;
    EXPECT_NE(ran.out.find(part), std::string::npos) << words << "\n" << ran.out;
    EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1) << ran.out;
  };
  refuses("table imprt toy.yaml --out t.nwt", "unknown action 'imprt'; did you mean 'import'?");
  refuses("table import toy.yaml", "needs --out FILE.nwt");
  refuses("table show toy.csv", "is no netwright table");
  refuses("table export nowhere --out t.nwt", "nowhere");
  write_file(folder_ / "wrong.yaml", "name: t\nfile: toy.csv\ndecisions: [{name: a, column: cod}]\nmetrics: {x: v1}\n");
  refuses("table import wrong.yaml --out t.nwt", "no column 'cod'; did you mean 'code'?");
  write_file(folder_ / "wrong.yaml", "name: t\nfile: toy.csv\ndecisions: [{name: a, column: code}]\nmetrics: {test_x: v1}\n");
  refuses("table import wrong.yaml --out t.nwt", "name it under test");
  write_file(folder_ / "wrong.yaml", "name: t\nfile: toy.csv\ndecisions: [{name: a, column: code}]\nmetrics: {x: t}\ntest: {test_x: {mean: [v1, t]}}\n");
  refuses("table import wrong.yaml --out t.nwt", "column t is read by test and by a metric of a search");
  write_file(folder_ / "wrong.yaml", "name: t\nfile: toy.csv\ndecisions: [{name: a, column: code}]\nmetrics: {x: {mean: [v1, v3], column: v9}}\n");
  refuses("table import wrong.yaml --out t.nwt", "one of column, mean, columns and curve");
  write_file(folder_ / "wrong.yaml", "name: t\nfil: toy.csv\n");
  refuses("table import wrong.yaml --out t.nwt", "did you mean 'file'?");
  config("trials: 5");
  refuses("compare c.yaml --strategies randm", "did you mean 'random'?");
  refuses("compare c.yaml --strategies random+hyperbnd", "did you mean 'hyperband'?");
  refuses("predict toy.nwt --predictors rigde", "did you mean 'ridge'?");
  refuses("predict toy.nwt --metric test_accuracy", "nothing is fitted to the test part");
  refuses("predict toy.nwt --sizes 5000", "leaves none of the 81");
  refuses("predict toy.nwt --features val_accuracy@0", "'0' is not a whole number of epochs");
  refuses("predict toy.nwt --features params@5", "the table has no params of up to 5 epochs beside its largest budget");
  refuses("predict toy.nwt --features test_accuracy@3", "nothing is fitted to the test part");
  refuses("predict toy.nwt --features one_hot --predictors gcn", "predictor gcn reads graphs: add graph to --features");
  refuses("predict toy.nwt --features graph", "no network can be built of it");
  refuses("correlate toy.nwt --scores scor", "did you mean 'score'?");
  refuses("correlate toy.nwt --scores 'score, params <= 3'", "has a bound");
  write_file(folder_ / "peek.yaml", "space: toy.nwt\nconstraints: [{metric: test_accuracy, at_least: 0.5}]\nphases:\n  - search: {strategy: random, evaluator: {name: "
                                     "tabular, file: toy.nwt}, trials: 5}\n");
  refuses("check peek.yaml", "constraint test_accuracy: a search must not look at the test part");
  refuses("compare peek.yaml --strategies random", "constraint test_accuracy: a search must not look at the test part");
  config("trials: 5, fidelity: {name: hyperband, minimun: 1}");
  refuses("check c.yaml", "did you mean 'minimum'?");
  config("trials: 5, stop: medain");
  refuses("check c.yaml", "did you mean 'median'?");
}

// Zen-NAS' kind of search: a score under a limit of cost. The best of the table within 700 parameters has six larger choices.
TEST_F(Tables, AScoreIsSearchedUnderALimitOfCost) {
  import_toy();
  write_file(folder_ / "zen.yaml",
             "space: toy.nwt\nobjectives: [{metric: score}]\nconstraints: [{metric: params, at_most: 700}]\n"
             "phases:\n  - search: {strategy: {name: evolution, population: 10, sample: 4}, evaluator: {name: tabular, file: toy.nwt}, trials: 120}\n");
  ASSERT_EQ(run("search zen.yaml --out run").code, 0);
  const Json best = json("top run --count 1");
  EXPECT_EQ(best.dump().find("nan"), std::string::npos);
  EXPECT_NE(best.dump().find("\"score\":36.0"), std::string::npos) << best.dump();
  EXPECT_NE(best.dump().find("\"params\":700.0"), std::string::npos) << best.dump();
}

// The best by a score are asked first when their trainings are searched, whatever stands between the search and its strategy.
TEST_F(Tables, AStudyOfScoresIsAWarmStart) {
  import_toy();
  write_file(folder_ / "scores.yaml", "space: toy.nwt\nobjectives: [{metric: score}]\nphases:\n  - search: {strategy: random, evaluator: {name: tabular, "
                                      "file: toy.nwt}, trials: 40}\n");
  ASSERT_EQ(run("search scores.yaml --out scored").code, 0);
  const Json best = json("top scored --count 4");
  for (const std::string more : {"", ", fidelity: {name: bohb, maximum: 9}", ", fidelity: {name: asha, maximum: 9}"}) {
    write_file(folder_ / "warm.yaml", "space: toy.nwt\nphases:\n  - search: {strategy: {name: tpe, warm_start: scored, warm_start_best: 4}, evaluator: {name: "
                                      "tabular, file: toy.nwt}, trials: 30" + more + "}\n");
    std::filesystem::remove_all(folder_ / "warm");
    const Ran ran = run("search warm.yaml --out warm");
    ASSERT_EQ(ran.code, 0) << ran.out;
    std::vector<std::string> first;  // those that go on with none
    for (int number = 0; first.size() < 4; ++number) {
      const std::string architecture = json("show warm search/" + std::to_string(number)).at("architecture");
      if (std::find(first.begin(), first.end(), architecture) == first.end()) first.push_back(architecture);
    }
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(first[i], best[i].at("architecture")) << i << more;
  }
}

// One score of another evaluator and the cost, joined by their ranks.
TEST_F(Tables, RanksOfSeveralScoresAreAnObjective) {
  import_toy();
  write_file(folder_ / "ranks.yaml",
             "space: toy.nwt\nobjectives: [{metric: log_rank}]\n"
             "phases:\n  - search: {strategy: evolution, evaluator: {name: ranks, of: tabular, file: toy.nwt, scores: 'score, val_accuracy', pool: 40}, trials: 100}\n");
  EXPECT_EQ(run("check ranks.yaml").code, 0) << run("check ranks.yaml").out;
  ASSERT_EQ(run("search ranks.yaml --out ranked").code, 0);
  EXPECT_NE(json("top ranked --count 1").dump().find("\"score\":64.0"), std::string::npos) << json("top ranked --count 1").dump();
  config("trials: 5");
  const Ran wrong = run("check ranks.yaml phases.search.evaluator.fiel=x");
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.out.find("evaluator tabular: unknown option 'fiel'; did you mean 'file'?"), std::string::npos) << wrong.out;
}

// (1, 6), (2, 1), (3, 5): the mean has the order of neither column, with 1, 2, 3 it agrees in two pairs of three.
TEST_F(Tables, AMeanOfColumnsIsOneMetric) {
  write_file(folder_ / "small.csv", "code,l,x,y\n0,1,1,6\n1,2,2,1\n2,3,3,5\n");
  write_file(folder_ / "small.yaml",
             "name: small\nfile: small.csv\ndecisions: [{name: layer, column: code, each: character, choices: [p, q, r]}]\n"
             "metrics: {val_accuracy: {column: l, factor: 0.01}}\ntest: {test_accuracy: {mean: [x, y], factor: 0.01}}\n");
  ASSERT_EQ(run("table import small.yaml --out small.nwt").code, 0);
  const Json scores = json("correlate small.nwt --scores test_accuracy").at("scores");
  ASSERT_EQ(scores.size(), 1u);
  EXPECT_NEAR(scores[0].at("kendall").get<double>(), 1.0 / 3, 1e-12);
}

TEST_F(Tables, AMultiFidelitySearchRunsResumesAndExports) {
  import_toy();
  config("fidelity: {name: hyperband, maximum: 9}, stop: top_share, trials: 30");
  EXPECT_EQ(run("check c.yaml").code, 0) << run("check c.yaml").out;
  const Ran ran = run("search c.yaml --out run");
  ASSERT_EQ(ran.code, 0) << ran.out;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "run" / "report.html"));
  EXPECT_EQ(run("resume run").code, 0);
  const Json top = json("top run --count 1");
  EXPECT_EQ(json("table export run --out study.nwt").at("space"), "");
  EXPECT_GT(json("correlate study.nwt").at("scores").size(), 0u);
  EXPECT_EQ(json("correlate study.nwt"), json("correlate run"));
  write_file(folder_ / "again.yaml",
             "space: study.nwt\nphases:\n  - search: {strategy: grid, max_failures: 0, evaluator: {name: tabular, file: study.nwt}, fidelity: {name: full, "
             "maximum: 1}, trials: 81}\n");
  EXPECT_EQ(run("search again.yaml --out again").code, 0) << run("status again").out;
}

TEST_F(Tables, ComparesStrategiesAndSchedules) {
  import_toy();
  config("trials: 300, time: 30m, fidelity: {name: full, maximum: 9}");
  const Ran ran = run("compare c.yaml --strategies random,evolution,random+asha --seeds 12 --workers 3 --out cmp");
  ASSERT_EQ(ran.code, 0) << ran.out;
  const Json found = Json::parse(read_file(folder_ / "cmp" / "comparison.json"));
  ASSERT_EQ(found.at("strategies").size(), 3u);
  EXPECT_EQ(found.at("test_metric"), "test_accuracy");
  for (const auto& strategy : found.at("strategies")) {
    EXPECT_EQ(strategy.at("test").at("final").at("runs").size(), 12u);
    EXPECT_GE(strategy.at("validation").at("final").at("mean").get<double>(), 0);
  }
  // Early stopping looks at more architectures in the same time.
  EXPECT_GT(found.at("strategies")[2].at("trials").get<double>(), 2 * found.at("strategies")[0].at("trials").get<double>());
  EXPECT_TRUE(read_file(folder_ / "cmp" / "comparison.svg").starts_with("<svg "));
  EXPECT_EQ(json("compare c.yaml --strategies random --seeds 3"), json("compare c.yaml --strategies random --seeds 3"));
}

TEST_F(Tables, PredictorsStandBesideTheSizes) {
  import_toy();
  const Json lines = json("predict toy.nwt --sizes 20,40 --seeds 4").at("lines");
  EXPECT_EQ(lines[0].at("predictor"), "params");
  double ridge = 0;
  for (const auto& line : lines)
    if (line.at("predictor") == "ridge" && line.at("known") == 40) ridge = line.at("kendall_tau").at("mean");
  EXPECT_GT(ridge, 0.8);
  const Json scores = json("correlate toy.nwt").at("scores");
  EXPECT_EQ(scores[0].at("score"), "params");
  const auto score = std::find_if(scores.begin(), scores.end(), [](const Json& s) { return s.at("score") == "score"; });
  ASSERT_NE(score, scores.end());
  EXPECT_EQ(score->at("rows"), 80);
  EXPECT_GT(score->at("spearman").get<double>(), 0.9);
  // The beginning of a curve says more than the decisions of few architectures.
  const auto tau = [&](const std::string& features) {
    const Json found = json("predict toy.nwt --sizes 10 --seeds 6 --predictors ridge --features " + features);
    for (const auto& line : found.at("lines"))
      if (line.at("predictor") == "ridge") return line.at("kendall_tau").at("mean").get<double>();
    return -1.0;
  };
  EXPECT_GT(tau("val_accuracy@3"), 0.95);
  EXPECT_GT(tau("one_hot,val_accuracy@3"), tau("one_hot"));
  const Json joined = json("correlate toy.nwt --scores 'score, params'").at("scores");
  ASSERT_EQ(joined.size(), 4u);
  EXPECT_EQ(joined[2].at("score"), "log_rank of these");
  EXPECT_EQ(joined[3].at("score"), "vote of these");
  EXPECT_EQ(joined[3].at("rows"), 80);
  EXPECT_GT(joined[3].at("spearman").get<double>(), 0.9);
  EXPECT_TRUE(json("correlate toy.nwt --scores 'score, minimise params'").at("scores")[3].at("spearman").is_null()) << "one against the other: no vote decides";
}

}  // namespace
}  // namespace netwright
