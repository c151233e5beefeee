// table import, export, show: published tables and one's own studies as stored tables.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/stored_table.hpp"
#include "netwright/evaluation/stored_tabular.hpp"
#include "study_table.hpp"
#include "study_words.hpp"
#include "table_description.hpp"
#include "verbs.hpp"

namespace netwright {
namespace {

using Json = nlohmann::ordered_json;

// Of each metric the budgets at which it is known: "val_accuracy@4,12,36,108".
std::string columns_line(const TableSchema& schema) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<std::string>> budgets;
  for (const TableColumn& column : schema.columns) {
    if (!budgets.contains(column.metric)) names.push_back(column.metric);
    if (auto& list = budgets[column.metric]; column.epochs > 0) list.push_back(std::to_string(column.epochs));
  }
  for (std::string& name : names) {
    const auto& list = budgets[name];
    if (!list.empty()) name += list.size() > 6 ? "@" + list.front() + ".." + list.back() : "@" + join(list, ",");
  }
  return join(names, " ");
}

int tell(const StoredTable& table, bool json, std::ostream& out) {
  const TableSchema& schema = table.schema();
  const std::string space = schema.space.empty() ? "its own decisions" : schema.space;
  if (json) {
    Json columns = Json::array();
    for (const TableColumn& column : schema.columns) columns.push_back({{"metric", column.metric}, {"epochs", column.epochs}});
    out << Json{{"file", table.file().string()}, {"name", schema.name},         {"space", schema.space},     {"rows", table.rows()},
                {"separate", schema.separate},   {"canonical", schema.canonical}, {"columns", columns}, {"source", schema.source}}
               .dump(2)
        << "\n";
    return done;
  }
  out << table.file().string() << "  " << schema.name << ", " << table.rows() << " rows, space: " << space << "\n  " << columns_line(schema) << "\n";
  if (!schema.source.empty()) out << "  " << schema.source << "\n";
  return done;
}

TableContent made(const TableVerbOptions& options) {
  if (options.action == "import") return read_described_table(options.what, options.data);
  const Study study = open_study(options.what);
  return study_table(study, config_of(study, options.what));
}

}  // namespace

int table(const TableVerbOptions& options, std::ostream& out) {
  const std::vector<std::string> actions = {"import", "export", "show"};
  if (std::ranges::find(actions, options.action) == actions.end())
    throw UsageError("table: unknown action '" + options.action + "'" + name_hint(options.action, actions));
  if (options.action == "show") return tell(StoredTable(options.what), options.json, out);
  if (!options.out.ends_with(stored_table_ending)) throw UsageError("table " + options.action + " needs --out FILE.nwt");
  write_table(made(options), options.out);
  return tell(StoredTable(options.out), options.json, out);
}

}  // namespace netwright
