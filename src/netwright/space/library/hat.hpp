#pragma once
// Encoder-decoder transformers for translation whose widths, depth, heads and attended encoder layers are searched.
//
// Every layer is followed by its residual and a norm: encoder (self-attention, ReLU network), decoder (causal self-attention,
// attention to the encoder, ReLU network). Query, key and value have 512 features whatever the widths. Positions are sines.
// Attention to the encoder reads the last, the last two or the last three of the encoder's layers, joined along the steps.
// Source: Wang et al. 2020, arXiv 2005.14187.
// Departures: the two embeddings are separate tables (the released models of equal widths share one); the classifier's weight is the
// target embedding's, and it has a bias.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/space/space.hpp"

namespace netwright {

// One network. As JSON: {"E": 512, "enc_ffn": [3072, ...], "enc_heads": [8, ...], "D": 512, "dec_ffn": [...], "dec_heads": [...],
// "dec_cross_heads": [...], "dec_memory": [1, ...]}; there is a layer for each entry of enc_ffn and dec_ffn. Missing heads are 8, a
// missing memory (how many encoder layers are attended to) 1.
struct TranslationTransformer {
  std::int64_t encoder_width = 0, decoder_width = 0;
  std::vector<std::int64_t> encoder_ffn, encoder_heads;
  std::vector<std::int64_t> decoder_ffn, decoder_heads, decoder_cross_heads, decoder_memory;
  bool operator==(const TranslationTransformer&) const = default;
};

// Errors: UsageError naming the key, its value and the rule.
TranslationTransformer parse_translation_transformer(std::string_view json);
std::string print(const TranslationTransformer& network);

// Token numbers {source + target steps}, the source first -> logits {target steps, classes}. Half of the steps, rounded down, are the
// source's. Nodes: "encoder.layerI....", "decoder.layerI....", "source", "target", "classifier".
Graph translation_transformer(const TranslationTransformer& network, const NetworkOptions& options);

// The space `hat`: decisions encoder.width, decoder.width (512, 640), encoder.layerI.ffn (1024, 2048, 3072) and .heads (4, 8) of 6 layers,
// decoder.depth (1 to 6), and of each decoder layer ffn, heads, cross_heads and memory (1, 2, 3 encoder layers).
std::unique_ptr<Space> make_hat();

}  // namespace netwright
