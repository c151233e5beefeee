// The main of tests that use torch: every test starts from the same random numbers, whichever ran before it, so that a
// check is the same every time; --gtest_random_seed=N draws others.
#include <ATen/Context.h>
#include <gtest/gtest.h>

namespace {

class Seeded : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override { at::manual_seed(static_cast<std::uint64_t>(GTEST_FLAG_GET(random_seed))); }
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::UnitTest::GetInstance()->listeners().Append(new Seeded);
  return RUN_ALL_TESTS();
}
