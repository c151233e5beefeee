// A space of one's own in C++: a function that writes an open graph is all that it takes.
#include <iostream>

#include "netwright/graph/builder.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"

using netwright::Builder;
using netwright::Value;

// Three stages; each picks the kernel of its block, or passes its input on.
netwright::Graph stages(const netwright::NetworkOptions& options) {
  Builder b;
  Value x = netwright::conv_bn(b, b.input(options.input), 16, {});
  for (int stage = 1; stage <= 3; ++stage) {
    const auto block = [](std::int64_t kernel) {
      return [kernel](Builder& in, Value v) { return netwright::mbconv(in, v, 16, {.kernel = kernel, .expanded = 48}); };
    };
    const auto skip = [](Builder& in, Value v) { return in.add("identity", v); };
    x = b.choice("stage" + std::to_string(stage), x, {{"k3", block(3)}, {"k5", block(5)}, {"skip", skip}});
  }
  return b.finish({netwright::classifier(b, x, options.classes)});
}

int main() {
  const auto space = netwright::make_space({.info = {.name = "stages", .title = "three stages of inverted residuals"}, .build = stages});
  const netwright::DecisionTree& decisions = space->decisions();
  std::cout << netwright::size(decisions) << " architectures\n";

  netwright::Rng rng = netwright::Seed(7).derive("example").rng();
  netwright::Architecture one = netwright::sample(decisions, rng);
  for (int step = 0; step < 4; ++step) {
    std::cout << space->print(one) << "  " << netwright::cost(space->close(one, {})).params << " parameters\n";
    one = netwright::mutate(decisions, one, rng);
  }
}
