// Tables, comparisons and predictions as a user runs them.
#include <gtest/gtest.h>

#include <algorithm>
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
  write_file(folder_ / "wrong.yaml", "name: t\nfil: toy.csv\n");
  refuses("table import wrong.yaml --out t.nwt", "did you mean 'file'?");
  config("trials: 5");
  refuses("compare c.yaml --strategies randm", "did you mean 'random'?");
  refuses("compare c.yaml --strategies random+hyperbnd", "did you mean 'hyperband'?");
  refuses("predict toy.nwt --predictors rigde", "did you mean 'ridge'?");
  refuses("predict toy.nwt --metric test_accuracy", "nothing is fitted to the test part");
  refuses("predict toy.nwt --sizes 5000", "leaves none of the 81");
  refuses("correlate toy.nwt --scores scor", "did you mean 'score'?");
  config("trials: 5, fidelity: {name: hyperband, minimun: 1}");
  refuses("check c.yaml", "did you mean 'minimum'?");
  config("trials: 5, stop: medain");
  refuses("check c.yaml", "did you mean 'median'?");
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
}

}  // namespace
}  // namespace netwright
