#pragma once
// From the words of a command line to a study and its trials.
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "netwright/config/config.hpp"
#include "netwright/report/report.hpp"
#include "netwright/study/study.hpp"
#include "verbs.hpp"

namespace netwright {

// FOLDER/study.db. Errors: UsageError when it is not there, or is no study.
Study open_study(const std::filesystem::path& folder);

// The configuration that the study was started with; its files stand relative to the folder.
Config config_of(const Study& study, const std::filesystem::path& folder);

// The trial that a search ended with: the best of the last phase that has a finished trial with the first objective, retrained networks
// included, baselines excluded; nothing when there is none. best_trial: the same. Errors: UsageError when there is none.
std::optional<Trial> find_best_trial(const ReportData& data, const Config& config);
Trial best_trial(const Study& study, const Config& config);

nlohmann::ordered_json trial_json(const Trial& trial);

// The verb `show` for a study's folder.
int show_trial(const ShowOptions& options, std::ostream& out);

}  // namespace netwright
