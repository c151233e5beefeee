#include "netwright/trained/regulariser.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/graph/cost.hpp"
#include "netwright/graph/sharing.hpp"

namespace netwright {
namespace {

double metric_of(const Cost& cost, const std::string& metric) {
  if (metric == "params") return static_cast<double>(cost.params);
  if (metric == "macs") return static_cast<double>(cost.macs);
  throw UsageError("a cost that is counted is params or macs, not '" + metric + "'" + name_hint(metric, {"params", "macs"}));
}

// Adds up what each choice costs, graph by graph: the whole one and every candidate's, in the order in which they are walked.
struct Counter {
  const DecisionTree& tree;
  const std::string& metric;
  CostTable& table;

  std::vector<double>& row(const std::string& decision) { return table.choices[static_cast<std::size_t>(tree.find(decision))]; }

  // What stands in each graph itself, without the graphs inside.
  void own_costs(const Graph& graph, std::vector<double>& costs) const {
    const std::size_t at = costs.size();
    costs.push_back(metric_of(cost(graph), metric));
    for (const Node& node : graph.nodes) {
      for (const Branch& branch : node.branches) {
        if (branch.body.empty()) continue;
        costs[at] -= metric_of(cost(branch.graph()), metric);
        own_costs(branch.graph(), costs);
      }
    }
  }

  // The costs of each graph without what open attributes can save; each value's share is what it leaves of that.
  std::vector<double> lent(const Graph& open) {
    std::vector<double> largest;
    own_costs(open, largest);
    std::vector<double> own = largest;
    for (const auto& [decision, count] : open_numbers(open)) {
      std::vector<std::vector<double>> saved(count);
      for (std::size_t i = 0; i < count; ++i) {
        own_costs(with_number(open, decision, i), saved[i]);
        for (std::size_t g = 0; g < largest.size(); ++g) saved[i][g] = largest[g] - saved[i][g];
      }
      for (std::size_t g = 0; g < largest.size(); ++g) {
        double most = 0;
        for (const auto& of : saved) most = std::max(most, of[g]);
        for (std::size_t i = 0; i < count; ++i) row(decision)[i] += most - saved[i][g];
        own[g] -= most;
      }
    }
    return own;
  }

  // What is closed in the graph; choices go into their rows. `next` walks along `own`.
  double closed_part(const Graph& graph, const std::vector<double>& own, std::size_t& next) {
    double sum = own[next++];
    for (const Node& node : graph.nodes) {
      for (std::size_t i = 0; i < node.branches.size(); ++i) {
        if (node.branches[i].body.empty()) continue;
        const double closed = closed_part(node.branches[i].graph(), own, next);
        if (node.op == "choice") row(node.decision)[i] += closed;
        else sum += closed;
      }
    }
    return sum;
  }

  double count(const Graph& open) {
    const std::vector<double> own = lent(open);
    std::size_t next = 0;
    return closed_part(open, own, next);
  }
};

CostTable empty_table(const DecisionTree& tree) {
  CostTable table;
  for (const auto& decision : tree) table.choices.emplace_back(decision.choices.size(), 0.0);
  return table;
}

std::vector<at::Tensor> weights_of(const DecisionTree& tree, const Mixture& mixture) {
  std::vector<at::Tensor> list;
  for (const auto& decision : tree) {
    const auto found = mixture.find(decision.name);
    list.push_back(found == mixture.end() ? at::Tensor() : found->second.weights);
  }
  return list;
}

// softmax over what is left: the probabilities that an expected cost is taken over.
std::vector<at::Tensor> probabilities_of(const DecisionTree& tree, const ArchitectureParameters& parameters) {
  std::vector<at::Tensor> list;
  for (std::size_t d = 0; d < tree.size(); ++d) {
    at::Tensor logits = parameters.vectors[d];
    for (std::size_t i = 0; logits.defined() && i < tree[d].choices.size(); ++i) {
      if (!parameters.is_out(d, i)) continue;
      at::Tensor out = at::zeros_like(logits).detach();
      out[static_cast<std::int64_t>(i)] = -1e30;
      logits = logits + out;
    }
    list.push_back(logits.defined() ? at::softmax(logits, 0) : at::Tensor());
  }
  return list;
}

class Beta : public Regulariser {
 public:
  Beta(const PartValues& o, const RegulariserSource&) : first_(o.number("weight")), last_(o.number("final_weight")) {}
  at::Tensor apply(const at::Tensor& loss, const RegulariserCase& c) const override {
    return loss + (first_ + (last_ - first_) * c.progress) * mean_log_sum_exp(c.parameters.defined());
  }

 private:
  double first_, last_;
};

class ZeroOne : public Regulariser {
 public:
  ZeroOne(const PartValues& o, const RegulariserSource&) : weight_(o.number("weight")), absolute_(o.text("form") == "l1") {}
  at::Tensor apply(const at::Tensor& loss, const RegulariserCase& c) const override { return loss + weight_ * zero_one_loss(c.parameters.defined(), absolute_); }

 private:
  double weight_;
  bool absolute_;
};

class Entropy : public Regulariser {
 public:
  Entropy(const PartValues& o, const RegulariserSource&) : weight_(o.number("weight")) {}
  at::Tensor apply(const at::Tensor& loss, const RegulariserCase& c) const override {
    at::Tensor sum;
    double count = 0;
    for (const auto& p : probabilities_of(c.tree, c.parameters)) {
      if (!p.defined()) continue;
      const at::Tensor own = -(p * at::log(p.clamp_min(1e-30))).sum();
      sum = sum.defined() ? sum + own : own;
      ++count;
    }
    return sum.defined() ? loss + (weight_ / count) * sum : loss;
  }

 private:
  double weight_;
};

class Costed : public Regulariser {
 public:
  Costed(const PartValues& o, const RegulariserSource& s)
      : table_(o.text("table").empty() ? cost_table(s.open, s.tree, o.text("metric")) : read_cost_table(o.text("table"), s.tree)) {
    if (!o.text("table").empty()) table_.fixed = o.number("fixed");
  }

 protected:
  at::Tensor expected(const RegulariserCase& c) const { return expected_cost(table_, c.tree, probabilities_of(c.tree, c.parameters)); }
  at::Tensor drawn(const RegulariserCase& c) const { return expected_cost(table_, c.tree, weights_of(c.tree, c.mixture)); }

 private:
  CostTable table_;
};

class CostAdd : public Costed {
 public:
  CostAdd(const PartValues& o, const RegulariserSource& s) : Costed(o, s), weight_(o.number("weight")), reference_(o.number("reference")) {}
  at::Tensor apply(const at::Tensor& loss, const RegulariserCase& c) const override { return loss + weight_ * (expected(c) - reference_) / reference_; }

 private:
  double weight_, reference_;
};

class CostLog : public Costed {
 public:
  CostLog(const PartValues& o, const RegulariserSource& s)
      : Costed(o, s), scale_(o.number("scale")), power_(o.number("power")), log_reference_(std::log(o.number("reference"))) {}
  at::Tensor apply(const at::Tensor& loss, const RegulariserCase& c) const override {
    return loss * scale_ * (at::log(expected(c)) / log_reference_).pow(power_);
  }

 private:
  double scale_, power_, log_reference_;
};

class CostPower : public Costed {
 public:
  CostPower(const PartValues& o, const RegulariserSource& s) : Costed(o, s), scale_(o.number("scale")), power_(o.number("power")) {}
  at::Tensor apply(const at::Tensor& loss, const RegulariserCase& c) const override { return loss * scale_ * at::log(drawn(c)).pow(power_); }

 private:
  double scale_, power_;
};

template <class R>
std::unique_ptr<Regulariser> made(const PartValues& options, const RegulariserSource& source) {
  return std::make_unique<R>(options, source);
}

}  // namespace

CostTable cost_table(const Graph& open, const DecisionTree& tree, const std::string& metric) {
  CostTable table = empty_table(tree);
  table.fixed = Counter{tree, metric, table}.count(open);
  return table;
}

CostTable read_cost_table(const std::string& file, const DecisionTree& tree) {
  const auto json = nlohmann::json::parse(read_file(file), nullptr, false);
  if (!json.is_object()) throw UsageError(file + ": is no JSON object {decision: [cost a choice, ...]}");
  CostTable table = empty_table(tree);
  for (const auto& [name, costs] : json.items()) {
    auto& row = table.choices[static_cast<std::size_t>(tree.find(name))];
    const bool numbers = costs.is_array() && costs.size() == row.size() && std::all_of(costs.begin(), costs.end(), [](const auto& c) { return c.is_number(); });
    if (!numbers) throw UsageError(file + ": '" + name + "' needs " + std::to_string(row.size()) + " numbers, one a choice");
    row = costs.template get<std::vector<double>>();
  }
  return table;
}

at::Tensor expected_cost(const CostTable& table, const DecisionTree& tree, const std::vector<at::Tensor>& weights) {
  at::Tensor total;
  std::vector<at::Tensor> reached(tree.size());   // how much of each decision is run; undefined: all of it
  for (std::size_t d = 0; d < tree.size(); ++d) {
    if (const auto& condition = tree[d].condition; condition && weights[static_cast<std::size_t>(condition->parent)].defined()) {
      const auto parent = static_cast<std::size_t>(condition->parent);
      at::Tensor share;
      for (const int choice : condition->choices) share = share.defined() ? share + weights[parent][choice] : weights[parent][choice];
      reached[d] = reached[parent].defined() ? reached[parent] * share : share;
    }
    if (!weights[d].defined()) continue;
    at::Tensor own = (weights[d] * at::tensor(table.choices[d], at::kDouble).to(weights[d].device(), weights[d].scalar_type())).sum();
    if (reached[d].defined()) own = own * reached[d];
    total = total.defined() ? total + own : own;
  }
  return total.defined() ? total + table.fixed : at::scalar_tensor(table.fixed, at::kDouble);
}

at::Tensor mean_log_sum_exp(const std::vector<at::Tensor>& vectors) {
  at::Tensor sum;
  for (const auto& vector : vectors) sum = sum.defined() ? sum + vector.logsumexp(0) : vector.logsumexp(0);
  return sum / static_cast<double>(vectors.size());
}

at::Tensor zero_one_loss(const std::vector<at::Tensor>& vectors, bool absolute) {
  const at::Tensor distance = at::sigmoid(at::cat(vectors)) - 0.5;
  return -(absolute ? distance.abs() : distance.square()).mean();
}

const std::vector<RegulariserEntry>& regularisers() {
  static const std::vector<RegulariserEntry> list = {
      {"beta", made<Beta>},         {"zero_one", made<ZeroOne>}, {"entropy", made<Entropy>},
      {"cost_add", made<CostAdd>}, {"cost_log", made<CostLog>}, {"cost_power", made<CostPower>},
  };
  return list;
}

std::unique_ptr<Regulariser> make_regulariser(std::string_view name, const std::map<std::string, std::string, std::less<>>& options, const RegulariserSource& source) {
  const PartValues values(find_part(regulariser_parts(), "regulariser", name), options);
  for (const auto& entry : regularisers())
    if (entry.name == name) return entry.make(values, source);
  throw Error("regulariser '" + std::string(name) + "' has a name and no code");
}

}  // namespace netwright
