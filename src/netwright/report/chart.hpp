#pragma once
// Static charts as SVG inside HTML: no script, no reference to anything outside.
//
// Colours come from the page's style sheet (classes c0..c9: `--c`; `.chart` for axes, grid and text), so that one page fits light
// and dark ground. A chart scales with its column; its text is legible from 320 pixels of width on.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace netwright {

enum class NumberFormat { plain, percent, count };   // 0.25 | 25 % | 3.1M

struct ChartAxis {
  std::string label;
  NumberFormat format = NumberFormat::plain;
  bool whole = false;            // ticks at whole numbers only
};

enum class Mark { line, dots, steps };

struct ChartSeries {
  std::string name;
  Mark mark = Mark::line;
  int color = 0;                 // 0..9
  std::vector<std::pair<double, double>> points;   // in order of x for lines and steps; those that are not finite are left out
  std::vector<std::string> hints = {};             // shown when the pointer rests on a dot; one a point, or none
  bool large = false;            // larger dots
  bool legend = true;
};

struct Chart {
  std::string title;
  ChartAxis x, y;
  std::vector<ChartSeries> series;
};

// Shares of a whole over time, stacked: each step's shares are drawn from 0 to their sum.
struct ShareChart {
  std::string title;
  std::vector<std::string> names;            // one a share; colour i for share i
  std::vector<double> steps;
  std::vector<std::vector<double>> shares;   // [step][share], each in [0, 1]
};

// A <figure> with caption, SVG and legend. Without a finite point: the caption and "no values".
std::string chart_html(const Chart& chart);
// A small <figure>, without legend: several of them share one (legend_html).
std::string share_chart_html(const ShareChart& chart);
std::string legend_html(const std::vector<std::pair<std::string, int>>& entries);

// Round numbers (1, 2, 2.5, 5 times a power of ten) within or around [low, high], about `count` of them, ascending; at least two.
std::vector<double> nice_ticks(double low, double high, int count, bool whole = false);
std::string format_number(double value, NumberFormat format);   // four significant digits


}  // namespace netwright
