#include "netwright/report/chart.hpp"

#include "netwright/core/markup.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

#include "netwright/core/units.hpp"

namespace netwright {
namespace {

constexpr std::size_t most_dots = 1500;    // beyond these a chart is thinned out evenly
constexpr std::size_t most_hints = 400;

// The plot's place in the viewBox.
struct Frame {
  double width = 520, height = 330, left = 62, right = 14, top = 10, bottom = 46;
  double plot_width() const { return width - left - right; }
  double plot_height() const { return height - top - bottom; }
};

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  void add(double value) { low = std::min(low, value), high = std::max(high, value); }
  bool empty() const { return low > high; }
};

std::string short_number(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f", value);
  std::string result = text.data();
  if (result.ends_with(".0")) result.resize(result.size() - 2);
  return result == "-0" ? "0" : result;
}

bool finite(const std::pair<double, double>& point) { return std::isfinite(point.first) && std::isfinite(point.second); }

// Which points are drawn: the finite ones, thinned out evenly; the first and the last stay.
std::vector<std::size_t> drawn_points(const ChartSeries& series) {
  std::vector<std::size_t> all;
  for (std::size_t i = 0; i < series.points.size(); ++i)
    if (finite(series.points[i])) all.push_back(i);
  if (all.size() <= most_dots) return all;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < most_dots; ++i) kept.push_back(all[i * (all.size() - 1) / (most_dots - 1)]);
  return kept;
}

// Draws one chart: maps values to the viewBox.
class Plot {
 public:
  Plot(const Chart& chart) : chart_(chart) {
    for (const auto& series : chart.series)
      for (const auto& point : series.points)
        if (finite(point)) x_.add(point.first), y_.add(point.second);
    if (empty()) return;
    x_ticks_ = nice_ticks(x_.low, x_.high, 6, chart.x.whole);
    y_ticks_ = nice_ticks(y_.low, y_.high, 6, chart.y.whole);
    // the horizontal axis spans the values, the vertical one its ticks
    widen(x_, x_ticks_);
    y_.add(y_ticks_.front()), y_.add(y_ticks_.back());
  }

  bool empty() const { return x_.empty(); }

  std::string svg() const {
    std::string text = "<svg class=\"chart\" viewBox=\"0 0 " + short_number(frame_.width) + " " + short_number(frame_.height) + "\" role=\"img\" aria-label=\"" + escape_html(chart_.title) + "\">";
    text += axes();
    for (const auto& series : chart_.series) text += draw(series);
    return text + "</svg>";
  }

 private:
  static void widen(Range& range, const std::vector<double>& ticks) {
    if (range.low == range.high) range.add(ticks.front()), range.add(ticks.back());
    const double margin = (range.high - range.low) * 0.03;
    range.low -= margin, range.high += margin;
  }

  double at_x(double value) const { return frame_.left + (value - x_.low) / (x_.high - x_.low) * frame_.plot_width(); }
  double at_y(double value) const { return frame_.top + (y_.high - value) / (y_.high - y_.low) * frame_.plot_height(); }
  std::string place(const std::pair<double, double>& p) const { return short_number(at_x(p.first)) + " " + short_number(at_y(p.second)); }

  std::string axes() const {
    const std::string left = short_number(frame_.left), right = short_number(frame_.width - frame_.right), bottom = short_number(frame_.height - frame_.bottom);
    std::string text;
    for (const double tick : y_ticks_) {
      const std::string y = short_number(at_y(tick));
      text += "<line class=\"grid\" x1=\"" + left + "\" x2=\"" + right + "\" y1=\"" + y + "\" y2=\"" + y + "\"/>";
      text += "<text text-anchor=\"end\" x=\"" + short_number(frame_.left - 7) + "\" y=\"" + short_number(at_y(tick) + 4) + "\">" + format_number(tick, chart_.y.format) + "</text>";
    }
    text += "<line class=\"axis\" x1=\"" + left + "\" x2=\"" + right + "\" y1=\"" + bottom + "\" y2=\"" + bottom + "\"/>";
    for (const double tick : x_ticks_) {
      if (tick < x_.low || tick > x_.high) continue;
      const std::string x = short_number(at_x(tick));
      text += "<line class=\"axis\" x1=\"" + x + "\" x2=\"" + x + "\" y1=\"" + bottom + "\" y2=\"" + short_number(frame_.height - frame_.bottom + 5) + "\"/>";
      text += "<text text-anchor=\"middle\" x=\"" + x + "\" y=\"" + short_number(frame_.height - frame_.bottom + 19) + "\">" + format_number(tick, chart_.x.format) + "</text>";
    }
    const double middle = frame_.top + frame_.plot_height() / 2;
    text += "<text class=\"label\" text-anchor=\"middle\" x=\"" + short_number(frame_.left + frame_.plot_width() / 2) + "\" y=\"" + short_number(frame_.height - 7) + "\">" + escape_html(chart_.x.label) + "</text>";
    return text + "<text class=\"label\" text-anchor=\"middle\" transform=\"translate(13 " + short_number(middle) + ") rotate(-90)\">" + escape_html(chart_.y.label) + "</text>";
  }

  std::string draw(const ChartSeries& series) const {
    const auto points = drawn_points(series);
    if (points.empty()) return "";
    const std::string group = "<g class=\"c" + std::to_string(series.color) + "\">";
    if (series.mark == Mark::dots) return group + dots(series, points) + "</g>";
    std::string path = "M" + place(series.points[points[0]]);
    for (std::size_t i = 1; i < points.size(); ++i) {
      const auto& point = series.points[points[i]];
      if (series.mark == Mark::steps) path += "H" + short_number(at_x(point.first)) + "V" + short_number(at_y(point.second));
      else path += "L" + place(point);
    }
    // a single point has no line to show
    if (points.size() == 1) return group + dots(series, points) + "</g>";
    return group + "<path class=\"line\" d=\"" + path + "\"/></g>";
  }

  std::string dots(const ChartSeries& series, const std::vector<std::size_t>& points) const {
    std::string text;
    const bool hinted = series.hints.size() == series.points.size() && points.size() <= most_hints;
    for (const std::size_t i : points) {
      text += "<circle class=\"dot\" r=\"" + std::string(series.large ? "5.5" : points.size() > 300 ? "2" : "3.5") + "\" cx=\"" + short_number(at_x(series.points[i].first)) + "\" cy=\"" + short_number(at_y(series.points[i].second)) + "\"";
      text += hinted ? "><title>" + escape_html(series.hints[i]) + "</title></circle>" : "/>";
    }
    return text;
  }

  const Chart& chart_;
  Frame frame_;
  Range x_, y_;
  std::vector<double> x_ticks_, y_ticks_;
};

std::string caption(const std::string& title) { return "<figcaption>" + escape_html(title) + "</figcaption>"; }

// The band of one share between the sums below and above it.
std::string band(const std::vector<std::string>& xs, const std::vector<double>& below, const std::vector<double>& above, std::size_t color, const std::string& name) {
  const auto y = [](double share) { return short_number(8 + (1 - std::clamp(share, 0.0, 1.0)) * 104); };
  std::string path = "M" + xs[0] + " " + y(above[0]);
  for (std::size_t i = 1; i < xs.size(); ++i) path += "L" + xs[i] + " " + y(above[i]);
  for (std::size_t i = xs.size(); i-- > 0;) path += "L" + xs[i] + " " + y(below[i]);
  return "<path class=\"area c" + std::to_string(color % 10) + "\" d=\"" + path + "Z\"><title>" + escape_html(name) + "</title></path>";
}

}  // namespace

std::string format_number(double value, NumberFormat format) {
  if (!std::isfinite(value)) return "-";
  if (format == NumberFormat::count) return format_count(value);
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.4g", format == NumberFormat::percent ? value * 100 : value);
  return format == NumberFormat::percent ? std::string(text.data()) + "%" : std::string(text.data());
}

std::vector<double> nice_ticks(double low, double high, int count, bool whole) {
  if (!(high > low)) {
    const double around = whole ? 1 : low == 0 ? 1 : std::abs(low) * 0.05;
    low -= around, high += around;
  }
  const double raw = (high - low) / std::max(1, count - 1), power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 2.5, 5.0})
    if (factor * power >= raw * 0.999) {
      step = factor * power;
      break;
    }
  if (whole) step = std::max(1.0, std::ceil(step));
  std::vector<double> ticks;
  const double first = std::floor(low / step + 1e-9), last = std::ceil(high / step - 1e-9);
  for (double i = first; i <= last; ++i) ticks.push_back(i * step);
  return ticks;
}

std::string legend_html(const std::vector<std::pair<std::string, int>>& entries) {
  std::string text = "<div class=\"legend\">";
  for (const auto& [name, color] : entries) text += "<span><i class=\"c" + std::to_string(color % 10) + "\"></i>" + escape_html(name) + "</span>";
  return text + "</div>";
}

std::string chart_html(const Chart& chart) {
  const Plot plot(chart);
  std::string text = "<figure>" + caption(chart.title);
  if (plot.empty()) return text + "<p class=\"quiet\">no values</p></figure>";
  std::vector<std::pair<std::string, int>> entries;
  for (const auto& series : chart.series)
    if (series.legend && std::any_of(series.points.begin(), series.points.end(), finite)) entries.emplace_back(series.name, series.color);
  return text + plot.svg() + (entries.size() > 1 ? legend_html(entries) : "") + "</figure>";
}

std::string share_chart_html(const ShareChart& chart) {
  std::string text = "<figure class=\"small\">" + caption(chart.title);
  if (chart.steps.empty()) return text + "<p class=\"quiet\">no values</p></figure>";
  const double first = chart.steps.front(), span = std::max(chart.steps.back() - first, 1e-9);
  std::vector<std::string> xs;
  for (const double step : chart.steps) xs.push_back(short_number(30 + (step - first) / span * 204));
  if (xs.size() == 1) xs = {"30", "234"};   // one step is a bar over the whole width
  text += "<svg class=\"chart\" viewBox=\"0 0 240 134\" role=\"img\" aria-label=\"" + escape_html(chart.title) + "\">";
  std::vector<double> below(xs.size(), 0.0), above(xs.size(), 0.0);
  for (std::size_t share = 0; share < chart.names.size(); ++share) {
    for (std::size_t i = 0; i < xs.size(); ++i) {
      const auto& row = chart.shares[std::min(i, chart.shares.size() - 1)];
      above[i] = below[i] + (share < row.size() && std::isfinite(row[share]) ? row[share] : 0.0);
    }
    text += band(xs, below, above, share, chart.names[share]);
    below = above;
  }
  const auto label = [&](const char* anchor, double x, double y, const std::string& what) {
    text += "<text text-anchor=\"" + std::string(anchor) + "\" x=\"" + short_number(x) + "\" y=\"" + short_number(y) + "\">" + what + "</text>";
  };
  label("end", 25, 16, "1");
  label("end", 25, 114, "0");
  label("start", 30, 129, format_number(first, NumberFormat::plain));
  if (chart.steps.size() > 1) label("end", 234, 129, format_number(chart.steps.back(), NumberFormat::plain));
  return text + "</svg></figure>";
}

}  // namespace netwright
