#pragma once
// What a search leaves beside its journal.
#include <filesystem>

#include "netwright/config/config.hpp"
#include "netwright/report/report.hpp"
#include "netwright/space/space.hpp"
#include "netwright/study/study.hpp"

namespace netwright {

// Reads the study once and writes best.json {"space", "architecture", "metrics", "phase", "trial"} and report.html, computed from the study. Without a finished trial
// there is no best.json. Gives what was read, for more to be said of it.
ReportData write_results(const Config& config, const Space& space, Study& study, const std::filesystem::path& folder);

}  // namespace netwright
