#pragma once
// The three parts of a data set, made so that nothing can mix them up.
//
//   Split split = open_data(options, seed);
//   train(network, split, ...);                 // reads split.train and split.validation
//   final_test(network, split.test, batch);     // the only reader of the test part
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "netwright/config/options.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/graph/graph.hpp"
#include "netwright/training/images.hpp"

namespace netwright {

// x -> (x / 255 - mean) / deviation, a number a channel; always those of the train part.
struct Normalisation {
  std::vector<double> mean;
  std::vector<double> deviation;
};

// Some images of a source, by index; of a text some windows, by their first token. Copies share the pixels.
struct Part {
  std::string name;                            // "train", "validation", "test"
  std::shared_ptr<const Images> images;
  std::vector<std::int64_t> indices;
  Normalisation normalisation;
  std::int64_t size() const { return static_cast<std::int64_t>(indices.size()); }
};

class Network;
class TestPart;
struct Evaluation;
// Tests a trained network once, at the end: the only function that can make the key to the test part (trainer.hpp).
Evaluation final_test(Network& network, const TestPart& test, std::int64_t batch);

// The key to the test part.
class FinalEvaluation {
  FinalEvaluation() = default;
  friend Evaluation final_test(Network&, const TestPart&, std::int64_t);
};

// The test part, closed: everybody may know its size, final_test alone may read it.
class TestPart {
 public:
  TestPart() = default;
  explicit TestPart(Part part) : part_(std::move(part)) {}
  std::int64_t size() const { return part_.size(); }
  const Part& open(FinalEvaluation) const { return part_; }

 private:
  Part part_;
};

struct Split {
  Part train;
  Part validation;
  TestPart test;
  const Shape& input() const { return train.images->shape; }
  const std::vector<std::string>& classes() const { return train.images->classes; }
  bool text() const { return train.images->text(); }
};

// All indices of the images in a seeded order of which every prefix is stratified: image r of the n of its class stands at
// (r + 1/2) / n, so a prefix holds each class in its share, within one image.
std::vector<std::int64_t> stratified_order(const std::vector<std::int64_t>& labels, std::int64_t classes, const Seed& seed);

// Validation is the first part of the stratified order of the training images, train what follows; the test part is the source's
// own or, where it has none, a stratified share set aside before everything else. The same seed gives the same parts, and a limit
// on train never moves an image between them. Normalisation is computed from train alone.
// Errors: UsageError where the options ask for more images than there are, or for no validation or no training images.
Split split_source(Source source, const DataOptions& options, const Seed& seed);
Split open_data(const DataOptions& options, const Seed& seed);

// The parts of a text (read_text() of config/text.hpp says which, and its errors), in the order of the text: no seed moves them. The network
// reads a window's tokens as numbers, {sequence}, and answers at every step with a score for each entry of the vocabulary, {sequence, classes};
// the target of a step is the next token, that of the last step the token behind the window.
Split open_text(const DataOptions& options);

// Two disjoint stratified halves of a part: weights learn on the first, architecture parameters on the second. Of a text the first and the
// second half of its windows, in order: no token is a target in both.
std::pair<Part, Part> halves(const Part& part, const Seed& seed);

}  // namespace netwright
