#include "netwright/space/library/spos.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/space/library/modules.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

struct Stage {
  Int channels, blocks;
};
constexpr Stage kStages[] = {{64, 4}, {160, 4}, {320, 8}, {640, 4}};
constexpr Int kStem = 16, kHead = 1024;
constexpr std::size_t kBlocks = 20;
const std::vector<std::string>& kinds() {
  static const std::vector<std::string> names = {"shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "xception"};
  return names;
}

Value pointwise(Builder& b, Value x, Int channels) { return conv_norm(b, x, {.conv = "pointwise", .norm = "bn", .channels = channels, .kernel = 1}); }

Value depthwise(Builder& b, Value x, Int kernel, Int stride) {
  return conv_norm(b, x, {.conv = "depthwise", .norm = "bn", .kernel = kernel, .stride = stride, .groups = 0, .activation = ""});
}

// What a block makes of the channels that it works on: `middle` wide inside, `channels` at the end.
struct Work {
  Int kernel, stride, middle, channels;
};

Value shuffle_work(Builder& b, Value x, const Work& w) {
  x = depthwise(b, pointwise(b, x, w.middle), w.kernel, w.stride);
  return pointwise(b, x, w.channels);
}

Value xception_work(Builder& b, Value x, const Work& w) {
  x = pointwise(b, depthwise(b, x, 3, w.stride), w.middle);
  x = pointwise(b, depthwise(b, x, 3, 1), w.middle);
  return pointwise(b, depthwise(b, x, 3, 1), w.channels);
}

struct Halves {
  Value kept, worked;
};

// Even channels are kept, odd ones worked on.
Halves parted(Builder& b, Value x) {
  const Int half = b.channels(x) / 2;
  x = b.add("channel_shuffle", x, {{"groups", half}}, "shuffle");
  return {b.add("slice", x, {{"offset", 0}, {"channels", half}}, "kept"), b.add("slice", x, {{"offset", half}, {"channels", half}}, "worked")};
}

Value write_block(Builder& b, Value x, Int channels, Int stride, std::size_t kind) {
  const bool xception = kind + 1 == kinds().size();
  const Int kernel = xception ? 3 : 3 + 2 * static_cast<Int>(kind);
  Halves halves{x, x};
  if (stride == 1) {
    halves = parted(b, x);
  } else {
    const auto scope = b.scope("project");
    const Int input = b.channels(x);
    halves.kept = pointwise(b, depthwise(b, x, kernel, stride), input);
  }
  const Work work{kernel, stride, channels / 2, channels - b.channels(halves.kept)};
  const Value worked = xception ? xception_work(b, halves.worked, work) : shuffle_work(b, halves.worked, work);
  return b.add("concat", std::vector<Value>{halves.kept, worked}, {}, "concat");
}

double dropout_setting(const SpaceInfo& info, const NetworkOptions& options) {
  const std::string text = setting(info, options, "dropout");
  double rate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
  if (error != std::errc() || end != text.data() + text.size() || !(rate >= 0 && rate < 1))
    throw UsageError("space 'spos': setting 'dropout' is '" + text + "'; it must be a number from 0 to below 1");
  return rate;
}

Graph build(const SpaceInfo& info, const NetworkOptions& options) {
  Builder b;
  Value x = conv_norm(b, b.input(options.input), {.conv = "stem.conv", .norm = "stem.bn", .channels = kStem, .stride = 2});
  int number = 0;
  for (const auto& stage : kStages)
    for (Int i = 0; i < stage.blocks; ++i) {
      std::vector<BranchSpec> candidates;
      const Int stride = i == 0 ? 2 : 1;
      for (std::size_t kind = 0; kind < kinds().size(); ++kind)
        candidates.push_back({kinds()[kind], [=, channels = stage.channels](Builder& inner, Value v) { return write_block(inner, v, channels, stride, kind); }});
      const std::string name = "block" + std::to_string(++number);
      x = b.choice(name, x, candidates, name);
    }
  x = conv_norm(b, x, {.conv = "head.conv", .norm = "head.bn", .channels = kHead, .kernel = 1});
  x = b.add("flatten", b.add("global_pool", x, {}, "pool"), {}, "flatten");
  if (const double rate = dropout_setting(info, options); rate > 0) x = b.add("dropout", x, {{"rate", rate}}, "dropout");
  return b.finish({b.add("linear", x, {{"features", options.classes}, {"bias", 0}}, "classifier")});
}

std::string print_digits(const DecisionTree&, const Architecture& architecture) {
  std::string text;
  for (const Int pick : architecture.picks) text += std::to_string(pick);
  return text;
}

// "2101..." or [2, 1, 0, 1, ...]; blanks, commas and brackets do not matter.
Architecture parse_digits(const DecisionTree& tree, std::string_view text) {
  if (text.find_first_of("={") != std::string_view::npos) return parse(tree, text);
  Architecture architecture;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ',' || std::isspace(static_cast<unsigned char>(c)) != 0) continue;
    if (c < '0' || c > '3') throw UsageError("spos: '" + std::string(1, c) + "' is no kind of block; 0, 1, 2 are shuffle blocks with kernel 3, 5, 7, and 3 is xception");
    architecture.picks.push_back(c - '0');
  }
  if (architecture.picks.size() != kBlocks) throw UsageError("spos: " + std::to_string(architecture.picks.size()) + " blocks are written; there are " + std::to_string(kBlocks));
  return architecture;
}

}  // namespace

std::unique_ptr<Space> make_spos() {
  const SpaceInfo info{.name = "spos",
                       .title = "20 ShuffleNetV2 blocks of four kinds",
                       .paper = "Guo et al. 2020, arXiv 1904.00420",
                       .traits = {"chain", "open", "uniform"},
                       .settings = {{"dropout", "0.1", "before the classifier"}},
                       .search_settings = {{"dropout", "0", "before the classifier"}},
                       .input = {3, 224, 224},
                       .classes = 1000};
  return make_space(Template{.info = info,
                             .build = [info](const NetworkOptions& options) { return build(info, options); },
                             .print = print_digits,
                             .parse = parse_digits});
}

}  // namespace netwright
