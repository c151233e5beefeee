#include <boost/multiprecision/cpp_int.hpp>
#include <limits>

#include "netwright/space/draws.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

boost::multiprecision::cpp_int exact_size(const DecisionTree& tree) {
  if (tree.rule()) return boost::multiprecision::cpp_int(tree.rule()->count());
  boost::multiprecision::cpp_int product = 1;
  const auto sizes = subtree_sizes<boost::multiprecision::cpp_int>(tree);
  if (tree.size() > 0)
    for (const int root : tree.children(-1)) product *= sizes[static_cast<std::size_t>(root)];
  return product;
}

}  // namespace

std::string size(const DecisionTree& tree) { return exact_size(tree).str(); }

double approximate_size(const DecisionTree& tree) {
  const auto exact = exact_size(tree);
  const boost::multiprecision::cpp_int limit(std::numeric_limits<double>::max());
  return exact > limit ? std::numeric_limits<double>::infinity() : exact.convert_to<double>();
}

}  // namespace netwright
