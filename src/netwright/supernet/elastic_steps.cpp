// Open attributes of sequences {steps, features}. Weights are those of the widest network; a width that decision d sets to one of
// c_1 < ... < c_n runs as the value times one mask over the features, m = sum_i w_i [feature < c_i], and the layers that look at all
// features of a step (norms, attention, sines) count only those that the mask leaves. Which mask a value carries is read off the
// graph: it is that of the layer that made its features. With one-hot weights every value is that of the closed network, padded by zeros.
// Source: weight entanglement of AutoFormer (Chen et al. 2021, arXiv 2107.00651); HAT (Wang et al. 2020, arXiv 2005.14187).
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "netwright/core/error.hpp"
#include "netwright/graph/operation.hpp"
#include "netwright/supernet/mixed.hpp"
#include "netwright/supernet/narrow.hpp"

namespace netwright {
namespace {

using Int = std::int64_t;

// One way in which decisions can be picked, and how many features (or steps) are then there.
struct Extent {
  std::map<std::string, std::size_t> picks;
  Int size = 0;
};
using Extents = std::vector<Extent>;  // empty: always all

Extents extents_of(const Open& open) {
  Extents list;
  for (std::size_t i = 0; i < open.values.size(); ++i) list.push_back({{{open.decision, i}}, open.values[i]});
  return list;
}

const Node& node_at(const Graph& graph, int i) { return graph.nodes[static_cast<std::size_t>(i)]; }

const Open* open_attribute(const Node& node, std::string_view name) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? nullptr : std::get_if<Open>(&found->second);
}

// Of a linear layer whose features are a share of its input's.
Extents shares(const Node& node, const Extents& inputs) {
  constexpr Int whole = 100;
  const Open* percent = open_attribute(node, "percent");
  const Extents shares_of = percent != nullptr ? extents_of(*percent) : Extents{Extent{{}, integer(node, "percent")}};
  Extents list;
  for (const Extent& input : inputs)
    for (const Extent& share : shares_of) {
      Extent both{input.picks, input.size * share.size / whole};
      both.picks.insert(share.picks.begin(), share.picks.end());
      list.push_back(std::move(both));
    }
  return list;
}

Extents widths(const Graph& graph, int i);

// Where a width is not open, the one that is there.
Extents widths_or_all(const Graph& graph, int i) {
  Extents list = widths(graph, i);
  if (list.empty()) list.push_back(Extent{{}, node_at(graph, i).shape.back()});
  return list;
}

// How many features of node i's value are there.
Extents widths(const Graph& graph, int i) {
  const Node& node = node_at(graph, i);
  if (const Open* open = open_attribute(node, node.op == "conv" ? "channels" : "features")) return extents_of(*open);
  if (node.op == "linear" && integer(node, "features") == 0) {
    const bool fixed = open_attribute(node, "percent") == nullptr && widths(graph, node.inputs[0]).empty();
    return fixed ? Extents{} : shares(node, widths_or_all(graph, node.inputs[0]));
  }
  const bool makes_its_own = node.op == "linear" || node.op == "conv" || node.op == "embedding" || node.op == "choice" || node.op == "flatten";
  if (node.inputs.empty() || makes_its_own || node.shape.size() == 1) return {};
  return widths(graph, node.op == "attention" ? node.inputs[2] : node.inputs[0]);
}

// How many steps of node i's value are there.
Extents lengths(const Graph& graph, int i) {
  const Node& node = node_at(graph, i);
  if (node.op == "slice" && node.shape.size() == 2)
    if (const Open* open = open_attribute(node, "channels")) return extents_of(*open);
  if (node.inputs.empty() || node.shape.size() != 2 || node.op == "concat" || node.op == "tokens" || node.op == "class_token" || node.op == "select")
    return {};
  return lengths(graph, node.inputs[0]);
}

const MixtureEntry& entry_of(const Frame& frame, const std::string& decision) {
  const auto found = frame.mixture == nullptr ? Mixture::const_iterator{} : frame.mixture->find(decision);
  if (frame.mixture == nullptr || found == frame.mixture->end() || !found->second.weights.defined())
    throw Error("decision '" + decision + "' has no weights in this pass");
  return found->second;
}

// The product of the weights of the picks; undefined where one of them is exactly zero.
at::Tensor weight_of(const Frame& frame, const Extent& extent, const at::Tensor& like) {
  at::Tensor product = at::ones({}, like.options());
  for (const auto& [decision, pick] : extent.picks) {
    const MixtureEntry& entry = entry_of(frame, decision);
    if (entry.values[pick] == 0.0) return {};
    product = product * entry.weights[static_cast<Int>(pick)];
  }
  return product;
}

// sum over the extents of weight * value(size)
template <class F>
at::Tensor weighted(const Frame& frame, const Extents& extents, const at::Tensor& like, F value) {
  at::Tensor sum;
  for (const Extent& extent : extents) {
    const at::Tensor weight = weight_of(frame, extent, like);
    if (!weight.defined()) continue;
    const at::Tensor term = weight * value(extent.size);
    sum = sum.defined() ? sum + term : term;
  }
  if (!sum.defined()) throw Error("an open width has no weight other than zero");
  return sum;
}

// Ones on what is there, of `all`.
at::Tensor mask_of(const Frame& frame, const Extents& extents, Int all, const at::Tensor& like) {
  const at::Tensor places = at::arange(all, at::TensorOptions(at::kLong).device(like.device()));
  return weighted(frame, extents, like, [&](Int size) { return (places < size).to(like.scalar_type()); });
}

// The norm over the features that the mask leaves.
at::Tensor masked_norm(const at::Tensor& x, const at::Tensor& mask, const std::vector<at::Tensor>& own, double epsilon) {
  const at::Tensor count = mask.sum();
  const at::Tensor centred = (x - (x * mask).sum(-1, true) / count) * mask;
  const at::Tensor variance = centred.square().sum(-1, true) / count;
  return (centred * at::rsqrt(variance + epsilon) * own[0] + own[1]) * mask;
}

at::Tensor by_head(const at::Tensor& x, Int heads) { return x.reshape({-1, x.size(1), heads, x.size(2) / heads}).transpose(1, 2); }

// Keys behind the last step that is there are not looked at.
at::Tensor attention_to_some(const std::vector<at::Tensor>& x, Int heads, const at::Tensor& there) {
  const at::Tensor bias = there.log().expand({x[0].size(1), there.size(0)});
  return at::scaled_dot_product_attention(by_head(x[0], heads), by_head(x[1], heads), by_head(x[2], heads), bias).transpose(1, 2).flatten(2);
}

// What one elastic node needs at run time.
struct ElasticNode {
  Node node;                 // at its largest
  Extents made, read, keys;  // widths of its value and of its input; steps of the keys
  std::optional<Open> heads;
  Kernel kernel;

  Int heads_now() const { return integer(node, "head_width") > 0 ? node.shape[1] / integer(node, "head_width") : integer(node, "heads"); }

  at::Tensor attend(const Frame& frame, const std::vector<at::Tensor>& x, const std::vector<at::Tensor>& own, Int given) const {
    if (!keys.empty()) return attention_to_some(x, given, mask_of(frame, keys, x[1].size(1), x[1]));
    Node one = node;
    if (heads) one.attributes["heads"] = given;
    return make_kernel(one)(x, own, frame.mode);
  }

  at::Tensor attention(const Frame& frame, const std::vector<at::Tensor>& x, const std::vector<at::Tensor>& own) const {
    if (!heads) return attend(frame, x, own, heads_now());
    return weighted(frame, extents_of(*heads), x[0], [&](Int given) { return attend(frame, x, own, given); });
  }

  // Sines depend on how many features there are.
  at::Tensor with_sines(const Frame& frame, const at::Tensor& x) const {
    return x + weighted(frame, read, x, [&](Int size) {
             const at::Tensor zeros = at::zeros_like(x.slice(2, 0, size));
             return at::constant_pad_nd(kernel(std::vector<at::Tensor>{zeros}, {}, frame.mode), {0, x.size(2) - size}, 0);
           });
  }

  at::Tensor embedded(const Frame& frame, const std::vector<at::Tensor>& x, const std::vector<at::Tensor>& own) const {
    const at::Tensor rows = kernel(x, own, frame.mode);
    if (integer(node, "scaled") == 0) return rows;
    const double all = static_cast<double>(node.shape[1]);
    return rows * weighted(frame, made, rows, [&](Int size) { return at::full({}, std::sqrt(static_cast<double>(size) / all), rows.options()); });
  }

  at::Tensor run(const Frame& frame, const std::vector<at::Tensor>& x, const std::vector<at::Tensor>& own) const {
    if (node.op == "layer_norm" && !read.empty()) return masked_norm(x[0], mask_of(frame, read, x[0].size(-1), x[0]), own, number(node, "epsilon"));
    if (node.op == "attention") return attention(frame, x, own);
    if (node.op == "positions" && integer(node, "learned") == 0 && !read.empty()) return with_sines(frame, x[0]);
    if (node.op == "embedding" && !made.empty()) return embedded(frame, x, own);
    return kernel(x, own, frame.mode);
  }
};

// Nothing where neither the node's width nor what it looks at is open.
std::optional<ElasticNode> elastic_node(const LoweringCase& c) {
  const Node& node = c.at();
  if (is_structure(node) || node.shape.size() != 2) return std::nullopt;
  ElasticNode elastic{.node = largest(node), .made = widths(c.graph, c.node), .read = widths(c.graph, node.inputs[0])};
  if (node.op == "attention") elastic.keys = lengths(c.graph, node.inputs[1]);
  if (const Open* heads = open_attribute(node, "heads")) elastic.heads = *heads;
  if (elastic.made.empty() && elastic.keys.empty() && open_attributes(node).empty()) return std::nullopt;
  for (const auto& [name, open] : open_attributes(node))
    if (name != "features" && name != "percent" && name != "heads" && name != "channels")
      throw Unsupported("node '" + node.name + "': an open '" + name +
                        "' of a sequence has no supernet; open features, percent, heads and steps have");
  elastic.kernel = make_kernel(elastic.node);
  return elastic;
}

}  // namespace

Pattern elastic_steps_pattern() {
  return {"elastic_steps", [](const LoweringCase& c) -> std::optional<Lowered> {
            const std::optional<ElasticNode> elastic = elastic_node(c);
            if (!elastic) return std::nullopt;
            const auto places = c.register_parameters(elastic->node);
            const bool mask = !elastic->made.empty() && (!operation(c.at().op).keeps_zero || !open_attributes(c.at()).empty());
            return Lowered{[elastic = *elastic, places, mask, tensors = &c.tensors, inputs = c.at().inputs,
                            at = static_cast<std::size_t>(c.node)](Frame& frame) {
              std::vector<at::Tensor> read, own;
              for (const int input : inputs) read.push_back(frame.values[static_cast<std::size_t>(input)]);
              for (const auto place : places) own.push_back((*tensors)[place].tensor);
              const at::Tensor value = elastic.run(frame, read, own);
              frame.values[at] = mask ? value * mask_of(frame, elastic.made, value.size(-1), value) : value;
            }};
          }};
}

}  // namespace netwright
