#include "netwright/kernels/normalised_sum.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <span>
#include <utility>

#include "netwright/core/error.hpp"
#include "netwright/kernels/gemm.hpp"
#include "netwright/kernels/sums.hpp"
#include "netwright/kernels/twice.hpp"

namespace netwright {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A term as backward needs it; the places are among the tensors given to autograd, -1: not there.
struct KeptTerm {
  NormNumbers numbers;
  double weight = 1;
  int value = -1, norm_weight = -1, norm_bias = -1;
  std::optional<Norm> norm = {};               // its statistics
  std::shared_ptr<LeftGradient> leaves = {};   // where the value's gradient may be left to its maker
  std::vector<float> images = {};              // factors
  bool stands = false;                         // the value, for what the numbers make of it

  double factor(std::int64_t image) const { return images.empty() ? 1.0 : static_cast<double>(images[static_cast<std::size_t>(image)]); }
};

struct KeptSum {
  std::vector<KeptTerm> terms;
  int weights = -1;                            // the place

  bool by_image() const {
    return std::any_of(terms.begin(), terms.end(), [](const KeptTerm& term) { return !term.images.empty(); });
  }
  const at::Tensor& like(const variable_list& given) const { return given[static_cast<std::size_t>(terms[0].value)]; }
};

struct KeptSums : torch::CustomClassHolder {
  std::vector<KeptSum> list;

  bool by_image() const { return std::any_of(list.begin(), list.end(), [](const KeptSum& sum) { return sum.by_image(); }); }
};

NormNumbers identity(int channels) {
  const auto size = static_cast<std::size_t>(padded_channels(channels));
  return {std::vector<float>(size, 1.0f), std::vector<float>(size), std::vector<float>(size), std::vector<double>(static_cast<std::size_t>(channels), 1.0), 0};
}

NormNumbers numbers_of(const Term& term, const at::Tensor& value) {
  if (term.norm) return norm_numbers(*term.norm, value.detach(), term.moments);
  if (!term.as) return identity(static_cast<int>(value.size(1)));
  NormNumbers numbers = *term.as;
  numbers.count = 0;   // their gradient is their maker's
  return numbers;
}

template <class Work>
void over_pixels(std::int64_t pixels, const Work& work) {
  const Groups groups(pixels);
  over_groups(groups, [&](const auto& next) {
    for (std::int64_t g = next(); g >= 0; g = next()) work(g, groups.begin(g), groups.end(g) - groups.begin(g));
  });
}

// work(group, first, pixels, image): image by image where terms have factors for each, else any pixels at once.
template <class Work>
void over_parts(bool by_image, const at::Tensor& like, const Work& work) {
  const std::int64_t pixels = like.numel() / like.size(1), image = pixels / like.size(0);
  if (!by_image) return over_pixels(pixels, [&](std::int64_t group, std::int64_t first, std::int64_t count) { work(group, first, count, 0); });
  over_pixels(like.size(0), [&](std::int64_t group, std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) work(group, i * image, image, i);
  });
}

// What each term's values of one image are multiplied by, and what is added, channel by channel.
struct Factors {
  std::vector<std::vector<float>> of_terms;
  std::vector<float> constant;
};

Factors factors_of(const KeptSum& kept, std::int64_t image) {
  Factors factors{{}, std::vector<float>(kept.terms[0].numbers.scale.size())};
  for (const auto& term : kept.terms) {
    const double weight = term.weight * term.factor(image);
    auto& own = factors.of_terms.emplace_back(term.numbers.scale);
    for (std::size_t c = 0; c < own.size(); ++c) {
      own[c] = static_cast<float>(weight * static_cast<double>(own[c]));
      factors.constant[c] += static_cast<float>(weight * static_cast<double>(term.numbers.shift[c]));
    }
  }
  return factors;
}

// Some pixels of one sum, to where its channels of them begin.
void add_up(const KeptSum& kept, const Factors& factors, const variable_list& given, std::int64_t first, std::int64_t count, float* to, std::int64_t column) {
  const std::int64_t channels = kept.like(given).size(1);
  std::vector<const float*> values, by;
  values.reserve(kept.terms.size()), by.reserve(kept.terms.size());
  for (std::size_t i = 0; i < kept.terms.size(); ++i) {
    values.push_back(given[static_cast<std::size_t>(kept.terms[i].value)].const_data_ptr<float>() + first * channels);
    by.push_back(factors.of_terms[i].data());
  }
  sum_values(values, by, factors.constant.data(), count, static_cast<int>(channels), to + first * column, column);
}

at::Tensor run_sums(const KeptSums& kept, const variable_list& given) {
  const at::Tensor& like = kept.list[0].like(given);
  std::vector<std::int64_t> sizes = like.sizes().vec();
  sizes[1] = 0;
  std::vector<std::int64_t> begins;            // channels
  for (const auto& sum : kept.list) begins.push_back(sizes[1]), sizes[1] += sum.like(given).size(1);
  at::Tensor made = at::empty(sizes, like.options().requires_grad(false).memory_format(at::MemoryFormat::ChannelsLast));
  auto* to = made.mutable_data_ptr<float>();
  std::vector<Factors> of_all;                 // of those whose images have none of their own
  for (const auto& sum : kept.list) of_all.push_back(sum.by_image() ? Factors{} : factors_of(sum, 0));
  // So many pixels that what several sums write to by turns stays in the cache.
  const std::int64_t block = kept.list.size() > 1 ? 256 : like.numel();
  over_parts(kept.by_image(), like, [&](std::int64_t, std::int64_t first, std::int64_t count, std::int64_t image) {
    std::vector<Factors> own(kept.list.size());
    for (std::size_t i = 0; i < own.size(); ++i)
      if (kept.list[i].by_image()) own[i] = factors_of(kept.list[i], image);
    for (std::int64_t at = first; at < first + count; at += block)
      for (std::size_t i = 0; i < own.size(); ++i)
        add_up(kept.list[i], own[i].of_terms.empty() ? of_all[i] : own[i], given, at, std::min(block, first + count - at), to + begins[i], sizes[1]);
  });
  return made;
}

// Rows of numbers a channel: the sum of the gradient over pixels, of each term the sum of gradient * (value - mean), zeros where it needs none, and
// where images have factors each term's own sum of the gradient, which the term's factors multiply.
class Sums {
 public:
  Sums() = default;
  Sums(std::size_t terms, std::size_t size, bool by_image) : terms_(terms), size_(size), by_image_(by_image), rows_((1 + terms * (by_image ? 2 : 1)) * size) {}
  std::span<double> sum() { return row(0); }
  std::span<double> product(std::size_t term) { return row(1 + term); }
  std::span<double> sum_of(std::size_t term) { return row(by_image_ ? 1 + terms_ + term : 0); }

  void add(const Sums& other) {
    for (std::size_t i = 0; i < rows_.size(); ++i) rows_[i] += other.rows_[i];
  }
  // Those of one image, without their factors yet.
  void add_image(Sums& other, const KeptSum& kept, std::int64_t image) {
    for (std::size_t term = 0; term < terms_; ++term) {
      const double factor = kept.terms[term].factor(image);
      const auto product_here = product(term), own = sum_of(term), product_there = other.product(term), all = other.sum();
      for (std::size_t c = 0; c < size_; ++c) product_here[c] += factor * product_there[c], own[c] += factor * all[c];
    }
  }

 private:
  std::span<double> row(std::size_t at) { return {rows_.data() + at * size_, size_}; }
  std::size_t terms_ = 0, size_ = 0;
  bool by_image_ = false;
  std::vector<double> rows_;
};

Sums gradient_sums(const at::Tensor& gradient, const KeptSum& kept, const variable_list& given, const std::vector<bool>& needed) {
  const std::vector<KeptTerm>& terms = kept.terms;
  const std::int64_t channels = gradient.size(1);
  const std::ptrdiff_t column = column_of(gradient);
  const bool by_image = kept.by_image();
  const Sums none(terms.size(), terms[0].numbers.mean.size(), by_image);
  if (std::find(needed.begin(), needed.end(), true) == needed.end()) return none;
  std::vector<Sums> parts(static_cast<std::size_t>(kMostGroups), none);
  over_parts(by_image, gradient, [&](std::int64_t group, std::int64_t first, std::int64_t count, std::int64_t image) {
    Sums& part = parts[static_cast<std::size_t>(group)];
    Sums of_image = by_image ? none : Sums();
    Sums& to = by_image ? of_image : part;
    std::vector<Factor> factors;
    factors.reserve(terms.size());
    for (std::size_t i = 0; i < terms.size(); ++i)
      if (needed[i])
        factors.push_back({given[static_cast<std::size_t>(terms[i].value)].const_data_ptr<float>() + first * channels, terms[i].numbers.mean.data(), to.product(i).data()});
    sum_products({gradient.const_data_ptr<float>() + first * column, column}, factors, count, static_cast<int>(channels), to.sum().data());
    if (by_image) part.add_image(of_image, kept, image);
  });
  for (std::size_t k = 1; k < parts.size(); ++k) parts[0].add(parts[k]);
  return std::move(parts[0]);
}

// [image][1][1][1], in the value's type.
at::Tensor as_tensor(const std::vector<float>& images, const at::Tensor& value) {
  return at::tensor(at::ArrayRef<float>(images)).to(value.scalar_type()).view({-1, 1, 1, 1});
}

// <g, norm(value)> out of the sums.
double weight_gradient(const NormNumbers& n, std::span<const double> sum, std::span<const double> product) {
  double total = 0;
  for (std::size_t c = 0; c < n.inverse.size(); ++c)
    total += n.scale[c] * product[c] + (static_cast<double>(n.shift[c]) + static_cast<double>(n.scale[c]) * n.mean[c]) * sum[c];
  return total;
}

at::Tensor value_gradient(const at::Tensor& gradient, const at::Tensor& value, const KeptTerm& term, NormBackward& back) {
  if (!term.norm) {
    if (term.weight == 1 && term.images.empty()) return gradient;
    if (!term.leaves) return term.images.empty() ? gradient * term.weight : gradient * (as_tensor(term.images, value) * term.weight);
    *term.leaves = {value, std::vector<float>(term.numbers.mean.size(), static_cast<float>(term.weight)), {}, {}, std::vector<float>(term.numbers.mean.size()), term.images};
    return gradient;
  }
  for (auto* list : {&back.a, &back.b, &back.constant})
    for (auto& number : *list) number = static_cast<float>(number * term.weight);
  if (term.leaves) {
    *term.leaves = {value, std::move(back.a), std::move(back.b), term.numbers.mean, std::move(back.constant), term.images};
    return gradient;
  }
  at::Tensor made = at::empty_like(value, value.options().requires_grad(false));
  const std::int64_t channels = value.size(1), column = column_of(gradient);
  const float *g = gradient.const_data_ptr<float>(), *v = value.const_data_ptr<float>();
  auto* to = made.mutable_data_ptr<float>();
  const LeftGradient left{value, std::move(back.a), std::move(back.b), term.numbers.mean, std::move(back.constant), term.images};
  const auto of_images = left.a_of_images();
  over_parts(!term.images.empty(), value, [&](std::int64_t, std::int64_t first, std::int64_t count, std::int64_t image) {
    Affine by = left.by();
    if (!of_images.empty()) by.a = of_images[static_cast<std::size_t>(image)].data();
    affine_gradient({g + first * column, column}, v + first * channels, by, count, static_cast<int>(channels), to + first * channels);
  });
  return made;
}

struct SumFunction : torch::autograd::Function<SumFunction> {
  static at::Tensor forward(AutogradContext* context, at::TensorList given, const c10::intrusive_ptr<KeptSums>& kept) {
    context->save_for_backward(given.vec());
    context->saved_data["kept"] = c10::IValue::make_capsule(kept);
    return run_sums(*kept, given.vec());
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto kept = c10::static_intrusive_pointer_cast<KeptSums>(context->saved_data["kept"].toCapsule());
    const variable_list given = context->get_saved_variables();
    if (differentiates_again()) {
      for (auto& sum : kept->list)
        for (auto& term : sum.terms) term.leaves.reset();  // the twin reads the values too
      return twin_gradients(context, given, gradients, [&](const variable_list& of) { return variable_list{plain(*kept, of)}; }, 1);
    }
    variable_list result(given.size() + 1);
    std::int64_t begin = 0;
    for (const auto& sum : kept->list) {
      const std::int64_t channels = sum.like(given).size(1);
      const at::Tensor own = kept->list.size() > 1 ? gradients[0].narrow(1, std::exchange(begin, begin + channels), channels) : gradients[0];
      differentiate(context, sum, given, readable(own), result);
    }
    return result;
  }

  static void differentiate(AutogradContext* context, const KeptSum& kept, const variable_list& given, const at::Tensor& gradient, variable_list& result) {
    const bool weights = needs(context, kept.weights);
    std::vector<double> of_weights;
    std::vector<bool> needed;
    for (const auto& term : kept.terms) needed.push_back(weights || needs_norm(context, term) || (needs(context, term.value) && term.numbers.count > 0));
    Sums sums = gradient_sums(gradient, kept, given, needed);
    for (std::size_t i = 0; i < kept.terms.size(); ++i) {
      differentiate(context, kept.terms[i], given, gradient, sums.sum_of(i), sums.product(i), result);
      of_weights.push_back(weights ? weight_gradient(kept.terms[i].numbers, sums.sum_of(i), sums.product(i)) : 0.0);
    }
    if (!weights) return;
    const auto place = static_cast<std::size_t>(kept.weights);
    result[place] = at::tensor(of_weights, at::kDouble).to(given[place].scalar_type());
  }

  static at::Tensor plain(const KeptSums& kept, const variable_list& given) {
    const auto at = [&](int place) { return place < 0 ? at::Tensor() : given[static_cast<std::size_t>(place)]; };
    variable_list sums;
    for (const auto& sum : kept.list) {
      std::vector<Term> terms;
      for (const auto& term : sum.terms) {
        Term one(at(term.value));
        one.norm = term.norm, one.images = term.images;
        if (term.stands) one.as = std::make_shared<const NormNumbers>(term.numbers);
        if (one.norm) one.norm->weight = at(term.norm_weight), one.norm->bias = at(term.norm_bias);
        terms.push_back(one);
      }
      sums.push_back(normalised_sum_plain(at(sum.weights), terms));
    }
    return sums.size() > 1 ? at::cat(sums, 1) : sums[0];
  }

  static bool needs(AutogradContext* context, int place) { return place >= 0 && context->needs_input_grad(static_cast<std::size_t>(place)); }
  static bool needs_norm(AutogradContext* context, const KeptTerm& term) { return needs(context, term.norm_weight) || needs(context, term.norm_bias); }

  // Writes the gradients of the term's value and of its norm.
  static void differentiate(AutogradContext* context, const KeptTerm& term, const variable_list& given, const at::Tensor& gradient, std::span<const double> sum,
                            std::span<const double> product, variable_list& result) {
    const bool flows = needs(context, term.value);
    if (!flows && !needs_norm(context, term)) return;
    NormBackward back = norm_backward(term.numbers, sum, product, term.numbers.inverse.size());
    const auto affine = [&](int place, const std::vector<float>& numbers) {
      if (!needs(context, place)) return;
      std::vector<float> weighted = numbers;
      for (auto& number : weighted) number = static_cast<float>(number * term.weight);
      result[static_cast<std::size_t>(place)] = at::tensor(at::ArrayRef<float>(weighted));
    };
    affine(term.norm_weight, back.weight);
    affine(term.norm_bias, back.bias);
    if (flows) result[static_cast<std::size_t>(term.value)] = value_gradient(gradient, given[static_cast<std::size_t>(term.value)], term, back);
  }
};

int place(variable_list& given, const at::Tensor& tensor) {
  if (!tensor.defined()) return -1;
  given.push_back(tensor);
  return static_cast<int>(given.size()) - 1;
}

KeptTerm kept_term(const Term& term, double weight, variable_list& given) {
  const at::Tensor value = term.value.contiguous(at::MemoryFormat::ChannelsLast);
  KeptTerm kept{numbers_of(term, value), weight, place(given, value)};
  if (term.norm) kept.norm = statistics_of(*term.norm), kept.norm_weight = place(given, term.norm->weight), kept.norm_bias = place(given, term.norm->bias);
  kept.leaves = term.moments.left, kept.images = term.images, kept.stands = term.as != nullptr;
  return kept;
}

}  // namespace

bool normalised_sum_fits(const at::Tensor& weights, const std::vector<Term>& terms) {
  if (terms.empty() || (weights.defined() && (!weights.is_cpu() || weights.dim() != 1 || weights.numel() != static_cast<std::int64_t>(terms.size())))) return false;
  for (const auto& term : terms) {
    const at::Tensor& v = term.value;
    if (v.dim() != 4 || v.numel() == 0 || !v.is_cpu() || v.scalar_type() != at::kFloat || v.sizes() != terms[0].value.sizes()) return false;
    if (!term.images.empty() && static_cast<std::int64_t>(term.images.size()) != v.size(0)) return false;
  }
  return true;
}

at::Tensor normalised_sum(const at::Tensor& weights, const std::vector<Term>& terms) { return joined_sums({{weights, terms}}); }

at::Tensor joined_sums(const std::vector<SumOfTerms>& sums) {
  if (sums.empty()) throw Error("no sums to be joined");
  auto kept = c10::make_intrusive<KeptSums>();
  variable_list given;
  for (const auto& [weights, terms] : sums) {
    if (!normalised_sum_fits(weights, terms)) throw Error("no fused sum for these values");
    KeptSum& sum = kept->list.emplace_back();
    sum.weights = place(given, weights);
    const at::Tensor plain = weights.defined() ? weights.detach().to(at::kDouble).contiguous() : at::ones({static_cast<std::int64_t>(terms.size())}, at::kDouble);
    for (std::size_t i = 0; i < terms.size(); ++i) sum.terms.push_back(kept_term(terms[i], plain.const_data_ptr<double>()[i], given));
  }
  const at::Tensor& like = kept->list[0].like(given);
  for (const auto& sum : kept->list) {
    const at::Tensor& other = sum.like(given);
    if (other.size(0) != like.size(0) || other.size(2) != like.size(2) || other.size(3) != like.size(3)) throw Error("sums to be joined differ in more than channels");
  }
  return SumFunction::apply(at::TensorList(given), kept);
}

at::Tensor normalised(const Term& term) {
  at::Tensor value = term.value;
  if (term.as) {
    const auto channels = [&](const std::vector<float>& numbers) {
      return at::tensor(at::ArrayRef<float>(numbers.data(), static_cast<std::size_t>(value.size(1)))).to(value.scalar_type()).view({1, -1, 1, 1});
    };
    const at::Tensor plain = value.detach();
    value = value + (plain * channels(term.as->scale) + channels(term.as->shift) - plain);
  }
  if (const auto& n = term.norm) value = at::batch_norm(value, n->weight, n->bias, n->running_mean, n->running_var, n->batch_statistics, n->momentum, n->epsilon, false);
  return term.images.empty() ? value : value * as_tensor(term.images, value);
}

at::Tensor normalised_sum_plain(const at::Tensor& weights, const std::vector<Term>& terms) {
  at::Tensor sum;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const at::Tensor value = normalised(terms[i]);
    const at::Tensor weighted = weights.defined() ? weights[static_cast<std::int64_t>(i)] * value : value;
    sum = sum.defined() ? sum + weighted : weighted;
  }
  return sum;
}

}  // namespace netwright
