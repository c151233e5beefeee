// Recurrent cells and transformers: parameters, and what a recurrent cell computes. Paths of resolutions.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "netwright/core/names.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/graph/operation.hpp"
#include "netwright/nn/network.hpp"
#include "netwright/proxy/fill.hpp"
#include "netwright/space/architectures.hpp"
#include "netwright/space/library/autodeeplab.hpp"
#include "netwright/space/library/autoformer.hpp"
#include "netwright/space/library/hat.hpp"
#include "netwright/space/library/recurrent.hpp"
#include "netwright/space/variation.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

// ---- recurrent language models ----

const NamedArchitecture* published_cell(std::string_view name) {
  for (const auto& known : named_architectures())
    if (known.space == "darts_rnn" && known.name == name) return &known;
  return nullptr;
}

// Written out in the case, or by the name of a published one, in the file or in the library.
RecurrentGenotype genotype_named(const OracleJson& input, const OracleJson& file, const std::string& name) {
  if (input.contains("recurrent")) {
    OracleJson cell{{"recurrent", input["recurrent"]}};
    if (input.contains("concat")) cell["concat"] = input["concat"];
    return parse_recurrent_genotype(cell.dump());
  }
  if (input.contains("genotype") && input.at("genotype").is_object()) return parse_recurrent_genotype(input.at("genotype").dump());
  if (input.contains("genotype") && input.at("genotype").is_array())
    return parse_recurrent_genotype(OracleJson{{"recurrent", input.at("genotype")}}.dump());
  const std::string given = input.value("genotype", name);
  if (file.contains("genotypes") && file.at("genotypes").contains(given) && file.at("genotypes").at(given).contains("recurrent"))
    return parse_recurrent_genotype(file.at("genotypes").at(given).dump());
  if (const auto* known = published_cell(given)) return parse_recurrent_genotype(known->text);
  // All cells of so many nodes have as many parameters.
  if (given == "params" && input.contains("nodes")) {
    OracleJson nodes = OracleJson::array();
    for (std::size_t i = 0; i < input["nodes"].get<std::size_t>(); ++i) nodes.push_back({"tanh", 0});
    return parse_recurrent_genotype(OracleJson{{"recurrent", nodes}}.dump());
  }
  throw UsageError("there is no recurrent genotype '" + given + "'");
}

bool is_language_model(const OracleJson& c) { return has_input(c, {"vocab", "emsize", "nhid"}) && c.at("expect").is_object(); }

OracleJson run_language_model(const OracleJson& c, const OracleJson& file) {
  const OracleJson& input = c.at("input");
  if (input.at("emsize") != input.at("nhid")) throw UsageError("an embedding that is the classifier's weight needs emsize equal to nhid");
  const NetworkOptions options{.input = {1}, .classes = input.at("vocab").get<std::int64_t>(), .settings = {{"width", input.at("nhid").dump()}}};
  OracleJson got;
  for (const auto& [name, value] : c.at("expect").items()) {
    const RecurrentGenotype genotype = genotype_named(input, file, name);
    if (input.contains("nodes") && input.at("nodes") != genotype.nodes.size())
      throw UsageError("the genotype has " + std::to_string(genotype.nodes.size()) + " nodes");
    got[name] = cost(recurrent_network(genotype, options)).params;
  }
  return got;
}

// ---- a recurrent cell in numbers ----

// "2*LCG(502+i) 4x8", with i; of any number of dimensions.
at::Tensor lcg_array(const std::string& words, std::uint32_t i) {
  const std::size_t open = words.find("LCG("), close = words.find(')', open), star = words.find('*');
  if (open == std::string::npos || close == std::string::npos) throw UsageError("'" + words + "' is not of the form 2*LCG(11) 3x4");
  const std::string seed = words.substr(open + 4, close - open - 4);
  std::vector<std::int64_t> sizes;
  for (const auto& size : split(trim(words.substr(close + 1)), 'x')) sizes.push_back(std::stoll(size));
  const double factor = star < open ? std::stod(words.substr(0, star)) : 1.0;
  return lcg_tensor(sizes, static_cast<std::uint32_t>(std::stoul(seed)) + (seed.ends_with("+i") ? i : 0), factor);
}

bool is_recurrent_cell(const OracleJson& c) { return has_input(c, {"W0", "Ws", "x"}); }

// "DARTS_V2 RNN cell, ..." where the input names no genotype.
std::string cell_in_title(const OracleJson& c) {
  const std::string words = title(c);
  for (const auto& known : named_architectures())
    if (known.space == "darts_rnn" && words.find(known.name) != std::string::npos) return known.name;
  return "";
}

// The released code multiplies rows by {in, out}; a linear layer's weight is {out, in}.
void set_weight(const Network& network, const std::string& name, const at::Tensor& matrix) {
  const at::NoGradGuard no_grad;
  for (const auto& named : network.tensors())
    if (named.name == name) return static_cast<void>(at::Tensor(named.tensor).copy_(matrix.t()));
  throw Error("the cell has no weight '" + name + "'");
}

OracleJson nested(const at::Tensor& tensor) {
  if (tensor.dim() == 0) return tensor.item<double>();
  OracleJson list = OracleJson::array();
  for (std::int64_t i = 0; i < tensor.size(0); ++i) list.push_back(nested(tensor[i]));
  return list;
}

// {batch, width} from the case's h0: one number, "LCG(3) 2x4", or the numbers themselves; one row serves all of the batch.
at::Tensor first_state(const OracleJson& given, std::int64_t batch, std::int64_t width) {
  at::Tensor state;
  if (given.is_number()) state = at::full({1, width}, given.get<double>(), at::kDouble);
  else if (given.is_string()) state = lcg_array(given.get<std::string>(), 0);
  else {
    std::vector<double> numbers;
    for (const auto& row : given)
      for (const auto& number : row.is_array() ? row : OracleJson::array({row})) numbers.push_back(number.get<double>());
    state = at::tensor(numbers, at::kDouble);
  }
  if (state.numel() != width && state.numel() != batch * width)
    throw UsageError("h0 has " + std::to_string(state.numel()) + " numbers; " + std::to_string(batch) + " rows of " + std::to_string(width) + " are needed");
  return state.reshape({-1, width}).expand({batch, width}).contiguous();
}

// A first state is what a window before this one would have left.
CarriedStates starting_at(const at::Tensor& state, const Graph& cell) {
  CarriedStates states;
  for (const Node& node : cell.nodes)
    if (const auto from = node.attributes.find("carried"); from != node.attributes.end()) states.before[std::get<std::string>(from->second)] = state;
  return states;
}

OracleJson run_recurrent_cell(const OracleJson& c, const OracleJson& file) {
  const OracleJson& input = c.at("input");
  const RecurrentGenotype genotype = genotype_named(input, file, cell_in_title(c));
  at::Tensor x = lcg_array(input.at("x").get<std::string>(), 0);  // {steps, features}, or {steps, batch, features}
  const bool batched = x.dim() == 3;
  x = batched ? x.transpose(0, 1) : x.unsqueeze(0);
  const std::int64_t width = lcg_array(input.at("Ws").get<std::string>(), 0).size(0);
  Network network(recurrent_cell(genotype, x.size(1), x.size(2), width), {.dtype = at::kDouble});
  set_weight(network, "step0.initial.weight", lcg_array(input.at("W0").get<std::string>(), 0));
  for (std::size_t node = 0; node < genotype.nodes.size(); ++node)
    set_weight(network, "step0.node" + std::to_string(node + 1) + ".weight",
               lcg_array(input.at("Ws").get<std::string>(), static_cast<std::uint32_t>(node)));
  network.train(false);
  const at::NoGradGuard no_grad;
  CarriedStates states = starting_at(first_state(input.value("h0", OracleJson(0)), x.size(0), width), network.graph());
  const at::Tensor out = network.forward(x, &states)[0].transpose(0, 1);
  return batched ? nested(out) : nested(out.squeeze(1));
}

// ---- vision transformers ----

bool is_vision_transformer(const OracleJson& c) { return has_input(c, {"E", "heads", "ratio"}); }

NetworkOptions imagenet(const OracleJson& input) {
  const std::int64_t side = input.value("img_size", std::int64_t{224});
  return {.input = {3, side, side}, .classes = input.value("classes", std::int64_t{1000})};
}

std::vector<std::int64_t> percents(const OracleJson& ratios) {
  std::vector<std::int64_t> list;
  for (const auto& ratio : ratios) list.push_back(std::llround(ratio.get<double>() * 100));
  return list;
}

// The network of all first choices, or of all last ones.
std::int64_t extreme(const OracleJson& input, bool largest) {
  const OracleJson& choices = input.at("space");
  const auto ascending = [](std::vector<std::int64_t> values) {
    if (values.empty()) throw UsageError("the case: a list of its space is empty");
    std::ranges::sort(values);
    return values;
  };
  const auto list = [&](const char* key) { return ascending(choices.at(key).get<std::vector<std::int64_t>>()); };
  const auto space = make_autoformer(
      {.name = "given", .widths = list("E"), .heads = list("heads"), .percents = ascending(percents(choices.at("ratio"))), .depths = list("depth")});
  const DecisionTree& tree = space->decisions();
  Architecture architecture{std::vector<std::int64_t>(tree.size(), 0)};
  for (std::size_t i = 0; i < tree.size(); ++i) architecture.picks[i] = largest ? static_cast<std::int64_t>(tree[i].choices.size()) - 1 : 0;
  return cost(space->close(normalised(tree, architecture), imagenet(input))).params;
}

// One number for every block.
std::int64_t uniform_network(const OracleJson& numbers, const OracleJson& input) {
  const auto blocks = numbers.at("depth").get<std::size_t>();
  const VisionTransformer network{.width = numbers.at("E").get<std::int64_t>(),
                                  .heads = std::vector(blocks, numbers.at("heads").get<std::int64_t>()),
                                  .percent = std::vector(blocks, percents({numbers.at("ratio")})[0])};
  return cost(vision_transformer(network, imagenet(input))).params;
}

OracleJson run_vision_transformer(const OracleJson& c, const OracleJson&) {
  const OracleJson& input = c.at("input");
  const VisionTransformer network{
      .width = input.at("E").get<std::int64_t>(),
      .heads = input.at("heads").get<std::vector<std::int64_t>>(),
      .percent = percents(input.at("ratio"))};
  if (network.heads.size() != network.percent.size()) throw UsageError("heads and ratio have different lengths");
  const Cost counted = cost(vision_transformer(network, imagenet(input)));
  OracleJson got = {{"retrain_params", counted.params}, {"params", counted.params}, {"macs", counted.macs}};
  if (input.contains("space")) got["min_subnet"] = extreme(input, false), got["max_subnet"] = extreme(input, true);
  if (input.contains("supernet")) got["supernet_params"] = uniform_network(input.at("supernet"), input);
  return got;
}

// ---- translation transformers ----

bool is_translation_transformer(const OracleJson& c) {
  if (!has_input(c, {"configs"}) || !c.at("input").at("configs").is_object()) return false;
  const OracleJson& configs = c.at("input").at("configs");
  return std::all_of(configs.begin(), configs.end(),
                     [](const OracleJson& config) { return config.is_object() && config.contains("enc_ffn") && config.contains("dec_ffn"); });
}

// Without embeddings and classifier.
std::int64_t layer_params(const Graph& graph) {
  std::int64_t count = 0;
  for (const auto& node : graph.nodes) {
    if (!node.name.starts_with("encoder.") && !node.name.starts_with("decoder.")) continue;
    for (const auto& parameter : parameters(node, input_shapes(graph, node)))
      if (parameter.trainable && parameter.owner.empty()) count += elements(parameter.shape);
  }
  return count;
}

OracleJson run_translation_transformer(const OracleJson& c, const OracleJson&) {
  OracleJson got;
  for (const auto& [name, config] : c.at("input").at("configs").items())
    got[name] = layer_params(translation_transformer(parse_translation_transformer(config.dump()), {.input = {8}, .classes = 10}));
  return got;
}

// ---- paths of resolutions ----

bool is_path_count(const OracleJson& c) {
  constexpr std::string_view stem = "paths_";
  if (!id(c).starts_with("C-") || !c.at("expect").is_object() || c.at("expect").empty()) return false;
  for (const auto& [key, value] : c.at("expect").items())
    if (!key.starts_with(stem)) return false;
  return true;
}

// "paths_11" = paths of 11 steps.
OracleJson run_path_count(const OracleJson& c, const OracleJson&) {
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) got[key] = decimal(size(path_decisions(std::stoi(key.substr(key.find('_') + 1)))));
  return got;
}

}  // namespace

std::vector<OracleKind> sequence_oracles() {
  return {{.name = "recurrent language model", .matches = is_language_model, .run = run_language_model},
          {.name = "recurrent cell", .matches = is_recurrent_cell, .run = run_recurrent_cell},
          {.name = "vision transformer", .matches = is_vision_transformer, .run = run_vision_transformer},
          {.name = "translation transformer", .matches = is_translation_transformer, .run = run_translation_transformer},
          {.name = "paths of resolutions", .matches = is_path_count, .run = run_path_count}};
}

}  // namespace netwright
