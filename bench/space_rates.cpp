// How fast architectures are drawn, changed, printed and closed into graphs.
//   space_rates [SECONDS A RATE = 0.2]
#include <iostream>

#include "measure.hpp"
#include "netwright/space/space.hpp"
#include "netwright/space/variation.hpp"

namespace netwright::bench {
namespace {

double rate(double seconds, const std::function<void()>& work) {
  constexpr std::int64_t block = 16;  // between two looks at the clock
  std::int64_t count = 0;
  const double start = now_seconds();
  for (; now_seconds() - start < seconds; count += block)
    for (std::int64_t i = 0; i < block; ++i) work();
  return static_cast<double>(count) / (now_seconds() - start);
}

void run(const std::string& name, double seconds) {
  const auto space = find_space(name);
  const DecisionTree& tree = space->decisions();
  Rng rng(1);
  Architecture one = sample(tree, rng);
  report("space_rates", {{"space", name},
                         {"samples_per_second", rate(seconds, [&] { one = sample(tree, rng); })},
                         {"mutations_per_second", rate(seconds, [&] { one = mutate(tree, one, rng); })},
                         {"prints_per_second", rate(seconds, [&] { space->print(one); })},
                         {"closed_graphs_per_second", rate(seconds, [&] { space->close(one, {}); })}});
}

}  // namespace
}  // namespace netwright::bench

int main(int count, char** words) {
  try {
    for (const char* name : {"nasbench201", "darts", "minimal2"}) netwright::bench::run(name, count > 1 ? std::stod(words[1]) : 0.2);
  } catch (const std::exception& error) {
    std::cerr << "space_rates: " << error.what() << '\n';
    return 1;
  }
}
