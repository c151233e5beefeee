// Text to tokens, a vocabulary and three parts.
#include "netwright/config/text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;
using Tokens = std::vector<std::string>;

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "netwright_text_XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string write(const std::string& name, const std::string& content) const { return write_file(path / name, content), (path / name).string(); }
  fs::path path;
};

std::string complaint(const DataOptions& options) {
  try {
    read_text(options);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

// The tokens of a part that its windows cover, and the one behind them.
Tokens covered(const Text& text, const TextPart& part, std::int64_t sequence) {
  Tokens tokens;
  for (std::int64_t i = part.first; i <= part.first + part.windows * sequence; ++i)
    tokens.push_back(text.vocabulary.at(static_cast<std::size_t>(text.tokens.at(static_cast<std::size_t>(i)))));
  return tokens;
}

TEST(Tokens, WordsAndLineEnds) {
  EXPECT_EQ(tokens_of("to  be\tor\r\n\nnot", "word", ""), (Tokens{"to", "be", "or", "<eos>", "<eos>", "not", "<eos>"}));
  EXPECT_EQ(tokens_of("", "word", ""), Tokens{});
  EXPECT_EQ(tokens_of("\n", "word", ""), Tokens{"<eos>"});
}

TEST(Tokens, CharactersAreCodePoints) {
  EXPECT_EQ(tokens_of("é €\r\n\U0001F600", "char", ""), (Tokens{"é", " ", "€", "<eos>", "\U0001F600", "<eos>"}));
}

TEST(Tokens, NoUtf8IsNamedByItsLine) {
  for (const std::string bad : {"caf\xe9", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"}) {
    try {
      tokens_of("fine\n" + bad + "\n", "word", "a.txt");
      ADD_FAILURE() << "accepted";
    } catch (const UsageError& error) {
      EXPECT_STREQ(error.what(), "a.txt:2: a byte that is no UTF-8; iconv -t utf-8 writes the file anew");
    }
  }
}

RC_GTEST_PROP(Tokens, CharactersMakeTheirLineAgain, (const std::vector<char32_t>& drawn)) {
  std::string line;
  Tokens expected;
  for (const char32_t c : drawn) {
    const std::string point(1, static_cast<char>(' ' + c % 95));
    line += point, expected.push_back(point);
  }
  if (!line.empty()) expected.push_back("<eos>");
  RC_ASSERT(tokens_of(line, "char", "") == expected);
}

// "<eos>" behind every line: 11 tokens train, 5 validate, 4 test.
TEST(Text, OneFileIsCutInOrder) {
  const Folder folder;
  const std::string file = folder.write("a.txt", "a b a c\nb a d d\nb e\nx a\nb a x\n");  // 20 tokens with their line ends
  const Text text = read_text({.source = "text", .path = file, .validation = 2, .test_share = 0.2, .sequence = 2});
  ASSERT_EQ(text.tokens.size(), 20u);
  EXPECT_EQ(text.vocabulary, (Tokens{"<unk>", "<eos>", "a", "b", "d", "c"}));  // of the first 11 tokens; e and x are not among them
  EXPECT_EQ(covered(text, text.train, 2), (Tokens{"a", "b", "a", "c", "<eos>", "b", "a", "d", "d", "<eos>", "b"}));
  EXPECT_EQ(covered(text, text.validation, 2), (Tokens{"<unk>", "<eos>", "<unk>", "a", "<eos>"}));
  EXPECT_EQ(covered(text, text.test, 2), (Tokens{"b", "a", "<unk>"}));  // the last token fills no window
  EXPECT_EQ(text.validation.first, 11);
  EXPECT_EQ(text.test.first, 16);
}

TEST(Text, AVocabularyOfFewKeepsTheMostFrequent) {
  const Folder folder;
  const std::string file = folder.write("a.txt", "c b b a a a d d d d\nz z\nz z z z\n");
  const Text text = read_text({.source = "text", .path = file, .validation = 1, .test_share = 0.2, .sequence = 1, .vocabulary = 4});
  EXPECT_EQ(text.vocabulary, (Tokens{"<unk>", "<eos>", "d", "a"}));
  EXPECT_EQ(covered(text, {0, 3}, 1), (Tokens{"<unk>", "<unk>", "<unk>", "a"}));
}

TEST(Text, ThreeFilesAreThreeParts) {
  const Folder folder;
  folder.write("train.txt", "a b <unk> c\na b\n");
  folder.write("valid.txt", "z a b\n");
  folder.write("test.txt", "b a\nb\n");
  const Text text = read_text({.source = "text", .path = folder.path.string(), .sequence = 2});
  EXPECT_EQ(text.vocabulary, (Tokens{"<unk>", "<eos>", "a", "b", "c"}));
  EXPECT_EQ(covered(text, text.train, 2), (Tokens{"a", "b", "<unk>", "c", "<eos>", "a", "b"}));
  EXPECT_EQ(text.validation.windows, 1);  // all that there are, though 10,000 may be set aside
  EXPECT_EQ(covered(text, text.validation, 2), (Tokens{"<unk>", "a", "b"}));
  EXPECT_EQ(covered(text, text.test, 2), (Tokens{"b", "a", "<eos>", "b", "<eos>"}));
}

// No token, target or input, stands in two parts; limits take from the front and change no vocabulary.
TEST(Text, WindowsStayInTheirPart) {
  const Folder folder;
  std::string content;
  for (int i = 0; i < 300; ++i) content += "w" + std::to_string(i % 37) + (i % 9 == 8 ? "\n" : " ");
  const std::string file = folder.write("a.txt", content);
  for (const std::int64_t sequence : {1, 3, 7, 20}) {
    const DataOptions options{.source = "text", .path = file, .validation = 3, .test_share = 0.3, .sequence = sequence};
    const Text text = read_text(options);
    const auto end = [&](const TextPart& part) { return part.first + part.windows * sequence; };
    EXPECT_LT(end(text.train), text.validation.first);
    EXPECT_LT(end(text.validation), text.test.first);
    EXPECT_LT(end(text.test), static_cast<std::int64_t>(text.tokens.size()));
    EXPECT_EQ(text.validation.windows, 3);
    DataOptions fewer = options;
    fewer.train = 1, fewer.test = 1;
    const Text limited = read_text(fewer);
    EXPECT_EQ(limited.train.windows, 1);
    EXPECT_EQ(limited.test.windows, 1);
    EXPECT_EQ(limited.vocabulary, text.vocabulary);
    EXPECT_EQ(limited.tokens, text.tokens);
  }
}

TEST(Text, EachMistakeIsOneLine) {
  const Folder folder;
  const std::string file = folder.write("a.txt", "a b c d e f g h i\n"), empty = folder.write("empty.txt", "");  // 10 tokens
  const auto with = [&](DataOptions options) {
    options.source = "text";
    if (options.path.empty()) options.path = file;
    return complaint(options);
  };
  EXPECT_EQ(complaint({.source = "text"}), "data.path: source 'text' needs a text file, or a folder with train.txt, valid.txt and test.txt");
  EXPECT_EQ(with({.path = file + "s"}), "cannot read " + file + "s: No such file or directory");
  EXPECT_EQ(with({.path = empty, .validation = 1}), "data.path: " + empty + " is empty");
  EXPECT_EQ(with({.unit = "wrod"}), "data.unit: unknown unit 'wrod'; did you mean 'word'?");
  EXPECT_EQ(with({.sequence = 0}), "data.sequence: 0; at least one token is needed");
  EXPECT_EQ(with({.vocabulary = 2}), "data.vocabulary: 2; 0 (all) or at least 3 are possible: <unk>, <eos> and a token");
  EXPECT_EQ(with({.validation = 3, .sequence = 2}),
            "data.validation: 3 windows of 2 tokens leave none for training: " + file + " holds 10 tokens, of which 2 are the test part");
  EXPECT_EQ(with({.validation = 1, .sequence = 2}),
            "data.sequence: a window of 2 tokens and the one behind it do not fit: the test part of " + file + " holds 2");
  EXPECT_EQ(with({.train = 3, .validation = 1, .test_share = 0.3, .sequence = 2}),
            "data.train: 3 windows of 2 tokens asked for, but the train part of " + file + " holds 1");
  EXPECT_TRUE(with({.validation = 1, .test_share = 1.0}).starts_with("data.test_share: 1"));

  folder.write("train.txt", "a b c\n");
  folder.write("valid.txt", "");
  folder.write("test.txt", "a\n");
  EXPECT_EQ(with({.path = folder.path.string(), .sequence = 2}), "data.path: " + (folder.path / "valid.txt").string() + " is empty");
  folder.write("valid.txt", "a b c\n");
  EXPECT_EQ(with({.path = folder.path.string(), .sequence = 2}),
            "data.sequence: a window of 2 tokens and the one behind it do not fit: " + (folder.path / "test.txt").string() + " holds 2");
  fs::remove(folder.path / "test.txt");
  EXPECT_EQ(with({.path = folder.path.string(), .sequence = 2}),
            "cannot read " + (folder.path / "test.txt").string() + ": No such file or directory");
}

}  // namespace
}  // namespace netwright
