#include "netwright/space/library/nasnet.hpp"

namespace netwright {

PairFamily nasnet_family() {
  constexpr PairDefaults defaults{.cifar_channels = 32, .cifar_cells = 18, .imagenet_channels = 44, .imagenet_cells = 12};
  const std::vector<std::string> operations = {"identity",     "conv_1x3_3x1", "conv_1x7_7x1", "dil_conv_3x3", "avg_pool_3x3", "max_pool_3x3", "max_pool_5x5",
                                               "max_pool_7x7", "conv_1x1",     "conv_3x3",     "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7"};
  std::vector<Setting> settings = pair_settings(defaults);
  settings.push_back(cropping_setting());
  return {.info = {.name = "nasnet",
                   .title = "two cells of five pairwise blocks, 13 operations, added or concatenated",
                   .paper = "Zoph et al. 2018, arXiv 1707.07012",
                   .traits = {"cell", "uniform"},
                   .settings = settings},
          .defaults = defaults,
          .operations = pair_operations(operations),
          .pickable = operations.size(),
          .combiner = true,
          .crops = true,
          .no_supernet = "a block that concatenates doubles the channels of whatever reads it, so widths depend on other decisions"};
}

PairFamily amoebanet_family() {
  constexpr PairDefaults defaults{.cifar_channels = 36, .cifar_cells = 18, .imagenet_channels = 50, .imagenet_cells = 12};
  const std::vector<std::string> own = {"identity",     "sep_conv_3x3", "sep_conv_5x5", "sep_conv_7x7",
                                        "avg_pool_3x3", "max_pool_3x3", "dil_conv_3x3", "conv_1x7_7x1"};
  std::vector<std::string> all = own;
  all.insert(all.end(), {"conv_1x1", "conv_3x3", "max_pool_2x2"});  // of AmoebaNet-B and -D
  return {.info = {.name = "amoebanet",
                   .title = "two cells of five added pairs, eight operations",
                   .paper = "Real et al. 2019, arXiv 1802.01548",
                   .traits = {"cell", "open", "uniform"},
                   .settings = pair_settings(defaults),
                   .search_settings = {{"channels", "24", ""}, {"cells", "9", ""}}},
          .defaults = defaults,
          .operations = pair_operations(all),
          .pickable = own.size(),
          .odd_channel = false};
}

std::unique_ptr<Space> make_nasnet() { return make_pair_space(nasnet_family()); }
std::unique_ptr<Space> make_amoebanet() { return make_pair_space(amoebanet_family()); }

}  // namespace netwright
