#include "netwright/kernels/convolve.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <utility>

#include "netwright/core/error.hpp"
#include "netwright/kernels/chain.hpp"
#include "netwright/kernels/gemm.hpp"
#include "netwright/kernels/sums.hpp"
#include "netwright/kernels/twice.hpp"

namespace netwright {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const float* data_of(const at::Tensor& tensor) { return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr; }

// Where no window joins rows, an image is as many smaller ones: strips of rows that stay in the cache with all that is made of them.
std::int64_t strips_of(const at::Tensor& x, const std::vector<Convolve>& list) {
  std::int64_t stride = 1;
  for (const auto& what : list) {
    if (what.depthwise.defined() || what.dense.defined() || what.pool) return 1;
    if (!what.same) stride = what.stride;
  }
  // 64 KB, but as many pixels as make visits to the sums of weight gradients worth it.
  const std::int64_t height = x.size(2), pixels = std::max<std::int64_t>(64, 16384 / x.size(1));
  for (std::int64_t rows = stride; rows < height; rows += stride)
    if (height % rows == 0 && rows * x.size(3) >= pixels) return height / rows;
  return 1;
}

ChainShape shape_of(const at::Tensor& x, std::int64_t strips, const Convolve& w) {
  ChainShape shape{static_cast<int>(x.size(2) / strips), static_cast<int>(x.size(3)), static_cast<int>(x.size(1)), w.rectify};
  if (w.depthwise.defined()) shape.kernel = static_cast<int>(w.depthwise.size(2));
  if (w.pointwise.defined()) shape.out_channels = static_cast<int>(w.pointwise.size(0));
  if (w.dense.defined()) shape.kernel = 3, shape.out_channels = static_cast<int>(w.dense.size(0)), shape.is_dense = true;
  if (w.pool) shape.kind = w.pool->largest ? ChainKind::largest : ChainKind::mean;
  if (w.same) shape.kind = ChainKind::same;
  shape.stride = static_cast<int>(w.pool ? w.pool->stride : w.stride);
  shape.dilation = static_cast<int>(w.dilation);
  shape.offset = static_cast<int>(w.offset);
  const bool copied = shape.kernel > 0 || shape.stride > 1 || w.rectify || w.norm;
  if (copied || shape.channels == padded_channels(shape.channels)) shape.turned = turned_channels(shape);
  return shape;
}

// What backward needs of one convolution besides tensors; the places are among the tensors given to autograd, -1: not there.
struct KeptOne {
  int depthwise = -1, mixing = -1;           // pointwise or dense
  std::shared_ptr<LeftGradient> left = {};   // what the reader of y leaves to do
  std::size_t made_by = 0;                   // whose value this is: an equal pooling before it, or itself
};

struct Kept : torch::CustomClassHolder {
  std::vector<ChainShape> shapes;
  std::vector<KeptOne> list;
  std::int64_t strips = 1;                   // of rows, that each image is cut into
  int norm_weight = -1, norm_bias = -1;
  NormNumbers numbers;
  std::optional<Norm> norm;                  // its statistics
  std::shared_ptr<LeftGradient> leaves;      // where the norm's input gradient may be left to the maker of x
  std::vector<ChainWeights> packed;          // for backward, once it has run again
  bool ran_back = false;

  Load load() const {
    const bool rectify = std::any_of(shapes.begin(), shapes.end(), [](const ChainShape& s) { return s.convolves() && s.rectify; });
    return {norm ? numbers.scale.data() : nullptr, norm ? numbers.shift.data() : nullptr, rectify};
  }
};

std::vector<ChainWeights> packed(const Kept& kept, const variable_list& given, bool backward) {
  std::vector<ChainWeights> weights;
  const auto at = [&](int place) { return place < 0 ? at::Tensor() : given[static_cast<std::size_t>(place)].contiguous(); };
  for (std::size_t i = 0; i < kept.list.size(); ++i) {
    const at::Tensor depthwise = at(kept.list[i].depthwise), mixing = at(kept.list[i].mixing);
    weights.push_back(pack(kept.shapes[i], data_of(depthwise), data_of(mixing), backward));
  }
  return weights;
}

// Groups of at least 256 pixels: sums of weight gradients are larger than smaller images. Those of a dense convolution are so large that
// few groups are worth it.
Groups groups_of(const at::Tensor& x, const Kept& kept) {
  std::int64_t most = x.size(0) * x.size(2) * x.size(3) / 256;
  for (const auto& shape : kept.shapes)
    if (shape.is_dense) most = std::min(most, 2 * x.numel() / shape.dense().points_size());
  return Groups(x.size(0) * kept.strips, std::max<std::int64_t>(2, most));
}

variable_list run_forward(const at::Tensor& x, const Kept& kept, const std::vector<ChainWeights>& weights, const std::vector<BatchMoments*>& moments) {
  const Groups groups = groups_of(x, kept);
  variable_list results;
  std::vector<float*> data;
  std::vector<std::vector<Moments>> parts;
  for (std::size_t k = 0; k < kept.shapes.size(); ++k) {
    const ChainShape& s = kept.shapes[k];
    const bool made = s.kind != ChainKind::same && kept.list[k].made_by == k;
    if (!made) results.push_back((s.kind == ChainKind::same ? x : results[kept.list[k].made_by]).detach());
    else results.push_back(at::empty({x.size(0), s.result_channels(), kept.strips * s.out_height(), s.out_width()}, x.options().memory_format(at::MemoryFormat::ChannelsLast)));
    data.push_back(made ? results.back().mutable_data_ptr<float>() : nullptr);
    parts.emplace_back(static_cast<std::size_t>(groups.count), Moments(s.result_channels()));
  }
  const std::int64_t in = x.numel() / groups.batch;
  const float* from = x.const_data_ptr<float>();
  over_groups(groups, [&](const auto& next) {
    Chains chains(kept.shapes, weights, kept.load());
    std::vector<ChainForward> wanted(data.size());
    for (std::int64_t g = next(); g >= 0; g = next())
      for (std::int64_t i = groups.begin(g); i < groups.end(g); ++i) {
        for (std::size_t k = 0; k < data.size(); ++k)
          wanted[k] = {data[k] == nullptr ? nullptr : data[k] + i * kept.shapes[k].result_size(), moments[k] != nullptr ? &parts[k][static_cast<std::size_t>(g)] : nullptr};
        chains.forward(from + i * in, wanted);
      }
  });
  for (std::size_t k = 0; k < data.size(); ++k)
    if (moments[k] != nullptr) *moments[k] = kept.list[k].made_by == k ? as_batch(parts[k]) : *moments[kept.list[k].made_by];
  return results;
}

struct Wanted {
  bool input, norm;
  std::vector<bool> weights;                 // of each convolution
};

// The sums of one group of images.
struct Part {
  Floats sums;
  std::vector<ChainGradients> weights;
  std::vector<double> sum, product;
  Part(Part&&) = default;                    // a copy's gradients would lie in the other's sums
  Part& operator=(Part&&) = default;
  Part(const Kept& kept, const Wanted& wanted) {
    const auto size = [&](std::size_t i) { return wanted.weights[i] ? ChainGradients::size(kept.shapes[i]) : 0; };
    std::size_t all = 0;
    for (std::size_t i = 0; i < kept.shapes.size(); ++i) all += size(i);
    sums.resize(all);
    float* place = sums.data();
    for (std::size_t i = 0; i < kept.shapes.size(); place += size(i++)) weights.emplace_back(kept.shapes[i], place);
    if (wanted.norm) sum.resize(kept.numbers.mean.size()), product.resize(kept.numbers.mean.size());
  }
  void add(const Part& other) {
    add_values(other.sums.data(), sums.size(), sums.data());
    for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += other.sum[c], product[c] += other.product[c];
  }
};

// What backward reads of one convolution, over all images.
struct Reads {
  const float *gradient = nullptr, *value = nullptr;
  std::optional<Affine> by = {};
  std::ptrdiff_t column = 0;                 // floats from one pixel of the gradient to the next
  std::vector<std::vector<float>> a = {};    // of each image, where they differ

  Affine by_of(std::int64_t image) const {
    Affine own = *by;
    if (!a.empty()) own.a = a[static_cast<std::size_t>(image)].data();
    return own;
  }
};

std::vector<Reads> reads_of(const Kept& kept, const variable_list& gradients) {
  std::vector<Reads> list;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    Reads reads{data_of(gradients[i])};
    reads.column = gradients[i].defined() ? column_of(gradients[i]) : 0;
    const LeftGradient* left = kept.list[i].left.get();
    if (left != nullptr && left->is_left()) reads.value = left->value.const_data_ptr<float>(), reads.by = left->by(), reads.a = left->a_of_images();
    list.push_back(reads);
  }
  return list;
}

// Runs all images and adds the groups' sums in order.
Part run_backward(const at::Tensor& x, const variable_list& gradients, const Kept& kept, const std::vector<ChainWeights>& weights, const Wanted& wanted,
                  at::Tensor& gx) {
  const Groups groups = groups_of(x, kept);
  std::vector<std::optional<Part>> parts(static_cast<std::size_t>(groups.count));
  const std::vector<Reads> reads = reads_of(kept, gradients);
  const std::int64_t in = x.numel() / groups.batch;
  const float* values = x.const_data_ptr<float>();
  float* to = gx.defined() ? gx.mutable_data_ptr<float>() : nullptr;
  over_groups(groups, [&](const auto& next) {
    Chains chains(kept.shapes, weights, kept.load());
    std::vector<ChainBackward> list(reads.size());
    std::vector<Affine> by(reads.size());
    for (std::int64_t group = next(); group >= 0; group = next()) {
      Part& part = parts[static_cast<std::size_t>(group)].emplace(kept, wanted);
      const GradientSums sums{nullptr, kept.numbers.mean.data(), part.sum.data(), part.product.data()};
      for (std::int64_t i = groups.begin(group); i < groups.end(group); ++i) {
        for (std::size_t k = 0; k < reads.size(); ++k) {
          const Reads& r = reads[k];
          const std::int64_t place = i * kept.shapes[k].result_size();
          const std::int64_t slice = place / kept.shapes[k].result_channels() * r.column;
          if (r.by) by[k] = r.by_of(i / kept.strips);
          list[k] = {r.gradient != nullptr ? r.gradient + slice : nullptr, r.by ? &by[k] : nullptr, r.by ? r.value + place : nullptr,
                     wanted.weights[k] ? &part.weights[k] : nullptr, r.column};
        }
        chains.backward(values + i * in, {list, to != nullptr ? to + i * in : nullptr, wanted.norm ? &sums : nullptr});
      }
    }
  });
  for (std::size_t i = 1; i < parts.size(); ++i) parts[0]->add(*parts[i]);
  return std::move(*parts[0]);
}

void through_norm(at::Tensor& gx, const at::Tensor& x, const NormNumbers& numbers, const NormBackward& back) {
  const std::int64_t channels = x.size(1), pixels = x.numel() / channels;
  const float* values = x.const_data_ptr<float>();
  auto* g = gx.mutable_data_ptr<float>();
  at::parallel_for(0, pixels, 2048, [&](std::int64_t begin, std::int64_t end) {
    affine_gradient({g + begin * channels, channels}, values + begin * channels, {back.a.data(), back.b.data(), numbers.mean.data(), back.constant.data()}, end - begin,
                    static_cast<int>(channels), g + begin * channels);
  });
}

at::Tensor vector_of(const std::vector<float>& values, const at::Tensor& like) {
  return at::tensor(at::ArrayRef<float>(values.data(), static_cast<std::size_t>(like.numel())));
}

// `given` are x and those of the other tensors that there are: autograd takes defined ones alone.
struct ConvolveFunction : torch::autograd::Function<ConvolveFunction> {
  static variable_list forward(AutogradContext* context, at::TensorList given, const c10::intrusive_ptr<Kept>& kept, const std::vector<BatchMoments*>& moments) {
    context->set_materialize_grads(false);
    context->save_for_backward(given.vec());
    context->saved_data["kept"] = c10::IValue::make_capsule(kept);
    return run_forward(given[0], *kept, packed(*kept, given.vec(), false), moments);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto kept = c10::static_intrusive_pointer_cast<Kept>(context->saved_data["kept"].toCapsule());
    const variable_list given = context->get_saved_variables();
    if (differentiates_again()) {
      kept->leaves.reset();  // the twin reads x too
      return twin_gradients(context, given, gradients, [&](const variable_list& of) { return plain(*kept, of); }, 2);
    }
    for (std::size_t i = 0; i < gradients.size(); ++i)
      if (gradients[i].defined()) gradients[i] = readable(gradients[i]);
    variable_list made(given.size() + 2);    // the options have no gradients
    if (std::none_of(gradients.begin(), gradients.end(), [](const at::Tensor& g) { return g.defined(); })) return made;
    const auto needs = [&](int place) { return place >= 0 && context->needs_input_grad(static_cast<std::size_t>(place)); };
    const bool flows = needs(0) || needs(kept->norm_weight) || needs(kept->norm_bias);
    Wanted wanted{flows, flows && kept->norm, {}};
    for (std::size_t i = 0; i < kept->list.size(); ++i)
      wanted.weights.push_back(gradients[i].defined() && (needs(kept->list[i].depthwise) || needs(kept->list[i].mixing)));
    if (flows) made[0] = at::empty_like(given[0]);
    // One pass packs for itself; where the graph is kept for more (as for a tangent kernel), the second one's serve all that follow.
    std::vector<ChainWeights> weights = kept->packed.empty() ? packed(*kept, given, true) : std::move(kept->packed);
    const Part part = run_backward(given[0], gradients, *kept, weights, wanted, made[0]);
    if (std::exchange(kept->ran_back, true)) kept->packed = std::move(weights);
    for (const auto& one : kept->list)
      if (one.left) *one.left = {};
    if (wanted.norm) differentiate_norm(*kept, given, part, made);
    for (std::size_t i = 0; i < kept->list.size(); ++i)
      if (wanted.weights[i]) unpack(part.weights[i], kept->shapes[i], kept->list[i], given, made);
    return made;
  }

  static variable_list plain(const Kept& kept, const variable_list& given) {
    const auto at = [&](int place) { return place < 0 ? at::Tensor() : given[static_cast<std::size_t>(place)]; };
    variable_list values;
    for (std::size_t i = 0; i < kept.list.size(); ++i) {
      const ChainShape& s = kept.shapes[i];
      Convolve what{.norm = kept.norm, .rectify = s.rectify, .depthwise = at(kept.list[i].depthwise), .stride = s.stride, .dilation = s.dilation, .offset = s.offset};
      (s.is_dense ? what.dense : what.pointwise) = at(kept.list[i].mixing);
      if (what.norm) what.norm->weight = at(kept.norm_weight), what.norm->bias = at(kept.norm_bias);
      what.same = s.kind == ChainKind::same;
      if (!what.same && !s.convolves()) what.pool = {s.kind == ChainKind::largest, s.stride};
      values.push_back(convolve_plain(given[0], what));
    }
    return values;
  }

  static void differentiate_norm(const Kept& kept, const variable_list& given, const Part& part, variable_list& made) {
    const at::Tensor& x = given[0];
    NormBackward back = norm_backward(kept.numbers, part.sum, part.product, static_cast<std::size_t>(x.size(1)));
    for (const auto& [place, numbers] : {std::pair(kept.norm_weight, &back.weight), std::pair(kept.norm_bias, &back.bias)})
      if (place >= 0) made[static_cast<std::size_t>(place)] = vector_of(*numbers, given[static_cast<std::size_t>(place)]);
    if (kept.leaves) *kept.leaves = {x, std::move(back.a), std::move(back.b), kept.numbers.mean, std::move(back.constant)};
    else through_norm(made[0], x, kept.numbers, back);
  }

  static void unpack(const ChainGradients& sums, const ChainShape& shape, const KeptOne& one, const variable_list& given, variable_list& made) {
    float* data[2] = {nullptr, nullptr};
    const int places[2] = {one.depthwise, one.mixing};
    for (int i = 0; i < 2; ++i) {
      if (places[i] < 0) continue;
      const auto place = static_cast<std::size_t>(places[i]);
      made[place] = at::empty(given[place].sizes(), given[place].options().requires_grad(false));
      data[i] = made[place].mutable_data_ptr<float>();
    }
    sums.unpack(shape, data[0], data[1]);
  }
};

int place(variable_list& given, const at::Tensor& tensor) {
  if (!tensor.defined()) return -1;
  given.push_back(tensor);
  return static_cast<int>(given.size()) - 1;
}

}  // namespace

bool convolve_fits(const at::Tensor& x, const Convolve& what) {
  if (what.pool && what.norm) return false;
  if (!convolves(what)) return pool_fits(x, what.pool.value_or(Pool{}));
  const auto fits = [&](const at::Tensor& t) { return !t.defined() || (t.is_cpu() && t.scalar_type() == at::kFloat); };
  if (x.dim() != 4 || x.numel() == 0 || !x.is_cpu() || x.scalar_type() != at::kFloat || !fits(what.depthwise) || !fits(what.pointwise) || !fits(what.dense))
    return false;
  const auto reads = [&](const at::Tensor& t, int dimension) { return !t.defined() || t.size(dimension) == x.size(1); };
  if (!reads(what.depthwise, 0) || !reads(what.pointwise, 1) || !reads(what.dense, 1)) return false;
  if (what.dense.defined())
    return !what.depthwise.defined() && !what.pointwise.defined() && what.stride == 1 && what.dilation == 1 && what.dense.size(2) == 3 && what.dense.size(3) == 3;
  // A strided window of even images never leaves them.
  const bool begins = what.offset == 0 || (what.offset == 1 && what.stride == 2 && x.size(2) % 2 == 0 && x.size(3) % 2 == 0);
  if (!what.depthwise.defined()) return what.pointwise.defined() && what.stride <= 2 && begins;
  return what.depthwise.size(2) == what.depthwise.size(3) && what.depthwise.size(1) == 1 &&
         depthwise_fits(static_cast<int>(what.depthwise.size(2)), static_cast<int>(what.stride), static_cast<int>(what.dilation));
}

bool convolve_together(const Convolve& a, const Convolve& b) {
  const auto one_norm = [](const Norm& p, const Norm& q) { return p.running_mean.is_same(q.running_mean) && p.weight.is_same(q.weight) && p.bias.is_same(q.bias); };
  if (a.norm.has_value() != b.norm.has_value() || (a.norm && !one_norm(*a.norm, *b.norm))) return false;
  return !convolves(a) || !convolves(b) || (a.stride == b.stride && a.rectify == b.rectify);
}

std::vector<Convolved> convolve_all(const at::Tensor& given_x, const std::vector<Convolve>& list) {
  const auto first = std::find_if(list.begin(), list.end(), convolves);
  for (const auto& what : list)
    if (!convolve_fits(given_x, what) || (list.size() > 1 && !convolve_together(what, first == list.end() ? list[0] : *first)))
      throw Error("no fused convolution for a value of shape " + c10::str(given_x.sizes()));
  const at::Tensor x = given_x.contiguous(at::MemoryFormat::ChannelsLast);
  auto kept = c10::make_intrusive<Kept>();
  kept->strips = strips_of(x, list);
  variable_list given{x};
  std::vector<Convolved> made(list.size());
  std::vector<BatchMoments*> moments;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Convolve& what = list[i];
    kept->shapes.push_back(shape_of(x, kept->strips, what));
    const bool leaves = what.read_once && (what.wants_moments || !convolves(what));
    kept->list.push_back({place(given, what.depthwise), place(given, what.dense.defined() ? what.dense : what.pointwise), leaves ? std::make_shared<LeftGradient>() : nullptr, i});
    const auto equal = [&](const Convolve& other) {
      return what.pool && other.pool && other.pool->largest == what.pool->largest && other.pool->stride == what.pool->stride && other.wants_moments == what.wants_moments;
    };
    kept->list[i].made_by = static_cast<std::size_t>(std::find_if(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(i), equal) - list.begin());
    moments.push_back(what.wants_moments && !what.same ? &made[i].moments : nullptr);
  }
  if (const auto& norm = list[0].norm; norm) {
    kept->norm = statistics_of(*norm);
    kept->norm_weight = place(given, norm->weight), kept->norm_bias = place(given, norm->bias);
    kept->numbers = norm_numbers(*norm, x.detach(), list[0].input_moments);
    kept->leaves = list[0].input_moments.left;
  }
  const variable_list values = ConvolveFunction::apply(at::TensorList(given), kept, moments);
  for (std::size_t i = 0; i < list.size(); ++i) {
    made[i].value = values[i], made[i].moments.left = kept->list[i].left;
    if (list[i].same && kept->norm) made[i].norm = std::make_shared<const NormNumbers>(kept->numbers);
  }
  return made;
}

Convolved convolve(const at::Tensor& x, const Convolve& what) { return convolve_all(x, {what})[0]; }

at::Tensor convolve_plain(const at::Tensor& x, const Convolve& what) {
  if (what.pool) return pool_plain(x, *what.pool);
  at::Tensor y = x;
  if (what.norm) {
    const Norm& n = *what.norm;
    y = at::batch_norm(y, n.weight, n.bias, n.running_mean, n.running_var, n.batch_statistics, n.momentum, n.epsilon, false);
  }
  if (what.same) return y;
  if (what.rectify) y = at::relu(y);
  if (what.dense.defined()) y = at::conv2d(y, what.dense, {}, 1, 1);
  if (what.depthwise.defined()) {
    const std::int64_t padding = what.dilation * (what.depthwise.size(2) - 1) / 2;
    y = at::conv2d(y, what.depthwise, {}, what.stride, padding, what.dilation, y.size(1));
  }
  if (what.offset > 0) y = y.slice(2, what.offset).slice(3, what.offset);
  if (what.pointwise.defined()) y = at::conv2d(y, what.pointwise, {}, what.depthwise.defined() ? 1 : what.stride);
  return y;
}

}  // namespace netwright
