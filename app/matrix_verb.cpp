// matrix: what goes together, and why the rest does not.
//
// Every cell is a config of its own, refused or not by what a search asks before it starts (plan.hpp). Cells:
//   strategy                        evaluator
//   NAME of a strategy              NAME of an evaluator: a search phase
//   RELAXATION+UPDATE               supernet: a supernet phase of the two
//   RELAXATION+DERIVATION           supernet: such a phase and what follows; with the first update that the relaxation can have
//   NAME of a recipe                supernet: its phases
#include <algorithm>
#include <iomanip>
#include <map>
#include <nlohmann/json.hpp>

#include "catalogue.hpp"
#include "network_words.hpp"
#include "netwright/config/method.hpp"
#include "netwright/config/text.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/strategy/one_shot_parts.hpp"
#include "netwright/strategy/strategy.hpp"
#include "plan.hpp"
#include "recipes.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

struct Cell {
  std::string space, strategy, evaluator, reason;  // no reason: it runs
  bool runs() const { return reason.empty(); }
};

constexpr const char* supernet = "supernet";

// Language models are fed text, all others images.
DataOptions usual_data(const Space& space) { return {.source = has_trait(space.info().traits, "language model") ? "text" : "cifar10"}; }

// Images are as large as is usual for the space; one that usually reads no images is asked for small ones. So is a text.
NetworkOptions usual_samples(const Space& space, bool search) {
  const SpaceInfo& info = space.info();
  if (holds_text(usual_data(space))) return {.input = {5}, .classes = 100, .search = search};
  const bool images = info.input.size() == 3 && info.input[0] == 3 && info.input[1] == info.input[2];
  return {.input = images ? info.input : Shape{3, 32, 32}, .classes = images ? info.classes : 10, .search = search};
}

// Memory is no reason: sizes are settings.
Config base_config(const std::string& name, const Space& space) { return {.max_memory_bytes = 1e300, .data = usual_data(space), .space = {.name = name}}; }

// One space, and the configs that are tried on it.
class Column {
 public:
  explicit Column(const std::string& name) : space_(find_space(name)), base_(base_config(name, *space_)), networks_(*space_, base_.data, usual_samples(*space_, true), usual_samples(*space_, false)) {}

  Cell cell(const std::string& strategy, const std::string& evaluator, std::vector<Phase> phases) {
    Config config = base_;
    config.phases = std::move(phases);
    Cell cell{space_->info().name, strategy, evaluator, ""};
    try {
      for (std::size_t i = 0; i < config.phases.size(); ++i) refuse_phase(config, i, space_, networks_);
    } catch (const UsageError& error) {
      cell.reason = error.what();
    }
    return cell;
  }

 private:
  std::shared_ptr<const Space> space_;
  Config base_;
  Networks networks_;
};

// What an evaluator reads out of a supernet is trained before it.
std::vector<Phase> one_search(const std::string& strategy, const EvaluatorEntry& evaluator) {
  std::vector<Phase> phases{{"search", SearchOptions{.strategy = strategy, .evaluator = evaluator.name}}};
  if (has_trait(evaluator.traits, "needs open graph")) phases.insert(phases.begin(), Phase{supernet, SupernetOptions{.relaxation = "uniform", .update = "none"}});
  return phases;
}

std::vector<Phase> one_shot(const SupernetOptions& options, const DeriveOptions& derive = {}) { return {{supernet, options}, {"derive", derive}}; }

// The first update that goes with the relaxation.
SupernetOptions usual(const std::string& relaxation) {
  SupernetOptions options{.relaxation = relaxation};
  for (const auto& update : architecture_update_parts()) {
    options.update = update.name;
    if (misfit(options).empty()) break;
  }
  return options;
}

struct Method {
  std::string name;
  std::vector<Phase> phases;
};

std::vector<Method> methods() {
  const KnownNames names = known_names();
  std::vector<Method> list;
  for (const auto& recipe : recipes()) list.push_back({recipe.name, read_config_text(recipe.yaml, recipe.name, {}, names).phases});
  return list;
}

void add_one_shot(std::vector<Cell>& cells, Column& column, const std::vector<Method>& methods) {
  for (const auto& relaxation : relaxation_parts()) {
    for (const auto& update : architecture_update_parts())
      cells.push_back(column.cell(relaxation.name + "+" + update.name, supernet, one_shot({.relaxation = relaxation.name, .update = update.name})));
    for (const auto& rule : derivation_parts())
      cells.push_back(column.cell(relaxation.name + "+" + rule.name, supernet, one_shot(usual(relaxation.name), {.rule = rule.name})));
  }
  for (const auto& method : methods) cells.push_back(column.cell(method.name, supernet, method.phases));
}

std::vector<Cell> cells_of(const std::vector<std::string>& spaces) {
  std::vector<Cell> cells;
  const auto evaluators = known_evaluators();
  const auto whole = methods();
  for (const auto& name : spaces) {
    Column column(name);
    for (const auto& strategy : strategies())
      for (const auto& evaluator : evaluators) cells.push_back(column.cell(strategy.name, evaluator.name, one_search(strategy.name, evaluator)));
    add_one_shot(cells, column, whole);
  }
  return cells;
}

// ---- for reading ----

void once(std::vector<std::string>& list, const std::string& name) {
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
}

// Rows down, columns across; what a grid has no cell for stays empty.
class Grid {
 public:
  void put(const std::string& row, const std::string& column, bool runs) {
    once(rows_, row), once(columns_, column);
    cells_[row][column] = runs ? "runs" : "no";
  }
  void print(const std::string& title, std::ostream& out) const {
    if (rows_.empty()) return;
    std::size_t width = title.size();
    for (const auto& row : rows_) width = std::max(width, row.size() + 2);
    out << std::left << std::setw(static_cast<int>(width)) << title;
    for (const auto& column : columns_) out << "  " << column;
    for (const auto& row : rows_) {
      out << "\n  " << std::setw(static_cast<int>(width - 2)) << row;
      for (const auto& column : columns_) {
        const auto found = cells_.at(row).find(column);
        out << "  " << std::setw(static_cast<int>(column.size())) << (found == cells_.at(row).end() ? "" : found->second);
      }
    }
    out << "\n\n";
  }

 private:
  std::vector<std::string> rows_, columns_;
  std::map<std::string, std::map<std::string, std::string>> cells_;
};

// Of each space three grids: strategies and evaluators, relaxations and what goes with them, recipes; then each reason once.
void print_cells(const std::vector<Cell>& cells, std::ostream& out) {
  std::vector<std::string> spaces, reasons;
  for (const auto& cell : cells) once(spaces, cell.space);
  for (const auto& space : spaces) {
    Grid searches, parts, methods;
    for (const auto& cell : cells) {
      if (cell.space != space) continue;
      const auto plus = cell.strategy.find('+');
      if (cell.evaluator != supernet) searches.put(cell.strategy, cell.evaluator, cell.runs());
      else if (plus != std::string::npos) parts.put(cell.strategy.substr(0, plus), cell.strategy.substr(plus + 1), cell.runs());
      else methods.put(cell.strategy, supernet, cell.runs());
      if (!cell.runs()) once(reasons, cell.reason);
    }
    searches.print(space, out);
    parts.print(space + ", one network", out);
    methods.print(space + ", recipes", out);
  }
  for (const auto& reason : reasons) out << "no  " << reason << "\n";
}

}  // namespace

int matrix(const ListOptions& options, std::ostream& out) {
  const auto cells = cells_of(options.space.empty() ? space_names() : std::vector<std::string>{options.space});
  if (!options.json) {
    print_cells(cells, out);
    return done;
  }
  Json list = Json::array();
  for (const auto& cell : cells)
    list.push_back({{"space", cell.space}, {"strategy", cell.strategy}, {"evaluator", cell.evaluator}, {"runs", cell.runs()}, {"reason", cell.reason}});
  out << list.dump(2) << "\n";
  return done;
}

}  // namespace netwright
