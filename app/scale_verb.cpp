// scale: the grid of compound coefficients, each with the network that it makes of a base.
#include <iomanip>

#include <nlohmann/json.hpp>

#include "netwright/core/units.hpp"
#include "netwright/space/library/mobile_blocks.hpp"
#include "network_words.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

struct Grown {
  Compound by;
  std::string text;   // as the space reads it
  Cost price;
  double growth;      // counted: multiply-accumulates over the base's
};

std::string compound_text(const Compound& by, double phi) {
  std::ostringstream text;
  text << "alpha=" << by.alpha << ",beta=" << by.beta << ",gamma=" << by.gamma << ",phi=" << phi;
  return text.str();
}

std::vector<Grown> grown(const ScaleOptions& options, const Space& space, const NetworkOptions& network, const Cost& base) {
  std::vector<Grown> list;
  for (const Compound& by : compound_candidates({.step = options.step, .most = options.most, .growth = options.growth, .tolerance = options.tolerance})) {
    Grown grown{.by = by, .text = compound_text(by, options.phi)};
    grown.price = cost(space.network(grown.text, network));
    grown.growth = static_cast<double>(grown.price.macs) / static_cast<double>(base.macs);
    list.push_back(std::move(grown));
  }
  return list;
}

nlohmann::ordered_json grown_json(const std::vector<Grown>& list) {
  auto json = nlohmann::ordered_json::array();
  for (const Grown& g : list)
    json.push_back({{"architecture", "efficientnet:" + g.text}, {"alpha", g.by.alpha}, {"beta", g.by.beta}, {"gamma", g.by.gamma},
                    {"product", g.by.product()}, {"growth", g.growth}, {"cost", cost_json(g.price)}});
  return json;
}

void print_grown(const std::vector<Grown>& list, const Cost& base, std::ostream& out) {
  out << "base: " << format_count(static_cast<double>(base.params)) << " parameters, " << format_count(static_cast<double>(base.macs)) << " MACs\n";
  out << "alpha  beta  gamma  product  growth  parameters     MACs\n" << std::fixed << std::setprecision(2);
  for (const Grown& g : list)
    out << std::setw(5) << g.by.alpha << std::setw(6) << g.by.beta << std::setw(7) << g.by.gamma << std::setw(9) << g.by.product() << std::setw(8) << g.growth
        << std::setw(12) << format_count(static_cast<double>(g.price.params)) << std::setw(9) << format_count(static_cast<double>(g.price.macs)) << "\n";
  out << list.size() << (list.size() == 1 ? " network" : " networks") << "; train one with: netwright retrain 'efficientnet:alpha=A,beta=B,gamma=C,phi=P' key=value ...\n";
}

}  // namespace

int scale(const ScaleOptions& options, std::ostream& out) {
  const auto space = find_space("efficientnet");
  const NetworkOptions network = network_options(*space, options.input, options.classes, options.settings);
  const Cost base = cost(space->network(compound_text({}, 0), network));
  const auto list = grown(options, *space, network, base);
  if (options.json)
    out << nlohmann::ordered_json{{"base", cost_json(base)}, {"networks", grown_json(list)}}.dump(2) << "\n";
  else
    print_grown(list, base, out);
  return done;
}

}  // namespace netwright
