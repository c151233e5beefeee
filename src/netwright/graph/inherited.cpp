#include "netwright/graph/inherited.hpp"

#include <algorithm>
#include <unordered_map>

namespace netwright {
namespace {

constexpr std::size_t kFirstKernelDimension = 2;   // {out, in, height, width}

bool fits(const Shape& wanted, const Shape& larger) {
  return wanted.size() == larger.size() && std::equal(wanted.begin(), wanted.end(), larger.begin(), [](auto w, auto l) { return w <= l; });
}

// The values of `larger` at the places of `shape`, both in row-major order.
std::vector<float> cut(const Weight& larger, const Shape& shape) {
  std::vector<std::size_t> at(shape.size(), 0);
  std::vector<float> values;
  const auto count = static_cast<std::size_t>(elements(shape));
  values.reserve(count);
  for (std::size_t done = 0; done < count; ++done) {
    std::size_t index = 0;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      const std::int64_t spare = larger.shape[d] - shape[d];
      const std::int64_t first = d >= kFirstKernelDimension ? spare / 2 : 0;
      index = index * static_cast<std::size_t>(larger.shape[d]) + at[d] + static_cast<std::size_t>(first);
    }
    values.push_back(larger.values[index]);
    for (std::size_t d = shape.size(); d-- > 0 && ++at[d] == static_cast<std::size_t>(shape[d]);) at[d] = 0;
  }
  return values;
}

using Known = std::unordered_map<std::string, const Weight*>;

// Each kernel of {out, in, k, k}, flattened, times the matrix {k k, k k}.
void multiply_kernels(Weight& weight, const Weight& matrix) {
  const auto taps = static_cast<std::size_t>(matrix.shape[0]);
  std::vector<float> kernel(taps);
  for (std::size_t first = 0; first < weight.values.size(); first += taps) {
    for (std::size_t row = 0; row < taps; ++row) {
      double sum = 0;
      for (std::size_t tap = 0; tap < taps; ++tap) sum += static_cast<double>(matrix.values[row * taps + tap]) * static_cast<double>(weight.values[first + tap]);
      kernel[row] = static_cast<float>(sum);
    }
    std::copy(kernel.begin(), kernel.end(), weight.values.begin() + static_cast<std::ptrdiff_t>(first));
  }
}

// The weight with a kernel of `size` by the matrices of its node, as far as they go; the centre is cut out of what is left.
Weight stepped(Weight weight, std::int64_t size, const std::string& node, const Known& known) {
  for (std::int64_t next = weight.shape.back() - 1; next >= size; --next) {
    const auto matrix = known.find(node + "." + std::to_string(weight.shape.back()) + "to" + std::to_string(next));
    if (matrix == known.end()) continue;
    Shape shape = weight.shape;
    shape[kFirstKernelDimension] = shape[kFirstKernelDimension + 1] = next;
    weight = {weight.name, shape, cut(weight, shape)};
    multiply_kernels(weight, *matrix->second);
  }
  return weight;
}

}  // namespace

Weights inherited(const Weights& supernet, const Origins& origins, const Weights& wanted) {
  Known known;
  for (const auto& weight : supernet) known.emplace(weight.name, &weight);
  Weights result;
  for (const auto& weight : wanted) {
    const auto dot = weight.name.rfind('.');
    const auto origin = origins.find(weight.name.substr(0, dot));
    if (origin == origins.end()) continue;
    const auto source = known.find(origin->second + weight.name.substr(dot));
    if (source == known.end() || !fits(weight.shape, source->second->shape)) continue;
    const bool kernel = weight.shape.size() == kFirstKernelDimension + 2 && weight.shape.back() < source->second->shape.back();
    const Weight whole = kernel ? stepped(*source->second, weight.shape.back(), origin->second, known) : *source->second;
    result.push_back({weight.name, weight.shape, cut(whole, weight.shape)});
  }
  return result;
}

}  // namespace netwright
