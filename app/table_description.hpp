#pragma once
// How a published table becomes a stored one (docs/tables.md): one YAML file a table.
//
//   name: nb101                          # of the table, and of its space where it has decisions of its own
//   file: nb101_20k.csv.zst              # CSV or JSON lines (.jsonl), .zst allowed; stands beside this file
//   join: {file: other.csv, on: idx}     # columns of another file, by a column that both have
//   where: {status: OK}                  # only rows with this text in this column
//   space: nasbench201                   # whose architectures the rows are, written as
//   architecture: '{arch}'               # text with columns in braces, read by the space. {triangle:adj}: the digits of an upper
//                                        # triangle as a matrix; {words:ops}: digits as the words of `words`, quoted, a comma behind each
//   words: [conv3x3-bn-relu, conv1x1-bn-relu, maxpool3x3]
//   canonical: true                      # isomorphic architectures share a row
//   decisions:                           # instead of space and architecture: what the columns decide
//     - {name: layer, column: arch, each: character, choices: [identity, mb3_k3, mb6_k5]}    # layer0, layer1, ...
//   missing: -1e8                        # this number stands for none
//   duplicates: first                    # of rows with the same architecture; default: refused
//   metrics:                             # what a search sees
//     val_accuracy: {columns: {4: val4, 12: val12}, factor: 0.01}        # after so many epochs
//     params: {column: params}
//     val_loss: {curve: val_loss}        # a list, one value an epoch
//     accuracy: {mean: [seed_1, seed_2]} # of several columns
//   test: {test_accuracy: {column: test, epochs: 108}}                   # what it never sees; names begin with test_, columns are others
//   seconds: {column: train_time108_s, epochs: 108}                      # the cost of training; {curve: time_s} of each epoch
//   separate: true                       # each budget is a training of its own
//   source: where it comes from, and its licence
#include <filesystem>

#include "netwright/evaluation/stored_table.hpp"

namespace netwright {

// Its files stand relative to `data`; empty: relative to the description. Errors: UsageError with the place of what is wrong in the
// description, or the table's row.
TableContent read_described_table(const std::filesystem::path& description, const std::filesystem::path& data = {});

}  // namespace netwright
