#include "netwright/space/library/builtin.hpp"

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/library/autodeeplab.hpp"
#include "netwright/space/library/autoformer.hpp"
#include "netwright/space/library/darts.hpp"
#include "netwright/space/library/enas.hpp"
#include "netwright/space/library/hat.hpp"
#include "netwright/space/library/nasfpn.hpp"
#include "netwright/space/library/nasnet.hpp"
#include "netwright/space/library/recurrent.hpp"
#include "netwright/space/library/efficientnet.hpp"
#include "netwright/space/library/mnasnet.hpp"
#include "netwright/space/library/mobile_chain.hpp"
#include "netwright/space/library/once_for_all.hpp"
#include "netwright/space/library/reference.hpp"
#include "netwright/space/library/resnet.hpp"
#include "netwright/space/library/spos.hpp"
#include "netwright/space/decision_space.hpp"
#include "netwright/space/yaml.hpp"

namespace netwright {
namespace {

struct Builtin {
  const char* name;
  std::unique_ptr<Space> (*make)();
};

// In reading order.
constexpr Builtin builtin[] = {
    {"minimal", make_minimal},
    {"minimal2", make_minimal2},
    {"mlp", make_mlp},
    {"conv1d", make_conv1d},
    {"nasbench101", make_nasbench101},
    {"nasbench201", make_nasbench201},
    {"nats_size", make_nats_size},
    {"nasbenchmacro", make_nasbenchmacro},
    {"transnas_micro", make_transnas_micro},
    {"transnas_macro", make_transnas_macro},
    {"nasnet", make_nasnet},
    {"amoebanet", make_amoebanet},
    {"enas_micro", make_enas_micro},
    {"enas_macro", make_enas_macro},
    {"darts", make_darts},
    {"resnet", make_resnet},
    {"reference", make_reference},
    {"mnasnet", make_mnasnet},
    {"efficientnet", make_efficientnet},
    {"proxylessnas", make_proxylessnas},
    {"fbnet", make_fbnet},
    {"spos", make_spos},
    {"ofa_mobilenetv3", make_ofa_mobilenetv3},
    {"darts_rnn", make_darts_rnn},
    {"enas_rnn", make_enas_rnn},
    {"autoformer_tiny", make_autoformer_tiny},
    {"autoformer_small", make_autoformer_small},
    {"autoformer_base", make_autoformer_base},
    {"hat", make_hat},
    {"autodeeplab", make_autodeeplab},
    {"nasfpn", make_nasfpn},
};

}  // namespace

const std::vector<std::string>& space_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& entry : builtin) list.emplace_back(entry.name);
    return list;
  }();
  return names;
}

std::shared_ptr<const Space> find_space(std::string_view name) {
  for (const auto& entry : builtin)
    if (name == entry.name) return entry.make();
  if (name.ends_with(".yaml") || name.ends_with(".yml")) return read_yaml_space(std::filesystem::path(name));
  if (name.ends_with(".nwt")) return space_of_table(std::filesystem::path(name));
  throw UsageError("there is no space '" + std::string(name) + "'" + name_hint(name, space_names()));
}

}  // namespace netwright
