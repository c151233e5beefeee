#pragma once
// The sections of a config: one list of fields each. A new key is one line here and one member in options.hpp.
#include <functional>
#include <string>
#include <vector>

#include "netwright/config/config.hpp"
#include "netwright/config/field.hpp"

namespace netwright {

const Fields<DataOptions>& data_fields();
// Those that mean something to the source: images have no tokens, text is neither cropped nor flipped.
Fields<DataOptions> data_fields_of(const DataOptions& options);
const Fields<TrainingOptions>& training_fields();
Fields<Config> config_fields(const KnownNames& names);

// One kind of phase: which phases (any of these) must stand before it, and how its options are read and written.
struct PhaseKind {
  std::string name;
  std::string meaning;
  std::vector<std::string> needs;
  std::function<Phase(const Given&, const KnownNames&)> read;
  std::function<Tree(const Phase&)> write;
};
const std::vector<PhaseKind>& phase_kinds();

}  // namespace netwright
