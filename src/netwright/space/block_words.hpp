#pragma once
// The words that a YAML block may use: the field's composites, and every operation that reads one value.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/graph/builder.hpp"
#include "netwright/graph/operation.hpp"

namespace netwright {

// A value on its way through a block. Its channels are a number, or an open one: equal largest widths are not yet equal widths.
struct Flow {
  Value value;
  Attribute channels;
};

// What a block must give: the stage's channels, and its height and width. A word that can stride does so by `stride` while its
// input is not yet of that size; a word that has channels takes these.
struct Target {
  Attribute channels;
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t stride = 1;
};

struct BlockWord {
  std::string name;
  std::vector<AttributeSpec> attributes;  // `channels` and `stride` fall back to the target's
  std::function<Flow(Builder&, const Flow&, const Attributes& given)> write;
  bool has(std::string_view attribute) const;
};

const std::vector<BlockWord>& block_words();
// The word, or null. "sep_conv_5x5" is sep_conv with kernel 5: `kernel` is then set, else 0.
const BlockWord* find_block_word(std::string_view text, std::int64_t& kernel);

// Writes one word; `given` holds what the block says. Errors: UsageError.
Flow write_word(Builder& b, const BlockWord& word, const Flow& x, Attributes given, const Target& target);

// The automatic shortcut: nothing where the value already has the target's shape; else a factorized reduction (stride 2, even and
// closed channels), else ReLU, 1x1 convolution with the stride, batch norm. Errors: UsageError for a value that is no image.
Flow fit(Builder& b, const Flow& x, const Target& target);

// Multiplies a number or each value of an open one.
Attribute scaled(const Attribute& attribute, std::int64_t factor);

}  // namespace netwright
