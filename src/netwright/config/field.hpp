#pragma once
// One key of a section: its name, what it means, how it is read and how it is written. Reading, checking, writing and the commented
// example all come from the same list of fields.
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "netwright/config/tree.hpp"

namespace netwright {

// A value on its way into an option: the tree and the path that leads to it ("phases[0].supernet.epochs").
struct Given {
  const Tree& value;
  std::string path;
};

// Throws UsageError "PLACE: PATH must be RULE, not 'VALUE'".
[[noreturn]] void refuse(const Given& given, const std::string& rule);

struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool above_low = false;   // low itself is excluded
  bool below_high = false;  // high itself is excluded
};
constexpr Range at_least(double low) { return {.low = low}; }
constexpr Range above(double low) { return {.low = low, .above_low = true}; }
constexpr Range rate{.low = 0, .high = 1, .below_high = true};  // [0, 1)
constexpr Range weight{.low = 0, .high = 1};                    // [0, 1]
std::string to_string(const Range& range);                      // ">= 1", "> 0", "in [0, 1)"

enum class Unit { none, count, seconds, milliseconds, bytes };

double read_number(const Given& given, const Range& range, Unit unit);
std::int64_t read_whole(const Given& given, const Range& range);  // counts with units too: "50k"
std::uint64_t read_seed(const Given& given);
bool read_flag(const Given& given);
std::string read_text(const Given& given);
std::string read_word(const Given& given, const std::vector<std::string>& words);
std::map<std::string, std::string, std::less<>> read_settings(const Given& given);

std::string write_number(double value);  // the shortest text that reads back equal
Tree write_settings(const std::map<std::string, std::string, std::less<>>& settings);

template <class Options>
struct Field {
  std::string name;
  std::string meaning;
  std::function<void(Options&, const Given&)> read;
  std::function<Tree(const Options&)> write;
};

template <class Options>
using Fields = std::vector<Field<Options>>;

template <class O>
Field<O> whole(std::string name, std::int64_t O::*member, Range range, std::string meaning) {
  return {std::move(name), std::move(meaning), [=](O& o, const Given& g) { o.*member = read_whole(g, range); },
          [=](const O& o) { return scalar(std::to_string(o.*member)); }};
}

template <class O>
Field<O> number(std::string name, double O::*member, Range range, std::string meaning, Unit unit = Unit::none) {
  return {std::move(name), std::move(meaning), [=](O& o, const Given& g) { o.*member = read_number(g, range, unit); },
          [=](const O& o) { return scalar(write_number(o.*member)); }};
}

template <class O>
Field<O> flag(std::string name, bool O::*member, std::string meaning) {
  return {std::move(name), std::move(meaning), [=](O& o, const Given& g) { o.*member = read_flag(g); },
          [=](const O& o) { return scalar(o.*member ? "true" : "false"); }};
}

template <class O>
Field<O> text(std::string name, std::string O::*member, std::string meaning) {
  return {std::move(name), std::move(meaning), [=](O& o, const Given& g) { o.*member = read_text(g); },
          [=](const O& o) { return scalar(o.*member); }};
}

template <class O>
Field<O> word(std::string name, std::string O::*member, std::vector<std::string> words, std::string meaning) {
  return {std::move(name), std::move(meaning), [=](O& o, const Given& g) { o.*member = read_word(g, words); },
          [=](const O& o) { return scalar(o.*member); }};
}

template <class O>
Field<O> settings(std::string name, std::map<std::string, std::string, std::less<>> O::*member, std::string meaning) {
  return {std::move(name), std::move(meaning), [=](O& o, const Given& g) { o.*member = read_settings(g); },
          [=](const O& o) { return write_settings(o.*member); }};
}

// The fields of a member that stand inline among those of its owner.
template <class Owner, class Member>
Fields<Owner> inlined(Member Owner::*member, const Fields<Member>& fields) {
  Fields<Owner> result;
  for (const auto& f : fields)
    result.push_back(
        {f.name, f.meaning, [=](Owner& o, const Given& g) { f.read(o.*member, g); }, [=](const Owner& o) { return f.write(o.*member); }});
  return result;
}

// Throws UsageError "PLACE: unknown key 'KEY' in PATH; did you mean ...".
[[noreturn]] void refuse_key(const TreeEntry& entry, const std::string& path, const std::vector<std::string>& known);
std::string below(const std::string& path, const std::string& key);

// Sets what the map gives; the other options keep their values.
template <class Options>
void read_fields(Options& options, const Given& given, const Fields<Options>& fields) {
  if (given.value.kind == Tree::Kind::nothing) return;
  if (given.value.kind != Tree::Kind::map) refuse(given, "a map (key: value)");
  for (const auto& entry : given.value.entries) {
    const Field<Options>* found = nullptr;
    std::vector<std::string> names;
    for (const auto& f : fields) {
      names.push_back(f.name);
      if (f.name == entry.key) found = &f;
    }
    if (found == nullptr) refuse_key(entry, given.path, names);
    found->read(options, {entry.value, below(given.path, entry.key)});
  }
}

template <class Options>
Tree write_fields(const Options& options, const Fields<Options>& fields) {
  Tree tree{.kind = Tree::Kind::map};
  for (const auto& f : fields) tree.entries.push_back({.key = f.name, .value = f.write(options), .comment = f.meaning});
  return tree;
}

}  // namespace netwright
