#include "oracle.hpp"

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <set>
#include <sstream>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "oracle_kinds.hpp"
#include "oracle_proxies.hpp"
#include "oracle_supernet.hpp"

namespace netwright {
namespace {

const std::string kFile = std::string(NETWRIGHT_SOURCE_DIR) + "/tests/oracles.json";

const OracleJson& file() {
  static const OracleJson parsed = parse_oracle_file(read_file(kFile), kFile);
  return parsed;
}

const OracleJson& case_of(const std::string& name) {
  for (const auto& c : file()["cases"])
    if (id(c) == name) return c;
  throw Error("no case " + name);
}

std::string verdict_of(const OracleJson& oracle_case) { return run_oracle_case(oracle_case, file())["verdict"].get<std::string>(); }

// A case with something changed.
OracleJson changed(const std::string& name, const std::function<void(OracleJson&)>& change) {
  OracleJson c = case_of(name);
  change(c);
  return c;
}

// ---- the file itself ----

TEST(Oracle, EveryCasePasses) {
  EXPECT_EQ(file()["cases"].size(), 157u);
  for (const auto& c : file()["cases"]) {
    const OracleJson result = run_oracle_case(c, file());
    EXPECT_EQ(result["verdict"], "pass") << result.dump();
    EXPECT_EQ(result["expected"], c["expect"]);
  }
}

// Other inputs of the same kinds, answered by programs of their own: counts out of PyTorch modules, gradients by its autograd, closed
// forms in NumPy and SciPy.
TEST(Oracle, EveryVariantPasses) {
  const std::string name = std::string(NETWRIGHT_SOURCE_DIR) + "/tests/oracle_variants.json";
  const OracleJson variants = parse_oracle_file(read_file(name), name);
  for (const auto& c : variants["cases"]) {
    const OracleJson result = run_oracle_case(c, variants);
    EXPECT_EQ(result["verdict"], "pass") << result.dump();
    EXPECT_FALSE(result.contains("not_computed")) << result.dump();
  }
}

// Changes the first number in a value, beyond any tolerance.
bool spoil(OracleJson& value) {
  if (value.is_number()) {
    value = value.get<double>() * 1.5 + 1;
    return true;
  }
  if (value.is_structured())
    for (auto& part : value)
      if (spoil(part)) return true;
  return false;
}

TEST(Oracle, AnAlteredExpectationFails) {
  for (const std::string name : {"P-eval-DARTS_V2-cifar", "P-fairdarts-a", "P-supernet-darts", "N201-0", "N201-counts", "C-darts", "C-spos",
                                 "B201-stats", "B201-rank", "L-rank", "R-adam", "R-cosine", "E-random", "B201-rea", "D-supernet-darts", "Z1-main"})
    EXPECT_EQ(verdict_of(changed(name, [](OracleJson& c) { EXPECT_TRUE(spoil(c["expect"])); })), "fail") << name;
}

TEST(Oracle, EveryExpectedNumberOfAnExactCaseCounts) {
  for (const std::string name : {"P-eval-DARTS_V2-imagenet", "P-fairdarts-b", "P-supernet-darts", "N201-counts"})
    for (const auto& [key, value] : case_of(name)["expect"].items())
      EXPECT_EQ(verdict_of(changed(name, [&key = key](OracleJson& c) { EXPECT_TRUE(spoil(c["expect"][key])); })), "fail") << name << ' ' << key;
}

TEST(Oracle, AlteredWordsFail) {
  EXPECT_EQ(verdict_of(changed("N201-index", [](OracleJson& c) { c["expect"]["1462"] = "all nor_conv_1x1"; })), "fail");
  EXPECT_EQ(verdict_of(changed("D-genotype-darts", [](OracleJson& c) { c["expect"]["normal"][0][1] = 1; })), "fail");
  EXPECT_EQ(verdict_of(changed("B201-stats", [](OracleJson& c) { std::swap(c["expect"]["best"][0], c["expect"]["best"][4]); })), "fail");
}

TEST(Oracle, NumbersBeyond64BitsAreNotRounded) {
  const std::string text =
      R"({"cases": [{"id": "C-fbnet", "expect": 984770902183611232882, "tol": {"exact": true}, "title": "12345678901234567890123"}]})";
  const OracleJson parsed = parse_oracle_file(text, "f");
  EXPECT_EQ(run_oracle_case(parsed["cases"][0], parsed)["verdict"], "fail");
  EXPECT_EQ(run_oracle_case(parsed["cases"][0], parsed)["got"], decimal("984770902183611232881"));
  EXPECT_EQ(parsed["cases"][0]["title"], "12345678901234567890123");
}

// ---- other cases of the same kinds ----

TEST(OracleKinds, InputsAreReadFromTheCase) {
  // A search network of other sizes has other numbers: what stands in the file is not what decides.
  EXPECT_EQ(verdict_of(changed("P-eval-DARTS_V2-cifar", [](OracleJson& c) { c["input"]["C"] = 32; })), "fail");
  EXPECT_EQ(verdict_of(changed("P-eval-DARTS_V2-cifar", [](OracleJson& c) { c["input"]["genotype"] = "DARTS_V1"; })), "fail");
  EXPECT_EQ(verdict_of(changed("P-supernet-darts", [](OracleJson& c) { c["input"]["layers"] = 6; })), "fail");
  EXPECT_EQ(verdict_of(changed("N201-0", [](OracleJson& c) { c["input"]["arch"] = case_of("N201-5")["input"]["arch"]; })), "fail");
  EXPECT_EQ(verdict_of(changed("D-supernet-darts", [](OracleJson& c) { c["input"]["alphas_normal"] = "2*LCG(12) 14x8"; })), "fail");
  EXPECT_EQ(verdict_of(changed("Z1-main", [](OracleJson& c) { c["input"]["batch"] = 6; })), "fail");
}

TEST(OracleKinds, AGenotypeMayBeWrittenOutInTheCase) {
  const auto inlined = changed("P-eval-DARTS_V2-cifar", [](OracleJson& c) {
    c["id"] = "P-eval-mine";
    c["input"]["genotype"] = file()["genotypes"]["DARTS_V2"];
  });
  EXPECT_EQ(verdict_of(inlined), "pass");
  const auto flat = changed("P-eval-DARTS_V2-cifar", [](OracleJson& c) {
    c["input"].erase("genotype");
    c["input"].update(file()["genotypes"]["DARTS_V2"]);
  });
  EXPECT_EQ(verdict_of(flat), "pass");
}

TEST(OracleKinds, CellsOfNasBench201MayHaveOtherSizes) {
  // One cell of a single 1x1 convolution: 4 * 4 + 2 * 4 parameters more than the empty cell a stage, at 4, 8 and 16 channels.
  const auto sizes = [](const std::string& arch) {
    OracleJson c = {{"id", "N201-x"}, {"input", {{"arch", arch}, {"C", 4}, {"N", 1}}}, {"expect", {{"10", {{"flops_M", 0}, {"params", 0}}}}}};
    return run_oracle_case(c, file())["got"]["10"];
  };
  const OracleJson empty = sizes("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"),
                   one = sizes("|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|");
  const std::int64_t weights = 4 * 4 + 8 * 8 + 16 * 16, norms = 2 * (4 + 8 + 16);
  EXPECT_EQ(one["params"].get<std::int64_t>() - empty["params"].get<std::int64_t>(), weights + norms);
  EXPECT_NEAR(one["flops_M"].get<double>() - empty["flops_M"].get<double>(), (4 * 4 * 1024 + 8 * 8 * 256 + 16 * 16 * 64) / 1e6, 1e-9);
}

TEST(OracleKinds, WordsGiveTheNumbers) {
  const auto cosine = changed("R-cosine", [](OracleJson& c) {
    c["title"] = "cosine LR at epochs 0,5,10 of 10 (0.2->0.1)";
    c["expect"] = {0.2, 0.15, 0.1};
  });
  EXPECT_EQ(verdict_of(cosine), "pass");
  const auto ranks = changed("L-rank", [](OracleJson& c) {
    c["title"] = "Kendall tau-b, Spearman: a=1,2,3 b=1,3,2";
    c["expect"] = {{"tau_b", 1.0 / 3}, {"spearman", 0.5}};
  });
  EXPECT_EQ(verdict_of(ranks), "pass");
  const auto adam = changed("R-adam", [](OracleJson& c) {
    c["title"] = "Adam lr 0.1 betas (0,0) wd 0, x0=1, grads 5,-5";
    c["expect"] = {0.9, 1.0};
    c["tol"] = {{"abs", 1e-8}};
  });
  EXPECT_EQ(verdict_of(adam), "pass");
}

TEST(OracleKinds, NumbersThatJsonDoesNotHaveAreWords) {
  const OracleJson parsed = parse_oracle_file(R"({"cases": [{"id": "a NaN", "expect": [NaN, -Infinity, Infinity, -1.5e-3, true]}]})", "f");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(parsed["cases"][0]["id"], "a NaN");
  EXPECT_TRUE(agrees(parsed["cases"][0]["expect"], {std::nan(""), -infinity, infinity, -1.5e-3, true}, {{"exact", true}}));
  EXPECT_FALSE(agrees(parsed["cases"][0]["expect"], {1.0, -infinity, infinity, -1.5e-3, true}, {{"exact", true}}));
}

TEST(OracleKinds, AnAbsoluteAndARelativeToleranceAddUp) {
  EXPECT_TRUE(agrees(100, 100.1, {{"abs", 0.05}, {"rel", 0.001}}));
  EXPECT_FALSE(agrees(100, 100.2, {{"abs", 0.05}, {"rel", 0.001}}));
  EXPECT_TRUE(agrees(0, 0.04, {{"abs", 0.05}, {"default_rel", 0.001}}));
}

// ---- float32 ----

TEST(OracleFloat32, TheSupernetAgreesWithinItsTolerance) {
  const OracleJson& c = case_of("D-supernet-darts");
  const OracleJson got = darts_supernet_values(c, at::kFloat);
  const double rel = c["tol"]["float32_rel"].get<double>();
  EXPECT_TRUE(agrees(c["expect"], got, {{"rel", rel}})) << got.dump();
  EXPECT_FALSE(agrees(c["expect"], got, {{"rel", 1e-12}}));
}

TEST(OracleFloat32, TheScoresAgreeWithinTheirTolerances) {
  for (const std::string name : {"Z1-main", "Z201-a"}) {
    const OracleJson& c = case_of(name);
    OracleJson expect;
    for (const char* key : {"loss", "grad_norm", "snip", "synflow", "jacob_cov", "naswot", "plain", "l2_norm"}) expect[key] = c["expect"][key];
    OracleJson few = c;
    few["expect"] = expect;
    const OracleJson got = proxy_values(few, at::kFloat);
    EXPECT_TRUE(agrees(expect, got, {{"jacob_cov_abs", c["tol"]["jacob_cov_float32_abs"]}, {"rel", c["tol"]["float32_rel"]}})) << got.dump();
  }
}

// ---- bad input ----

TEST(OracleFile, SaysWhatIsWrong) {
  EXPECT_THROW(parse_oracle_file("{", "f"), UsageError);
  EXPECT_THROW(parse_oracle_file("[]", "f"), UsageError);
  std::ostringstream out;
  EXPECT_THROW(oracle({.file = "/no/such/file.json"}, out), UsageError);
  EXPECT_THROW(oracle({.file = kFile, .only = "P-evil"}, out), UsageError);
}

TEST(OracleFile, ACaseThatCannotBeRunFails) {
  const auto result = run_oracle_case(changed("P-eval-DARTS_V2-cifar", [](OracleJson& c) { c["input"]["genotype"] = "DARTS_V3"; }), file());
  EXPECT_EQ(result["verdict"], "fail");
  EXPECT_NE(result["got"]["error"].get<std::string>().find("DARTS_V3"), std::string::npos);
}

TEST(OracleFile, AMalformedCaseFailsAlone) {
  const OracleJson parsed = parse_oracle_file(
      R"json({"cases": [7, {"expect": 1}, {"id": "a"}, {"id": "b", "expect": 1, "title": 3}, {"id": "c", "expect": 1, "input": []}, {"id": "d", "expect": 1},
          {"id": "D-2nd-x", "input": {"model": "y=p0*w0*x, p", "w": [1], "alpha": [0], "train_x": [1], "val_x": [1], "eta": 0.1}, "expect": {}},
          {"id": "R-cosine", "title": "at epochs 0 of 10 (1->0)", "expect": [1], "tol": {"abs": 1e-9}}]})json",
      "f");
  const std::vector<std::pair<std::string, std::string>> expected{{"cases[0]", "cases[0] is not an object"},
                                                                  {"cases[1]", "cases[1] has no text 'id'"},
                                                                  {"a", "cases[2] has no 'expect'"},
                                                                  {"b", "cases[3] has a 'title' that is not text"},
                                                                  {"c", "cases[4] has an 'input' that is not an object"},
                                                                  {"d", ""},
                                                                  {"D-2nd-x", "the case: key 'train_t' not found"},
                                                                  {"R-cosine", ""}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const OracleJson result = run_oracle_case(parsed["cases"][i], parsed);
    EXPECT_EQ(result["id"], expected[i].first);
    if (!expected[i].second.empty()) EXPECT_EQ(result["got"], OracleJson({{"error", expected[i].second}}));
  }
  EXPECT_EQ(run_oracle_case(parsed["cases"][5], parsed)["verdict"], "unknown");
  EXPECT_EQ(run_oracle_case(parsed["cases"][7], parsed)["verdict"], "pass");
}

TEST(OracleFile, ImpossibleInputsFailWithOneLine) {
  const auto input = [](const char* pointer, const OracleJson& value) {
    return [=](OracleJson& c) { c["input"][OracleJson::json_pointer(pointer)] = value; };
  };
  const auto words = [](const std::string& text) { return [=](OracleJson& c) { c["title"] = text; }; };
  const std::vector<std::pair<std::string, std::function<void(OracleJson&)>>> changes{
      {"P-autoformer-T", input("/space/depth", OracleJson::array())},
      {"E-nsga2-2d", input("/points/2", nullptr)},
      {"S-rounding", input("/base", nullptr)},
      {"D-gdas-tau1", words("a=2*LCG(11) 1x5, uniforms .3,.7, op outputs 1,-2,.5,3,.25")},
      {"D-proxyless-full-0", words("active op 9")},
      {"D-supernet-darts", input("/y", OracleJson{0, 3, 7, 99})},
      {"M-asha", input("/loss", "loss(i,k)=?")}};
  for (const auto& [name, change] : changes) {
    const OracleJson result = run_oracle_case(changed(name, change), file());
    ASSERT_TRUE(result["got"].contains("error")) << name << ' ' << result["got"].dump();
    EXPECT_EQ(result["got"]["error"].get<std::string>().find('\n'), std::string::npos) << name;
  }
}

TEST(OracleFile, AnExpectedValueThatNobodyComputesFailsAndIsNamed) {
  const auto more = changed("P-nasnet-mobile", [](OracleJson& c) { c["expect"]["latency_ms"] = 1; });
  const OracleJson result = run_oracle_case(more, file());
  EXPECT_EQ(result["verdict"], "fail");
  EXPECT_EQ(result["not_computed"], OracleJson({"latency_ms"}));
}

TEST(OracleVerb, LongIntegersArePrintedAsNumbers) {
  std::ostringstream out;
  EXPECT_EQ(oracle({.file = kFile, .only = "C-fbnet", .json = true}, out), 0);
  EXPECT_NE(out.str().find("\"expected\": 984770902183611232881"), std::string::npos);
  EXPECT_NE(out.str().find("\"got\": 984770902183611232881"), std::string::npos);
}

TEST(OracleVerb, PrintsVerdictsAndExitsByThem) {
  std::ostringstream json, lines;
  EXPECT_EQ(oracle({.file = kFile, .only = "N201-", .json = true}, json), 0);
  const OracleJson verdicts = OracleJson::parse(json.str());
  ASSERT_FALSE(verdicts.empty());
  for (const auto& v : verdicts) EXPECT_TRUE(v.contains("id") && v.contains("verdict") && v.contains("expected") && v.contains("got"));

  const auto altered = std::filesystem::temp_directory_path() / "netwright_altered_oracle.json";
  write_file(altered, OracleJson{{"cases", {changed("N201-0", [](OracleJson& c) { c["expect"]["10"]["params"] = 1; })}}}.dump());
  EXPECT_EQ(oracle({.file = altered.string()}, lines), 1);
  EXPECT_NE(lines.str().find("fail"), std::string::npos);
  EXPECT_NE(lines.str().find("0 pass, 1 fail, 0 unknown"), std::string::npos);
  std::filesystem::remove(altered);
}

}  // namespace
}  // namespace netwright
