#pragma once
// The figures of a report, as HTML; empty where the study has nothing to show. Not installed.
#include <string>

#include "netwright/report/report.hpp"

namespace netwright {

std::string cost_figures(const ReportData& data);        // the objective against params, macs, ..., with the front
std::string history_figures(const ReportData& data);     // one a search phase, with the best so far
std::string learning_figures(const ReportData& data);    // of the compared networks
std::string supernet_figures(const ReportData& data);    // numbers over time
std::string ranking_figure(const ReportData& data);      // inherited accuracy beside that of networks trained for themselves
std::string architecture_figures(const ReportData& data);  // shares of choices over time, one small figure a decision

}  // namespace netwright
