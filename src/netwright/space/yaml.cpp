#include "netwright/space/yaml.hpp"

#include <algorithm>
#include <charconv>

#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/block_words.hpp"
#include "netwright/space/yaml_reader.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;
using Numbers = std::map<std::string, Int, std::less<>>;

constexpr Int kLargest = 1'000'000;  // of any number: a slip of the keyboard is refused before memory is asked for
constexpr Int kMostRepeats = 200;
constexpr Int kMostBlocks = 100'000;  // candidates and repeats included

// sum := product (("+" | "-") product)*; product := factor (("*" | "/") factor)*; factor := number | setting | "(" sum ")" | "-" factor.
// Division rounds down.
class Expression {
 public:
  Expression(std::string_view text, const Numbers& settings) : text_(text), settings_(settings) {}

  Int value() {
    const Int result = sum();
    if (peek() != '\0') fail("'" + std::string(1, peek()) + "' is not expected here");
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { throw UsageError("'" + std::string(text_) + "' is no number: " + why); }

  char peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  Int bounded(Int n) const {
    if (n > kLargest || n < -kLargest) fail("it is beyond " + std::to_string(kLargest));
    return n;
  }

  Int sum() {
    Int result = product();
    for (;;) {
      if (take('+'))
        result = bounded(result + product());
      else if (take('-'))
        result = bounded(result - product());
      else
        return result;
    }
  }

  Int product() {
    Int result = factor();
    for (;;) {
      if (take('*'))
        result = bounded(result * factor());
      else if (take('/')) {
        const Int divisor = factor();
        if (divisor == 0) fail("it divides by zero");
        result /= divisor;
      } else
        return result;
    }
  }

  Int factor() {
    if (++depth_ > 100) fail("it is nested too deeply");
    if (take('-')) return -factor();
    if (take('(')) {
      const Int result = sum();
      if (!take(')')) fail("a ')' is missing");
      return result;
    }
    const auto in_word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; };
    peek();
    const std::size_t start = at_;
    while (at_ < text_.size() && in_word(text_[at_])) ++at_;
    const std::string_view word = text_.substr(start, at_ - start);
    if (word.empty()) fail("a number or a setting is expected");
    if (const auto setting = settings_.find(word); setting != settings_.end()) return setting->second;
    Int number = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), number);
    if (parsed.ec == std::errc{} && parsed.ptr == word.data() + word.size()) return bounded(number);
    if (word[0] >= '0' && word[0] <= '9') fail("a whole number up to " + std::to_string(kLargest) + " is expected");
    std::vector<std::string> names;
    for (const auto& [name, ignored] : settings_) names.push_back(name);
    fail("there is no setting '" + std::string(word) + "'" + (names.empty() ? "" : name_hint(word, names)));
  }

  std::string_view text_;
  const Numbers& settings_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

// Where decisions and nodes are named: the same prefix gives the same names again, which ties the decisions.
struct Naming {
  std::string prefix;
  std::map<std::string, int> uses = {};

  std::string next(const std::string& local) {
    const int count = ++uses[local];
    return local + (count > 1 ? std::to_string(count) : "");
  }
};

class Writer {
 public:
  Writer(const SpaceText& text, const NetworkOptions& options, Numbers settings) : text_(text), options_(options), settings_(std::move(settings)) {}

  Graph write() {
    Builder b;
    if (options_.input.size() != 3) throw UsageError(text_.name + ": input " + to_string(options_.input) + " is not channels x height x width");
    Flow x{b.input(options_.input), options_.input[0]};
    // What the stem gives by default is what the first stage wants.
    Naming first{"stage1."};
    const auto& stage = text_.stages.front();
    const Attribute width = stage.channels ? channels_of(*stage.channels, first, stage) : x.channels;
    if (text_.stem) x = free_part(b, x, *text_.stem, width, "stem");
    before_ = x;
    for (std::size_t i = 0; i < text_.stages.size(); ++i) x = write_stage(b, x, text_.stages[i], std::to_string(i + 1));
    if (text_.head) x = free_part(b, x, *text_.head, x.channels, "head");
    const Place end = text_.head ? text_.head->place : text_.stages.back().place;
    return placed(end, [&] { return b.finish({classifier(b, x.value, options_.classes, text_.dropout)}); });
  }

 private:
  template <class Work>
  auto placed(Place place, Work work) const -> decltype(work()) {
    try {
      return work();
    } catch (const PlacedError&) {
      throw;
    } catch (const UsageError& error) {
      throw PlacedError(text_.origin, place, error.what());
    }
  }

  [[noreturn]] void fail(Place place, const std::string& why) const { throw PlacedError(text_.origin, place, why); }

  // ---- numbers ----

  Int number(const Quantity& quantity, const std::string& value, const std::string& what, Int least) const {
    const Int result = placed(quantity.place, [&] { return Expression(value, settings_).value(); });
    if (result < least) fail(quantity.place, what + " is at least " + std::to_string(least) + "; found " + value);
    return result;
  }

  // Records what a decision offers: two places of one decision must offer the same.
  void offer(const std::string& decision, const std::string& choices, Place place) {
    const auto [known, fresh] = offers_.try_emplace(decision, choices, place);
    if (!fresh && known->second.first != choices)
      fail(place, "the decision '" + decision + "' offers " + choices + " here, but " + known->second.first + " in line " +
                      std::to_string(known->second.second.line));
  }

  Attribute whole_attribute(const Quantity& quantity, const std::string& name, Naming& naming, Int least) {
    if (!quantity.open) return number(quantity, quantity.values[0], name, least);
    static const std::vector<std::string> elastic = {"kernel", "channels", "expand"};
    if (std::find(elastic.begin(), elastic.end(), name) == elastic.end())
      fail(quantity.place, name + " cannot be chosen; what can: " + join(elastic, ", "));
    Open open{.decision = quantity.as.empty() ? naming.prefix + naming.next(name) : quantity.as};
    for (const auto& value : quantity.values) {
      open.values.push_back(number(quantity, value, name, 1));
      open.names.push_back(value.find_first_of("+ =,") == std::string::npos ? value : std::to_string(open.values.back()));
      if (name == "kernel" && open.values.back() % 2 == 0)
        fail(quantity.place, "a chosen kernel is odd, so that every choice keeps the size; found " + value);
    }
    offer(open.decision, join(open.names, ", "), quantity.place);
    return open;
  }

  Attribute channels_of(const Quantity& quantity, Naming& naming, const StageText& stage) {
    Naming tied{stage.as.empty() ? naming.prefix : stage.as + "."};
    return whole_attribute(quantity, "channels", tied, 1);
  }

  Attribute attribute(const Quantity& quantity, const AttributeSpec& spec, Naming& naming) {
    if (std::holds_alternative<Int>(spec.fallback))
      return whole_attribute(quantity, spec.name, naming, spec.name == "kernel" || spec.name == "stride" ? 1 : 0);
    if (quantity.open) fail(quantity.place, spec.name + " cannot be chosen");
    const std::string& value = quantity.values[0];
    if (std::holds_alternative<std::string>(spec.fallback)) {
      const bool word = spec.name != "activation" && spec.name != "gate";
      if (!word && value != "none") placed(quantity.place, [&] { return operation(value).name; });
      return value;
    }
    double result = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), result);
    if (parsed.ec != std::errc{} || parsed.ptr != value.data() + value.size())
      fail(quantity.place, spec.name + " is a number; found '" + value + "'");
    return result;
  }

  // ---- the network ----

  static Target target_like(Builder& b, const Flow& x, const Attribute& channels) {
    const Shape& shape = b.shape(x.value);
    return shape.size() == 3 ? Target{channels, shape[1], shape[2], 1} : Target{channels, 0, 0, 1};
  }

  // Stem and head: a sequence whose parts may change the size as they like.
  Flow free_part(Builder& b, Flow x, const BlockText& body, const Attribute& channels, const std::string& name) {
    const auto scope = b.scope(name, name);
    Naming naming{name + "."};
    if (body.kind != BlockText::Kind::sequence) return write_body(b, x, body, target_like(b, x, channels), naming);
    for (const auto& item : body.items) x = write_body(b, x, item, target_like(b, x, channels), naming);
    return x;
  }

  Flow write_stage(Builder& b, Flow x, const StageText& stage, const std::string& number_text) {
    const std::string name = "stage" + number_text;
    const auto scope = b.scope(name, "stage " + number_text);
    const std::string prefix = stage.as.empty() ? name + "." : stage.as + ".";
    Naming naming{prefix};
    const Shape shape = b.shape(x.value);
    if (shape.size() != 3) fail(stage.place, "a stage reads channels x height x width, not " + to_string(shape));
    Target target{.channels = stage.channels ? channels_of(*stage.channels, naming, stage) : x.channels};
    target.stride = stage.stride ? number(*stage.stride, stage.stride->values[0], "stride", 1) : 1;
    target.height = (shape[1] + target.stride - 1) / target.stride;
    target.width = (shape[2] + target.stride - 1) / target.stride;
    const std::vector<Int> counts = repeats(stage);
    const Int most = *std::max_element(counts.begin(), counts.end());
    std::vector<Flow> after;
    paired_ = paired_cell(stage.block);
    if (paired_ != nullptr && stage.repeat && stage.repeat->open)
      fail(stage.repeat->place, "a cell with two inputs is repeated a fixed number of times: what stands behind it reads the block before the last");
    for (Int i = 1; i <= most; ++i) {
      const std::string block = "block" + std::to_string(i);
      const auto inner = b.scope(block, block);
      Naming own{stage.as.empty() ? prefix + block + "." : prefix};
      const Flow entered = x;
      x = write_body(b, x, stage.block, target, own);
      if (paired_ == nullptr) x = placed(stage.block.place, [&] { return fit(b, x, target); });
      before_ = entered;
      after.push_back(x);
    }
    paired_ = nullptr;
    return stage.repeat && stage.repeat->open ? write_depth(b, after, counts, *stage.repeat, naming) : x;
  }

  std::vector<Int> repeats(const StageText& stage) const {
    if (!stage.repeat) return {1};
    std::vector<Int> counts;
    for (const auto& value : stage.repeat->values) {
      counts.push_back(number(*stage.repeat, value, "repeat", 1));
      if (counts.back() > kMostRepeats) fail(stage.repeat->place, "repeat is at most " + std::to_string(kMostRepeats) + "; found " + value);
    }
    return counts;
  }

  // Elastic depth: the decision picks after which block the stage ends.
  Flow write_depth(Builder& b, const std::vector<Flow>& after, const std::vector<Int>& counts, const Quantity& repeat, Naming& naming) {
    std::vector<Value> ends;
    std::vector<std::string> names;
    for (const Int count : counts) {
      ends.push_back(after[static_cast<std::size_t>(count) - 1].value);
      names.push_back(std::to_string(count));
    }
    const std::string decision = repeat.as.empty() ? naming.prefix + naming.next("depth") : repeat.as;
    offer(decision, join(names, ", "), repeat.place);
    return {placed(repeat.place, [&] { return b.select(decision, ends, {.name = "depth", .names = names}); }), after.back().channels};
  }

  Flow write_body(Builder& b, Flow x, const BlockText& body, const Target& target, Naming& naming) {
    if (++written_ > kMostBlocks) fail(body.place, "the network has more than " + std::to_string(kMostBlocks) + " blocks");
    switch (body.kind) {
      case BlockText::Kind::word:
        return write_one(b, x, body, target, naming);
      case BlockText::Kind::block:
        return write_block(b, x, body, target, naming);
      case BlockText::Kind::choose:
        return write_choose(b, x, body, target, naming);
      case BlockText::Kind::cell:
        return write_cell(b, x, body, target, naming);
      case BlockText::Kind::sequence:
        break;
    }
    for (const auto& item : body.items) x = write_body(b, x, item, target, naming);
    return x;
  }

  Flow write_one(Builder& b, const Flow& x, const BlockText& body, const Target& target, Naming& naming) {
    Int ignored = 0;
    const BlockWord& word = *find_block_word(body.name, ignored);
    Attributes given;
    if (body.kernel > 0) given["kernel"] = body.kernel;
    for (const auto& spec : word.attributes)
      if (const auto own = body.attributes.find(spec.name); own != body.attributes.end()) given[spec.name] = attribute(own->second, spec, naming);
    const auto scope = b.scope(naming.next(body.name), body.name);
    return placed(body.place, [&] { return write_word(b, word, x, std::move(given), target); });
  }

  Flow write_block(Builder& b, Flow x, const BlockText& body, Target target, Naming& naming) {
    Naming tied{body.as + "."};
    Naming& inner = body.as.empty() ? naming : tied;
    if (const auto channels = body.attributes.find("channels"); channels != body.attributes.end())
      target.channels = whole_attribute(channels->second, "channels", inner, 1);
    if (const auto given = body.attributes.find("stride"); given != body.attributes.end()) {
      if (given->second.open) fail(given->second.place, "stride cannot be chosen: the size must be known");
      const Shape& shape = b.shape(x.value);
      target.stride = number(given->second, given->second.values[0], "stride", 1);
      target.height = (shape.at(1) + target.stride - 1) / target.stride;
      target.width = (shape.at(2) + target.stride - 1) / target.stride;
    }
    return write_body(b, x, *body.block, target, inner);
  }

  Flow write_choose(Builder& b, const Flow& x, const BlockText& body, const Target& target, Naming& naming) {
    const std::string local = naming.next("op");
    const std::string decision = body.as.empty() ? naming.prefix + local : body.as;
    std::vector<BranchSpec> candidates;
    std::vector<std::string> names;
    for (const auto& entry : body.candidates) {
      names.push_back(entry.name);
      candidates.push_back({entry.name, branch(x.channels, entry.body, target, decision + "." + entry.name + "."), entry.search_only});
    }
    offer(decision, join(names, ", "), body.place);
    return {placed(body.place, [&] { return b.choice(decision, x.value, candidates, local); }), target.channels};
  }

  // A candidate, or what stands on a picked edge: always brought to the target's shape.
  std::function<Value(Builder&, Value)> branch(const Attribute& channels, const BlockText& body, const Target& target, const std::string& prefix) {
    return [this, channels, &body, target, prefix](Builder& b, Value value) {
      Naming naming{prefix};
      const Flow x = write_body(b, {value, channels}, body, target, naming);
      return placed(body.place, [&] { return fit(b, x, target); }).value;
    };
  }

  // The cell with two inputs that is the whole block, or null.
  static const BlockText* paired_cell(const BlockText& body) {
    if (body.kind == BlockText::Kind::block) return paired_cell(*body.block);
    return body.kind == BlockText::Kind::cell && !body.inputs.empty() ? &body : nullptr;
  }

  // Both at the size of the last; the older one is larger where a stride lies between, and is then reduced instead of its block.
  std::map<std::string, Flow> write_inputs(Builder& b, const Flow& last, const BlockText& cell, const Target& target, const std::string& prefix) {
    if (&cell != paired_) fail(cell.place, "a cell with two inputs is a stage's whole block, and stands inside no other");
    const Shape size = b.shape(last.value);
    std::map<std::string, Flow> values;
    for (const auto& input : cell.inputs) {
      const Flow& from = &input == &cell.inputs.front() ? before_ : last;
      const auto scope = b.scope(input.source, input.source);
      const bool larger = b.shape(from.value)[1] != size[1] || b.shape(from.value)[2] != size[2];
      const Target due{target.channels, size[1], size[2], larger ? 2 : 1};
      Naming naming{prefix + input.source + "."};
      values[input.source] = placed(input.body.place, [&] { return fit(b, larger ? from : write_body(b, from, input.body, due, naming), due); });
    }
    return values;
  }

  Flow write_cell(Builder& b, const Flow& x, const BlockText& body, const Target& target, Naming& naming) {
    const std::string local = naming.next("cell");
    const std::string prefix = naming.prefix + (local == "cell" ? "" : local + ".");
    const auto scope = b.scope(local, "cell");
    std::map<std::string, Flow> values = {{"in", x}};
    if (!body.inputs.empty()) values = write_inputs(b, x, body, target, prefix);
    for (const auto& node : body.nodes) {
      const std::string name = prefix + node.name + ".";
      values[node.name] = placed(
          node.place, [&] { return node.minimum == 0 ? write_node(b, values, node, target, name) : write_pick(b, values, node, target, name); });
    }
    if (body.output.size() == 1) return values[body.output[0]];
    std::vector<Flow> joined;
    for (const auto& name : body.output) joined.push_back(values[name]);
    return placed(body.place, [&] { return concatenated(b, joined, "output"); });
  }

  Flow write_node(Builder& b, const std::map<std::string, Flow>& values, const CellNodeText& node, const Target& target, const std::string& prefix) {
    const auto scope = b.scope(node.name, node.name);
    std::vector<Flow> terms;
    for (const auto& edge : node.edges) {
      const auto inner = b.scope("from_" + edge.source);
      Naming naming{prefix + edge.source + "."};
      terms.push_back(fit(b, write_body(b, values.at(edge.source), edge.body, target, naming), target));
    }
    if (node.combine == "concat") return concatenated(b, terms, "concat");
    std::vector<Value> summed;
    for (const auto& term : terms) summed.push_back(term.value);
    return {summed.size() == 1 ? summed[0] : b.add("add", summed, {}, "sum"), target.channels};
  }

  Flow write_pick(Builder& b, const std::map<std::string, Flow>& values, const CellNodeText& node, const Target& target, const std::string& prefix) {
    std::vector<Value> inputs;
    std::vector<BranchSpec> branches;
    std::vector<std::string> names;
    for (const auto& edge : node.edges) {
      const Flow& from = values.at(edge.source);
      inputs.push_back(from.value);
      names.push_back(edge.source);
      branches.push_back({edge.source, branch(from.channels, edge.body, target, prefix + edge.source + ".")});
    }
    const std::string decision = node.as.empty() ? prefix + "from" : node.as;
    offer(decision, std::to_string(node.minimum) + " to " + std::to_string(node.maximum) + " of " + join(names, ", "), node.place);
    const Value value = b.select(decision, inputs,
                                 {.minimum = static_cast<int>(node.minimum),
                                  .maximum = static_cast<int>(node.maximum),
                                  .combine = node.combine,
                                  .name = node.name,
                                  .branches = branches});
    return {value, node.combine == "concat" ? scaled(target.channels, node.maximum) : target.channels};
  }

  // Joined channels: a multiple of what all have, or the sum of fixed numbers.
  static Flow concatenated(Builder& b, const std::vector<Flow>& parts, const std::string& name) {
    std::vector<Value> values;
    Int total = 0;
    bool equal = true, fixed = true;
    for (const auto& part : parts) {
      values.push_back(part.value);
      equal = equal && part.channels == parts[0].channels;
      const auto* channels = std::get_if<Int>(&part.channels);
      fixed = fixed && channels != nullptr;
      if (channels != nullptr) total += *channels;
    }
    if (!equal && !fixed) throw UsageError("values with different open channels cannot be concatenated");
    const Attribute channels = equal ? scaled(parts[0].channels, static_cast<Int>(parts.size())) : Attribute{total};
    return {b.add("concat", values, {}, name), channels};
  }

  const SpaceText& text_;
  const NetworkOptions& options_;
  Numbers settings_;
  Flow before_{};                       // what went into the last block
  const BlockText* paired_ = nullptr;   // the cell with two inputs that is being written
  Int written_ = 0;
  std::map<std::string, std::pair<std::string, Place>> offers_;
};

SpaceInfo info_of(const SpaceText& text) {
  SpaceInfo info{.name = text.name, .title = text.title, .paper = text.paper, .traits = {"open"}, .input = text.input, .classes = text.classes};
  for (const auto& setting : text.settings) {
    info.settings.push_back({setting.name, std::to_string(setting.fallback), setting.meaning});
    if (setting.search != setting.fallback) info.search_settings.push_back({setting.name, std::to_string(setting.search), setting.meaning});
  }
  return info;
}

bool same_decisions(const DecisionTree& a, const DecisionTree& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const Decision& x, const Decision& y) { return x.name == y.name && x.choices == y.choices; });
}

class YamlSpace final : public Space {
 public:
  explicit YamlSpace(SpaceText text) : text_(std::move(text)), info_(info_of(text_)) {
    NetworkOptions usual{.input = info_.input, .classes = info_.classes};
    try {
      tree_ = decisions_of(written(usual));
      usual.search = true;
      open(usual);
    } catch (const PlacedError&) {
      throw;
    } catch (const UsageError& error) {
      throw PlacedError(text_.origin, text_.stages.front().place, error.what());
    }
  }

  const SpaceInfo& info() const override { return info_; }
  const DecisionTree& decisions() const override { return tree_; }

  Graph open(const NetworkOptions& options) const override {
    Graph graph = written(options);
    if (!same_decisions(decisions_of(graph), tree_))
      throw UsageError(info_.name + ": these settings change what is decided; tie repeated blocks with 'as' so that the decisions stay the same");
    return graph;
  }

 private:
  Graph written(const NetworkOptions& options) const {
    check_settings(info_, options);
    Numbers settings;
    for (const auto& setting : info_.settings) settings[setting.name] = integer_setting(info_, options, setting.name);
    return Writer(text_, options, std::move(settings)).write();
  }

  SpaceText text_;
  SpaceInfo info_;
  DecisionTree tree_;
};

}  // namespace

std::shared_ptr<const Space> read_yaml_space(const std::filesystem::path& file) { return read_yaml_space_text(read_file(file), file.string()); }

std::shared_ptr<const Space> read_yaml_space_text(std::string_view text, const std::string& origin) {
  return std::make_shared<YamlSpace>(read_space_text(text, origin));
}

}  // namespace netwright
