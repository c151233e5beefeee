// The built command, run as a user runs it.
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include <nlohmann/json.hpp>

#include "netwright/core/files.hpp"
#include "run_command.hpp"

namespace netwright {
namespace {

using Json = nlohmann::json;
const std::string arch = "'nasbench201:|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|'";

class App : public testing::Test {
 protected:
  void SetUp() override { folder_ = fresh_folder(testing::TempDir(), testing::UnitTest::GetInstance()->current_test_info()->name()); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  Ran run(const std::string& words) const { return netwright_command(words, folder_); }
  Json json(const std::string& words) const {
    const Ran ran = run(words + " --json");
    EXPECT_EQ(ran.code, 0) << ran.out;
    return Json::parse(ran.out);
  }
  std::filesystem::path folder_;
};

TEST_F(App, HelpNamesEveryVerb) {
  const Ran ran = run("--help");
  EXPECT_EQ(ran.code, 0);
  for (const char* verb : {"init",     "check", "search",  "resume", "status", "top",  "show",  "draw",   "derive", "retrain",
                           "evaluate", "score", "profile", "scale", "export", "report", "list", "space", "matrix", "doctor", "oracle",
                           "table",    "compare", "predict", "correlate"})
    EXPECT_NE(ran.out.find("\n  " + std::string(verb) + " "), std::string::npos) << verb;
  EXPECT_EQ(ran.out.find("worker  "), std::string::npos);
  EXPECT_EQ(run("profile --help").code, 0);
  EXPECT_EQ(run("--version").out, "netwright 0.1.0\n");
}

TEST_F(App, ListsAreArraysOfNamedThings) {
  for (const char* what : {"spaces", "strategies", "evaluators", "schedules", "stop_rules", "predictors", "relaxations", "updates", "regularisers", "derivations", "proxies", "operations"}) {
    const Json list = json(std::string("list ") + what);
    ASSERT_FALSE(list.empty());
    for (const auto& entry : list)
      for (const char* key : {"name", "title", "paper", "traits"}) EXPECT_TRUE(entry.contains(key)) << what << " " << key;
  }
}

TEST_F(App, SpaceHasItsExactSize) {
  const Json space = json("space nasbench201");
  EXPECT_EQ(space.at("size"), "15625");
  EXPECT_EQ(space.at("decisions").size(), 6u);
}

// Scopes that a path leaves and enters again, and labels along the first rank: Graphviz once ended the program over both.
TEST_F(App, DrawsLargeOpenGraphs) {
  for (const std::string space : {"enas_micro", "efficientnet", "hat"}) {
    EXPECT_EQ(run("draw " + space + " --out open.svg").code, 0) << space;
    EXPECT_NE(read_file(folder_ / "open.svg").find("</svg>"), std::string::npos) << space;
  }
}

TEST_F(App, CheckShowsTheShapesAndDrawsTheOpenGraph) {
  std::ofstream(folder_ / "s.yaml") << "name: grown\ninput: 3x8x8\nclasses: 4\nstages:\n"
                                       "  - {channels: {choose: [4, 6]}, block: conv_bn_3x3}\n"
                                       "  - {channels: 8, stride: 2, repeat: {choose: [1, 2]}, block: conv_bn_3x3}\n";
  const Json found = json("check s.yaml --draw open.svg");
  EXPECT_NE(read_file(folder_ / "open.svg").find("<svg"), std::string::npos);
  std::map<std::string, std::pair<std::string, std::string>> shapes;
  for (const auto& line : found.at("shapes")) shapes[line.at("place")] = {line.at("smallest"), line.at("largest")};
  EXPECT_EQ(shapes.at("stage1.block1"), (std::pair<std::string, std::string>{"4x8x8", "6x8x8"}));
  EXPECT_EQ(shapes.at("stage2.block1"), (std::pair<std::string, std::string>{"8x4x4", "8x4x4"}));
  EXPECT_EQ(shapes.at("stage2.block2"), (std::pair<std::string, std::string>{"", "8x4x4"}));
  EXPECT_NE(run("check s.yaml").out.find("  stage1.block1     4x8x8       6x8x8\n"), std::string::npos) << run("check s.yaml").out;
  EXPECT_EQ(run("check s.yaml --draw open.png").code, 2);
  EXPECT_NE(run("check nasbench101 --draw open.svg").code, 0);   // it has no open graph
}

TEST_F(App, ScaleListsTheGridWithWhatEachNetworkReallyCosts) {
  const std::string base = " base=r1_k3_s11_e1_i16_o16,r2_k5_s22_e4_i16_o40 head=200";
  const Json scaled = json("scale" + base + " --input 3x32x32 --step 0.1 --most 1.4");
  EXPECT_EQ(scaled.at("base").at("macs"), json("profile efficientnet:phi=0" + base + " --input 3x32x32").at("macs"));
  ASSERT_FALSE(scaled.at("networks").empty());
  for (const Json& network : scaled.at("networks")) {
    const double alpha = network.at("alpha"), beta = network.at("beta"), gamma = network.at("gamma");
    EXPECT_NEAR(alpha * beta * beta * gamma * gamma, 2.0, 0.1);
    const Json cost = json("profile " + network.at("architecture").get<std::string>() + base + " --input 3x32x32");
    EXPECT_EQ(cost, network.at("cost"));
    EXPECT_EQ(network.at("growth").get<double>(), cost.at("macs").get<double>() / scaled.at("base").at("macs").get<double>());
  }
  EXPECT_EQ(run("scale --step 0").code, 2);
}

TEST_F(App, ProfileTakesInputClassesAndSettings) {
  const Json usual = json("profile " + arch);
  EXPECT_EQ(usual.at("params"), 316346);
  const Json more = json("profile " + arch + " --classes 100");
  EXPECT_EQ(more.at("params").get<int>() - usual.at("params").get<int>(), 90 * 64 + 90);
  EXPECT_GT(json("profile " + arch + " --input 3x64x64").at("macs"), usual.at("macs"));
}

TEST_F(App, ProfileTakesGenotypesOfAnyLength) {
  const Json file = Json::parse(std::ifstream(NETWRIGHT_SOURCE_DIR "/tests/oracles.json"));
  const auto expected = [&](const std::string& id) -> Json {
    for (const auto& entry : file.at("cases"))
      if (entry.at("id") == id) return entry.at("expect");
    return {};
  };
  for (const std::string name : {"DARTS_V2", "AmoebaNet"}) {
    const std::string genotype = file.at("genotypes").at(name).dump();
    const Json expect = expected("P-eval-" + name + "-cifar");
    const Json got = json("profile 'darts:" + genotype + "' network=cifar channels=36 cells=20 auxiliary=true");
    EXPECT_EQ(got.at("params"), expect.at("params_with_aux")) << name;
    EXPECT_EQ(got.at("params").get<std::int64_t>() - got.at("params_auxiliary").get<std::int64_t>(), expect.at("params_no_aux").get<std::int64_t>()) << name;
    EXPECT_EQ(got.at("macs"), expect.at("macs_32x32")) << name;
    write_file(folder_ / "genotype.json", genotype);
    EXPECT_EQ(json("profile darts:genotype.json channels=36 cells=20").at("params"), expect.at("params_no_aux")) << name;
  }
}

TEST_F(App, MatrixSaysWhyNot) {
  bool tabular_on_darts = true;
  bool one_shot = false;
  for (const auto& cell : json("matrix")) {
    EXPECT_EQ(cell.at("runs").get<bool>(), cell.at("reason").get<std::string>().empty());
    if (cell.at("space") == "darts" && cell.at("evaluator") == "tabular") tabular_on_darts = cell.at("runs");
    if (cell.at("space") == "nasbench201" && cell.at("strategy") == "darts") one_shot = cell.at("runs");
  }
  EXPECT_FALSE(tabular_on_darts);
  EXPECT_TRUE(one_shot);
}

TEST_F(App, MatrixTellsWhichPartsOfAOneShotSearchGoTogether) {
  std::map<std::string, std::string> reasons;
  for (const auto& cell : json("matrix --space minimal2"))
    if (cell.at("evaluator") == "supernet") reasons[cell.at("strategy")] = cell.at("reason");
  for (const auto& relaxation : json("list relaxations")) {
    for (const char* what : {"updates", "derivations"})
      for (const auto& part : json(std::string("list ") + what))
        EXPECT_TRUE(reasons.contains(relaxation.at("name").get<std::string>() + "+" + part.at("name").get<std::string>())) << relaxation.at("name") << part.at("name");
  }
  for (const char* runs : {"softmax+second_order", "gates+first_order", "policy+reinforce", "fair+none", "softmax+perturbation", "darts-second", "gdas", "spos", "enas_macro"})
    EXPECT_EQ(reasons.at(runs), "") << runs;
  // A search is refused for the same reason.
  const std::map<std::string, std::string> refused{{"supernet: {relaxation: uniform}", "uniform+first_order"},
                                                   {"supernet: {relaxation: gates, update: second_order}", "gates+second_order"},
                                                   {"supernet: {relaxation: fair, update: none}}, {derive: {rule: perturbation}", "fair+perturbation"}};
  for (const auto& [phase, cell] : refused) {
    write_file(folder_ / "c.yaml", "space: minimal2\nphases: [{" + phase + "}]\n");
    const Ran ran = run("check c.yaml");
    EXPECT_EQ(ran.code, 2);
    ASSERT_NE(reasons.at(cell), "") << cell;
    EXPECT_NE(ran.out.find(reasons.at(cell)), std::string::npos) << ran.out;
  }
  for (const auto& cell : json("matrix --space nasbench101"))
    if (cell.at("evaluator") == "supernet") EXPECT_NE(cell.at("reason").get<std::string>().find("no open graph"), std::string::npos);
}

TEST_F(App, InitWritesWhatCheckAccepts) {
  EXPECT_EQ(run("init").code, 0);
  EXPECT_EQ(run("init").code, 2);
  const Json found = json("check netwright.yaml seed=3");
  EXPECT_EQ(found.at("phases").size(), 5u);
  EXPECT_LE(found.at("cost").at("smallest").at("params"), found.at("cost").at("typical").at("params"));
  EXPECT_LE(found.at("cost").at("typical").at("params"), found.at("cost").at("largest").at("params"));
  EXPECT_EQ(run("check space.yaml").code, 0);
}

TEST_F(App, SearchLeavesAFolderThatCanBeReadAndResumed) {
  write_file(folder_ / "c.yaml",
             "space: nasbench201\nobjectives: [{metric: params, direction: minimise}]\nphases: [search: {evaluator: cost, trials: 40, window: 2}]\n");
  const Ran ran = run("search c.yaml --out one --seed 5");
  ASSERT_EQ(ran.code, 0) << ran.out;
  for (const char* file : {"study.db", "report.html", "best.json", "config.resolved.yaml"})
    EXPECT_TRUE(std::filesystem::exists(folder_ / "one" / file)) << file;
  EXPECT_EQ(run("search c.yaml --out one").code, 2);
  EXPECT_EQ(run("resume one").code, 0);
  EXPECT_EQ(json("top one --count 3").size(), 3u);
  EXPECT_EQ(json("status one").at("phases").at(0).at("trials").at("done"), 40);
  EXPECT_EQ(json("show one search/7").at("number"), 7);
  EXPECT_EQ(json("profile one --input 1x28x28").at("params"), json("top one").at(0).at("metrics").at("params"));
  ASSERT_EQ(run("search c.yaml --out two --seed 5 --workers 2").code, 0);
  for (int i = 0; i < 40; i += 13)
    EXPECT_EQ(json("show one " + std::to_string(i)).at("architecture"), json("show two " + std::to_string(i)).at("architecture"));
}

// One run serves several devices: each phase's best meets the bounds of its phase.
TEST_F(App, SearchPhasesMayHaveConstraintsOfTheirOwn) {
  const auto phase = [](const std::string& bound) {
    return "  - search: {strategy: random, evaluator: cost, trials: 60, constraints: [{metric: macs, at_most: " + bound + "}]}\n";
  };
  write_file(folder_ / "c.yaml", "space: nasbench201\nobjectives: [{metric: params, direction: maximise}]\nphases:\n" + phase("90M") + phase("50M") + phase("20M"));
  ASSERT_EQ(run("search c.yaml --out one --seed 5").code, 0);
  const Json phases = json("status one").at("phases");
  double before = 90e6;
  for (std::size_t i = 0; i < 3; ++i) {
    const double bound = std::vector<double>{90e6, 50e6, 20e6}[i], macs = phases.at(i).at("best").at("metrics").at("macs");
    EXPECT_LE(macs, bound);
    EXPECT_LT(macs, before);
    before = macs;
  }
  EXPECT_EQ(Json::parse(read_file(folder_ / "one" / "best.json")).at("metrics").at("macs"), before);
  EXPECT_EQ(run("check c.yaml phases.1.search.constraints=[{metric:\\ params,\\ at_most:\\ 10}]").code, 2);
}

TEST_F(App, StartsWithoutTorch) { EXPECT_EQ(run_command("ldd \"$NETWRIGHT\" | grep -c -e libtorch -e libc10", folder_).out, "0\n"); }

TEST_F(App, DrawsASpaceAndAnArchitecture) {
  EXPECT_NE(run("draw minimal").out.find("digraph"), std::string::npos);
  EXPECT_EQ(run("draw " + arch + " --out a.svg").code, 0);
  EXPECT_NE(read_file(folder_ / "a.svg").find("<svg"), std::string::npos);
}

}  // namespace
}  // namespace netwright
