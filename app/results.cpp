#include "results.hpp"

#include <nlohmann/json.hpp>

#include "netwright/core/files.hpp"
#include "netwright/report/report.hpp"
#include "study_words.hpp"

namespace netwright {

ReportData write_results(const Config& config, const Space& space, Study& study, const std::filesystem::path& folder) {
  ReportData data = collect(study, config.goal);
  if (const auto best = find_best_trial(data, config)) {
    const bool from_file = std::filesystem::path(config.space.name).has_extension();
    const nlohmann::ordered_json json{{"space", from_file ? "space.yaml" : space.info().name},
                                      {"architecture", best->architecture},
                                      {"metrics", best->outcome.metrics},
                                      {"phase", best->phase},
                                      {"trial", best->number}};
    write_file(folder / "best.json", json.dump(2) + "\n");
    study.put_artefact({.name = "best.json", .kind = "json", .path = "best.json"});
  }
  write_file(folder / "report.html", html_report(data, space, config));
  return data;
}

}  // namespace netwright
