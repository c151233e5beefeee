// The networks around pairwise cells.
#include <algorithm>
#include <array>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/space/library/pair_network.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

constexpr Int kCifarStem = 3;        // times the channels of the first cells
constexpr Int kImagenetStem = 32;
constexpr std::array<Int, 2> kStemCells = {4, 2};  // the stem cells' part of the channels, as divisors

// ReLU is the caller's: loose ends are reduced without.
Value factorized(Builder& b, Value x, Int channels, bool odd_channel) {
  const Int half = channels / 2, rest = channels % 2;
  std::vector<Value> parts = {b.add("conv", x, {{"kernel", 1}, {"stride", 2}, {"channels", half}}, "conv_1")};
  const Value moved = b.add("shift", x, {{"offset", 1}}, "shift");
  parts.push_back(b.add("conv", moved, {{"kernel", 1}, {"stride", 2}, {"channels", odd_channel ? half + rest : half}}, "conv_2"));
  if (rest != 0 && !odd_channel) parts.push_back(b.add("zero", x, {{"stride", 2}, {"channels", 1}}, "odd"));
  return b.add("batch_norm", b.add("concat", parts, {}, "concat"), {}, "bn");
}

bool same_size(const Builder& b, Value x, Value y) { return b.shape(x).at(1) == b.shape(y).at(1) && b.shape(x).at(2) == b.shape(y).at(2); }

Value fit(Builder& b, Value x, Int channels) { return relu_conv_bn(b, x, channels, {.kernel = 1}); }

class Writer {
 public:
  Writer(const PairFamily& family, const PairOutline& outline, const PairBody& body) : family_(family), outline_(outline), body_(body) {}

  Graph write() {
    outputs_ = {Value{}, stem(b_.input(outline_.input))};
    if (outline_.imagenet)
      for (const Int part : kStemCells) add_cell("stem_cell" + std::to_string(written_), before(), outline_.channels / part, true);
    Value auxiliary;
    Int channels = outline_.channels;
    const Int last_reduction = 2 * outline_.cells / 3;
    for (Int i = 0; i < outline_.cells; ++i) {
      Value previous = before();
      if (i == outline_.cells / 3 || i == last_reduction) {
        channels *= 2;
        add_cell("reduction" + std::to_string(i == last_reduction), previous, channels, true);
      }
      if (!outline_.skip_reduction_input) previous = before();
      add_cell("cell" + std::to_string(i), previous, channels, false);
      if (i == (family_.late_auxiliary ? last_reduction : last_reduction - 1)) auxiliary = outputs_.back();
    }
    return finish(auxiliary);
  }

 private:
  Value before() const { return outputs_[outputs_.size() - 2]; }

  Value stem(Value x) {
    const auto scope = b_.scope("stem");
    if (outline_.imagenet) {
      x = b_.add("conv", x, {{"kernel", 3}, {"stride", 2}, {"padding", 0}, {"channels", outline_.stem}}, "conv");
      return b_.add("batch_norm", x, {}, "bn");
    }
    return conv_bn(b_, x, outline_.stem, {.kernel = 3, .activation = ""});
  }

  void add_cell(const std::string& name, Value previous, Int channels, bool reduction) {
    const auto scope = b_.scope(name, reduction ? "reduction cell" : "normal cell");
    constexpr Int reductions = 2;
    const Int all = outline_.cells + reductions + (outline_.imagenet ? Int{kStemCells.size()} : 0);
    const double depth = static_cast<double>(++written_) / static_cast<double>(all);
    const Value last = outputs_.back();
    const Value older = previous.node < 0 ? first_previous(last, channels) : fit_previous(previous, last, channels);
    const bool fits = b_.channels(last) == channels && !family_.always_fits_last;
    Value newer = last;
    if (!fits) {
      const auto inner = b_.scope("last");
      newer = fit(b_, last, channels);
    }
    const std::vector<Value> states = family_.newest_first ? std::vector<Value>{newer, older} : std::vector<Value>{older, newer};
    const bool cropped = outline_.cropped && reduction && b_.shape(last).at(1) % 2 == 0;
    outputs_.push_back(body_(b_, states, {.channels = channels, .reduction = reduction, .cropped = cropped, .depth = depth}));
  }

  Value first_previous(Value last, Int channels) {
    if (family_.first_reads_stem) return last;
    const auto scope = b_.scope("previous");
    return fit(b_, last, channels);
  }

  Value fit_previous(Value x, Value last, Int channels) {
    const auto scope = b_.scope("previous");
    if (!same_size(b_, x, last)) return factorized(b_, b_.add("relu", x, {}, "relu"), channels, family_.odd_channel);
    return b_.channels(x) == channels ? x : fit(b_, x, channels);
  }

  // The last window spans what pooling leaves.
  Value auxiliary_head(Value x) {
    const auto scope = b_.scope("auxiliary", "auxiliary head");
    x = b_.add("relu", x, {}, "relu");
    x = b_.add("avg_pool", x, {{"kernel", 5}, {"stride", 3}, {"padding", 0}}, "pool");
    x = conv_bn(b_, x, 128, {.kernel = 1});
    const Shape map = b_.shape(x);
    x = b_.add("conv", x, {{"kernel", map[1]}, {"kernel_w", map[2]}, {"padding", 0}, {"channels", 768}}, "conv_2");
    x = b_.add("relu", b_.add("batch_norm", x, {}, "bn_2"), {}, "act_2");
    x = b_.add("flatten", x, {}, "flatten");
    return b_.add("linear", x, {{"features", outline_.classes}}, "classifier");
  }

  Graph finish(Value auxiliary_input) {
    std::vector<Value> outputs;
    const Value auxiliary = outline_.auxiliary ? auxiliary_head(auxiliary_input) : Value{};
    outputs.push_back(classifier(b_, b_.add("relu", outputs_.back(), {}, "relu"), outline_.classes));
    if (outline_.auxiliary) outputs.push_back(auxiliary);
    return b_.finish(std::move(outputs));
  }

  const PairFamily& family_;
  const PairOutline& outline_;
  const PairBody& body_;
  Builder b_;
  std::vector<Value> outputs_;  // of the stem and the cells; before the stem there is nothing
  Int written_ = 0;
};

// ---- closed cells ----

const PairOperation& operation_of(const PairFamily& family, const std::string& name) {
  for (const auto& entry : family.operations)
    if (entry.name == name) return entry;
  throw UsageError(family.info.name + ": unknown operation '" + name + "'");
}

Value term(Builder& b, const PairFamily& family, const std::vector<Value>& states, const PairTerm& t, const PairCellPlace& place) {
  const PairOperation& operation = operation_of(family, t.op);
  const Int stride = place.reduction && t.input < 2 ? 2 : 1;
  const Value y = operation.write(b, states.at(static_cast<std::size_t>(t.input)), {place.channels, stride, place.cropped});
  return operation.dropped ? b.add("drop_path", y, {{"depth", place.depth}}, "drop_path") : y;
}

Value closed_cell(Builder& b, const PairFamily& family, std::vector<Value> states, const PairCell& cell, const PairCellPlace& place) {
  for (std::size_t i = 0; i < cell.blocks.size(); ++i) {
    const PairBlock& block = cell.blocks[i];
    const auto scope = b.scope("block" + std::to_string(i));
    std::vector<Value> both;
    for (const auto& [side, t] : {std::pair{"first", &block.first}, std::pair{"second", &block.second}}) {
      const auto inner = b.scope(side, t->op);
      both.push_back(term(b, family, states, *t, place));
    }
    states.push_back(b.add(block.concat ? "concat" : "add", both, {}, block.concat ? "concat" : "add"));
  }
  const Value newest = states.back();
  std::vector<Value> joined;
  for (const int state : cell.joined) {
    const Value x = states.at(static_cast<std::size_t>(state));
    const bool input = state < 2;
    const auto scope = b.scope("loose" + std::to_string(state));
    if (!same_size(b, x, newest)) joined.push_back(factorized(b, x, place.channels, family.odd_channel));
    else if (input && b.channels(x) != place.channels) joined.push_back(conv_bn(b, x, place.channels, {.kernel = 1, .activation = ""}));
    else joined.push_back(x);
  }
  return joined.size() == 1 ? joined[0] : b.add("concat", joined, {}, "concat");
}

bool crops(const SpaceInfo& info, const std::string& word) {
  if (word == "cropped" || word == "centred") return word == "cropped";
  throw UsageError(info.name + ": even_sizes=" + word + " is neither centred nor cropped" + name_hint(word, {"centred", "cropped"}));
}

}  // namespace

PairOutline pair_outline(const PairFamily& family, const NetworkOptions& options) {
  const SpaceInfo& info = family.info;
  check_settings(info, options);
  const std::string kind = setting(info, options, "network");
  if (kind != "cifar" && kind != "imagenet")
    throw UsageError(info.name + ": network=" + kind + " is neither cifar nor imagenet" + name_hint(kind, {"cifar", "imagenet"}));
  const bool imagenet = kind == "imagenet";
  const auto number = [&](const char* name, Int automatic) {
    return setting(info, options, name) == "auto" ? automatic : integer_setting(info, options, name);
  };
  PairOutline o{.imagenet = imagenet,
                .channels = number("channels", imagenet ? family.defaults.imagenet_channels : family.defaults.cifar_channels),
                .cells = number("cells", imagenet ? family.defaults.imagenet_cells : family.defaults.cifar_cells),
                .classes = options.classes,
                .skip_reduction_input = flag_setting(info, options, "skip_reduction_input"),
                .auxiliary = flag_setting(info, options, "auxiliary"),
                .input = options.input};
  o.cropped = family.crops && crops(info, setting(info, options, "even_sizes"));
  o.stem = number("stem", imagenet ? kImagenetStem : kCifarStem * o.channels);
  const Int least = imagenet ? 2 * kStemCells[0] : 2;
  if (o.channels < least) throw UsageError(info.name + ": channels=" + std::to_string(o.channels) + " is below " + std::to_string(least));
  if (o.cells < 3) throw UsageError(info.name + ": cells=" + std::to_string(o.cells) + " is below 3; a normal cell stands before each reduction and at the end");
  if (o.stem < 1) throw UsageError(info.name + ": stem=" + std::to_string(o.stem) + " is below 1");
  if (o.classes < 1) throw UsageError(info.name + ": classes=" + std::to_string(o.classes) + " is below 1");
  if (o.input.size() != 3) throw UsageError(info.name + ": the input is " + to_string(o.input) + "; it must be channels x height x width");
  return o;
}

Graph write_pair_network(const PairFamily& family, const PairOutline& outline, const PairBody& body) { return Writer(family, outline, body).write(); }

Graph pair_network(const PairFamily& family, const PairCells& cells, const NetworkOptions& options) {
  const PairOutline outline = pair_outline(family, options);
  return write_pair_network(family, outline, [&](Builder& b, std::vector<Value> states, const PairCellPlace& place) {
    return closed_cell(b, family, std::move(states), place.reduction ? cells.reduce : cells.normal, place);
  });
}

}  // namespace netwright
