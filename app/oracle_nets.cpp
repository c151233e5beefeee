#include "oracle_nets.hpp"

#include <string>

#include "netwright/graph/builder.hpp"

namespace netwright {
namespace {

Value conv_norm_relu(Builder& b, Value x, const std::string& number, std::int64_t channels, std::int64_t stride) {
  x = b.add("conv", x, {{"channels", channels}, {"kernel", std::int64_t{3}}, {"stride", stride}}, "c" + number);
  return b.add("relu", b.add("batch_norm", x, {}, "norm" + number), {}, "relu" + number);
}

}  // namespace

Graph z1_graph() {
  Builder b;
  const Value h1 = conv_norm_relu(b, b.input({3, 8, 8}), "1", 8, 1);
  const Value h2 = b.add("add", {conv_norm_relu(b, h1, "2", 8, 1), h1}, {}, "h2");
  const Value h3 = conv_norm_relu(b, h2, "3", 16, 2);
  const Value pooled = b.add("flatten", b.add("global_pool", h3, {}, "pool"), {}, "flatten");
  return b.finish({b.add("linear", pooled, {{"features", std::int64_t{5}}}, "fc")});
}

}  // namespace netwright
