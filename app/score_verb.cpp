#include "score_verb.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "network_words.hpp"
#include "netwright/core/names.hpp"
#include "netwright/proxy/proxy.hpp"

namespace netwright {
namespace {

// JSON has no infinities: they are written as the strings of the study's journal.
nlohmann::ordered_json number_json(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

ProxyOptions proxy_options(const NetworkVerbOptions& options) {
  ProxyOptions made{.names = split(options.proxies, ','), .batch = options.batch, .fill = parse_fill(options.fill), .seed = Seed(options.seed)};
  if (made.fill == Fill::oracle) made.place.dtype = at::kDouble;
  return made;
}

void print_table(const std::map<std::string, double>& values, std::ostream& out) {
  std::size_t width = 0;
  for (const auto& [name, value] : values) width = std::max(width, name.size());
  for (const Proxy& proxy : proxy_list()) {
    const auto found = values.find(proxy.name);
    if (found == values.end()) continue;
    std::ostringstream number;
    number << std::setprecision(10) << found->second;
    out << "  " << std::left << std::setw(static_cast<int>(width)) << proxy.name << "  " << std::setw(18) << number.str() << proxy.title
        << (proxy.direction == Direction::minimise ? " (smaller is better)" : "") << "\n";
  }
}

}  // namespace

int score(const NetworkVerbOptions& options, std::ostream& out) {
  const ProxyOptions wanted = proxy_options(options);
  find_proxies(wanted.names);
  const NamedNetwork named = named_network(options);
  const NetworkOptions& network = named.options;
  const std::string& name = named.title;
  const auto values = score(named.graph, wanted);
  if (!options.json) {
    out << name << "\ninput " << to_string(network.input) << ", " << network.classes << " classes, batch " << options.batch << ", " << options.fill
        << " fill\n\n";
    print_table(values, out);
    return done;
  }
  nlohmann::ordered_json scores = nlohmann::ordered_json::object();
  for (const Proxy& proxy : proxy_list())
    if (const auto found = values.find(proxy.name); found != values.end()) scores[proxy.name] = number_json(found->second);
  out << nlohmann::ordered_json{{"architecture", name},   {"proxies", scores},    {"input", network.input}, {"classes", network.classes},
                                {"batch", options.batch}, {"fill", options.fill}, {"seed", options.seed}}
             .dump(2)
      << "\n";
  return done;
}

}  // namespace netwright
