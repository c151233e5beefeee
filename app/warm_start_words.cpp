#include "warm_start_words.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "netwright/study/summary.hpp"
#include "study_words.hpp"

namespace netwright {
namespace {

std::vector<Architecture> from_file(const Space& space, const std::filesystem::path& file) {
  std::vector<Architecture> result;
  int number = 0;
  for (const std::string& raw : split(read_file(file), '\n')) {
    ++number;
    const std::string line = trim(raw);
    if (line.empty() || line.front() == '#') continue;
    try {
      result.push_back(space.parse(line));
      validate(space.decisions(), result.back());
    } catch (const UsageError& error) {
      throw UsageError(file.string() + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  if (result.empty()) throw UsageError(file.string() + ": holds no architecture");
  return result;
}

std::vector<Trial> finished(const Study& study, const std::string& phase) {
  std::vector<Trial> trials = study.trials(phase);
  std::erase_if(trials, [](const Trial& trial) { return trial.state != TrialState::done; });
  return trials;
}

std::vector<Architecture> from_study(const Space& space, const std::filesystem::path& folder, std::size_t best) {
  const Study study = open_study(folder);
  const Goal goal = config_of(study, folder).goal;
  std::vector<Trial> trials;
  for (const PhaseRecord& phase : study.phases())
    if (phase.kind == "search")
      if (auto found = finished(study, phase.name); !found.empty()) trials = std::move(found);
  if (trials.empty()) throw UsageError(folder.string() + ": no search phase of this study has a finished trial");
  if (trials.front().space != space.info().name)
    throw UsageError(folder.string() + ": its architectures are of " + trials.front().space + ", not of " + space.info().name);
  std::ranges::stable_sort(trials, [&](const Trial& a, const Trial& b) { return ahead(a, b, goal); });
  std::vector<Architecture> result;
  std::set<Architecture> seen;
  for (const Trial& trial : trials) {
    Architecture architecture = space.parse(trial.architecture);
    if (result.size() < best && seen.insert(architecture).second) result.push_back(std::move(architecture));
  }
  return result;
}

}  // namespace

const std::vector<StrategyOption>& warm_start_options() {
  static const std::vector<StrategyOption> options = {
      {"warm_start", "", "asked first: a file of architectures, one a line, or a study's folder"},
      {"warm_start_best", "10", "how many of a study's best"},
  };
  return options;
}

std::vector<Architecture> warm_start(const Space& space, Settings& options) {
  const auto from = options.extract("warm_start"), best = options.extract("warm_start_best");
  if (from.empty() || from.mapped().empty()) {
    if (!best.empty()) throw UsageError("strategy option warm_start_best: needs warm_start");
    return {};
  }
  const std::filesystem::path place = from.mapped();
  if (!std::filesystem::exists(place)) throw UsageError("strategy option warm_start: there is no " + place.string());
  if (!std::filesystem::is_directory(place)) return from_file(space, place);
  const double count = best.empty() ? 10 : parse_count(best.mapped());
  if (!(count >= 1) || count != static_cast<double>(static_cast<std::int64_t>(count)))
    throw UsageError("strategy option warm_start_best: '" + best.mapped() + "' is not a whole number of at least 1");
  return from_study(space, place, static_cast<std::size_t>(count));
}

}  // namespace netwright
