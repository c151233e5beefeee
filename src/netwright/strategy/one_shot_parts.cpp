#include "netwright/strategy/one_shot_parts.hpp"

#include <algorithm>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"

namespace netwright {
namespace {

constexpr double kNoLimit = std::numeric_limits<double>::infinity();

std::vector<PartOption> temperature(const char* first, const char* last, const char* schedule) {
  return {{"temperature", first, "at the first epoch", 1e-6, kNoLimit},
          {"final_temperature", last, "at the last epoch", 1e-6, kNoLimit},
          {"schedule", schedule, "how it goes from one to the other", 0, 0, {"linear", "exponential", "constant"}}};
}

std::vector<std::string> mixture() { return {"mixes", "gradient", "gradient in weight steps"}; }

std::vector<PartOption> costs(std::vector<PartOption> own) {
  own.push_back({"metric", "macs", "params, macs, or a number of the cost file", 0, 0, {}, true});
  own.push_back({"table", "", "a JSON file {decision: [cost a choice, ...]}; empty: counted from the graph", 0, 0, {}, true});
  own.push_back({"fixed", "0", "cost outside all choices, where a table is given", 0, kNoLimit});
  return own;
}

double checked_number(const std::string& where, const PartOption& option, const std::string& text) {
  double value = 0;
  try {
    value = parse_count(text);
  } catch (const UsageError&) {
    throw UsageError(where + " is a number, not '" + text + "'");
  }
  if (value >= option.low && value <= option.high) return value;
  const std::string low = option.low > -kNoLimit ? " at least " + format_count(option.low) : "";
  const std::string high = option.high < kNoLimit ? " at most " + format_count(option.high) : "";
  throw UsageError(where + " must be" + low + (low.empty() || high.empty() ? "" : " and") + high + ", not " + text);
}

void check(const std::string& part, const PartOption& option, const std::string& text) {
  const std::string where = part + ": " + option.name;
  if (option.free) return;
  if (option.words.empty()) {
    checked_number(where, option, text);
    return;
  }
  if (std::find(option.words.begin(), option.words.end(), text) == option.words.end())
    throw UsageError(where + " is one of " + join(option.words, ", ") + ", not '" + text + "'" + name_hint(text, option.words));
}

}  // namespace

bool SearchPart::has(std::string_view trait) const { return std::find(traits.begin(), traits.end(), trait) != traits.end(); }

const std::vector<SearchPart>& relaxation_parts() {
  static const std::vector<SearchPart> list = {
      {"softmax", "w = softmax(a / temperature), every candidate runs", "Liu et al. 2019, arXiv 1806.09055", temperature("1", "1", "constant"), mixture()},
      {"sigmoid", "w = sigmoid(a), each candidate for itself", "Chu et al. 2020, arXiv 1911.12126", {}, mixture()},
      {"gumbel", "w = softmax((log softmax(a) + Gumbel noise) / temperature)", "Wu et al. 2019, arXiv 1812.03443", temperature("5", "0.091", "exponential"), mixture()},
      {"concrete", "the same samples, on the way from soft to hard", "Xie et al. 2019, arXiv 1812.09926", temperature("1", "0.03", "exponential"), mixture()},
      {"gumbel_hard", "the largest of the noisy candidates alone runs; straight-through gradient", "Dong and Yang 2019, arXiv 1910.04465",
       temperature("10", "0.1", "linear"), {"gradient", "gradient in weight steps"}},
      {"dirichlet", "w ~ Dirichlet(elu(a) + 1), pathwise gradient", "Chen et al. 2021, arXiv 2006.10355", {}, mixture()},
      {"gates", "one path runs, drawn from softmax(a); the gates' gradient stands for that of the probabilities", "Cai et al. 2019, arXiv 1812.00332",
       {{"paths", "all", "which candidates an architecture step looks at", 0, 0, {"all", "two"}}}, {"gradient"}},
      {"uniform", "one architecture a step, uniform over the picks of each decision", "Guo et al. 2020, arXiv 1904.00420", {}, {"whole architectures"}},
      {"fair", "every candidate of every decision once a step, in as many paths", "Chu et al. 2021, arXiv 1907.01845", {}, {"whole architectures"}},
      {"sandwich", "the largest, the smallest and some random architectures a step", "Yu et al. 2020, arXiv 2003.11142",
       {{"random", "2", "random architectures beside the two", 0, 64}}, {"whole architectures"}},
      {"policy", "one architecture a step, drawn by an LSTM controller", "Pham et al. 2018, arXiv 1802.03268",
       {{"hidden", "64", "units of the LSTM", 1, 4096}, {"temperature", "5", "divides the logits; 0 = none", 0, kNoLimit},
        {"tanh_constant", "1.1", "bounds the logits; 0 = none", 0, kNoLimit}}, {"whole architectures", "policy"}},
  };
  return list;
}

const std::vector<SearchPart>& architecture_update_parts() {
  static const std::vector<SearchPart> list = {
      {"first_order", "gradient of the validation loss at the present weights", "Liu et al. 2019, arXiv 1806.09055", {}, {"needs gradient"}},
      {"second_order", "gradient through one step of the weights", "Liu et al. 2019, arXiv 1806.09055",
       {{"radius", "0.01", "of the finite difference, over the norm of the direction", 1e-12, kNoLimit},
        {"hessian", "differences", "how the Hessian-vector product is made", 0, 0, {"differences", "exact"}}}, {"needs gradient", "needs gradient in weight steps"}},
      {"single_level", "gradient of the training loss, on the weights' own batch", "Xie et al. 2019, arXiv 1812.09926", {}, {"needs gradient"}},
      {"reinforce", "score-function gradient of the accuracy of sampled architectures", "Pham et al. 2018, arXiv 1802.03268",
       {{"samples", "10", "architectures a step", 1, 1e6}, {"baseline_decay", "0.99", "of the moving average of rewards", 0, 1},
        {"entropy_weight", "0.0001", "of the policy's entropy in the reward", 0, kNoLimit}}, {"by reward"}},
      {"none", "the parameters stay as they started", "", {}, {"fixed"}},
  };
  return list;
}

const std::vector<SearchPart>& regulariser_parts() {
  static const std::vector<SearchPart> list = {
      {"beta", "adds weight * mean over decisions of logsumexp(a), growing linearly", "Ye et al. 2022, arXiv 2203.01665",
       {{"weight", "0", "at the first epoch", 0, kNoLimit}, {"final_weight", "50", "after the last", 0, kNoLimit}}},
      {"zero_one", "adds -weight * mean of (sigmoid(a) - 1/2)^2, or of its absolute value", "Chu et al. 2020, arXiv 1911.12126",
       {{"weight", "10", "", 0, kNoLimit}, {"form", "l2", "", 0, 0, {"l2", "l1"}}}},
      {"entropy", "adds weight * mean entropy of the decisions (a negative weight keeps them undecided)", "",
       {{"weight", "0.01", "", -kNoLimit, kNoLimit}}},
      {"cost_add", "adds weight * (E[cost] - reference) / reference", "Cai et al. 2019, arXiv 1812.00332",
       costs({{"weight", "0.1", "", 0, kNoLimit}, {"reference", "100M", "the cost that counts as one", 1e-9, kNoLimit}}), {"counts costs"}},
      {"cost_log", "loss * scale * (log E[cost] / log reference)^power", "Cai et al. 2019, arXiv 1812.00332",
       costs({{"scale", "0.2", "", 0, kNoLimit}, {"power", "0.3", "", 0, kNoLimit}, {"reference", "100M", "above 1", 1.000001, kNoLimit}}), {"counts costs"}},
      {"cost_power", "loss * scale * log(cost of the drawn weights)^power", "Wu et al. 2019, arXiv 1812.03443",
       costs({{"scale", "0.2", "", 0, kNoLimit}, {"power", "0.6", "", 0, kNoLimit}}), {"counts costs"}},
  };
  return list;
}

const std::vector<SearchPart>& derivation_parts() {
  static const std::vector<SearchPart> list = {
      {"strongest", "the strongest choice of each decision; of a select the strongest inputs", "Liu et al. 2019, arXiv 1806.09055",
       {{"limit", "", "a choice that is not picked often, as skip_connect; empty: none", 0, 0, {}, true},
        {"at_most", "2", "how often it is picked", 0, 1e9}, {"within", "", "decisions whose names start so; empty: all", 0, 0, {}, true}}},
      {"threshold", "inputs whose weight reaches a bound, within what the space allows", "Chu et al. 2020, arXiv 1911.12126",
       {{"bound", "0.85", "", 0, 1}}},
      {"perturbation", "of each decision the choice whose removal costs the most accuracy", "Wang et al. 2021, arXiv 2108.04392",
       {{"images", "0", "validation images a look; 0 = all", 0, 1e9}}, {"needs mixture"}},
      {"best_of", "the best of some sampled architectures by inherited accuracy", "Pham et al. 2018, arXiv 1802.03268",
       {{"samples", "10", "architectures", 1, 1e6}, {"images", "0", "validation images a look; 0 = all", 0, 1e9}}},
  };
  return list;
}

const SearchPart& find_part(const std::vector<SearchPart>& parts, std::string_view what, std::string_view name) {
  std::vector<std::string> names;
  for (const auto& part : parts) {
    if (part.name == name) return part;
    names.push_back(part.name);
  }
  throw UsageError("unknown " + std::string(what) + " '" + std::string(name) + "'" + name_hint(name, names));
}

PartValues::PartValues(const SearchPart& part, const std::map<std::string, std::string, std::less<>>& given) {
  std::vector<std::string> names;
  for (const auto& option : part.options) {
    names.push_back(option.name);
    values_[option.name] = option.fallback;
  }
  for (const auto& [name, value] : given) {
    const auto option = std::find_if(part.options.begin(), part.options.end(), [&](const PartOption& o) { return o.name == name; });
    if (option == part.options.end()) throw UsageError(part.name + ": unknown option '" + name + "'" + (names.empty() ? "; it has none" : name_hint(name, names)));
    check(part.name, *option, value);
    values_[name] = value;
  }
}

double PartValues::number(std::string_view name) const { return parse_count(text(name)); }

const std::string& PartValues::text(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw Error("the part has no option '" + std::string(name) + "'");
  return found->second;
}

}  // namespace netwright
