#pragma once
// From the words of a command line to a network.
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "netwright/config/options.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/graph/drawing.hpp"
#include "netwright/space/space.hpp"
#include "verbs.hpp"

namespace netwright {

// find_architecture(), and beyond it: a study's folder means its best.json, and a space file named in a JSON file stands beside that file.
Located locate_architecture(const std::string& text);
// Whether the text names a folder; an architecture's text may be longer than any file's name.
bool is_folder(const std::string& text);
Written locate_written(const std::string& text);

// The closed network that a verb's words name; genotypes beyond a space included.
struct NamedNetwork {
  std::string space;
  std::string title;         // SPACE:TEXT
  NetworkOptions options;
  Graph graph;
};
NamedNetwork named_network(const NetworkVerbOptions& options);

// "3x32x32". Errors: UsageError.
Shape parse_shape(const std::string& text);

// {"channels=36", "auxiliary=true"}. Errors: UsageError for a word without "=".
Settings parse_settings(const std::vector<std::string>& words);

// Empty input and 0 classes: the usual ones of the space.
NetworkOptions network_options(const Space& space, const std::string& input, std::int64_t classes, const std::vector<std::string>& settings,
                               bool search = false);
// The same over the network of a published architecture, where one is written.
NetworkOptions network_options(const Written& written, const std::string& input, std::int64_t classes, const std::vector<std::string>& settings,
                               bool search = false);

// Input and classes as the config's data have them (a built-in space that they do not feed keeps its usual ones); of a text the window and the
// vocabulary, for which it is read; settings from its space section (those of the supernet when `search`).
// Errors: UsageError for a folder of images that is not there or has fewer than two classes, and those of read_text().
NetworkOptions network_options(const Config& config, bool search = false);

// As the file's ending says: .svg, .dot or .json. Errors: UsageError for another ending.
void write_drawing(const Graph& graph, const DrawingOptions& drawing, const std::string& file);

// {"params": ..., "params_auxiliary", "macs", "activation_bytes", "peak_bytes", "layers"}.
nlohmann::ordered_json cost_json(const Cost& cost);
std::string cost_lines(const Cost& cost);

}  // namespace netwright
