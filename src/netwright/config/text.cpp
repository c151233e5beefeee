#include "netwright/config/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <unordered_map>
#include <utility>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using Tokens = std::vector<std::string>;

constexpr const char* unknown = "<unk>";
constexpr const char* line_end = "<eos>";
constexpr const char* part_files = "train.txt, valid.txt and test.txt";

struct DataSource {
  const char* name;
  bool text;
};
constexpr DataSource sources[] = {{"fashion_mnist", false}, {"cifar10", false}, {"folder", false}, {"text", true}};

// Bytes of the code point that begins here (RFC 3629); 0 where none does.
std::size_t code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  // Longer than need be, half a UTF-16 pair, beyond the last code point.
  if (length < 3) return length;
  const bool low = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool high = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
  return low || high ? 0 : length;
}

void add_words(Tokens& tokens, std::string_view line) {
  constexpr const char* blanks = " \t\r\f\v";
  for (std::size_t begin = line.find_first_not_of(blanks); begin != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(blanks, begin), line.size());
    tokens.emplace_back(line.substr(begin, end - begin));
    begin = line.find_first_not_of(blanks, end);
  }
}

void add_characters(Tokens& tokens, std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  for (; !line.empty(); line.remove_prefix(code_point(line))) tokens.emplace_back(line.substr(0, code_point(line)));
}

struct Unit {
  const char* name;
  void (*add)(Tokens&, std::string_view line);
};
constexpr Unit units[] = {{"word", add_words}, {"char", add_characters}};

void require_utf8(std::string_view line, std::int64_t number, const std::string& origin) {
  while (!line.empty()) {
    const std::size_t length = code_point(line);
    if (length == 0) throw UsageError(origin + ":" + std::to_string(number) + ": a byte that is no UTF-8; iconv -t utf-8 writes the file anew");
    line.remove_prefix(length);
  }
}

// One part before it is numbered.
struct Piece {
  std::string option;    // "train": what limits it
  std::string place;     // "the train part of play.txt"
  Tokens tokens;
  std::int64_t most = 0; // windows; 0 = all
};

std::int64_t windows_in(const Tokens& tokens, std::int64_t sequence) { return (static_cast<std::int64_t>(tokens.size()) - 1) / sequence; }

std::string windows_of(std::int64_t count, std::int64_t sequence) { return std::to_string(count) + " windows of " + std::to_string(sequence) + " tokens"; }

void check(const Piece& piece, std::int64_t sequence) {
  const std::string holds = piece.place + " holds ";
  if (piece.tokens.empty()) throw UsageError("data.path: " + piece.place + " is empty");
  const std::int64_t windows = windows_in(piece.tokens, sequence);
  if (windows < 1)
    throw UsageError("data.sequence: a window of " + std::to_string(sequence) + " tokens and the one behind it do not fit: " + holds +
                     std::to_string(piece.tokens.size()));
  if (piece.most < 0) throw UsageError("data." + piece.option + ": " + std::to_string(piece.most) + "; 0 (all) or more are possible");
  if (piece.most > windows)
    throw UsageError("data." + piece.option + ": " + windows_of(piece.most, sequence) + " asked for, but " + holds + std::to_string(windows));
}

std::vector<std::string> vocabulary_of(const Tokens& train, std::int64_t most) {
  std::unordered_map<std::string, std::int64_t> counts;
  for (const auto& token : train) ++counts[token];
  counts.erase(unknown);
  counts.erase(line_end);
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [token, count] : counts) order.emplace_back(-count, token);
  std::sort(order.begin(), order.end());
  std::vector<std::string> names{unknown, line_end};
  for (const auto& [count, token] : order)
    if (most == 0 || static_cast<std::int64_t>(names.size()) < most) names.push_back(token);
  return names;
}

Text numbered(const std::array<Piece, 3>& pieces, const DataOptions& options) {
  for (const Piece& piece : pieces) check(piece, options.sequence);
  Text text{.vocabulary = vocabulary_of(pieces[0].tokens, options.vocabulary)};
  std::unordered_map<std::string, std::int32_t> numbers;
  for (std::size_t i = 0; i < text.vocabulary.size(); ++i) numbers[text.vocabulary[i]] = static_cast<std::int32_t>(i);
  TextPart* const parts[] = {&text.train, &text.validation, &text.test};
  for (std::size_t p = 0; p < pieces.size(); ++p) {
    const std::int64_t windows = pieces[p].most > 0 ? pieces[p].most : windows_in(pieces[p].tokens, options.sequence);
    *parts[p] = {static_cast<std::int64_t>(text.tokens.size()), windows};
    for (const auto& token : pieces[p].tokens) {
      const auto known = numbers.find(token);
      text.tokens.push_back(known == numbers.end() ? 0 : known->second);
    }
  }
  return text;
}

std::array<Piece, 3> three_files(const DataOptions& options) {
  const fs::path folder = options.path;
  const auto piece = [&](const char* option, const char* file, std::int64_t most) {
    const std::string place = (folder / file).string();
    return Piece{option, place, tokens_of(read_file(place), options.unit, place), most};
  };
  std::array<Piece, 3> pieces{piece("train", "train.txt", options.train), piece("validation", "valid.txt", options.validation),
                              piece("test", "test.txt", options.test)};
  // Set aside already: what the option says is then no more than a limit.
  pieces[1].most = std::min(pieces[1].most, std::max<std::int64_t>(0, windows_in(pieces[1].tokens, options.sequence)));
  return pieces;
}

std::array<Piece, 3> one_file(const DataOptions& options) {
  if (options.test_share <= 0 || options.test_share >= 1)
    throw UsageError("data.test_share: " + std::to_string(options.test_share) + "; it must lie between 0 and 1, as one file has no test part");
  const Tokens tokens = tokens_of(read_file(options.path), options.unit, options.path);
  if (tokens.empty()) throw UsageError("data.path: " + options.path + " is empty");
  const auto count = static_cast<std::int64_t>(tokens.size()), sequence = options.sequence;
  const std::int64_t test = std::llround(options.test_share * static_cast<double>(count)), validation = options.validation * sequence + 1;
  if (count - test - validation < sequence + 1)
    throw UsageError("data.validation: " + windows_of(options.validation, sequence) + " leave none for training: " + options.path + " holds " +
                     std::to_string(count) + " tokens, of which " + std::to_string(test) + " are the test part");
  const auto piece = [&](const char* option, std::int64_t first, std::int64_t length, std::int64_t most) {
    const auto begin = tokens.begin() + first;
    return Piece{option, std::string("the ") + option + " part of " + options.path, Tokens(begin, begin + length), most};
  };
  const std::int64_t train = count - test - validation;
  return {piece("train", 0, train, options.train), piece("validation", train, validation, options.validation),
          piece("test", train + validation, test, options.test)};
}

}  // namespace

const std::vector<std::string>& data_sources() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const DataSource& source : sources) list.emplace_back(source.name);
    return list;
  }();
  return names;
}

const std::vector<std::string>& text_units() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Unit& unit : units) list.emplace_back(unit.name);
    return list;
  }();
  return names;
}

bool holds_text(const DataOptions& options) {
  return std::any_of(std::begin(sources), std::end(sources), [&](const DataSource& source) { return source.text && options.source == source.name; });
}

std::vector<std::string> tokens_of(std::string_view text, const std::string& unit, const std::string& origin) {
  const auto found = std::find_if(std::begin(units), std::end(units), [&](const Unit& known) { return unit == known.name; });
  if (found == std::end(units)) throw UsageError("data.unit: unknown unit '" + unit + "'" + name_hint(unit, text_units()));
  Tokens tokens;
  for (std::int64_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    require_utf8(text.substr(0, end), number, origin);
    found->add(tokens, text.substr(0, end));
    tokens.emplace_back(line_end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return tokens;
}

Text read_text(const DataOptions& options) {
  if (options.path.empty()) throw UsageError(std::string("data.path: source 'text' needs a text file, or a folder with ") + part_files);
  if (options.sequence < 1) throw UsageError("data.sequence: " + std::to_string(options.sequence) + "; at least one token is needed");
  if (options.validation < 1) throw UsageError("data.validation: " + std::to_string(options.validation) + "; at least one window is needed");
  if (options.vocabulary != 0 && options.vocabulary < 3)
    throw UsageError("data.vocabulary: " + std::to_string(options.vocabulary) + "; 0 (all) or at least 3 are possible: <unk>, <eos> and a token");
  return numbered(fs::is_directory(options.path) ? three_files(options) : one_file(options), options);
}

}  // namespace netwright
