#include "oracle.hpp"

#include <algorithm>
#include <cctype>
#include <exception>
#include <stdexcept>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

constexpr std::size_t kExactDigits = 19;  // fit a 64-bit integer

// Where the text literal that starts at `start` ends.
std::size_t end_of_literal(const std::string& text, std::size_t start) {
  std::size_t i = start + 1;
  while (i < text.size() && text[i] != '"') i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

std::size_t end_of_number(const std::string& text, std::size_t start) {
  std::size_t i = start;
  while (i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) != 0 || text[i] == '.' || text[i] == '+' || text[i] == '-')) ++i;
  return i;
}

// Python writes numbers that JSON does not have; they are text here, as where they are printed.
std::string spelt(const std::string& token) {
  if (token == "Infinity") return "\"inf\"";
  if (token == "-Infinity") return "\"-inf\"";
  return token == "NaN" ? "\"nan\"" : token;
}

// The JSON library reads a whole number beyond 64 bits as a rounded double.
std::string quote_odd_numbers(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const bool literal = text[i] == '"', word = std::isalnum(static_cast<unsigned char>(text[i])) != 0 || text[i] == '-';
    const std::size_t end = literal ? end_of_literal(text, i) : word ? end_of_number(text, i) : i + 1;
    const std::string token = text.substr(i, end - i);
    const bool is_long = word && token.size() > kExactDigits && token.find_first_not_of("0123456789") == std::string::npos;
    result += is_long ? '"' + std::string(long_integer_mark) + token + '"' : spelt(token);
    i = end;
  }
  return result;
}

// The inverse, for what is printed.
std::string unquote_long_integers(const std::string& text) {
  const std::string start = '"' + std::string(long_integer_mark);
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = text[i] == '"' ? end_of_literal(text, i) : i + 1;
    const bool is_long = text.compare(i, start.size(), start) == 0;
    result += is_long ? text.substr(i + start.size(), end - i - start.size() - 1) : text.substr(i, end - i);
    i = end;
  }
  return result;
}

OracleJson verdict(const OracleJson& oracle_case, const std::string& word, OracleJson got) {
  return {{"id", oracle_case.at("id")}, {"verdict", word}, {"expected", oracle_case.value("expect", OracleJson())}, {"got", std::move(got)}};
}

const OracleKind* kind_of(const OracleJson& oracle_case) {
  for (const auto& kind : oracle_kinds())
    if (kind.matches(oracle_case)) return &kind;
  return nullptr;
}

OracleJson judged(const OracleKind& kind, const OracleJson& oracle_case, OracleJson got) {
  const OracleJson expect = oracle_case.at("expect"), tol = oracle_case.value("tol", OracleJson::object());
  const Agreement but_rounded{.left_out = {"published"}};  // figures of the papers, in words
  const bool holds = kind.judge != nullptr ? kind.judge(oracle_case, got) : agrees(expect, got, tol, but_rounded);
  OracleJson missing = OracleJson::array();
  if (expect.is_object())
    for (const auto& [name, value] : expect.items())
      if (!got.contains(name)) missing.push_back(name);
  OracleJson result = verdict(oracle_case, holds ? "pass" : "fail", std::move(got));
  if (!missing.empty()) result["not_computed"] = missing;
  return result;
}

// What is wrong with a case's own form; empty: nothing.
std::string mistake_in(const OracleJson& c) {
  if (!c.is_object()) return "is not an object";
  if (!c.contains("id") || !c["id"].is_string()) return "has no text 'id'";
  if (!c.contains("expect")) return "has no 'expect'";
  if (c.contains("title") && !c["title"].is_string()) return "has a 'title' that is not text";
  for (const char* part : {"input", "tol"})
    if (c.contains(part) && !c[part].is_object()) return std::string("has an '") + part + "' that is not an object";
  return "";
}

// A case as the kinds read it: `input` and `tol` may be left out. Of a malformed one only its name stays, and what is wrong with it.
OracleJson well_formed(OracleJson c, std::size_t position) {
  const std::string mistake = mistake_in(c), place = "cases[" + std::to_string(position) + "]";
  const bool named = c.is_object() && c.contains("id") && c["id"].is_string();
  if (!mistake.empty()) return {{"id", named ? c["id"] : OracleJson(place)}, {"malformed", place + " " + mistake}};
  for (const char* part : {"input", "tol"})
    if (!c.contains(part)) c[part] = OracleJson::object();
  return c;
}

// One line. Of the JSON library's words those without its numbers: "key 'w' not found"; of torch's those before the stack.
std::string reason_of(const std::exception& error) {
  const std::string words = error.what();
  const std::string line = words.substr(0, words.find('\n'));
  if (dynamic_cast<const OracleJson::exception*>(&error) != nullptr) return "the case: " + line.substr(line.find(']') + 2);
  if (dynamic_cast<const std::invalid_argument*>(&error) != nullptr) return "the case: no number stands where one is read";
  if (dynamic_cast<const std::out_of_range*>(&error) != nullptr) return "the case: a list is too short, or a number too large";
  return line;
}

void print_lines(const OracleJson& verdicts, std::ostream& out) {
  for (const auto& v : verdicts) {
    const std::string word = v["verdict"].get<std::string>();
    out << word << std::string(word.size() < 9 ? 9 - word.size() : 1, ' ') << v["id"].get<std::string>() << '\n';
    if (word == "fail")
      out << "         expected " << unquote_long_integers(v["expected"].dump()) << "\n         got      " << unquote_long_integers(v["got"].dump())
          << '\n';
    if (v.contains("not_computed")) out << "         not computed " << v["not_computed"].dump() << '\n';
  }
}

std::size_t count(const OracleJson& verdicts, const std::string& word) {
  return static_cast<std::size_t>(std::count_if(verdicts.begin(), verdicts.end(), [&](const OracleJson& v) { return v["verdict"] == word; }));
}

}  // namespace

const std::vector<OracleKind>& oracle_kinds() {
  static const std::vector<OracleKind> kinds = [] {
    std::vector<OracleKind> all;
    for (const auto& list : {network_oracles(), cell_oracles(), mobile_oracles(), cardinality_oracles(), nasbench201_oracles(), benchmark_oracles(), search_oracles(), statistic_oracles(),
                             supernet_oracles(), proxy_oracles(), sequence_oracles(), fidelity_oracles(), correlation_oracles(), multi_oracles(), one_shot_oracles(), controller_oracles()})
      all.insert(all.end(), list.begin(), list.end());
    return all;
  }();
  return kinds;
}

nlohmann::ordered_json run_oracle_case(const nlohmann::ordered_json& oracle_case, const nlohmann::ordered_json& file) {
  if (oracle_case.contains("malformed")) return verdict(oracle_case, "fail", {{"error", oracle_case["malformed"]}});
  try {
    const OracleKind* kind = kind_of(oracle_case);
    if (kind == nullptr) return verdict(oracle_case, "unknown", nullptr);
    return judged(*kind, oracle_case, kind->run(oracle_case, file));
  } catch (const NotBuilt&) {
    return verdict(oracle_case, "unknown", nullptr);
  } catch (const std::exception& error) {
    return verdict(oracle_case, "fail", {{"error", reason_of(error)}});
  }
}

nlohmann::ordered_json parse_oracle_file(const std::string& text, const std::string& name) {
  OracleJson file = OracleJson::parse(quote_odd_numbers(text), nullptr, false);
  if (file.is_discarded()) throw UsageError(name + ": is not JSON");
  if (!file.is_object() || !file.contains("cases") || !file["cases"].is_array()) throw UsageError(name + ": has no list 'cases'");
  for (std::size_t i = 0; i < file["cases"].size(); ++i) file["cases"][i] = well_formed(std::move(file["cases"][i]), i);
  return file;
}

int oracle(const OracleOptions& options, std::ostream& out) {
  const OracleJson file = parse_oracle_file(read_file(options.file), options.file);
  OracleJson verdicts = OracleJson::array();
  std::vector<std::string> ids;
  for (const auto& c : file["cases"]) {
    ids.push_back(id(c));
    if (ids.back().starts_with(options.only)) verdicts.push_back(run_oracle_case(c, file));
  }
  if (verdicts.empty() && !options.only.empty())
    throw UsageError(options.file + ": no case's id starts with '" + options.only + "'" + name_hint(options.only, ids));
  if (options.json) {
    out << unquote_long_integers(verdicts.dump(1)) << '\n';
  } else {
    print_lines(verdicts, out);
    out << count(verdicts, "pass") << " pass, " << count(verdicts, "fail") << " fail, " << count(verdicts, "unknown") << " unknown\n";
  }
  return count(verdicts, "fail") > 0 ? failed : done;
}

}  // namespace netwright
