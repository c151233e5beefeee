#include "netwright/proxy/proxy.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <tuple>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/proxy/fill.hpp"
#include "netwright/proxy/scores.hpp"

namespace netwright {
namespace {

const char* const zero_cost = "Abdelfattah et al. 2021, arXiv 2101.08134";
const char* const az_nas = "Lee and Ham 2024, arXiv 2403.19232";

at::Tensor normal_input(at::IntArrayRef sizes, const Seed& seed) {
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  Rng rng = seed.rng();
  auto* data = tensor.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) data[i] = rng.normal();
  return tensor;
}

Graph without_dropout(Graph graph) {
  for (Node& node : graph.nodes)
    if (node.op == "dropout" || node.op == "drop_path") node.attributes["rate"] = 0.0;
  return graph;
}

void check(const Graph& closed, const ProxyOptions& options) {
  if (closed.open()) throw UsageError("an open graph cannot be scored: close it with an architecture first");
  if (closed.output().shape.size() != 1)
    throw UsageError("proxies score classifiers, whose result is one number a class; this network's result is " + to_string(closed.output().shape));
  const std::int64_t batch = options.data ? options.data->images.size(0) : options.batch;
  if (batch < 2) throw UsageError("proxies compare samples: the batch must be at least 2, not " + std::to_string(batch));
  if (!options.data) return;
  if (options.data->labels.dim() != 1 || options.data->labels.size(0) != batch)
    throw UsageError("there must be one label an image: " + std::to_string(batch) + " images, " + std::to_string(options.data->labels.numel()) +
                     " labels");
}

// Images and what disturbs them.
std::pair<at::Tensor, at::Tensor> inputs_of(const Shape& sizes, const ProxyOptions& options) {
  if (options.fill == Fill::oracle) {
    const auto seed = static_cast<std::uint32_t>(options.input_seed.value_or(fill_input_seed));
    return {fill_input(sizes, seed), fill_input(sizes, fill_noise_seed)};
  }
  const Seed seed = options.input_seed ? Seed(*options.input_seed) : options.seed;
  return {normal_input(sizes, seed.derive("input")), normal_input(sizes, seed.derive("noise"))};
}

}  // namespace

const std::vector<Proxy>& proxy_list() {
  static const auto up = Direction::maximise, down = Direction::minimise;
  static const std::vector<Proxy> list{
      {"params", "Trainable parameters", "", up, parameter_count},
      {"macs", "Multiply-accumulates of one sample", "", up, mac_count},
      {"grad_norm", "Norm of the gradient of one batch's loss", zero_cost, up, grad_norm},
      {"synflow", "Sum of synaptic flow, |weight x gradient| on an input of ones", "Tanaka et al. 2020, arXiv 2006.05467", up, synflow},
      {"naswot", "Log-determinant of the kernel of ReLU patterns", "Mellor et al. 2021, arXiv 2006.04647", up, naswot},
      {"jacob_cov", "Correlation of the input gradients of a batch", "Mellor et al. 2020, arXiv 2006.04647v1", up, jacob_cov},
      {"snip", "Sum of |weight x gradient| of one batch's loss", "Lee et al. 2019, arXiv 1810.02340", up, snip},
      {"grasp", "Sum of -weight x (Hessian x gradient)", "Wang et al. 2020, arXiv 2002.07376", up, grasp},
      {"fisher", "Squared activation x gradient of every channel", "Turner et al. 2020, arXiv 1906.04113", up, fisher},
      {"plain", "Sum of weight x gradient of one batch's loss", zero_cost, up, plain},
      {"l2_norm", "Sum of the layers' weight norms", zero_cost, up, l2_norm},
      {"synflow_bn", "Synaptic flow with batch norm", zero_cost, up, synflow_bn},
      {"epe_nas", "Correlation of the input gradients within each class", "Lopes et al. 2021, arXiv 2102.08099", up, epe_nas},
      {"linear_regions", "Distinct ReLU patterns in a batch", "Chen et al. 2021, arXiv 2102.11535", up, linear_regions},
      {"ntk_cond", "Condition number of the neural tangent kernel", "Chen et al. 2021, arXiv 2102.11535", down, ntk_cond},
      {"zico", "Mean over deviation of the gradients of two half batches", "Li et al. 2023, arXiv 2301.11300", up, zico},
      {"zen", "How much features move with the input, and the batch norms' scale", "Lin et al. 2021, arXiv 2102.01063", up, zen},
      {"expressivity", "Entropy of the blocks' principal components", az_nas, up, expressivity},
      {"progressivity", "Least growth of that entropy from block to block", az_nas, up, progressivity},
      {"trainability", "How blocks keep the size of gradients", az_nas, up, trainability},
      {"meco", "Least eigenvalues of the channel correlations of feature maps", "Jiang et al. 2023 (NeurIPS)", up, meco},
  };
  return list;
}

std::vector<Proxy> find_proxies(const std::vector<std::string>& names) {
  std::vector<std::string> known = {"all"};
  for (const Proxy& proxy : proxy_list()) known.push_back(proxy.name);
  std::vector<std::string> wanted;
  for (const std::string& word : names) {
    const std::string name = trim(word);
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw UsageError("proxies: unknown proxy '" + name + "'" + name_hint(name, known));
    wanted.push_back(name);
  }
  if (wanted.empty()) throw UsageError("proxies: at least one name is needed, or all");
  const bool all = std::find(wanted.begin(), wanted.end(), "all") != wanted.end();
  std::vector<Proxy> found;
  for (const Proxy& proxy : proxy_list())
    if (all || std::find(wanted.begin(), wanted.end(), proxy.name) != wanted.end()) found.push_back(proxy);
  return found;
}

Fill parse_fill(const std::string& text) {
  if (text == "random") return Fill::random;
  if (text == "oracle") return Fill::oracle;
  throw UsageError("fill: '" + text + "' is neither random nor oracle" + name_hint(text, {"random", "oracle"}));
}

ProxyCase prepare(const Graph& closed, const ProxyOptions& options) {
  check(closed, options);
  ProxyCase made;
  made.network = std::make_shared<Network>(without_dropout(closed), options.place);
  if (options.fill == Fill::oracle)
    fill_weights(made.network->tensors());
  else
    made.network->initialise(options.seed.derive("weights"));
  made.seed = options.seed;
  made.classes = closed.output().shape.at(0);
  Shape sizes = closed.nodes.front().shape;
  sizes.insert(sizes.begin(), options.data ? options.data->images.size(0) : options.batch);
  std::tie(made.inputs, made.noise) = inputs_of(sizes, options);
  if (options.data) made.inputs = options.data->images;
  made.targets = options.data ? options.data->labels : at::arange(sizes[0], at::kLong).remainder(made.classes);
  made.inputs = made.inputs.to(options.place.device, options.place.dtype);
  made.noise = made.noise.to(options.place.device, options.place.dtype);
  made.targets = made.targets.to(options.place.device);
  return made;
}

std::map<std::string, double> score(const ProxyCase& proxy_case, const std::vector<std::string>& names) {
  const auto wanted = find_proxies(names);
  Passes passes(proxy_case);
  std::map<std::string, double> values;
  for (const Proxy& proxy : wanted) values[proxy.name] = proxy.compute(passes);
  return values;
}

std::map<std::string, double> score(const Graph& closed, const ProxyOptions& options) {
  find_proxies(options.names);
  return score(prepare(closed, options), options.names);
}

}  // namespace netwright
