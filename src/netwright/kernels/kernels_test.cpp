#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>
#include <rapidcheck/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <mutex>
#include <set>
#include <thread>

#include "netwright/core/error.hpp"
#include "netwright/kernels/convolve.hpp"
#include "netwright/kernels/floats.hpp"
#include "netwright/kernels/gemm.hpp"
#include "netwright/kernels/normalised_sum.hpp"
#include "netwright/kernels/pool.hpp"

namespace netwright {
namespace {

// One case of the chain, drawn or written.
struct Drawn {
  std::int64_t batch = 2, channels = 16, height = 8, width = 8, kernel = 3, stride = 1, dilation = 1, out = 16;
  bool norm = false, affine = false, training = true, rectify = true, dense = false;
};

std::ostream& operator<<(std::ostream& stream, const Drawn& d) {
  return stream << d.batch << 'x' << d.channels << 'x' << d.height << 'x' << d.width << " kernel " << d.kernel << " stride " << d.stride << " dilation "
                << d.dilation << " out " << d.out << " norm " << d.norm << d.affine << d.training << " relu " << d.rectify << " dense " << d.dense;
}

struct Inputs {
  at::Tensor x, mix;
  Convolve what;
  std::vector<at::Tensor> leaves;

  Inputs(const Drawn& d, at::ScalarType type) {
    at::manual_seed(d.batch * 100 + d.channels);
    const auto draw = [&](at::IntArrayRef shape, bool leaf, double plus = 0) {
      at::Tensor t = (at::randn(shape, at::kDouble) + plus).to(at::kFloat).to(type);
      if (leaf) leaves.push_back(t.requires_grad_(true));
      return t;
    };
    x = draw({d.batch, d.channels, d.height, d.width}, true, 0.3);
    if (d.norm) {
      Norm norm{.batch_statistics = d.training};
      if (d.affine) norm.weight = draw({d.channels}, true, 1), norm.bias = draw({d.channels}, true);
      norm.running_mean = draw({d.channels}, false);
      norm.running_var = draw({d.channels}, false).abs() + 0.5;
      what.norm = norm;
    }
    what.rectify = d.rectify;
    what.stride = d.stride;
    what.dilation = d.dilation;
    if (d.dense) what.dense = draw({d.out, d.channels, 3, 3}, true);
    if (d.kernel > 0 && !d.dense) what.depthwise = draw({d.channels, 1, d.kernel, d.kernel}, true);
    if (d.out > 0 && !d.dense) what.pointwise = draw({d.out, d.channels, 1, 1}, true);
    mix = draw({d.batch, d.out > 0 ? d.out : d.channels, (d.height - 1) / d.stride + 1, (d.width - 1) / d.stride + 1}, false);
  }

  // The value, all gradients, and the running statistics.
  std::vector<at::Tensor> results(bool fused) {
    const at::Tensor y = fused ? convolve(x, what).value : convolve_plain(x, what);
    std::vector<at::Tensor> list = torch::autograd::grad({(y * mix).sum()}, leaves);
    list.push_back(y.detach());
    if (what.norm) list.insert(list.end(), {what.norm->running_mean, what.norm->running_var});
    return list;
  }
};

double relative_error(const at::Tensor& a, const at::Tensor& b) {
  return ((a.to(at::kDouble) - b).abs().max() / b.abs().max().clamp_min(1e-3)).item<double>();
}

// Float32 against the plain operations in float64.
void expect_twin(const Drawn& d) {
  auto fused = Inputs(d, at::kFloat).results(true), plain = Inputs(d, at::kDouble).results(false);
  ASSERT_EQ(fused.size(), plain.size());
  for (std::size_t i = 0; i < fused.size(); ++i) EXPECT_LT(relative_error(fused[i], plain[i]), 1e-5) << d << ", result " << i;
}

TEST(Convolve, EveryWindowEqualsTheTwin) {
  for (const std::int64_t kernel : {3, 5, 7})
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t dilation : {1, 2})
        for (const std::int64_t out : {0, 24})
          expect_twin({.height = 13, .width = 19, .kernel = kernel, .stride = stride, .dilation = dilation, .out = out});
}

TEST(Convolve, NormsAffineTrainingOrNot) {
  for (const bool affine : {false, true})
    for (const bool training : {false, true})
      for (const std::int64_t kernel : {0, 5}) expect_twin({.batch = 3, .kernel = kernel, .norm = true, .affine = affine, .training = training});
}

TEST(Convolve, PointwiseWithStride) {
  for (const std::int64_t side : {1, 2, 7, 8})
    for (const bool norm : {false, true}) expect_twin({.channels = 12, .height = side, .width = side + 1, .kernel = 0, .stride = 2, .out = 7, .norm = norm});
}

// Rows are cut into strips.
TEST(Convolve, PointwiseOnWideImages) {
  for (const std::int64_t stride : {1, 2})
    for (const bool norm : {false, true}) expect_twin({.channels = 300, .height = 8, .width = 32, .kernel = 0, .stride = stride, .out = 9, .norm = norm, .affine = norm});
}

TEST(Convolve, DenseOfOddAndEvenSides) {
  for (const std::int64_t height : {1, 2, 3, 8})
    for (const std::int64_t width : {1, 4, 5, 17})
      for (const std::int64_t out : {3, 16, 40}) expect_twin({.channels = 20, .height = height, .width = width, .out = out, .dense = true});
  for (const bool training : {false, true}) expect_twin({.batch = 5, .channels = 33, .out = 64, .norm = true, .affine = true, .training = training, .dense = true});
}

TEST(Convolve, OnePixelAndOneImage) {
  expect_twin({.batch = 1, .channels = 5, .height = 1, .width = 1, .kernel = 3, .out = 3});
  expect_twin({.batch = 1, .channels = 36, .height = 1, .width = 9, .kernel = 7, .stride = 2, .dilation = 2, .out = 36});
}

RC_GTEST_PROP(Convolve, RandomShapesEqualTheTwin, ()) {
  Drawn d;
  d.batch = *rc::gen::inRange(1, 20);
  d.channels = *rc::gen::inRange(1, 40);
  d.height = *rc::gen::inRange(2, 12);
  d.width = *rc::gen::inRange(2, 20);
  d.kernel = *rc::gen::element(0, 3, 5, 7);
  d.stride = *rc::gen::inRange(1, 3);
  d.dilation = *rc::gen::inRange(1, 3);
  d.out = d.kernel == 0 ? *rc::gen::inRange(1, 40) : *rc::gen::inRange(0, 40);
  d.norm = *rc::gen::arbitrary<bool>();
  d.affine = *rc::gen::arbitrary<bool>();
  d.training = *rc::gen::arbitrary<bool>();
  d.rectify = *rc::gen::arbitrary<bool>();
  d.dense = *rc::gen::inRange(0, 3) == 0;
  // Of one channel a norm's gradient is one sum, which may be a thousandth of its terms; of eight the largest is not.
  if (d.dense) d.kernel = 3, d.stride = 1, d.dilation = 1, d.out = std::max<std::int64_t>(d.out, 1);
  if (d.norm) d.channels += 7;
  auto fused = Inputs(d, at::kFloat).results(true), plain = Inputs(d, at::kDouble).results(false);
  for (std::size_t i = 0; i < fused.size(); ++i) {
    const double error = relative_error(fused[i], plain[i]);
    if (!(error < 1e-5)) RC_FAIL((std::stringstream() << d << ", result " << i << ": " << error).str());
  }
}

TEST(Convolve, ReadsAnyStrides) {
  Inputs given({.channels = 16, .height = 6, .width = 9}, at::kFloat);
  const at::Tensor straight = convolve(given.x, given.what).value;
  const at::Tensor odd = at::empty({2, 16, 9, 12}).slice(3, 0, 12, 2).transpose(2, 3).copy_(given.x);
  ASSERT_FALSE(odd.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(at::equal(straight, convolve(odd, given.what).value));
}

TEST(Convolve, EmptyBatchesAndOtherTypesAreRefused) {
  Inputs given({}, at::kFloat);
  EXPECT_THROW(convolve(given.x.slice(0, 0, 0), given.what), Error);
  EXPECT_THROW(convolve(given.x.to(at::kDouble), given.what), Error);
}

TEST(Convolve, WeightsOfOtherChannelsAreRefused) {
  const at::Tensor x = at::zeros({2, 1, 5, 5});
  EXPECT_FALSE(convolve_fits(x, {.depthwise = at::zeros({16, 1, 3, 3})}));
  EXPECT_FALSE(convolve_fits(x, {.pointwise = at::zeros({16, 2, 1, 1})}));
  EXPECT_FALSE(convolve_fits(x, {.dense = at::zeros({16, 2, 3, 3})}));
}

TEST(Groups, EachIsTakenOnceFirstOnesOwn) {
  Shares shares(5, 2);
  std::vector<std::int64_t> taken{shares.next(0)};
  while (taken.back() >= 0) taken.push_back(shares.next(1));
  EXPECT_EQ(taken, (std::vector<std::int64_t>{0, 2, 3, 4, 1, -1}));
}

TEST(Floats, BlocksBeginAtALineAndAreNobodyElses) {
  std::set<void*> seen;
  std::vector<std::pair<void*, std::size_t>> taken;
  for (int turn = 0; turn < 2; ++turn) {
    for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{1024}, std::size_t{1025}, std::size_t{4} << 20, (std::size_t{4} << 20) + 1})
      for (int i = 0; i < 18; ++i) taken.emplace_back(take_lines(bytes), bytes);
    seen.clear();
    for (const auto& [lines, bytes] : taken) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lines) % 64, 0u);
      EXPECT_TRUE(seen.insert(lines).second) << bytes;
      if (bytes > 0) static_cast<char*>(lines)[bytes - 1] = 1;
    }
    for (const auto& [lines, bytes] : taken) give_lines(lines, bytes);
    taken.clear();
  }
}

// at::parallel_for is a plain loop in a file that is compiled without OpenMP.
TEST(Kernels, LoopsRunOnTwoThreads) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  at::parallel_for(0, 16, 1, [&](std::int64_t, std::int64_t) {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
  });
  at::set_num_threads(before);
  EXPECT_EQ(threads.size(), 2u);
}

TEST(Convolve, TheSameBitsOnOneThreadAndTwo) {
  const Drawn d{.batch = 21, .channels = 20, .kernel = 5, .out = 12, .norm = true, .affine = true};
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = Inputs(d, at::kFloat).results(true);
  at::set_num_threads(2);
  const auto two = Inputs(d, at::kFloat).results(true);
  at::set_num_threads(before);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << i;
}

TEST(Convolve, MomentsAreThoseOfTheResult) {
  Inputs given({.batch = 5, .channels = 10, .height = 11, .width = 7, .out = 13}, at::kFloat);
  given.what.wants_moments = true;
  const Convolved made = convolve(given.x, given.what);
  const at::Tensor y = made.value.detach().to(at::kDouble);
  EXPECT_LT(relative_error(at::tensor(made.moments.mean), y.mean({0, 2, 3})), 1e-6);
  EXPECT_LT(relative_error(at::tensor(made.moments.variance), y.var({0, 2, 3}, false)), 1e-6);
  EXPECT_EQ(made.moments.count, 5 * 11 * 7);
}

TEST(Convolve, OnlyWantedGradientsAreMade) {
  Inputs given({.norm = true, .affine = true}, at::kFloat);
  const at::Tensor loss = (convolve(given.x, given.what).value * given.mix).sum();
  const auto one = torch::autograd::grad({loss}, {given.leaves[0]}, {}, true);
  const auto all = torch::autograd::grad({loss}, given.leaves);
  EXPECT_TRUE(at::equal(one[0], all[0]));
}

// Terms with a norm (affine or not) and without, one of them twice.
std::vector<at::Tensor> sum_results(at::IntArrayRef shape, bool weighted, bool training, at::ScalarType type, bool fused, bool drops = false) {
  at::manual_seed(7);
  const auto draw = [&](at::IntArrayRef of, double plus) { return (at::randn(of, at::kDouble) + plus).to(at::kFloat).to(type); };
  std::vector<at::Tensor> leaves;
  std::vector<Term> terms;
  for (int i = 0; i < 4; ++i) {
    Term term(draw(shape, 0.5 * i).requires_grad_(true));
    leaves.push_back(term.value);
    if (i < 3) {
      term.norm = Norm{.weight = {}, .bias = {}, .running_mean = draw({shape[1]}, 0), .running_var = draw({shape[1]}, 0).abs() + 0.5, .batch_statistics = training};
      if (i < 2) leaves.push_back(term.norm->weight = draw({shape[1]}, 1).requires_grad_(true));
      if (i < 2) leaves.push_back(term.norm->bias = draw({shape[1]}, 0).requires_grad_(true));
    }
    for (std::int64_t image = 0; drops && i % 2 == 1 && image < shape[0]; ++image) term.images.push_back((image + i) % 3 == 0 ? 0.0f : 1.25f);
    terms.push_back(term);
  }
  terms.push_back(Term(terms[3].value));
  const at::Tensor weights = draw({5}, 1).requires_grad_(true);
  if (weighted) leaves.push_back(weights);
  const at::Tensor y = fused ? normalised_sum(weighted ? weights : at::Tensor(), terms) : normalised_sum_plain(weighted ? weights : at::Tensor(), terms);
  std::vector<at::Tensor> list = torch::autograd::grad({(y * draw(shape, 0)).sum()}, leaves);
  list.push_back(y.detach());
  for (int i = 0; i < 3; ++i) list.insert(list.end(), {terms[i].norm->running_mean, terms[i].norm->running_var});
  return list;
}

TEST(NormalisedSum, EqualsTheTwin) {
  const std::vector<std::vector<std::int64_t>> shapes{{2, 16, 8, 8}, {1, 5, 3, 7}, {19, 36, 5, 1}, {3, 1, 1, 1}};
  for (const auto& shape : shapes)
    for (const bool weighted : {false, true})
      for (const bool training : {false, true})
        for (const bool drops : {false, true}) {
          const auto fused = sum_results(shape, weighted, training, at::kFloat, true, drops), plain = sum_results(shape, weighted, training, at::kDouble, false, drops);
          for (std::size_t i = 0; i < fused.size(); ++i)
            EXPECT_LT(relative_error(fused[i], plain[i]), 1e-5) << at::IntArrayRef(shape) << ' ' << weighted << training << drops << ", result " << i;
        }
}

TEST(NormalisedSum, TheSameBitsOnOneThreadAndTwo) {
  const int before = at::get_num_threads();
  for (const bool drops : {false, true}) {
    at::set_num_threads(1);
    const auto one = sum_results({21, 20, 9, 7}, true, true, at::kFloat, true, drops);
    at::set_num_threads(2);
    const auto two = sum_results({21, 20, 9, 7}, true, true, at::kFloat, true, drops);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << i;
  }
  at::set_num_threads(before);
}

// The value and its gradient. Whole numbers: windows have equal largest values, whose first takes the gradient.
std::vector<at::Tensor> pool_results(at::IntArrayRef shape, const Pool& what, at::ScalarType type, bool fused) {
  at::manual_seed(shape[0] + shape[3]);
  const at::Tensor x = at::randint(-3, 3, shape, at::kDouble).to(type).requires_grad_(true);
  const at::Tensor y = fused ? pool(x, what) : pool_plain(x, what);
  return {y.detach(), torch::autograd::grad({(y * at::randn(y.sizes(), at::kDouble).to(at::kFloat).to(type)).sum()}, {x})[0]};
}

RC_GTEST_PROP(Pool, RandomShapesEqualTheTwin, ()) {
  const std::vector<std::int64_t> shape{*rc::gen::inRange(1, 4), *rc::gen::inRange(1, 40), *rc::gen::inRange(1, 12), *rc::gen::inRange(1, 20)};
  const Pool what{.largest = *rc::gen::arbitrary<bool>(), .stride = *rc::gen::inRange(1, 3)};
  const auto fused = pool_results(shape, what, at::kFloat, true), plain = pool_results(shape, what, at::kDouble, false);
  for (std::size_t i = 0; i < fused.size(); ++i) {
    const double error = relative_error(fused[i], plain[i]);
    if (!(error < 1e-5)) RC_FAIL((std::stringstream() << at::IntArrayRef(shape) << ' ' << what.largest << what.stride << ", result " << i << ": " << error).str());
  }
}

TEST(Pool, NotANumberIsNotHidden) {
  at::Tensor x = at::zeros({1, 5, 6, 6});
  x[0][2][3][3] = std::nan("");
  const at::Tensor y = pool(x, {});
  EXPECT_TRUE(at::equal(y.isnan(), pool_plain(x, {}).isnan()));
  EXPECT_EQ(y.isnan().sum().item<std::int64_t>(), 9);
}

TEST(Pool, TheSameBitsOnOneThreadAndTwo) {
  const int before = at::get_num_threads();
  for (const bool largest : {false, true}) {
    at::set_num_threads(1);
    const auto one = pool_results({7, 20, 9, 7}, {.largest = largest}, at::kFloat, true);
    at::set_num_threads(2);
    const auto two = pool_results({7, 20, 9, 7}, {.largest = largest}, at::kFloat, true);
    for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(at::equal(one[i], two[i])) << i;
  }
  at::set_num_threads(before);
}

TEST(Pool, EmptyBatchesAndOtherTypesAreRefused) {
  EXPECT_THROW(pool(at::zeros({0, 3, 4, 4}), {}), Error);
  EXPECT_THROW(pool(at::zeros({1, 3, 4, 4}, at::kDouble), {}), Error);
}

// Kernels run as on a processor without some of this one's instruction sets, for as long as it lives.
class Without {
 public:
  explicit Without(std::int64_t sets) {
    hwy::DisableTargets(sets);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
  ~Without() {
    hwy::DisableTargets(0);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

TEST(Kernels, EveryInstructionSetEqualsTheTwin) {
  const int widest = vector_lanes();
  std::set<int> lanes;
  // The best set has the lowest bit.
  for (std::int64_t left = hwy::SupportedTargets(), without = 0; left != 0; without |= left & -left, left &= left - 1) {
    const Without sets(without);
    if (!lanes.insert(vector_lanes()).second) continue;
    for (const std::int64_t stride : {1, 2})
      for (const std::int64_t channels : {5, 16, 36}) {
        for (const std::int64_t kernel : {0, 3, 5}) expect_twin({.channels = channels, .height = 7, .width = 10, .kernel = kernel, .stride = stride, .out = 9, .norm = true, .affine = true});
        const auto fused = pool_results({2, channels, 7, 10}, {true, stride}, at::kFloat, true), plain = pool_results({2, channels, 7, 10}, {true, stride}, at::kDouble, false);
        for (std::size_t i = 0; i < fused.size(); ++i) EXPECT_LT(relative_error(fused[i], plain[i]), 1e-5) << vector_lanes() << " lanes, result " << i;
      }
    expect_twin({.channels = 20, .height = 9, .width = 5, .out = 40, .dense = true});
    const auto fused = sum_results({5, 7, 9, 3}, true, true, at::kFloat, true, true), plain = sum_results({5, 7, 9, 3}, true, true, at::kDouble, false, true);
    for (std::size_t i = 0; i < fused.size(); ++i) EXPECT_LT(relative_error(fused[i], plain[i]), 1e-5) << vector_lanes() << " lanes, result " << i;
  }
  EXPECT_EQ(vector_lanes(), widest);
  EXPECT_GE(lanes.size(), widest > 4 ? 3U : 1U);
}

}  // namespace
}  // namespace netwright
