// The figure of a comparison: regret panels and the critical-difference diagram, as SVG.
#include "netwright/report/comparison_figure.hpp"

#include "netwright/core/markup.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "netwright/report/chart.hpp"

namespace netwright {
namespace {

constexpr double width = 980, panel_width = 400, panel_height = 270, left = 70, top = 60, gap = 90;

// Told apart with any kind of colour vision (Okabe and Ito).
constexpr std::array colors = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8B6914", "#7A3E9D", "#6B6B6B"};

std::string color(std::size_t i) { return colors[i % colors.size()]; }

std::string decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

std::string label(double x, double y, const std::string& content, const std::string& more = "") {
  return "<text x=\"" + decimal(x) + "\" y=\"" + decimal(y) + "\"" + more + ">" + escape_html(content) + "</text>\n";
}

std::string line(double x1, double y1, double x2, double y2, const std::string& style) {
  return "<line x1=\"" + decimal(x1) + "\" y1=\"" + decimal(y1) + "\" x2=\"" + decimal(x2) + "\" y2=\"" + decimal(y2) + "\" " + style + "/>\n";
}

struct Range {
  double low = 0, high = 1;
};

// Powers of ten around all that is drawn. A regret of 0 has no logarithm: it lies on the lower edge.
Range decades(const std::vector<Band>& bands) {
  double low = 1e300, high = 0;
  for (const Band& band : bands)
    for (const auto* values : {&band.low, &band.median, &band.high})
      for (const double value : *values)
        if (value > 0) low = std::min(low, value), high = std::max(high, value);
  if (high <= 0) return {1e-4, 1};
  return {std::pow(10, std::floor(std::log10(std::max(low, high * 1e-4)))), std::pow(10, std::ceil(std::log10(high)))};
}

class Panel {
 public:
  Panel(double x, std::string title, const std::vector<double>& hours, std::vector<Band> bands)
      : x_(x), title_(std::move(title)), hours_(hours), bands_(std::move(bands)), range_(decades(bands_)) {
    if (range_.high <= range_.low) range_.high = range_.low * 10;
  }

  std::string svg() const {
    std::string text = label(x_, top - 14, title_, " font-weight=\"bold\"") + axes();
    for (std::size_t i = 0; i < bands_.size(); ++i) text += area(bands_[i], color(i));
    for (std::size_t i = 0; i < bands_.size(); ++i) text += path(bands_[i].median, color(i));
    return text;
  }

 private:
  double at_x(double hours) const { return x_ + panel_width * (hours_.empty() || hours_.back() <= 0 ? 0 : hours / hours_.back()); }
  double at_y(double value) const {
    const double share = std::log(std::max(value, range_.low) / range_.low) / std::log(range_.high / range_.low);
    return top + panel_height * (1 - std::min(share, 1.0));
  }

  std::string axes() const {
    std::string text = "<rect x=\"" + decimal(x_) + "\" y=\"" + decimal(top) + "\" width=\"" + decimal(panel_width) + "\" height=\"" +
                       decimal(panel_height) + "\" fill=\"none\" stroke=\"#888\"/>\n";
    for (double value = range_.low; value <= range_.high * 1.001; value *= 10) {
      char number[32];
      std::snprintf(number, sizeof number, "%g", value);
      text += line(x_, at_y(value), x_ + panel_width, at_y(value), "stroke=\"#ddd\"") + label(x_ - 6, at_y(value) + 4, number, " text-anchor=\"end\"");
    }
    for (const double tick : nice_ticks(0, hours_.empty() ? 1 : hours_.back(), 6)) {
      if (hours_.empty() || tick > hours_.back()) continue;
      text += label(at_x(tick), top + panel_height + 18, format_number(tick, NumberFormat::plain), " text-anchor=\"middle\"");
    }
    return text + label(x_ + panel_width / 2, top + panel_height + 36, "simulated hours", " text-anchor=\"middle\"");
  }

  std::string point(std::size_t i, double value) const { return decimal(at_x(hours_[i])) + "," + decimal(at_y(value)) + " "; }

  std::string area(const Band& band, const std::string& paint) const {
    std::string there, back;
    for (std::size_t i = 0; i < hours_.size(); ++i) {
      if (std::isnan(band.low[i])) continue;
      there += point(i, band.low[i]);
      back = point(i, std::isnan(band.high[i]) ? range_.high : band.high[i]) + back;
    }
    return "<polygon points=\"" + there + back + "\" fill=\"" + paint + "\" fill-opacity=\"0.15\"/>\n";
  }

  std::string path(const std::vector<double>& values, const std::string& paint) const {
    std::string points;
    for (std::size_t i = 0; i < hours_.size(); ++i)
      if (!std::isnan(values[i])) points += point(i, values[i]);
    return "<polyline points=\"" + points + "\" fill=\"none\" stroke=\"" + paint + "\" stroke-width=\"2\"/>\n";
  }

  double x_;
  std::string title_;
  const std::vector<double>& hours_;
  std::vector<Band> bands_;
  Range range_;
};

std::string legend(const Comparison& comparison, double y) {
  std::string text;
  double x = left;
  for (std::size_t i = 0; i < comparison.strategies.size(); ++i) {
    const std::string& name = comparison.strategies[i].name;
    const double wide = 40 + 7.5 * static_cast<double>(name.size());
    if (x + wide > width - 20) x = left, y += 18;
    text += line(x, y - 4, x + 20, y - 4, "stroke=\"" + color(i) + "\" stroke-width=\"3\"") + label(x + 26, y, name);
    x += wide;
  }
  return text;
}

// Strategies on an axis of average ranks; those that a thick bar joins do not differ significantly.
std::string ranks_diagram(const Comparison& comparison, const Standings& standings, double y) {
  const std::size_t count = standings.ranks.size();
  const double x0 = left + 120, x1 = width - 190;
  const auto at = [&](double rank) { return x0 + (x1 - x0) * (count > 1 ? (rank - 1) / static_cast<double>(count - 1) : 0); };
  std::string text = label(left, y - 34, "average rank (1 = best); a bar joins what does not differ with 95 % confidence", " font-weight=\"bold\"");
  text += line(x0, y, x1, y, "stroke=\"#333\"");
  for (std::size_t rank = 1; rank <= count; ++rank) {
    const double x = at(static_cast<double>(rank));
    text += line(x, y - 5, x, y, "stroke=\"#333\"") + label(x, y - 9, std::to_string(rank), " text-anchor=\"middle\"");
  }
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return standings.ranks[i]; });
  double bar = y + 8;
  std::size_t furthest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t last = i;
    while (last + 1 < count && standings.ranks[order[last + 1]] - standings.ranks[order[i]] <= standings.critical_difference) ++last;
    if (last == i || last <= furthest) continue;
    furthest = last;
    text += line(at(standings.ranks[order[i]]) - 3, bar, at(standings.ranks[order[last]]) + 3, bar, "stroke=\"#333\" stroke-width=\"4\"");
    bar += 7;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double x = at(standings.ranks[order[i]]), level = bar + 12 + 18 * static_cast<double>(std::min(i, count - 1 - i));
    const bool good = 2 * i < count;  // the better half is named on the left
    const double end = good ? x0 - 10 : x1 + 10;
    text += "<polyline points=\"" + decimal(x) + "," + decimal(y) + " " + decimal(x) + "," + decimal(level) + " " + decimal(end) + "," + decimal(level) +
            "\" fill=\"none\" stroke=\"" + color(order[i]) + "\"/>\n";
    text += label(good ? end - 4 : end + 4, level + 4, comparison.strategies[order[i]].name + " " + decimal(standings.ranks[order[i]]), good ? " text-anchor=\"end\"" : "");
  }
  return text;
}

}  // namespace

std::string comparison_svg(const Comparison& comparison) {
  const std::size_t points = comparison.hours.size(), count = comparison.strategies.size();
  std::vector<Band> validation, test;
  for (const ComparedStrategy& strategy : comparison.strategies) {
    validation.push_back(band_of(strategy.validation, points));
    if (!comparison.test_metric.empty()) test.push_back(band_of(strategy.test, points));
  }
  const double legend_y = top + panel_height + 64, ranks_y = legend_y + 90 + 18 * std::floor(static_cast<double>(count) / 6);
  const double height = ranks_y + 60 + 18 * static_cast<double>(count);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + decimal(width) + " " + decimal(height) +
                    "\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  svg += label(left, 24, comparison.title, " font-size=\"15\"");
  svg += Panel(left, comparison.metric + ": regret", comparison.hours, validation).svg();
  if (!test.empty()) svg += Panel(left + panel_width + gap, comparison.test_metric + ": regret", comparison.hours, test).svg();
  svg += legend(comparison, legend_y);
  if (count > 1) svg += ranks_diagram(comparison, standings_of(comparison), ranks_y);
  return svg + "</svg>\n";
}

}  // namespace netwright
