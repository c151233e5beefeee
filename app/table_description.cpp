#include "table_description.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "netwright/config/field.hpp"
#include "netwright/config/tree.hpp"
#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "netwright/evaluation/stored_tabular.hpp"
#include "netwright/objective/test_part.hpp"
#include "netwright/space/decision_space.hpp"
#include "table_rows.hpp"

namespace netwright {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

// ---- the description ----

struct Reading {
  std::string metric, column, curve;
  std::vector<std::string> mean;  // columns
  std::int64_t epochs = 0;
  double factor = 1;
};

struct DecisionText {
  std::string name, column, each;
  std::vector<std::string> choices;
};

struct Description {
  std::string name, file, space, architecture, duplicates, source;
  std::string join_file, join_on;
  std::map<std::string, std::string, std::less<>> where;
  std::vector<std::string> words;
  std::vector<DecisionText> decisions;
  std::vector<Reading> readings;  // seconds last
  bool canonical = false, separate = false;
  double missing = std::numeric_limits<double>::quiet_NaN();
};

std::vector<std::string> read_words(const Given& given) {
  if (given.value.kind != Tree::Kind::list) refuse(given, "a list of words");
  std::vector<std::string> words;
  for (const Tree& item : given.value.items) words.push_back(read_text({item, given.path}));
  return words;
}

// {column, epochs, factor}, {mean: [COLUMN, ...], epochs, factor}, {columns: {EPOCHS: COLUMN}, factor} or {curve, factor}; a text is a column.
void read_reading(std::vector<Reading>& readings, const std::string& metric, const Given& given) {
  Reading reading{.metric = metric};
  std::vector<std::pair<std::int64_t, std::string>> columns;
  if (given.value.kind == Tree::Kind::scalar) {
    readings.push_back({.metric = metric, .column = given.value.text});
    return;
  }
  const Fields<Reading> fields{
      text("column", &Reading::column, ""), text("curve", &Reading::curve, ""), whole("epochs", &Reading::epochs, at_least(0), ""),
      number("factor", &Reading::factor, {}, ""),
      {"mean", "", [](Reading& r, const Given& g) { r.mean = read_words(g); }, {}},
      {"columns", "", [&](Reading&, const Given& g) {
         for (const auto& entry : g.value.entries) columns.emplace_back(read_whole({scalar(entry.key), g.path}, at_least(1)), read_text({entry.value, below(g.path, entry.key)}));
       }, {}}};
  read_fields(reading, given, fields);
  const int ways = (reading.column.empty() ? 0 : 1) + (reading.curve.empty() ? 0 : 1) + (reading.mean.empty() ? 0 : 1) + (columns.empty() ? 0 : 1);
  if (ways != 1) refuse(given, "one of column, mean, columns and curve");
  if (columns.empty()) readings.push_back(reading);
  for (const auto& [epochs, column] : columns) {
    reading.epochs = epochs, reading.column = column;
    readings.push_back(reading);
  }
}

void read_readings(Description& description, const Given& given, bool test) {
  if (given.value.kind != Tree::Kind::map) refuse(given, "a map, NAME: {column: COLUMN}");
  for (const auto& entry : given.value.entries) {
    const Given inner{entry.value, below(given.path, entry.key)};
    if (of_test_part(entry.key) != test) refuse({scalar(entry.key), below(given.path, entry.key)}, test ? "a name that begins with test_" : "a metric of a search; name it under test");
    read_reading(description.readings, entry.key, inner);
  }
}

void read_decisions(Description& description, const Given& given) {
  const Fields<DecisionText> fields{text("name", &DecisionText::name, ""),
                                    text("column", &DecisionText::column, ""),
                                    word("each", &DecisionText::each, {"", "character", "number"}, ""),
                                    {"choices", "", [](DecisionText& d, const Given& g) { d.choices = read_words(g); }, {}}};
  if (given.value.kind != Tree::Kind::list) refuse(given, "a list of {name, column}");
  for (const Tree& item : given.value.items) {
    DecisionText decision;
    read_fields(decision, {item, given.path}, fields);
    if (decision.name.empty() || decision.column.empty()) refuse({item, given.path}, "{name: NAME, column: COLUMN}");
    description.decisions.push_back(decision);
  }
}

struct Join {
  std::string file, on;
};

void read_join(Description& d, const Given& given) {
  Join join;
  read_fields(join, given, Fields<Join>{text("file", &Join::file, ""), text("on", &Join::on, "")});
  if (join.file.empty() || join.on.empty()) refuse(given, "{file: FILE, on: COLUMN}");
  d.join_file = join.file, d.join_on = join.on;
}

Fields<Description> description_fields() {
  using D = Description;
  return {text("name", &D::name, ""),
          text("file", &D::file, ""),
          {"join", "", read_join, {}},
          settings("where", &D::where, ""),
          text("space", &D::space, ""),
          text("architecture", &D::architecture, ""),
          {"words", "", [](D& d, const Given& g) { d.words = read_words(g); }, {}},
          flag("canonical", &D::canonical, ""),
          {"decisions", "", read_decisions, {}},
          number("missing", &D::missing, {}, ""),
          word("duplicates", &D::duplicates, {"", "first"}, ""),
          {"metrics", "", [](D& d, const Given& g) { read_readings(d, g, false); }, {}},
          {"test", "", [](D& d, const Given& g) { read_readings(d, g, true); }, {}},
          {"seconds", "", [](D& d, const Given& g) { read_reading(d.readings, "train_seconds", g); }, {}},
          flag("separate", &D::separate, ""),
          text("source", &D::source, "")};
}

std::set<std::string> sources_of(const Description& description, bool test) {
  std::set<std::string> names;
  for (const Reading& reading : description.readings) {
    if (of_test_part(reading.metric) != test) continue;
    names.insert(reading.mean.begin(), reading.mean.end());
    names.insert(reading.column.empty() ? reading.curve : reading.column);
  }
  names.erase("");
  return names;
}

// A column cannot be of both parts: a search would be judged by what it has seen.
void keep_apart(const Description& description, const std::filesystem::path& file) {
  const std::set<std::string> seen = sources_of(description, false), unseen = sources_of(description, true);
  for (const std::string& name : unseen)
    if (seen.contains(name)) throw UsageError(file.string() + ": column " + name + " is read by test and by a metric of a search; it can be of one part only");
  for (const std::string& name : seen)
    if (of_test_part(name)) throw UsageError(file.string() + ": column " + name + " is of the test part by its name; read it under test");
}

Description read_description(const std::filesystem::path& file) {
  const Tree tree = parse_tree(read_file(file), file.string());
  Description description;
  read_fields(description, {tree, ""}, description_fields());
  if (description.name.empty() || description.file.empty()) throw UsageError(file.string() + ": name and file are needed");
  if (description.space.empty() == description.decisions.empty())
    throw UsageError(file.string() + ": either space and architecture, or decisions are needed");
  if (!description.space.empty() && description.architecture.empty()) throw UsageError(file.string() + ": architecture is needed beside space");
  if (description.readings.empty()) throw UsageError(file.string() + ": at least one metric is needed");
  keep_apart(description, file);
  return description;
}

// ---- rows ----

const std::string& field(const TableRow& row, const std::string& column) {
  const auto found = row.fields.find(column);
  if (found != row.fields.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, value] : row.fields) names.push_back(name);
  throw UsageError("no column '" + column + "'" + name_hint(column, names));
}

double number_of(const std::string& text, const std::string& column) {
  double value = missing;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || (error == std::errc() && end == text.data() + text.size())) return value;
  throw UsageError("'" + text + "' in column " + column + " is not a number");
}

// The digits of an upper triangle, row by row, as the JSON of a square matrix.
std::string triangle(const std::string& digits) {
  const auto n = static_cast<std::size_t>(std::llround((1 + std::sqrt(1 + 8.0 * static_cast<double>(digits.size()))) / 2));
  std::vector<std::vector<int>> matrix(n, std::vector<int>(n, 0));
  std::size_t at = 0;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n && at < digits.size(); ++j) matrix[i][j] = digits[at++] - '0';
  return nlohmann::json(matrix).dump();
}

std::string words_of(const std::string& digits, const std::vector<std::string>& words) {
  std::string quoted;
  for (const char digit : digits) {
    const auto index = static_cast<std::size_t>(digit - '0');
    if (index >= words.size()) throw UsageError("'" + digits + "' has a digit beyond the " + std::to_string(words.size()) + " words");
    quoted += nlohmann::json(words[index]).dump() + ',';
  }
  return quoted;
}

// A brace that holds a column's name, alone or behind `triangle:` or `words:`, is replaced; others stand.
std::string filled(const Description& description, const TableRow& row) {
  const std::string& pattern = description.architecture;
  std::string text;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const std::size_t end = pattern[at] == '{' ? pattern.find('}', at) : std::string::npos;
    const std::string inner = end == std::string::npos ? "" : pattern.substr(at + 1, end - at - 1);
    const std::size_t colon = inner.find(':');
    const std::string filter = colon == std::string::npos ? "" : inner.substr(0, colon);
    const bool place = end != std::string::npos && inner.find_first_of("{\" ") == std::string::npos;
    if (!place) {
      text += pattern[at];
      continue;
    }
    const std::string& value = field(row, inner.substr(colon == std::string::npos ? 0 : colon + 1));
    if (!filter.empty() && filter != "triangle" && filter != "words") throw UsageError("architecture: unknown filter '" + filter + "'" + name_hint(filter, {"triangle", "words"}));
    text += filter.empty() ? value : filter == "triangle" ? triangle(value) : words_of(value, description.words);
    at = end;
  }
  return text;
}

// What a field says of each decision of one line of `decisions`.
std::vector<std::string> codes_of(const DecisionText& decision, const std::string& field) {
  if (decision.each.empty()) return {field};
  std::vector<std::string> codes;
  if (decision.each == "character") {
    for (const char c : field) codes.emplace_back(1, c);
    return codes;
  }
  for (std::size_t i = 0; i < field.size();) {
    std::size_t end = i;
    while (end < field.size() && std::isdigit(static_cast<unsigned char>(field[end])) != 0) ++end;
    if (end > i) codes.push_back(field.substr(i, end - i));
    i = std::max(end, i + 1);
  }
  return codes;
}

// The table's own decisions, and the picks of each row.
class OwnDecisions {
 public:
  OwnDecisions(const Description& description, const std::vector<TableRow>& rows) {
    for (const DecisionText& decision : description.decisions) add(decision, rows);
    std::vector<Decision> decisions;
    for (const Place& place : places_) decisions.push_back({.name = place.name, .choices = place.choices});
    space_ = decision_space(description.name, "", DecisionTree(std::move(decisions)));
  }

  const Space& space() const { return *space_; }

  Architecture architecture(const TableRow& row) const {
    Architecture architecture;
    for (const Place& place : places_) {
      const auto codes = codes_of(*place.text, field(row, place.text->column));
      if (place.index >= codes.size()) throw UsageError("'" + field(row, place.text->column) + "' in column " + place.text->column + " is too short");
      architecture.picks.push_back(place.pick(codes[place.index]));
    }
    return architecture;
  }

  std::string json() const {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const Place& place : places_) list.push_back({{"name", place.name}, {"choices", place.choices}});
    return list.dump();
  }

 private:
  struct Place {
    std::string name;
    const DecisionText* text = nullptr;
    std::size_t index = 0;
    std::vector<std::string> choices;
    std::map<std::string, std::int64_t> pick_of;  // by code
    std::int64_t pick(const std::string& code) const {
      const auto found = pick_of.find(code);
      if (found == pick_of.end()) throw UsageError("'" + code + "' is no choice of " + name);
      return found->second;
    }
  };

  // Where the choices are named, the codes are 0, 1, ...; otherwise they are what stands in the column.
  void add(const DecisionText& decision, const std::vector<TableRow>& rows) {
    std::vector<std::set<std::string>> codes;
    for (const TableRow& row : rows) {
      const auto found = codes_of(decision, field(row, decision.column));
      codes.resize(std::max(codes.size(), found.size()));
      for (std::size_t i = 0; i < found.size(); ++i) codes[i].insert(found[i]);
    }
    for (std::size_t i = 0; i < codes.size(); ++i) {
      Place place{.name = decision.each.empty() ? decision.name : decision.name + std::to_string(i), .text = &decision, .index = i};
      place.choices = decision.choices.empty() ? std::vector<std::string>(codes[i].begin(), codes[i].end()) : decision.choices;
      for (std::size_t c = 0; c < place.choices.size(); ++c)
        place.pick_of[decision.choices.empty() ? place.choices[c] : std::to_string(c)] = static_cast<std::int64_t>(c);
      places_.push_back(std::move(place));
    }
  }

  std::vector<Place> places_;
  std::shared_ptr<const Space> space_;
};

// ---- values ----

bool is_seconds(const Reading& reading) { return reading.metric == "train_seconds"; }

// The columns of a reading: one, or one an epoch of the longest curve.
void add_columns(TableSchema& schema, const Reading& reading, const std::vector<TableRow>& rows) {
  if (reading.curve.empty()) {
    schema.columns.push_back({.metric = reading.metric, .epochs = reading.epochs});
    return;
  }
  std::size_t longest = 0;
  for (const TableRow& row : rows)
    if (const auto curve = row.curves.find(reading.curve); curve != row.curves.end()) longest = std::max(longest, curve->second.size());
  if (longest == 0) throw UsageError("no list '" + reading.curve + "' in the table");
  for (std::size_t i = 1; i <= longest; ++i) schema.columns.push_back({.metric = reading.metric, .epochs = static_cast<std::int64_t>(i)});
}

// Seconds of a curve are added up: the table keeps what it took until an epoch.
void add_values(std::vector<double>& values, const Reading& reading, const TableRow& row, std::size_t width, double none) {
  const auto number = [&](const std::string& column) {
    const double value = number_of(field(row, column), column);
    return value == none ? missing : value;
  };
  if (!reading.mean.empty()) {
    double sum = 0;
    for (const std::string& column : reading.mean) sum += number(column);
    values.push_back(sum / static_cast<double>(reading.mean.size()) * reading.factor);
    return;
  }
  if (reading.curve.empty()) {
    values.push_back(number(reading.column) * reading.factor);
    return;
  }
  const auto curve = row.curves.find(reading.curve);
  double sum = 0;
  for (std::size_t i = 0; i < width; ++i) {
    const bool known = curve != row.curves.end() && i < curve->second.size();
    const double value = known ? curve->second[i] * reading.factor : missing;
    sum += value;
    values.push_back(is_seconds(reading) ? sum : value);
  }
}

std::vector<TableRow> chosen_rows(const Description& description, const std::filesystem::path& folder) {
  std::vector<TableRow> rows = read_table_rows(folder / description.file);
  if (!description.join_file.empty()) join_rows(rows, read_table_rows(folder / description.join_file), description.join_on);
  std::erase_if(rows, [&](const TableRow& row) {
    return std::ranges::any_of(description.where, [&](const auto& wanted) { return field(row, wanted.first) != wanted.second; });
  });
  if (rows.empty()) throw UsageError("no row is left");
  return rows;
}

TableContent content_of(const Description& description, const std::vector<TableRow>& rows) {
  TableContent content{.schema = {.name = description.name,
                                  .space = description.space,
                                  .canonical = description.canonical,
                                  .separate = description.separate,
                                  .source = description.source}};
  std::vector<std::size_t> widths;
  for (const Reading& reading : description.readings) {
    const std::size_t before = content.schema.columns.size();
    add_columns(content.schema, reading, rows);
    widths.push_back(content.schema.columns.size() - before);
  }
  const std::optional<OwnDecisions> own = description.space.empty() ? std::optional<OwnDecisions>(std::in_place, description, rows) : std::nullopt;
  if (own) content.schema.decisions = own->json();
  const auto named = own ? nullptr : find_space(description.space);
  const Space& space = own ? own->space() : *named;
  std::set<std::string> seen;
  for (const TableRow& row : rows) {
    const Architecture architecture = own ? own->architecture(row) : space.parse(filled(description, row));
    std::string key = table_key(content.schema, space, architecture);
    if (!description.duplicates.empty() && !seen.insert(key).second) continue;
    content.keys.push_back(std::move(key));
    for (std::size_t i = 0; i < widths.size(); ++i) add_values(content.values, description.readings[i], row, widths[i], description.missing);
  }
  return content;
}

}  // namespace

TableContent read_described_table(const std::filesystem::path& file, const std::filesystem::path& data) {
  const Description description = read_description(file);
  try {
    return content_of(description, chosen_rows(description, data.empty() ? file.parent_path() : data));
  } catch (const UsageError& error) {
    throw UsageError(file.string() + ": " + error.what());
  }
}

}  // namespace netwright
