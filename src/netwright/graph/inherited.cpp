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

}  // namespace

Weights inherited(const Weights& supernet, const Origins& origins, const Weights& wanted) {
  std::unordered_map<std::string, const Weight*> known;
  for (const auto& weight : supernet) known.emplace(weight.name, &weight);
  Weights result;
  for (const auto& weight : wanted) {
    const auto dot = weight.name.rfind('.');
    const auto origin = origins.find(weight.name.substr(0, dot));
    if (origin == origins.end()) continue;
    const auto source = known.find(origin->second + weight.name.substr(dot));
    if (source != known.end() && fits(weight.shape, source->second->shape))
      result.push_back({weight.name, weight.shape, cut(*source->second, weight.shape)});
  }
  return result;
}

}  // namespace netwright
