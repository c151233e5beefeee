#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/core/md5.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/rng.hpp"
#include "netwright/core/units.hpp"

namespace netwright {
namespace {

TEST(Rng, IsTheSameEverywhere) {
  Rng rng = Seed(7).derive("trial", 12).derive("init").rng();
  Rng again = Seed(7).derive("trial", 12).derive("init").rng();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(rng.next(), again.next());
  EXPECT_NE(Seed(7).derive("a").value(), Seed(7).derive("b").value());
  EXPECT_NE(Seed(7).derive("a", 0).value(), Seed(7).derive("a", 1).value());
}

TEST(Rng, BelowIsUniformByChiSquare) {
  Rng rng(1);
  std::vector<int> counts(6);
  for (int i = 0; i < 60000; ++i) ++counts[rng.below(6)];
  double chi = 0;
  for (const int c : counts) chi += (c - 10000.0) * (c - 10000.0) / 10000.0;
  EXPECT_LT(chi, 20.5);  // 5 degrees of freedom, p = 0.001
}

TEST(Rng, NormalHasItsMoments) {
  Rng rng(2);
  double sum = 0, squares = 0;
  for (int i = 0; i < 100000; ++i) {
    const double x = rng.normal();
    sum += x, squares += x * x;
  }
  EXPECT_NEAR(sum / 1e5, 0, 0.015);
  EXPECT_NEAR(squares / 1e5, 1, 0.02);
}

TEST(Rng, SubsetsAreUniform) {
  Rng rng(3);
  std::map<std::vector<int>, int> counts;
  for (int i = 0; i < 10000; ++i) ++counts[rng.subset(5, 2)];
  EXPECT_EQ(counts.size(), 10u);
  for (const auto& [subset, count] : counts) EXPECT_NEAR(count, 1000, 130);
}

TEST(Units, ReadAndWrite) {
  EXPECT_DOUBLE_EQ(parse_count("300M"), 3e8);
  EXPECT_DOUBLE_EQ(parse_count(" 64 "), 64);
  EXPECT_DOUBLE_EQ(parse_seconds("5ms"), 0.005);
  EXPECT_DOUBLE_EQ(parse_seconds("2h"), 7200);
  EXPECT_DOUBLE_EQ(parse_bytes("1GiB"), 1073741824.0);
  EXPECT_THROW(parse_seconds("5 parsecs"), UsageError);
  EXPECT_THROW(parse_count(""), UsageError);
  EXPECT_EQ(format_count(3349342), "3.35M");
  EXPECT_EQ(format_seconds(65), "1m 05s");
}

TEST(Names, NearestIsFound) {
  EXPECT_EQ(nearest_name("epohcs", {"epochs", "batch"}), "epochs");
  EXPECT_EQ(nearest_name("zzzzzz", {"epochs", "batch"}), "");
  EXPECT_EQ(name_hint("x1", {"alpha", "beta"}), "; known: alpha, beta");
}

TEST(Hash, IsStable) {
  EXPECT_EQ(hex(hash_text("netwright")).size(), 16u);
  EXPECT_EQ(hash_text("a"), hash_text("a"));
  EXPECT_NE(mix(1, 2), mix(2, 1));
}

TEST(Files, WriteIsWholeOrNothing) {
  const auto folder = std::filesystem::temp_directory_path() / ("netwright_core_" + hex(Rng(std::random_device{}()).next()));
  std::filesystem::create_directories(folder);
  write_file(folder / "a.txt", "one");
  write_file(folder / "a.txt", "two");
  EXPECT_EQ(read_file(folder / "a.txt"), "two");
  EXPECT_THROW(write_file(folder / "missing" / "a.txt", "x"), Error);
  EXPECT_THROW(read_file(folder), UsageError);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  std::filesystem::remove_all(folder);
}

// RFC 1321, appendix A.5; and lengths around the block's end, by md5sum.
TEST(Md5, IsTheStandards) {
  EXPECT_EQ(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(md5("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), "d174ab98d277d9f5a5611c2c9f419d9f");
  EXPECT_EQ(md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890"), "57edf4a22be3c955ac49da2e2107b67a");
  EXPECT_EQ(md5(std::string(55, 'x')), "04364420e25c512fd958a70738aa8f72");
  EXPECT_EQ(md5(std::string(56, 'x')), "668a72d5ba17f08e62dabcafad6db14b");
  EXPECT_EQ(md5(std::string(64, 'x')), "c1bb4f81d892b2d57947682aeb252456");
}

}  // namespace
}  // namespace netwright
