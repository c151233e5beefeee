#pragma once
// A search space: decisions, and the network that an architecture means.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/graph/close.hpp"
#include "netwright/graph/graph.hpp"
#include "netwright/space/decision.hpp"

namespace netwright {

// A number or word that shapes the network without being searched: channels, cells, stem, auxiliary head.
struct Setting {
  std::string name;
  std::string fallback;
  std::string meaning;
};

// What network to build. `search` asks for the form that a supernet trains where a space has two (DARTS: batch norm without scale,
// batch norm behind pooling, its own channels and cells); settings not given take the space's default for that form.
struct NetworkOptions {
  Shape input = {3, 32, 32};
  std::int64_t classes = 10;
  bool search = false;
  std::map<std::string, std::string, std::less<>> settings = {};
};

struct SpaceInfo {
  std::string name;
  std::string title;                 // one line
  std::string paper;                 // "Liu et al. 2019, arXiv 1806.09055"; empty for a user's space
  std::vector<std::string> traits;   // "cell", "chain", "open", "tabular", "uniform"
  std::vector<Setting> settings;
  std::vector<Setting> search_settings;  // defaults that differ while `search` is set (same names)
  Shape input = {3, 32, 32};         // the usual input and classes
  std::int64_t classes = 10;
};

class Space {
 public:
  virtual ~Space() = default;
  virtual const SpaceInfo& info() const = 0;
  virtual const DecisionTree& decisions() const = 0;

  // The supernet's graph. Errors: Unsupported with the reason where the space has none; UsageError for a bad setting.
  virtual Graph open(const NetworkOptions& options) const = 0;
  // The closed network of an architecture, in the form that is trained for itself (options.search is not read).
  virtual Graph close(const Architecture& architecture, const NetworkOptions& options) const;

  // The field's own notation where there is one, otherwise `name=pick,...`. parse(print(a)) == a; JSON objects
  // {"decision": "pick" | ["pick", ...]} are understood by every space.
  virtual std::string print(const Architecture& architecture) const;
  virtual Architecture parse(std::string_view text) const;
  // The network that a text means. A notation may reach beyond the space: published genotypes of relatives are built too, though
  // they are no architecture of this space.
  virtual Graph network(std::string_view text, const NetworkOptions& options) const;
  // Equal for architectures that compute the same function class where the field counts them as one; otherwise of the architecture.
  virtual std::uint64_t canonical(const Architecture& architecture) const;
};

// A space that is one open graph, written by a function of the options. Its decision tree is read off the graph.
struct Template {
  SpaceInfo info;
  std::function<Graph(const NetworkOptions&)> build;
  // Where they are set, they replace the generic ones. A JSON object whose first key is a decision's name never reaches `parse`.
  std::function<std::string(const DecisionTree&, const Architecture&)> print;
  std::function<Architecture(const DecisionTree&, std::string_view)> parse;
  std::function<std::uint64_t(const DecisionTree&, const Architecture&)> canonical;
};
std::unique_ptr<Space> make_space(Template definition);

// The decisions of an open graph, in the order in which a walk meets them. A decision inside a branch is active where that branch
// is picked; a node that only some inputs of a select need is active where one of those is picked (depth). Several places may name
// one decision if their choices are equal. Errors: UsageError where they are not, or where they stand under different parents.
DecisionTree decisions_of(const Graph& open);

// What graph::close asks for: the picks of an architecture by decision name.
Picks picks_of(const DecisionTree& tree, const Architecture& architecture);

// The value of a setting: as given, else the default of the space for this form. Errors: UsageError with the nearest name for an
// unknown setting, or for text that is no whole number of at least `least` / true / false.
std::string setting(const SpaceInfo& info, const NetworkOptions& options, std::string_view name);
std::int64_t integer_setting(const SpaceInfo& info, const NetworkOptions& options, std::string_view name, std::int64_t least = 1);
bool flag_setting(const SpaceInfo& info, const NetworkOptions& options, std::string_view name);
void check_settings(const SpaceInfo& info, const NetworkOptions& options);

// The built-in spaces, in reading order (space/library/builtin.cpp). find_space also reads a YAML space when `name` ends in
// .yaml or .yml. Errors: UsageError with the nearest name.
const std::vector<std::string>& space_names();
std::shared_ptr<const Space> find_space(std::string_view name);

// An architecture as it is written: "SPACE:TEXT" (TEXT as printed, or a JSON object), "SPACE:FILE.json" with the text in the file, a
// file ending in .json, or the file's JSON itself: {"space": name, "architecture": text | object}; other keys are not read. Or
// "SPACE/NAME@NETWORK", a published one (architectures.hpp), whose network is known too. Errors: UsageError.
struct Written {
  std::shared_ptr<const Space> space;
  std::string text;
  std::optional<NetworkOptions> network = std::nullopt;
};
Written written_architecture(std::string_view text);

// The same, parsed.
struct Located {
  std::shared_ptr<const Space> space;
  Architecture architecture;
};
Located find_architecture(std::string_view text);

// {"space": name, "architecture": printed form, "picks": {decision: choice | [choices]}}, on one line.
std::string to_json(const Space& space, const Architecture& architecture);

}  // namespace netwright
