// Several objectives, rewards of several metrics, Gaussian processes and path encodings: through the real selection, scalarisation,
// regression and features.
#include <algorithm>
#include <cmath>
#include <limits>

#include "netwright/core/names.hpp"
#include "netwright/objective/fronts.hpp"
#include "netwright/objective/hypervolume.hpp"
#include "netwright/objective/rank.hpp"
#include "netwright/objective/scalarise.hpp"
#include "netwright/space/path_encoding.hpp"
#include "netwright/strategy/acquisition.hpp"
#include "netwright/strategy/gaussian_process.hpp"
#include "netwright/strategy/real_coded.hpp"
#include "oracle_kinds.hpp"

namespace netwright {
namespace {

using Values = std::vector<double>;

// ---- points of two or more objectives, all minimised ----

std::vector<Point> points_of(const OracleJson& input) {
  std::vector<Point> points;
  for (const auto& costs : input.at("points")) {
    Point point;
    for (const auto& cost : costs) point.values.push_back(-cost.get<double>());
    points.push_back(std::move(point));
    if (points.back().values.empty() || points.back().values.size() != points.front().values.size())
      throw UsageError("the case: points[" + std::to_string(points.size() - 1) + "] has another number of objectives than the first, or none");
  }
  return points;
}

OracleJson finite_or_word(double value) { return std::isinf(value) ? OracleJson("inf") : OracleJson(value); }

bool is_fronts(const OracleJson& c) { return has_input(c, {"points"}) && c.at("expect").contains("fronts"); }

OracleJson run_fronts(const OracleJson& c, const OracleJson&) {
  const std::vector<Point> points = points_of(c.at("input"));
  OracleJson fronts = OracleJson::array(), crowding = OracleJson::array();
  for (const auto& front : non_dominated_fronts(points)) {
    const Values distances = crowding_distances(points, front);
    OracleJson by_point = OracleJson::object();
    for (std::size_t i = 0; i < front.size(); ++i) by_point[std::to_string(front[i])] = finite_or_word(distances[i]);
    fronts.push_back(front);
    crowding.push_back(by_point);
  }
  return {{"fronts", fronts}, {"crowding", crowding}};
}

bool is_hypervolume(const OracleJson& c) { return id(c).starts_with("E-hv"); }

// The case's own points, or "the set above": the latest one before it in the file.
const OracleJson& points_input(const OracleJson& c, const OracleJson& file) {
  if (has_input(c, {"points"})) return c.at("input");
  const OracleJson* latest = nullptr;
  for (const auto& other : file.at("cases")) {
    if (id(other) == id(c)) break;
    if (has_input(other, {"points"})) latest = &other["input"];
  }
  if (latest == nullptr) throw UsageError("no points: neither in the case nor before it");
  return *latest;
}

// "front0_ref_1_1": (1, 1); "all_ref_1p1": 1.1 in every objective.
Values reference_in(const std::string& key, std::size_t width) {
  constexpr std::string_view mark = "ref_";
  const std::size_t at = key.find(mark);
  if (at == std::string::npos) throw UsageError("'" + key + "' names no reference");
  Values reference;
  for (std::string word : split(key.substr(at + mark.size()), '_')) {
    std::ranges::replace(word, 'p', '.');
    reference.push_back(-std::stod(word));
  }
  if (reference.size() == 1) reference.resize(width, reference.front());
  return reference;
}

OracleJson run_hypervolume(const OracleJson& c, const OracleJson& file) {
  const std::vector<Point> points = points_of(points_input(c, file));
  const auto fronts = non_dominated_fronts(points);
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) {
    std::vector<Values> chosen;
    if (key.starts_with("front")) {
      for (const std::size_t i : fronts.at(static_cast<std::size_t>(number_behind(key, "front", 0)))) chosen.push_back(points[i].values);
    } else {
      for (const Point& point : points) chosen.push_back(point.values);
    }
    got[key] = hypervolume(chosen, reference_in(key, points.front().values.size()));
  }
  return got;
}

// ---- ZDT ----

bool is_front_volume(const OracleJson& c) { return id(c).starts_with("E-zdt-hv"); }

Values reference_of(const OracleJson& c) {
  Values reference = numbers_behind(title(c), "ref (", {1.1, 1.1});
  if (reference.size() != 2) throw UsageError("the title names no reference (R, R)");
  return reference;
}

OracleJson run_front_volume(const OracleJson& c, const OracleJson&) {
  const Values reference = reference_of(c);
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items())
    got[key] = zdt_front_hypervolume(static_cast<int>(number_behind(key, "zdt", 0)), {reference[0], reference[1]});
  return got;
}

bool is_zdt_values(const OracleJson& c) { return id(c).starts_with("E-zdt-values"); }

// "x_i=(i+1)/40, i=0..29"
OracleJson run_zdt_values(const OracleJson& c, const OracleJson&) {
  const double offset = number_behind(title(c), "x_i=(i+", 1), divisor = number_behind(title(c), ")/", 40);
  const auto last = static_cast<std::size_t>(number_behind(title(c), "..", 29));
  Values x;
  for (std::size_t i = 0; i <= last; ++i) x.push_back((static_cast<double>(i) + offset) / divisor);
  OracleJson got;
  for (const auto& [key, value] : c.at("expect").items()) got[key] = zdt(std::stoi(key), x.size()).costs(x);
  return got;
}

bool is_real_nsga2(const OracleJson& c) { return id(c).starts_with("E-nsga2-zdt"); }

// "NSGA-II pop 100, 250 generations, ZDT1 (30 vars), SBX .9/15, PM 1/n/20: final HV ref (1.1,1.1), 10 seeds"
OracleJson run_real_nsga2(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  const auto number = static_cast<int>(number_behind(words, "ZDT", 1));
  const RealProblem problem = zdt(number, static_cast<std::size_t>(number_before(words, " vars", 30)));
  const RealNsga2Options options{.population = static_cast<std::size_t>(number_behind(words, "pop ", 100)),
                                 .generations = static_cast<std::size_t>(number_before(words, " generations", 250)),
                                 .crossover = number_behind(words, "SBX ", 0.9),
                                 .crossover_eta = number_behind(words.substr(std::min(words.find("SBX "), words.size())), "/", 15),
                                 .mutation_eta = number_behind(words, "PM 1/n/", 20)};
  Values reference = reference_of(c), volumes;
  for (double& value : reference) value = -value;
  const auto seeds = static_cast<std::uint64_t>(number_before(words, " seeds", 10));
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    std::vector<Values> points;
    for (const RealSolution& solution : minimise_nsga2(problem, options, Seed(0).derive("oracle", seed))) {
      points.push_back(solution.costs);
      for (double& cost : points.back()) cost = -cost;
    }
    volumes.push_back(hypervolume(points, reference));
  }
  return {{"mean", mean(volumes)}, {"sd", standard_deviation(volumes)}, {"min", *std::ranges::min_element(volumes)}};
}

bool judge_real_nsga2(const OracleJson& c, const OracleJson& got) { return got.at("mean").get<double>() >= c.at("tol").at("min_mean").get<double>(); }

// ---- rewards ----

// Rows end with the value asked for; what stands before it is the input.
template <class Compute>
OracleJson rows_of(const OracleJson& c, std::size_t inputs, const Compute& compute) {
  OracleJson got = OracleJson::array();
  for (const auto& row : c.at("expect")) {
    OracleJson answer = OracleJson::array();
    Values values;
    for (std::size_t i = 0; i < inputs; ++i) values.push_back(row.at(i).get<double>()), answer.push_back(row.at(i));
    answer.push_back(compute(values));
    got.push_back(answer);
  }
  return got;
}

bool is_mnas(const OracleJson& c) { return id(c).starts_with("H-mnas"); }

// "soft w=-.07", or "hard variant (0 below T, -1 above)".
OracleJson run_mnas(const OracleJson& c, const OracleJson&) {
  const bool hard = id(c).starts_with("H-mnas-hard");
  const double both = number_behind(title(c), "w=", mnas_soft.within);
  const MnasExponents parted{number_behind(title(c), "(", mnas_hard.within), number_behind(title(c), "T, ", mnas_hard.beyond)};
  const MnasExponents exponents = hard ? parted : MnasExponents{both, both};
  return rows_of(c, 3, [&](const Values& v) { return mnas_reward(v[0], v[1], v[2], exponents); });
}

bool is_fbnet_loss(const OracleJson& c) { return id(c).starts_with("H-fbnet"); }

OracleJson run_fbnet_loss(const OracleJson& c, const OracleJson&) {
  const double alpha = number_behind(title(c), "alpha ", 0.2), beta = number_behind(title(c), "beta ", 0.6);
  return rows_of(c, 2, [&](const Values& v) { return fbnet_loss(v[0], v[1], alpha, beta); });
}

// ---- regression ----

bool is_gaussian_process(const OracleJson& c) { return id(c).starts_with("L-gp"); }

// "GP regression RBF: X ...; y ...; l=.8, sf=1.1, sn=.05; query ...; EI for maximisation at best .9"
OracleJson run_gaussian_process(const OracleJson& c, const OracleJson&) {
  const std::string words = title(c);
  const Values x = numbers_behind(words, "X ", {}), y = numbers_behind(words, "; y ", {}), query = numbers_behind(words, "query ", {});
  GaussianProcess process(
      {.length = number_behind(words, "l=", 1), .signal = number_behind(words, "sf=", 1), .noise = number_behind(words, "sn=", 0.1)});
  process.fit({.width = 1, .values = x}, y);
  const Prediction prediction = process.predict({.width = 1, .values = query});
  const double best = number_behind(words, "best ", 0);
  OracleJson variance = OracleJson::array(), improvement = OracleJson::array();
  for (std::size_t i = 0; i < query.size(); ++i) {
    variance.push_back(prediction.deviation[i] * prediction.deviation[i]);
    improvement.push_back(expected_improvement(prediction.mean[i], prediction.deviation[i], best));
  }
  return {{"mean", prediction.mean}, {"var", variance}, {"lml", process.log_marginal_likelihood()}, {"ei_max", improvement}};
}

// ---- path encodings ----

bool is_path_bits(const OracleJson& c) { return id(c).starts_with("L-path-") && has_input(c, {"cells"}); }

const OracleJson& case_called(const OracleJson& file, const std::string& name) {
  for (const auto& other : file.at("cases"))
    if (id(other) == name) return other;
  throw UsageError("no case '" + name + "' in the file");
}

// Of a cell of either benchmark.
std::vector<float> path_bits(const OracleJson& cell) {
  if (cell.contains("arch")) return path_encoding(parse_nasbench201(cell.at("arch").get<std::string>()));
  return path_encoding(parse_nasbench101(OracleJson{{"matrix", cell.at("matrix")}, {"ops", cell.at("ops")}}.dump()));
}

// The bits that are set, cell by cell; a cell is another case of the file, "N101-chain5".
OracleJson run_path_bits(const OracleJson& c, const OracleJson& file) {
  OracleJson got;
  for (const std::string& part : split(c.at("input").at("cells").get<std::string>(), ',')) {
    const std::string name = trim(part);
    const std::vector<float> bits = path_bits(case_called(file, name).at("input"));
    OracleJson& set = got[name.substr(name.find('-') + 1)] = OracleJson::array();
    for (std::size_t bit = 0; bit < bits.size(); ++bit)
      if (bits[bit] > 0) set.push_back(bit);
  }
  return got;
}

}  // namespace

std::vector<OracleKind> multi_oracles() {
  return {{.name = "fronts and crowding", .matches = is_fronts, .run = run_fronts},
          {.name = "hypervolume", .matches = is_hypervolume, .run = run_hypervolume},
          {.name = "hypervolume of ZDT fronts", .matches = is_front_volume, .run = run_front_volume},
          {.name = "ZDT values", .matches = is_zdt_values, .run = run_zdt_values},
          {.name = "NSGA-II on ZDT", .matches = is_real_nsga2, .run = run_real_nsga2, .judge = judge_real_nsga2},
          {.name = "MnasNet's reward", .matches = is_mnas, .run = run_mnas},
          {.name = "FBNet's loss", .matches = is_fbnet_loss, .run = run_fbnet_loss},
          {.name = "Gaussian process", .matches = is_gaussian_process, .run = run_gaussian_process},
          {.name = "path encoding", .matches = is_path_bits, .run = run_path_bits}};
}

}  // namespace netwright
