// Kernels that work together: convolutions of one input as one, and gradients that a batch norm leaves to the maker of its input.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "netwright/core/error.hpp"
#include "netwright/kernels/convolve.hpp"
#include "netwright/kernels/normalised_sum.hpp"
#include "netwright/kernels/pool.hpp"

namespace netwright {
namespace {

using Tensors = std::vector<at::Tensor>;

at::Tensor draw(at::IntArrayRef shape, at::ScalarType type, double plus = 0) { return (at::randn(shape, at::kDouble) + plus).to(at::kFloat).to(type); }

at::Tensor leaf(Tensors& leaves, at::IntArrayRef shape, at::ScalarType type, double plus = 0) {
  return leaves.emplace_back(draw(shape, type, plus).requires_grad_(true));
}

// The largest relative difference of two lists.
double error_of(const Tensors& fused, const Tensors& plain) {
  double most = fused.size() == plain.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(fused.size(), plain.size()); ++i)
    most = std::max(most, ((fused[i].to(at::kDouble) - plain[i]).abs().max() / plain[i].abs().max().clamp_min(1e-3)).item<double>());
  return most;
}

struct Window {
  std::int64_t kernel, dilation, out;      // out 0: no pointwise convolution; kernel 0: no depthwise one
  bool dense = false;
  std::int64_t offset = 0;
  enum { convolution, largest, mean, same } kind = convolution;
  bool sliced = false;                     // the gradient is a part of a wider one
};

Window beside(decltype(Window::kind) kind, bool sliced = false) { return {0, 1, 0, false, 0, kind, sliced}; }

struct Shared {
  std::vector<Window> windows;
  std::int64_t batch = 2, channels = 16, height = 9, width = 7, stride = 1;
  bool rectify = true, last_is_read = true;
};

// Values and gradients of convolutions that read one value; the last one's value may go unread.
Tensors results(const Shared& s, at::ScalarType type, bool fused) {
  at::manual_seed(3);
  Tensors leaves;
  const at::Tensor x = leaf(leaves, {s.batch, s.channels, s.height, s.width}, type, 0.3);
  std::vector<Convolve> list;
  for (const Window& w : s.windows) {
    if (w.kind != Window::convolution) {
      Convolve what{.read_once = !w.sliced};
      if (w.kind == Window::largest || w.kind == Window::mean) what.pool = Pool{w.kind == Window::largest, s.stride};
      else what.same = true;
      list.push_back(what);
      continue;
    }
    Convolve what{.rectify = s.rectify, .stride = s.stride, .dilation = w.dilation, .offset = w.offset};
    if (w.dense) what.dense = leaf(leaves, {w.out, s.channels, 3, 3}, type);
    if (w.kernel > 0 && !w.dense) what.depthwise = leaf(leaves, {s.channels, 1, w.kernel, w.kernel}, type);
    if (w.out > 0 && !w.dense) what.pointwise = leaf(leaves, {w.out, s.channels, 1, 1}, type);
    list.push_back(what);
  }
  Tensors values;
  if (fused)
    for (const auto& made : convolve_all(x, list)) values.push_back(made.value);
  else
    for (const auto& what : list) values.push_back(convolve_plain(x, what));
  at::Tensor loss = at::zeros({}, type);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const at::Tensor value = s.windows[i].sliced ? at::cat({values[i], values[i]}, 1) : values[i], mix = draw(value.sizes(), type);
    if (s.last_is_read || i + 1 < values.size()) loss = loss + (value.contiguous(at::MemoryFormat::ChannelsLast) * mix.contiguous(at::MemoryFormat::ChannelsLast)).sum();
  }
  Tensors made = torch::autograd::grad({loss}, leaves, {}, false, false, true);
  for (std::size_t i = 0; i < made.size(); ++i)
    if (!made[i].defined()) made[i] = at::zeros_like(leaves[i]);
  for (const auto& value : values) made.push_back(value.detach());
  return made;
}

TEST(Together, ConvolutionsOfOneInputEqualTheirTwins) {
  for (const std::int64_t stride : {1, 2})
    for (const bool last_is_read : {true, false}) {
      const Shared s{.windows = {{5, 2, 16}, {3, 1, 16}, {7, 1, 24}, {3, 2, 0}}, .stride = stride, .last_is_read = last_is_read};
      EXPECT_LT(error_of(results(s, at::kFloat, true), results(s, at::kDouble, false)), 1e-5) << stride << last_is_read;
    }
}

TEST(Together, DensePointwiseAndDepthwiseOnesEqualTheirTwins) {
  for (const std::int64_t height : {1, 8, 9})
    for (const bool last_is_read : {true, false}) {
      const Shared s{.windows = {{0, 1, 20}, {3, 1, 16, true}, {3, 1, 24, true}, {5, 2, 16}, {0, 1, 16}}, .height = height, .last_is_read = last_is_read};
      EXPECT_LT(error_of(results(s, at::kFloat, true), results(s, at::kDouble, false)), 1e-5) << height << last_is_read;
    }
}

TEST(Together, PoolingsAndTheValueItselfEqualTheirTwins) {
  for (const std::int64_t stride : {1, 2})
    for (const std::int64_t channels : {5, 16, 36})
      for (const bool convolves : {true, false}) {
        Shared s{.windows = {beside(Window::largest), beside(Window::same), beside(Window::mean, true), beside(Window::same, true), beside(Window::largest, true)}, .channels = channels, .stride = stride};
        if (convolves) s.windows.insert(s.windows.begin() + 1, {5, 1, 16});
        EXPECT_LT(error_of(results(s, at::kFloat, true), results(s, at::kDouble, false)), 1e-5) << stride << channels << convolves;
      }
}

TEST(Together, HalvesOfAFactorizedReduceEqualTheirTwins) {
  for (const std::int64_t channels : {3, 16, 36})
    for (const bool windows : {true, false}) {
      Shared s{.windows = {{0, 1, 8}, {0, 1, 12, false, 1}}, .channels = channels, .height = 8, .width = 6, .stride = 2};
      if (windows) s.windows.push_back({5, 2, 16}), s.windows.push_back(beside(Window::largest));
      EXPECT_LT(error_of(results(s, at::kFloat, true), results(s, at::kDouble, false)), 1e-5) << channels << windows;
    }
}

RC_GTEST_PROP(Together, RandomWindowsEqualTheirTwins, ()) {
  Shared s{.batch = *rc::gen::inRange(1, 19), .channels = *rc::gen::inRange(1, 40), .height = *rc::gen::inRange(1, 11), .width = *rc::gen::inRange(1, 18),
           .stride = *rc::gen::inRange(1, 3), .rectify = *rc::gen::arbitrary<bool>(), .last_is_read = *rc::gen::arbitrary<bool>()};
  const int count = *rc::gen::inRange(2, 5);
  for (int i = 0; i < count; ++i) {
    Window w{*rc::gen::element(3, 5, 7), *rc::gen::inRange(1, 3), *rc::gen::inRange(0, 40)};
    if (s.stride == 1 && w.out > 0) w.dense = *rc::gen::inRange(0, 3) == 0, w.kernel = *rc::gen::inRange(0, 3) == 0 ? 0 : w.kernel;
    if (w.dense) w.dilation = 1;
    if (*rc::gen::inRange(0, 3) == 0) w = beside(*rc::gen::element(Window::largest, Window::mean, Window::same));
    w.sliced = *rc::gen::inRange(0, 3) == 0;
    s.windows.push_back(w);
  }
  const double error = error_of(results(s, at::kFloat, true), results(s, at::kDouble, false));
  if (!(error < 1e-5)) RC_FAIL(std::to_string(error));
}

TEST(Together, ThoseOfAnotherStrideAreRefusedAndOffsetsOfOddImages) {
  const at::Tensor x = at::ones({1, 4, 5, 5}), taps = at::ones({4, 1, 3, 3});
  const Convolve one{.depthwise = taps}, strided{.depthwise = taps, .stride = 2}, pointwise{.pointwise = at::ones({4, 4, 1, 1}), .stride = 2, .offset = 1};
  EXPECT_FALSE(convolve_together(one, strided));
  EXPECT_TRUE(convolve_together(strided, pointwise));
  EXPECT_FALSE(convolve_fits(x, pointwise));
  EXPECT_THROW(convolve_all(x, {one, strided}), Error);
}

// convolution -> norm -> reader, where the reader may leave the norm's input gradient to the convolution. The gradients are asked for twice:
// what the first pass left must not reach the second.
Tensors left_results(bool into_sum, bool training, bool left, bool fused, bool drops = false) {
  const at::ScalarType type = fused ? at::kFloat : at::kDouble;
  at::manual_seed(4);
  Tensors leaves;
  const at::Tensor x = leaf(leaves, {5, 12, 9, 7}, type);
  const Convolve first{.depthwise = leaf(leaves, {12, 1, 3, 3}, type), .pointwise = leaf(leaves, {20, 12, 1, 1}, type), .wants_moments = training, .read_once = left};
  const Norm norm{.weight = leaf(leaves, {20}, type, 1), .bias = leaf(leaves, {20}, type), .running_mean = draw({20}, type),
                  .running_var = draw({20}, type).abs() + 0.5, .batch_statistics = training};
  const Convolved middle = fused ? convolve(x, first) : Convolved{convolve_plain(x, first), {}};
  at::Tensor y;
  if (into_sum) {
    Term term(middle.value);
    term.norm = norm, term.moments = middle.moments;
    if (drops) term.images = {1.25f, 0, 1.25f, 1.25f, 0};
    const std::vector<Term> terms{term, Term(leaf(leaves, {5, 20, 9, 7}, type))};
    const at::Tensor weights = leaf(leaves, {2}, type, 1);
    y = fused ? normalised_sum(weights, terms) : normalised_sum_plain(weights, terms);
  } else {
    const Convolve second{.norm = norm, .rectify = true, .depthwise = leaf(leaves, {20, 1, 5, 5}, type), .input_moments = middle.moments};
    y = fused ? convolve(middle.value, second).value : convolve_plain(middle.value, second);
  }
  const at::Tensor loss = (y * draw(y.sizes(), type)).sum();
  Tensors made = torch::autograd::grad({loss}, leaves, {}, true);
  for (const auto& again : torch::autograd::grad({loss}, leaves)) made.push_back(again);
  return made;
}

TEST(Together, AGradientLeftToTheMakerIsTheSame) {
  for (const bool into_sum : {false, true})
    for (const bool training : {false, true}) {
      const Tensors plain = left_results(into_sum, training, false, false);
      for (const bool left : {false, true}) EXPECT_LT(error_of(left_results(into_sum, training, left, true), plain), 1e-5) << into_sum << training << left;
    }
}

TEST(Together, DroppedImagesLeaveTheirGradientToo) {
  const Tensors plain = left_results(true, true, false, false, true);
  for (const bool left : {false, true}) EXPECT_LT(error_of(left_results(true, true, left, true, true), plain), 1e-5) << left;
}

// A mixed edge twice: a convolution, both poolings with norms and the value itself, weighed into two sums that leave their gradients; `sliced`:
// out of a wider one.
Tensors edge_results(bool fused, bool sliced) {
  const at::ScalarType type = fused ? at::kFloat : at::kDouble;
  at::manual_seed(6);
  Tensors leaves;
  const at::Tensor x = leaf(leaves, {3, 16, 9, 7}, type);
  std::vector<Convolve> list;
  for (int edge = 0; edge < 2; ++edge) {
    list.push_back({.rectify = true, .depthwise = leaf(leaves, {16, 1, 3, 3}, type), .pointwise = leaf(leaves, {16, 16, 1, 1}, type), .wants_moments = true, .read_once = true});
    for (const bool largest : {true, false}) list.push_back({.pool = Pool{largest, 1}, .wants_moments = true, .read_once = true});
    list.push_back({.same = true, .read_once = true});
  }
  std::vector<Convolved> made;
  if (fused) made = convolve_all(x, list);
  else
    for (const auto& what : list) made.push_back({convolve_plain(x, what), {}});
  at::Tensor loss = at::zeros({}, type);
  for (std::size_t edge = 0; edge < 2; ++edge) {
    std::vector<Term> terms;
    for (std::size_t i = 4 * edge; i < 4 * edge + 4; ++i) {
      Term term(made[i].value);
      term.moments = made[i].moments;
      if (edge == 1) term.images = {0, 1.5f, 1.5f};
      if (!list[i].same) term.norm = Norm{.running_mean = at::zeros({16}, type), .running_var = at::ones({16}, type)};
      terms.push_back(term);
    }
    const at::Tensor weights = leaf(leaves, {4}, type, 1);
    const at::Tensor y = fused ? normalised_sum(weights, terms) : normalised_sum_plain(weights, terms);
    const at::Tensor read = sliced ? at::cat({y, y.detach()}, 1) : y;
    loss = loss + (read * draw(read.sizes(), type).contiguous(at::MemoryFormat::ChannelsLast)).sum();
  }
  Tensors gradients = torch::autograd::grad({loss}, leaves, {}, true);
  for (const auto& again : torch::autograd::grad({loss}, leaves)) gradients.push_back(again);
  return gradients;
}

TEST(Together, AMixedEdgeLeavesAllItsGradients) {
  for (const bool sliced : {true, false}) EXPECT_LT(error_of(edge_results(true, sliced), edge_results(false, sliced)), 1e-5) << sliced;
}

// norm -> {two convolutions, the value itself twice}, folded into their load: sums read x for norm(x) where the value itself is read. `twice`: with
// gradients of the gradients' squares; else of two passes.
Tensors norm_results(bool fused, bool training, bool sliced, bool again) {
  const at::ScalarType type = fused ? at::kFloat : at::kDouble;
  at::manual_seed(8);
  Tensors leaves;
  const at::Tensor before = leaf(leaves, {3, 12, 6, 5}, type, 0.5);
  const Convolve first{.pointwise = leaf(leaves, {20, 12, 1, 1}, type), .wants_moments = training, .read_once = true};
  const Norm norm{.weight = leaf(leaves, {20}, type), .bias = leaf(leaves, {20}, type), .running_mean = draw({20}, type), .running_var = draw({20}, type).abs() + 0.5, .batch_statistics = training};
  const Convolved x = fused ? convolve(before, first) : Convolved{convolve_plain(before, first)};
  std::vector<Convolve> list;
  for (const int kernel : {3, 5})
    list.push_back({.norm = norm, .rectify = true, .depthwise = leaf(leaves, {20, 1, kernel, kernel}, type), .pointwise = leaf(leaves, {20, 20, 1, 1}, type), .input_moments = x.moments});
  for (const bool read_once : {true, false}) list.push_back({.norm = norm, .same = true, .input_moments = x.moments, .read_once = read_once});
  std::vector<Convolved> made;
  if (fused) made = convolve_all(x.value, list);
  else
    for (const auto& what : list) made.push_back({convolve_plain(x.value, what)});
  at::Tensor loss = at::zeros({}, type);
  for (std::size_t i : {2, 3}) {
    std::vector<Term> terms{Term(made[i].value), Term(made[i - 2].value)};
    terms[0].as = made[i].norm, terms[0].moments = made[i].moments;
    if (i == 3) terms[0].images = {0, 1.5f, 1};
    const at::Tensor weights = leaf(leaves, {2}, type, 1);
    const at::Tensor y = fused ? normalised_sum(weights, terms) : normalised_sum_plain(weights, terms);
    const at::Tensor read = sliced ? at::cat({y, y.detach()}, 1) : y;
    loss = loss + (read.square() * draw(read.sizes(), type).contiguous(at::MemoryFormat::ChannelsLast)).sum();
  }
  Tensors gradients = torch::autograd::grad({loss}, leaves, {}, true, again);
  at::Tensor squares = at::zeros({}, type);
  for (const auto& gradient : gradients) squares = squares + gradient.square().mean();
  for (const auto& of : torch::autograd::grad({again ? squares : loss}, leaves)) gradients.push_back(of);
  gradients.push_back(loss.reshape({1}));
  for (auto& tensor : gradients) tensor = tensor.detach();
  return gradients;
}

TEST(Together, ANormOfSeveralReadersIsFoldedIntoTheirLoad) {
  for (const bool training : {true, false})
    for (const bool sliced : {true, false}) EXPECT_LT(error_of(norm_results(true, training, sliced, false), norm_results(false, training, sliced, false)), 1e-5) << training << sliced;
  EXPECT_LT(error_of(norm_results(true, true, false, true), norm_results(false, true, false, true)), 1e-4);
}

TEST(Together, NormsThatDifferAreRefused) {
  const at::Tensor x = at::ones({1, 4, 5, 5}), taps = at::ones({4, 1, 3, 3});
  const Norm norm{.running_mean = at::zeros({4}), .running_var = at::ones({4})}, other{.running_mean = at::zeros({4}), .running_var = at::ones({4})};
  const Convolve one{.norm = norm, .depthwise = taps};
  EXPECT_TRUE(convolve_together(one, {.norm = norm, .same = true}));
  EXPECT_FALSE(convolve_together(one, {.norm = other, .same = true}));
  EXPECT_FALSE(convolve_together(one, {.depthwise = taps}));
  EXPECT_FALSE(convolve_fits(x, {.norm = norm, .pool = Pool{true, 1}}));
}

// A sum of weighed norms, a norm by itself, a value as it is and a sum with dropped images, joined; the last one's channels differ.
Tensors joined_results(bool fused, bool again) {
  const at::ScalarType type = fused ? at::kFloat : at::kDouble;
  at::manual_seed(9);
  Tensors leaves;
  const auto value = [&](std::int64_t channels) { return Term(leaf(leaves, {3, channels, 17, 19}, type, 0.5).contiguous(at::MemoryFormat::ChannelsLast)); };
  const auto normed = [&](std::int64_t channels) {
    Term term = value(channels);
    term.norm = Norm{.weight = leaf(leaves, {channels}, type, 1), .bias = leaf(leaves, {channels}, type), .running_mean = at::zeros({channels}, type), .running_var = at::ones({channels}, type)};
    return term;
  };
  std::vector<SumOfTerms> sums{{leaf(leaves, {3}, type), {normed(12), value(12), normed(12)}}, {{}, {normed(12)}}, {{}, {value(12)}}, {{}, {normed(7), value(7)}}};
  sums[3].terms[0].images = {2, 0, 1};
  Tensors parts;
  if (!fused)
    for (const auto& [weights, terms] : sums) parts.push_back(normalised_sum_plain(weights, terms));
  const at::Tensor y = fused ? joined_sums(sums) : at::cat(parts, 1);
  Tensors made = torch::autograd::grad({(y.square() * draw(y.sizes(), type)).sum()}, leaves, {}, true, again);
  at::Tensor squares = at::zeros({}, type);
  for (const auto& gradient : made) squares = squares + gradient.square().mean();
  if (again)
    for (const auto& of : torch::autograd::grad({squares}, leaves)) made.push_back(of);
  made.push_back(y);
  for (auto& tensor : made) tensor = tensor.detach();
  return made;
}

TEST(Together, JoinedSumsEqualSumsThatAreJoined) {
  EXPECT_LT(error_of(joined_results(true, false), joined_results(false, false)), 1e-5);
  EXPECT_LT(error_of(joined_results(true, true), joined_results(false, true)), 1e-4);
  EXPECT_THROW(joined_sums({}), Error);
  EXPECT_THROW(joined_sums({{{}, {Term(at::ones({1, 2, 3, 3}))}}, {{}, {Term(at::ones({1, 2, 4, 3}))}}}), Error);
}

// A function of all kernels, its gradients, and the gradients of those gradients' squares.
Tensors twice(bool fused) {
  const at::ScalarType type = fused ? at::kFloat : at::kDouble;
  at::manual_seed(5);
  Tensors leaves;
  const at::Tensor x = leaf(leaves, {3, 12, 8, 6}, type);
  const Convolve first{.rectify = true, .depthwise = leaf(leaves, {12, 1, 3, 3}, type), .pointwise = leaf(leaves, {8, 12, 1, 1}, type), .wants_moments = true, .read_once = true};
  const Norm norm{.weight = leaf(leaves, {8}, type, 1), .bias = leaf(leaves, {8}, type), .running_mean = draw({8}, type), .running_var = draw({8}, type).abs()};
  const Convolved one = fused ? convolve(x, first) : Convolved{convolve_plain(x, first), {}};
  const Convolve second{.norm = norm, .depthwise = leaf(leaves, {8, 1, 5, 5}, type), .input_moments = one.moments};
  const at::Tensor two = fused ? convolve(one.value, second).value : convolve_plain(one.value, second);
  Term normed(two);
  normed.norm = Norm{.running_mean = draw({8}, type), .running_var = draw({8}, type).abs(), .batch_statistics = false};
  normed.images = {2, 0, 1};
  std::vector<Term> terms{normed};
  for (const bool largest : {true, false}) terms.push_back(fused ? pool(two, {largest, 1}) : pool_plain(two, {largest, 1}));
  const at::Tensor weights = leaf(leaves, {3}, type, 1);
  const at::Tensor y = fused ? normalised_sum(weights, terms) : normalised_sum_plain(weights, terms);
  Tensors made = torch::autograd::grad({(y.square() * draw(y.sizes(), type)).sum()}, leaves, {}, true, true);
  at::Tensor squares = at::zeros({}, type);
  for (const auto& gradient : made) squares = squares + gradient.square().mean();
  for (const auto& again : torch::autograd::grad({squares}, leaves)) made.push_back(again);
  for (auto& tensor : made) tensor = tensor.detach();
  return made;
}

TEST(Together, GradientsCanBeDifferentiatedAgain) {
  const Tensors fused = twice(true), plain = twice(false);
  ASSERT_EQ(fused.size(), plain.size());
  for (std::size_t i = 0; i < fused.size(); ++i) EXPECT_LT(error_of({fused[i]}, {plain[i]}), 1e-4) << "result " << i;
}

}  // namespace
}  // namespace netwright
