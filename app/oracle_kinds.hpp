#pragma once
// The kinds of known answers, one small function each: how a case is recognised, and how the real code answers it.
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "netwright/core/error.hpp"

namespace netwright {

using OracleJson = nlohmann::ordered_json;

// The case asks for a part that is not built: its verdict is "unknown".
class NotBuilt : public Error {
 public:
  using Error::Error;
};

struct OracleKind {
  std::string name;
  bool (*matches)(const OracleJson& oracle_case);
  // The values that stand in the case's `expect`, under the same names. One that is missing fails the case, unless it is called "published".
  OracleJson (*run)(const OracleJson& oracle_case, const OracleJson& file);
  // Whether they agree. Null: agrees() with the case's tolerances.
  bool (*judge)(const OracleJson& oracle_case, const OracleJson& got) = nullptr;
};

std::vector<OracleKind> network_oracles();      // parameters and MACs
std::vector<OracleKind> cell_oracles();         // networks of pairwise cells
std::vector<OracleKind> mobile_oracles();       // hand-made and mobile networks, compound scaling
std::vector<OracleKind> cardinality_oracles();  // how many architectures
std::vector<OracleKind> nasbench201_oracles();
std::vector<OracleKind> benchmark_oracles();    // the other benchmark spaces
std::vector<OracleKind> search_oracles();     // strategies on a toy and on a table
std::vector<OracleKind> statistic_oracles();  // tables, rank correlations, optimiser and schedule traces
std::vector<OracleKind> supernet_oracles();
std::vector<OracleKind> proxy_oracles();
std::vector<OracleKind> sequence_oracles();   // recurrent cells, transformers
std::vector<OracleKind> correlation_oracles();  // scores without training over many cells
std::vector<OracleKind> fidelity_oracles();   // schedules, learning curves, predictors, measured tables
std::vector<OracleKind> multi_oracles();      // fronts, hypervolumes, rewards, Gaussian processes
std::vector<OracleKind> one_shot_oracles();    // architecture gradients, samples, stages, elastic layers
std::vector<OracleKind> controller_oracles();
// All of them, in that order.
const std::vector<OracleKind>& oracle_kinds();

// Compares every value of `expected` with the one of the same place in `got`. The tolerance of a number is the entry of `tol` whose
// stem (what stands before _abs, _rel, _exact) begins its name or that of what holds it, innermost first, else abs and rel (or
// default_rel) together, else exact. A number without a tolerance must be equal, or is not judged where `lenient`. Under a relative
// tolerance a "sum" beside an "abs_sum" is measured against the latter, as it may cancel to nothing. The texts inf, -inf
// and nan equal such numbers.
struct Agreement {
  bool lenient = false;
  std::vector<std::string> left_out = {};  // names that `got` may lack
};
bool agrees(const OracleJson& expected, const OracleJson& got, const OracleJson& tol, Agreement how = {});

// For averages over seeds: |expected - got| <= k * sqrt(expected_sd^2 / expected_runs + got_sd^2 / got_runs).
struct MeanOfRuns {
  double mean = 0, deviation = 0, runs = 1;
};
bool same_mean(const MeanOfRuns& expected, const MeanOfRuns& got, double k);

// Stands before the digits of a whole number that does not fit 64 bits, in the text that carries it while a file is worked on.
constexpr const char* long_integer_mark = "integer:";
// A whole number of any length as JSON: a number up to 19 digits, marked text beyond.
OracleJson decimal(const std::string& digits);

// ---- inputs in words ----

// The comma-separated numbers behind the first `marker`, else the fallback: ("grads .5,-.2", "grads ") = {.5, -.2}.
std::vector<double> numbers_behind(std::string_view words, std::string_view marker, std::vector<double> fallback);
double number_behind(std::string_view words, std::string_view marker, double fallback);
// The whole number right before `word`: ("of 500 runs", " runs") = 500.
double number_before(std::string_view words, std::string_view word, double fallback);
std::string title(const OracleJson& oracle_case);
std::string id(const OracleJson& oracle_case);

// Whether the case's input has all these fields.
bool has_input(const OracleJson& oracle_case, std::initializer_list<const char*> names);

}  // namespace netwright
