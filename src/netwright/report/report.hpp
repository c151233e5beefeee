#pragma once
// A study as one self-contained HTML page: no network, no script; every number is computed from the journal alone.
//
// Conventions read here: networks trained to be compared carry a label ("best": found by the search; "random", "resnet": its
// baselines), metrics val_accuracy, test_accuracy (of text val_perplexity, test_perplexity), train_loss, val_loss, params, macs, epochs, and reports whose step is an epoch.
// A phase's series named "alpha/DECISION" hold the shares of the decision's choices; others are numbers ("loss/train" and
// "loss/val" share one chart).
#include <map>
#include <string>
#include <vector>

#include "netwright/config/options.hpp"
#include "netwright/report/verdict.hpp"
#include "netwright/space/space.hpp"
#include "netwright/study/study.hpp"

namespace netwright {

struct Drawing {
  std::string title;
  std::string svg;
};

struct ReportData {
  StudyRecord record;
  Goal goal;
  std::vector<PhaseRecord> phases;
  std::vector<Trial> trials;
  std::map<std::string, std::vector<SeriesPoint>> series = {};    // by phase
  std::map<std::string, std::vector<std::string>> choices = {};   // by decision: names of the shares
  std::map<std::string, std::vector<Constraint>> bounds = {};     // by search phase that has some of its own
  std::vector<Drawing> drawings = {};                             // of the best architecture; the last one is the whole network
};

ReportData collect(const Study& study, const Goal& goal);
// The architecture that the report is about: see Verdict; a derived one where nothing was trained; empty when there is none.
std::string best_architecture(const ReportData& data);
// Its distinct cells and the whole network, collapsed. Nothing where the space cannot close the architecture with these options.
std::vector<Drawing> draw_architecture(const Space& space, const std::string& architecture, const NetworkOptions& options);

// Cost: milliseconds and 100-500 kB for 10,000 trials (charts are thinned out, the table holds the best 50 and the failures).
std::string render(const ReportData& data);
std::string html_report(const Study& study, const Space& space, const Config& config);
std::string html_report(ReportData data, const Space& space, const Config& config);  // of what was collected before

}  // namespace netwright
