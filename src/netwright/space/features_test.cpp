#include "netwright/space/features.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

double product(const std::vector<float>& a, const std::vector<float>& b) { return std::inner_product(a.begin(), a.end(), b.begin(), 0.0); }

TEST(Features, RowsHaveOneLengthAndTellArchitecturesApart) {
  for (const std::string name : {"nasbench201", "nasbench101", "darts"}) {
    const auto space = find_space(name);
    const auto maps = feature_maps(space);
    EXPECT_EQ(maps.contains("path"), name != "darts");
    Rng rng(1);
    for (const auto& [kind, map] : maps) {
      const std::vector<float> first = map(sample(space->decisions(), rng)), second = map(sample(space->decisions(), rng));
      EXPECT_EQ(first.size(), second.size());
      EXPECT_NE(first, second) << name << ' ' << kind;
    }
  }
}

TEST(Features, PathsAreThoseOfTheField) {
  const auto space = find_space("nasbench201");
  const auto row = feature_maps(space).at("path")(space->parse("|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_3x3~0|none~1|nor_conv_1x1~2|"));
  EXPECT_EQ(row.size(), 155u);
  EXPECT_EQ(std::accumulate(row.begin(), row.end(), 0.0F), 4);
}

TEST(WeisfeilerLehman, HasLengthOneAndANeighbourIsNearerThanAStranger) {
  const auto space = find_space("nasbench201");
  const auto map = feature_maps(space).at("wl");
  const auto all = map(space->parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"));
  const auto near = map(space->parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_1x1~2|"));
  const auto far = map(space->parse("|avg_pool_3x3~0|+|avg_pool_3x3~0|none~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"));
  EXPECT_NEAR(product(all, all), 1, 1e-5);
  EXPECT_LT(product(all, near), 1 - 1e-4);
  EXPECT_GT(product(all, near), product(all, far));
}

}  // namespace
}  // namespace netwright
