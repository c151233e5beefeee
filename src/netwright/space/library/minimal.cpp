// The smallest spaces: a stem, one or two edges, a classifier.
#include "netwright/graph/composites.hpp"
#include "netwright/space/library/builtin.hpp"

namespace netwright {
namespace {

Value edge(Builder& b, Value x, const std::string& decision, bool affine) {
  const auto convolution = [affine](std::int64_t kernel) {
    return [=](Builder& inner, Value v) { return conv_bn(inner, v, inner.channels(v), {.kernel = kernel, .affine = affine}); };
  };
  const Body skip = [](Builder& inner, Value v) { return inner.add("identity", v); };
  return b.choice(decision, x, {{"conv_3x3", convolution(3)}, {"conv_5x5", convolution(5)}, {"skip", skip}}, decision);
}

std::unique_ptr<Space> make_chain(SpaceInfo info, const std::vector<std::string>& edges) {
  info.traits = {"chain", "open", "uniform"};
  info.settings = {{"channels", "8", "channels of every layer"}};
  const auto build = [info, edges](const NetworkOptions& options) {
    Builder b;
    Value x = b.input(options.input);
    {
      const auto scope = b.scope("stem");
      x = conv_bn(b, x, integer_setting(info, options, "channels"), {.kernel = 3});
    }
    for (const auto& decision : edges) x = edge(b, x, decision, !options.search);
    return b.finish({classifier(b, x, options.classes)});
  };
  return make_space({.info = info, .build = build});
}

}  // namespace

std::unique_ptr<Space> make_minimal() { return make_chain({.name = "minimal", .title = "one edge: conv 3x3, conv 5x5 or skip"}, {"edge"}); }

std::unique_ptr<Space> make_minimal2() {
  return make_chain({.name = "minimal2", .title = "two edges in sequence, each conv 3x3, conv 5x5 or skip"}, {"edge1", "edge2"});
}

}  // namespace netwright
