#pragma once
// Text as numbers: files cut into tokens, a vocabulary, and three parts that share no token.
//
//   Text text = read_text({.source = "text", .path = "play.txt", .unit = "char", .sequence = 35});
//   text.tokens[i], an index into text.vocabulary
//   text.train: windows of 35 tokens, window w from token first + 35 w on; its targets are the tokens one further
//
// Tokens: of "word", what stands between blanks; of "char", every code point. In both the end of a line is the token "<eos>" (a last line
// without one ends there too; "\r\n" ends a line as "\n" does).
// Vocabulary: "<unk>", "<eos>", then the tokens of the whole train part, the most frequent first, equally frequent ones in the order of their
// bytes; no more than options.vocabulary in all where that is above 0. Tokens that it lacks are "<unk>".
// Parts: the files train.txt, valid.txt and test.txt of a folder; or of one file the beginning, what follows, and its last test_share.
// options.validation windows are set aside (of valid.txt no more than it holds); options.train and options.test limit theirs, 0 = all.
// A window and the token behind it lie in one part: no window reaches over a border.
// Cost: one pass over the files, about 0.1 s a megabyte.
// Errors: UsageError, one line with the place: no path, a file that is missing or no UTF-8 (with its line), an unknown unit (with the nearest),
// a part that is empty, shorter than a window and the token behind it, or holds fewer windows than asked for.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/config/options.hpp"

namespace netwright {

// Sources of data by name, and whether their samples are windows of text in place of images.
const std::vector<std::string>& data_sources();
bool holds_text(const DataOptions& options);

const std::vector<std::string>& text_units();   // word, char

// Windows of `sequence` tokens one behind the other.
struct TextPart {
  std::int64_t first = 0;     // the first window's first token
  std::int64_t windows = 0;
};

struct Text {
  std::vector<std::string> vocabulary;
  std::vector<std::int32_t> tokens;   // of the three parts, in this order
  TextPart train, validation, test;
};

Text read_text(const DataOptions& options);

// The tokens of a text; `origin` stands before what is wrong with it.
std::vector<std::string> tokens_of(std::string_view text, const std::string& unit, const std::string& origin);

}  // namespace netwright
