// Golden traces: what every strategy asks, ask by ask, is text in golden_traces.txt, so that a change of any proposal shows in review.
// NETWRIGHT_WRITE_GOLDEN=1 in the environment writes the file anew. Strategies with a model are left out: their matrix arithmetic may
// differ in its last bit between processors.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "netwright/core/files.hpp"
#include "netwright/space/space.hpp"
#include "netwright/strategy/strategy.hpp"

namespace netwright {
namespace {

constexpr int kAsks = 40;
const char* const kFile = NETWRIGHT_SOURCE_DIR "/src/netwright/strategy/golden_traces.txt";

// A landscape with a slope, from the picks alone.
Metrics judged(const Architecture& architecture) {
  double accuracy = 0.1, params = 0;
  for (std::size_t edge = 0; edge < architecture.picks.size(); ++edge) {
    accuracy += 0.01 * static_cast<double>((architecture.picks[edge] * 7 + static_cast<std::int64_t>(edge) * 3) % 11);
    params += static_cast<double>(architecture.picks[edge] * architecture.picks[edge]);
  }
  return {{"val_accuracy", accuracy}, {"params", params}};
}

std::string trace(const StrategyEntry& entry, const Space& space) {
  const auto strategy = make_strategy(entry.name, {.tree = space.decisions(), .goal = {}, .seed = Seed(2026), .options = {}});
  std::ostringstream text;
  text << entry.name << ":";
  for (std::int64_t trial = 0; trial < kAsks; ++trial) {
    const auto asked = strategy->ask();
    if (!asked) break;
    text << ' ';
    for (const auto pick : asked->picks) text << pick;
    strategy->tell({.trial = trial, .architecture = *asked, .metrics = judged(*asked)});
  }
  return text.str();
}

TEST(GoldenTraces, EveryStrategyAsksWhatItAsked) {
  const auto space = find_space("nasbench201");
  std::string now;
  for (const auto& entry : strategies())
    if (std::ranges::find(entry.traits, "model") == entry.traits.end()) now += trace(entry, *space) + "\n";
  if (std::getenv("NETWRIGHT_WRITE_GOLDEN") != nullptr) write_file(kFile, now);
  EXPECT_EQ(read_file(kFile), now);
}

}  // namespace
}  // namespace netwright
