#pragma once
// From a strategy's words `warm_start` and `warm_start_best` to the architectures that are asked first.
#include <vector>

#include "netwright/config/options.hpp"
#include "netwright/space/space.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {

// Options that every strategy has, beside its own.
const std::vector<StrategyOption>& warm_start_options();

// Takes the two words out of the options. `warm_start` names
//   a file: one architecture a line, as the space prints it, `name=pick,...` or JSON; empty lines and lines from `#` on are not read;
//   a study's folder: its `warm_start_best` (10) best architectures, by its own objectives, of the last search phase that has finished
//   trials. A study that scores N random architectures without training is a warm start by zero-cost scores.
// Best first; none where the word is not given. Errors: UsageError naming the file and line, or the folder.
std::vector<Architecture> warm_start(const Space& space, Settings& options);

}  // namespace netwright
