// Writes an open graph by hand, closes it in both ways, and says what each network costs.
#include <iostream>

#include "netwright/graph/builder.hpp"
#include "netwright/graph/close.hpp"
#include "netwright/graph/composites.hpp"
#include "netwright/graph/cost.hpp"

using netwright::Builder;
using netwright::Value;

netwright::Graph open_network() {
  Builder b;
  Value x = b.input({1, 28, 28});
  x = netwright::conv_bn(b, x, 16, {.stride = 2});
  x = b.choice("body", x,
               {{"plain", [](Builder& in, Value v) { return netwright::conv_bn(in, v, 16, {}); }},
                {"separable", [](Builder& in, Value v) { return netwright::sep_conv(in, v, 16, {}); }}});
  return b.finish({netwright::classifier(b, x, 10)});
}

int main() {
  const netwright::Graph open = open_network();
  std::cout << "supernet: " << netwright::cost(open).params << " parameters\n";
  for (int pick : {0, 1}) {
    const netwright::Graph network = netwright::close(open, [pick](const std::string&) { return std::vector<int>{pick}; });
    const netwright::Cost cost = netwright::cost(network);
    std::cout << (pick == 0 ? "plain" : "separable") << ": " << cost.params << " parameters, " << cost.macs << " multiply-accumulates\n";
  }
}
