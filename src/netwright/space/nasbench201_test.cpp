#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/library/builtin.hpp"
#include "netwright/space/library/nasbench201.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

nlohmann::json oracle_cases(const std::string& prefix) {
  std::ifstream file(std::string(NETWRIGHT_SOURCE_DIR) + "/tests/oracles.json");
  const auto oracles = nlohmann::json::parse(file);
  nlohmann::json found = nlohmann::json::array();
  for (const auto& oracle : oracles["cases"])
    if (oracle["id"].get<std::string>().starts_with(prefix)) found.push_back(oracle);
  return found;
}

TEST(Nasbench201, ParametersAndFlopsAreThePublishedOnes) {
  const auto space = make_nasbench201();
  int checked = 0;
  for (const auto& oracle : oracle_cases("N201-")) {
    if (!oracle["input"].contains("arch")) continue;
    const auto architecture = space->parse(oracle["input"]["arch"].get<std::string>());
    for (const auto& [classes, expected] : oracle["expect"].items()) {
      const std::int64_t side = classes == "120" ? 16 : 32;
      const NetworkOptions options{.input = {3, side, side}, .classes = std::stoll(classes)};
      const Cost got = cost(space->close(architecture, options));
      EXPECT_EQ(got.params, expected["params"].get<std::int64_t>()) << oracle["id"] << " " << classes;
      // The published count adds the classifier's biases.
      EXPECT_NEAR(static_cast<double>(got.macs + options.classes) / 1e6, expected["flops_M"].get<double>(), oracle["tol"]["flops_abs"].get<double>());
      ++checked;
    }
  }
  EXPECT_EQ(checked, 27);
}

TEST(Nasbench201, CountsOfCellsAreThePublishedOnes) {
  const auto expected = oracle_cases("N201-counts").at(0).at("expect");
  const auto space = make_nasbench201();
  std::set<std::string> skips, zeros;
  std::set<std::uint64_t> canonical;
  int reached = 0, total = 0;
  enumerate(space->decisions(), [&](const Architecture& a) {
    const auto cell = parse_nasbench201(space->print(a));
    skips.insert(unique_text(cell, false));
    zeros.insert(unique_text(cell, true));
    canonical.insert(space->canonical(a));
    reached += connected(cell) ? 1 : 0;
    ++total;
    return true;
  });
  EXPECT_EQ(total, expected["total"].get<int>());
  EXPECT_EQ(size(space->decisions()), std::to_string(total));
  EXPECT_EQ(skips.size(), expected["unique_skip_only"].get<std::size_t>());
  EXPECT_EQ(zeros.size(), expected["unique_skip_and_zero"].get<std::size_t>());
  EXPECT_EQ(canonical.size(), zeros.size());
  EXPECT_EQ(reached, expected["input_output_connected"].get<int>());
}

TEST(Nasbench201, TheOrderOfTheTableIsThePublishedOne) {
  const auto order = benchmark_order();
  ASSERT_EQ(order.size(), 15625U);
  const auto expected = oracle_cases("N201-index").at(0).at("expect");
  EXPECT_EQ(expected.size(), 4U);
  for (const auto& [index, text] : expected.items()) {
    const bool words = text == "all nor_conv_3x3";
    const auto cell = order.at(std::stoul(index));
    if (words) EXPECT_EQ(cell, (Nasbench201Cell{3, 3, 3, 3, 3, 3}));
    else EXPECT_EQ(print_nasbench201(cell), text.get<std::string>());
  }
}

TEST(Nasbench201, SearchFormLearnsNoScaleInTheCandidates) {
  const auto space = make_nasbench201();
  const NetworkOptions closed{.settings = {{"channels", "4"}, {"cells", "1"}}};
  NetworkOptions search = closed;
  search.search = true;
  // Three cells of 6 edges with two convolutions, each with a scale and a shift for 4, 8 and 16 channels.
  EXPECT_EQ(cost(space->open(closed)).params - cost(space->open(search)).params, 6 * 2 * 2 * (4 + 8 + 16));
}

TEST(Nasbench201, BadCellsAreNamed) {
  const auto message = [](const std::string& text) -> std::string {
    try {
      parse_nasbench201(text);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message("|none~0|+|none~0|nor_conv_3x4~1|+|none~0|none~1|none~2|"),
            "NAS-Bench-201 cell, node 2, edge 1: there is no operation 'nor_conv_3x4'; did you mean 'nor_conv_3x3'?");
  EXPECT_NE(message("|none~0|+|none~0|none~0|+|none~0|none~1|none~2|").find("node 2, edge 1 is 'none~0' and must end in ~1"), std::string::npos);
  EXPECT_NE(message("|none~0|+|none~0|none~1|").find("it has 2 nodes, not 3"), std::string::npos);
  EXPECT_NE(message("|none~0|+|none~0|+|none~0|none~1|none~2|").find("node 2 has 1 edges, not 2"), std::string::npos);
  EXPECT_NE(message("none~0+|none~0|none~1|+|none~0|none~1|none~2|").find("node 1 must start and end with |"), std::string::npos);
}

}  // namespace
}  // namespace netwright
