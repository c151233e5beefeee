#include "netwright/search/search.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <csignal>
#include <iostream>
#include <thread>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/core/hash.hpp"
#include "netwright/core/names.hpp"
#include "netwright/search/coordinator.hpp"
#include "netwright/search/judgement.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

const Space& space() {
  static const std::shared_ptr<const Space> found = find_space("nasbench201");
  return *found;
}

// Every ask depends on every tell before it, in order: a single tell too many, too few or out of order changes all that follows.
class Attentive : public Strategy {
 public:
  explicit Attentive(std::int64_t asks = std::numeric_limits<std::int64_t>::max()) : asks_left_(asks) {}

  std::optional<Architecture> ask() override {
    if (asks_left_-- == 0) return std::nullopt;
    state_ = mix(state_, 1);
    Rng rng(state_);
    return sample(space().decisions(), rng);
  }
  void tell(const Told& told) override {
    EXPECT_EQ(told.metrics.count("test_accuracy"), 0u);
    const auto accuracy = told.metrics.find("val_accuracy");
    const std::uint64_t value = accuracy == told.metrics.end() ? 7 : std::bit_cast<std::uint64_t>(accuracy->second);
    state_ = mix(mix(state_, static_cast<std::uint64_t>(told.trial)), mix(mix(value, told.failed), hash(told.architecture)));
  }

 private:
  std::int64_t asks_left_;
  std::uint64_t state_ = 1;
};

// A value made of architecture and seed alone. `manner` says what goes wrong.
class Synthetic : public Evaluator {
 public:
  explicit Synthetic(std::string manner = "") : manner_(std::move(manner)) {
    info_ = {.name = "synthetic", .title = "A hash", .metrics = {"val_accuracy"}, .traits = {"deterministic"}};
    if (manner_ == "simulated") info_.traits.push_back("simulated time");
  }
  const EvaluatorInfo& info() const override { return info_; }

  Outcome evaluate(const Candidate& candidate, const Fidelity& fidelity, const Progress& progress) override {
    Rng rng(mix(hash(candidate.architecture), candidate.seed));
    const double accuracy = rng.uniform();
    if (manner_ == "throws" || (manner_ == "sometimes throws" && accuracy < 0.3)) throw Error("diverged: loss is nan\nand more");
    if (manner_ == "usage") throw UsageError("no table");
    if (manner_ == "stops at once") return {.status = Status::stopped};
    if (manner_ == "nan") return {.metrics = {{"val_accuracy", NAN}}};
    if (manner_ == "kills" && candidate.trial == 3) ::raise(SIGKILL);
    if (manner_ == "slow") std::this_thread::sleep_for(std::chrono::microseconds(rng.below(3000)));
    if (manner_ == "very slow") return sleepy(progress);
    Outcome outcome{.metrics = {{"val_accuracy", accuracy}, {"test_accuracy", 0.5}}, .seconds = 10 + accuracy};
    for (std::int64_t epoch = 1; epoch <= fidelity.epochs; ++epoch) {
      outcome.reports.push_back({.step = epoch, .metrics = {{"val_accuracy", accuracy / static_cast<double>(epoch)}}});
      if (!progress(outcome.reports.back())) return {.status = Status::stopped, .metrics = {{"val_accuracy", 0.0}}};
    }
    return outcome;
  }

 private:
  static Outcome sleepy(const Progress& progress) {
    for (int step = 1; step < 3000; ++step) {
      if (!progress({.step = step, .metrics = {}})) return {.status = Status::stopped, .metrics = {{"val_accuracy", 0.0}}};
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return {.metrics = {{"val_accuracy", 1.0}}};
  }

  std::string manner_;
  EvaluatorInfo info_;
};

struct Plan {
  std::string manner = "simulated";
  std::int64_t trials = 40;
  std::int64_t window = 1;
  std::int64_t asks = std::numeric_limits<std::int64_t>::max();
  std::int64_t epochs = 0;
  std::int64_t max_failures = 20;
  double max_seconds = std::numeric_limits<double>::infinity();
  std::uint64_t seed = 5;
  std::string schedule = "";   // of fidelity; "": every ask once
  std::string stop_rule = "";
  Launcher* launcher = nullptr;
  std::function<bool()> stop = {};
  std::function<void(const Trial&)> on_trial = {};
};

std::unique_ptr<Scheduler> scheduler_of(const Plan& plan) {
  if (plan.schedule.empty()) return nullptr;
  return make_scheduler(plan.schedule, {.tree = space().decisions(),
                                        .make_strategy = [&plan](std::int64_t, std::int64_t) { return std::make_unique<Attentive>(plan.asks); },
                                        .seed = Seed(plan.seed),
                                        .options = {{"maximum", "9"}}});
}

SearchResult search(Study& study, const Plan& plan) {
  Attentive strategy(plan.asks);
  Synthetic evaluator(plan.manner);
  const auto scheduler = scheduler_of(plan);
  const auto rule = plan.stop_rule.empty() ? nullptr : make_stop_rule(plan.stop_rule, {});
  return run_search({.space = space(),
                     .strategy = strategy,
                     .evaluator = evaluator,
                     .study = study,
                     .seed = Seed(plan.seed),
                     .fidelity = {.epochs = plan.epochs},
                     .scheduler = scheduler.get(),
                     .stop_rule = rule.get(),
                     .trials = plan.trials,
                     .max_seconds = plan.max_seconds,
                     .window = plan.window,
                     .max_failures = plan.max_failures,
                     .launcher = plan.launcher,
                     .on_trial = plan.on_trial,
                     .stop = plan.stop});
}

// What must not depend on how a search was run.
std::vector<std::string> essence(const Study& study) {
  std::vector<std::string> lines;
  for (const Trial& trial : study.trials("search")) {
    std::string line = std::to_string(trial.number) + " " + trial.architecture + " " + std::to_string(trial.seed) + " " + to_string(trial.state) + " " +
                       std::to_string(trial.fidelity.epochs) + " " + std::to_string(trial.continues) +
                       " " + trial.outcome.reason + " " + std::to_string(trial.outcome.reports.size());
    for (const auto& [name, value] : trial.outcome.metrics) line += " " + name + "=" + hex(std::bit_cast<std::uint64_t>(value));
    lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> uninterrupted(const Plan& plan) {
  Study study = Study::create(":memory:", {});
  search(study, plan);
  return essence(study);
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& failure) {
    return failure.what();
  }
  return "no error";
}

std::function<bool()> after(std::int64_t calls) {
  return [calls]() mutable { return calls-- <= 0; };
}

class SearchFile : public testing::Test {
 protected:
  SearchFile() {
    const fs::path place = fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string pattern = (place / "netwright-search-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  // A worker whose coordinator was killed may be closing the study still, which removes files of its own.
  ~SearchFile() override {
    std::error_code busy = std::make_error_code(std::errc::resource_unavailable_try_again);
    for (int i = 0; i < 100 && busy; ++i) {
      if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      fs::remove_all(folder_, busy);
    }
  }
  fs::path file(const std::string& name = "study") const { return folder_ / (name + ".db"); }
  std::unique_ptr<Launcher> workers(int count, const std::string& manner, const fs::path& study) const {
    return local_workers(count, {fs::read_symlink("/proc/self/exe").string(), "--worker", study.string(), "{worker}", manner});
  }

  fs::path folder_;
};

TEST(Search, MakesTenThousandTrials) {
  Study study = Study::create(":memory:", {});
  const SearchResult result = search(study, {.trials = 10'000, .window = 4});
  EXPECT_EQ(result.ending, Ending::trials);
  EXPECT_EQ(result.finished, 10'000);
  EXPECT_EQ(result.fresh, 10'000);
  EXPECT_EQ(study.finished_from("search", 0).size(), 10'000u);
}

TEST(Search, GivesEachTrialItsOwnSeed) {
  Study study = Study::create(":memory:", {});
  search(study, {.trials = 3});
  EXPECT_EQ(study.trial("search", 2)->seed, Seed(5).derive("trial", 2).value());
  EXPECT_EQ(study.trial("search", 2)->space, "nasbench201");
}

TEST(Search, AChainOfPromotionsHasTheSeedOfItsFirst) {
  Study study = Study::create(":memory:", {});
  search(study, {.trials = 60, .window = 4, .schedule = "hyperband"});
  std::int64_t promoted = 0;
  for (const Trial& trial : study.trials("search")) {
    promoted += trial.continues >= 0 ? 1 : 0;
    const std::uint64_t own = Seed(5).derive("trial", static_cast<std::uint64_t>(trial.number)).value();
    EXPECT_EQ(trial.seed, trial.continues >= 0 ? study.trial("search", trial.continues)->seed : own);
  }
  EXPECT_GT(promoted, 0);
}

TEST(Search, AsksExactlyWhenTheWindowAllows) {
  for (const std::int64_t window : {1, 2, 5}) {
    struct Watching : Attentive {
      std::optional<Architecture> ask() override {
        asked_after.push_back(tells);
        return Attentive::ask();
      }
      void tell(const Told& told) override {
        EXPECT_EQ(told.trial, tells++);
        Attentive::tell(told);
      }
      std::int64_t tells = 0;
      std::vector<std::int64_t> asked_after;
    } strategy;
    Synthetic evaluator;
    Study study = Study::create(":memory:", {});
    run_search({.space = space(), .strategy = strategy, .evaluator = evaluator, .study = study, .trials = 12, .window = window});
    ASSERT_EQ(strategy.asked_after.size(), 12u);
    for (std::int64_t k = 0; k < 12; ++k) EXPECT_EQ(strategy.asked_after[static_cast<std::size_t>(k)], std::max<std::int64_t>(0, k - window + 1));
  }
}

TEST(Search, TheWayOfWritingDoesNotChangeTheTrials) {
  EXPECT_EQ(uninterrupted({.manner = "simulated", .window = 3}), uninterrupted({.manner = "", .window = 3}));
  EXPECT_NE(uninterrupted({.window = 1}), uninterrupted({.window = 3}));
  EXPECT_NE(uninterrupted({.seed = 5}), uninterrupted({.seed = 6}));
}

TEST(Search, ResumesAnywhereWithTheSameTrials) {
  EXPECT_TRUE(rc::check("interrupted at any points, then resumed = uninterrupted", [] {
    const Plan whole{.manner = *rc::gen::element<std::string>("simulated", "", "sometimes throws"),
                      .trials = 30,
                      .window = *rc::gen::inRange(1, 9),
                      .epochs = *rc::gen::inRange(0, 3)};
    Study study = Study::create(":memory:", {});
    for (const int stop_after : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 25))) {
      Plan part = whole;
      part.stop = after(stop_after);
      search(study, part);
    }
    search(study, whole);
    RC_ASSERT(essence(study) == uninterrupted(whole));
  }));
}

TEST(Search, GoesOnWhenMoreTrialsAreWanted) {
  Study study = Study::create(":memory:", {});
  search(study, {.trials = 10});
  const SearchResult more = search(study, {.trials = 40});
  EXPECT_EQ(more.fresh, 30);
  EXPECT_EQ(more.finished, 40);
  EXPECT_EQ(essence(study), uninterrupted({.trials = 40}));
  const SearchResult fewer = search(study, {.trials = 10});
  EXPECT_EQ(fewer.fresh, 0);
  EXPECT_EQ(fewer.finished, 40);
}

TEST(Search, AnInterruptedEvaluationIsDoneAgain) {
  const Plan whole{.manner = "", .trials = 10, .epochs = 4};
  Study study = Study::create(":memory:", {});
  Plan part = whole;
  part.stop = after(7);   // in the middle of the second trial's reports
  const SearchResult result = search(study, part);
  EXPECT_EQ(result.ending, Ending::interrupted);
  EXPECT_EQ(result.finished, 1);
  EXPECT_EQ(study.trial("search", 1)->state, TrialState::waiting);
  search(study, whole);
  EXPECT_EQ(essence(study), uninterrupted(whole));
}

// Killed as soon as it has stored something more than the one before it, and before it is through: what is in the study then is a part.
TEST_F(SearchFile, AKilledSearchResumesWithTheSameTrials) {
  for (const std::string manner : {"slow", "simulated"}) {
    // Simulated trials are committed every half second; here each takes a millisecond, so that a commit comes before the end.
    const Plan whole{.manner = manner, .trials = manner == "slow" ? 300 : 4'000, .window = 3};
    { Study::create(file(manner), {}); }
    const auto stored = [&] { return Study::open(file(manner)).finished_from("search", 0).size(); };
    for (int round = 0; round < 3; ++round) {
      const std::size_t before = stored();
      const pid_t child = ::fork();
      if (child == 0) {
        Study study = Study::open(file(manner));
        Plan plan = whole;
        if (manner == "simulated") plan.on_trial = [](const Trial&) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); };
        search(study, plan);
        ::_exit(0);
      }
      bool runs = true;
      while (runs && stored() == before) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        runs = ::waitpid(child, nullptr, WNOHANG) == 0;
      }
      ASSERT_TRUE(runs) << "the search ended before it was killed";
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
      EXPECT_GT(stored(), before);
      EXPECT_LT(stored(), static_cast<std::size_t>(whole.trials)) << "the search was through before it was killed";
    }
    Study study = Study::open(file(manner));
    search(study, whole);
    EXPECT_EQ(essence(study), uninterrupted(whole));
  }
}

TEST_F(SearchFile, TheWorkerCountNeverChangesATrial) {
  for (const std::int64_t window : {1, 2, 8}) {
    const Plan whole{.manner = "slow", .trials = 24, .window = window, .epochs = 1};
    const auto expected = uninterrupted(whole);
    for (const int count : {1, 2, 8}) {
      const fs::path path = file(std::to_string(window) + "-" + std::to_string(count));
      Study study = Study::create(path, {});
      const auto launcher = workers(count, "slow", path);
      Plan plan = whole;
      plan.launcher = launcher.get();
      std::int64_t last = -1;
      plan.on_trial = [&](const Trial& trial) { EXPECT_EQ(trial.number, ++last); };
      EXPECT_EQ(search(study, plan).finished, 24);
      EXPECT_EQ(essence(study), expected) << "window " << window << ", workers " << count;
    }
  }
}

TEST_F(SearchFile, TheWorkerCountNeverChangesWhatIsPromotedOrStopped) {
  for (const std::int64_t window : {1, 3}) {
    const Plan whole{.manner = "slow", .trials = 30, .window = window, .schedule = "hyperband", .stop_rule = "median"};
    const auto expected = uninterrupted(whole);
    const auto count_of = [&](const std::string& word) {
      return std::count_if(expected.begin(), expected.end(), [&](const std::string& line) { return line.find(word) != std::string::npos; });
    };
    EXPECT_GT(count_of(" stopped "), 0);
    EXPECT_LT(count_of(" -1 "), 30) << "nothing was promoted";
    for (const int count : {1, 3}) {
      const fs::path path = file(std::to_string(window) + "+" + std::to_string(count));
      Study study = Study::create(path, {});
      const auto launcher = workers(count, "slow/median/" + std::to_string(window), path);
      Plan plan = whole;
      plan.launcher = launcher.get();
      search(study, plan);
      EXPECT_EQ(essence(study), expected) << "window " << window << ", workers " << count;
    }
  }
}

TEST(Search, EverySchedulerResumesWithTheSameTrials) {
  for (const SchedulerEntry& entry : schedulers()) {
    if (entry.name == "full") continue;  // that is the search without one
    for (const std::int64_t window : {1, 4}) {
      const Plan whole{.manner = "", .trials = 40, .window = window, .schedule = entry.name, .stop_rule = "top_share"};
      const auto expected = uninterrupted(whole);
      Study study = Study::create(":memory:", {});
      for (const std::int64_t stop_after : {5, 17, 40}) {
        std::int64_t finished = 0;
        Plan part = whole;
        part.on_trial = [&](const Trial&) { ++finished; };
        part.stop = [&] { return finished >= stop_after; };
        search(study, part);
      }
      EXPECT_EQ(essence(study), expected) << entry.name << ", window " << window;
    }
  }
}

TEST_F(SearchFile, WorkersCanBeInterruptedAndResumed) {
  const Plan whole{.manner = "slow", .trials = 40, .window = 4};
  Study study = Study::create(file(), {});
  for (const std::int64_t stop_after : {3, 9}) {
    const auto launcher = workers(2, "slow", file());
    Plan part = whole;
    part.launcher = launcher.get();
    std::int64_t taken = 0;
    part.on_trial = [&](const Trial&) { ++taken; };
    part.stop = [&] { return taken >= stop_after; };
    EXPECT_EQ(search(study, part).ending, Ending::interrupted);
    for (const Trial& trial : study.trials("search")) EXPECT_NE(trial.state, TrialState::running);
  }
  search(study, whole);
  EXPECT_EQ(essence(study), uninterrupted(whole));
}

TEST_F(SearchFile, AWorkerThatDiesTwiceOnATrialFailsIt) {
  Study study = Study::create(file(), {});
  const auto launcher = workers(2, "kills", file());
  const SearchResult result = search(study, {.manner = "kills", .trials = 8, .window = 2, .launcher = launcher.get()});
  EXPECT_EQ(result.finished, 8);
  EXPECT_EQ(result.failed, 1);
  const Trial crashed = *study.trial("search", 3);
  EXPECT_EQ(crashed.state, TrialState::failed);
  EXPECT_EQ(crashed.outcome.reason, "crashed: signal 9 in 2 attempts");
  EXPECT_EQ(crashed.attempt, 2);
}

TEST_F(SearchFile, WorkersThatCannotWorkEndTheSearch) {
  Study study = Study::create(file(), {});
  const auto useless = local_workers(2, {"/bin/false"});
  EXPECT_EQ(message_of([&] { search(study, {.manner = "", .launcher = useless.get()}); }),
            "5 workers in a row ended without a trial in hand; the last one with exit code 1");
  const auto missing = local_workers(1, {"/nowhere/netwright"});
  EXPECT_EQ(message_of([&] { search(study, {.manner = "", .launcher = missing.get()}); }),
            "cannot start a worker (/nowhere/netwright): No such file or directory");
  const auto wrong = workers(1, "usage", file());
  const std::string refusal = message_of([&] { search(study, {.manner = "usage", .launcher = wrong.get()}); });
  EXPECT_NE(refusal.find("refused its work (exit code 2)"), std::string::npos) << refusal;
  EXPECT_THROW(local_workers(0, {"x"}), UsageError);
}

TEST_F(SearchFile, WorkersEndWithTheirCoordinator) {
  { Study::create(file(), {}); }
  const pid_t coordinator = ::fork();
  if (coordinator == 0) {
    Study study = Study::open(file());
    const auto launcher = workers(1, "very slow", file());
    search(study, {.manner = "very slow", .launcher = launcher.get()});
    ::_exit(0);
  }
  const Study study = Study::open(file());
  const auto state = [&] {
    const auto trial = study.trial("search", 0);
    return trial ? trial->state : TrialState::waiting;
  };
  const auto wait_for = [&](TrialState wanted) {
    for (int i = 0; i < 2000 && state() != wanted; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return state() == wanted;
  };
  EXPECT_TRUE(wait_for(TrialState::running));
  ::kill(coordinator, SIGKILL);
  ::waitpid(coordinator, nullptr, 0);
  EXPECT_TRUE(wait_for(TrialState::waiting)) << "the orphan gives its trial back";
}

TEST_F(SearchFile, OneStudyHasOneCoordinator) {
  Study study = Study::create(file(), {});
  {
    const CoordinatorLock lock(file());
    EXPECT_EQ(coordinator_of(file()).rfind(std::to_string(::getpid()) + " ", 0), 0u);
    EXPECT_EQ(message_of([&] { search(study, {}); }), "process " + std::to_string(::getpid()) + " is running this study already (" +
                                                           file().string() + ".lock): wait for it, or stop it");
  }
  EXPECT_EQ(coordinator_of(file()), "");
  EXPECT_FALSE(fs::exists(file().string() + ".lock"));
  write_file(file().string() + ".lock", "1 1\n");   // of a process that was killed
  EXPECT_EQ(coordinator_of(file()), "");
  EXPECT_EQ(search(study, {}).finished, 40);
}

TEST(Search, AFailedCandidateIsAnOutcome) {
  Study study = Study::create(":memory:", {});
  const SearchResult result = search(study, {.manner = "sometimes throws", .trials = 60});
  EXPECT_EQ(result.finished, 60);
  EXPECT_GT(result.failed, 5);
  EXPECT_LT(result.failed, 40);
  for (const Trial& trial : study.trials("search"))
    if (trial.state == TrialState::failed) {
      EXPECT_EQ(trial.outcome.reason, "diverged: loss is nan");
    }
}

TEST(Search, EndsWhenAllFail) {
  Study study = Study::create(":memory:", {});
  const Plan plan{.manner = "throws", .trials = 100, .window = 4, .max_failures = 6};
  EXPECT_EQ(message_of([&] { search(study, plan); }), "the last 6 trials failed; trial 5: diverged: loss is nan");
  EXPECT_EQ(study.finished_from("search", 0).size(), 6u);
  EXPECT_EQ(message_of([&] { search(study, plan); }), "the last 6 trials failed; trial 11: diverged: loss is nan") << "a resume tries again";
  Study other = Study::create(":memory:", {});
  EXPECT_EQ(search(other, {.manner = "throws", .trials = 30, .max_failures = 0}).failed, 30);
}

TEST(Search, NanIsAFailure) {
  Study study = Study::create(":memory:", {});
  EXPECT_EQ(message_of([&] { search(study, {.manner = "nan", .max_failures = 2}); }), "the last 2 trials failed; trial 1: val_accuracy is nan");
  EXPECT_EQ(study.trial("search", 0)->state, TrialState::failed);
  EXPECT_TRUE(std::isnan(study.trial("search", 0)->outcome.metrics.at("val_accuracy")));
}

TEST(Search, WrongUseEndsItAtOnce) {
  Study study = Study::create(":memory:", {});
  EXPECT_EQ(message_of([&] { search(study, {.manner = "usage"}); }), "no table");
  EXPECT_EQ(message_of([&] { search(study, {.trials = 0}); }), "trials = 0: at least 1 is needed");
  EXPECT_EQ(message_of([&] { search(study, {.window = 0}); }), "window = 0: at least 1 is needed");
  EXPECT_THROW(search(study, {.max_seconds = 0}), UsageError);
  EXPECT_THROW(search(study, {.max_failures = -1}), UsageError);
  Attentive strategy;
  Synthetic evaluator;
  const Goal peeking = {.objectives = {{.metric = "test_accuracy"}}};
  EXPECT_THROW(run_search({.space = space(), .strategy = strategy, .evaluator = evaluator, .study = study, .goal = peeking}), UsageError);
  const Goal bounded = {.constraints = {{.metric = "test_accuracy", .at_most = 0.5, .at_least = true}}};
  EXPECT_THROW(run_search({.space = space(), .strategy = strategy, .evaluator = evaluator, .study = study, .goal = bounded}), UsageError);
}

TEST(Search, RefusesTheStudyOfAnotherConfiguration) {
  Study study = Study::create(":memory:", {});
  search(study, {.trials = 5, .window = 1});
  const std::string message = message_of([&] { search(study, {.window = 2}); });
  EXPECT_EQ(message.rfind("the study was made by another version or configuration: trial 1 of phase search is " +
                              study.trial("search", 1)->architecture + " in the study, but the search asks for |", 0), 0u) << message;
  EXPECT_NE(message_of([&] { search(study, {.seed = 6}); }).find("trial 0 of phase search is seed "), std::string::npos);
  EXPECT_NE(message_of([&] { search(study, {.epochs = 3}); }).find("is 0 epochs in the study, but the search asks for 3 epochs"), std::string::npos);
  EXPECT_NE(message_of([&] { search(study, {.asks = 3}); }).find("but the search asks for no more"), std::string::npos);
  EXPECT_EQ(study.trials("search").size(), 5u);
}

TEST(Search, EndsWithItsStrategyOrItsTime) {
  Study study = Study::create(":memory:", {});
  const SearchResult exhausted = search(study, {.asks = 7});
  EXPECT_EQ(exhausted.ending, Ending::exhausted);
  EXPECT_EQ(exhausted.finished, 7);
  Study timed = Study::create(":memory:", {});
  const SearchResult result = search(timed, {.trials = 1000, .max_seconds = 100});
  EXPECT_EQ(result.ending, Ending::time);
  double seconds = 0;
  for (const Trial& trial : timed.trials("search")) seconds += trial.outcome.seconds;
  EXPECT_GE(seconds, 100);
  EXPECT_LT(seconds, 100 + 11);
  EXPECT_EQ(search(timed, {.trials = 1000, .max_seconds = 100}).fresh, 0);
  Study measured = Study::create(":memory:", {});
  EXPECT_EQ(search(measured, {.manner = "slow", .trials = 1'000'000, .max_seconds = 0.05}).ending, Ending::time);
}

TEST(Judgement, KeepsTheStudysTroubleApartFromTheCandidates) {
  Synthetic evaluator("");
  const auto broken = [](const Report&) -> bool { throw Error("the disk is full"); };
  const Candidate candidate{.architecture = space().parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")};
  EXPECT_EQ(message_of([&] { judge(evaluator, candidate, {.epochs = 2}, {}, broken); }), "the disk is full");
}

// A signal that comes before the first report finds nothing measured, which is no failure of the candidate.
TEST(Judgement, WhatAnInterruptStopsBeforeItsFirstReportHasNotFailed) {
  Synthetic evaluator("stops at once");
  const Candidate candidate{.architecture = space().parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")};
  EXPECT_EQ(judge(evaluator, candidate, {}, {}, {}, [] { return true; }).status, Status::stopped);
  const Outcome own = judge(evaluator, candidate, {}, {}, {}, [] { return false; });
  EXPECT_EQ(own.status, Status::failed);
  EXPECT_EQ(own.reason, "the evaluator gave no val_accuracy");
}

int work_as_child(char** arguments) {
  try {
    Study study = Study::open(arguments[0]);
    const std::vector<std::string> words = split(arguments[2], '/');  // MANNER, or MANNER/STOP_RULE/WINDOW
    Synthetic evaluator(words[0]);
    const auto rule = words.size() > 1 ? make_stop_rule(words[1], {}) : nullptr;
    work({.space = space(),
          .evaluator = evaluator,
          .study = study,
          .name = arguments[1],
          .stop_rule = rule.get(),
          .window = words.size() > 2 ? std::stoll(words[2]) : 1});
    return 0;
  } catch (const UsageError&) {
    return 2;
  } catch (const Error& failure) {
    std::cerr << failure.what() << '\n';
    return 1;
  }
}

}  // namespace
}  // namespace netwright

// The test program is its own worker program.
int main(int argc, char** argv) {
  if (argc == 5 && std::string(argv[1]) == "--worker") return netwright::work_as_child(argv + 2);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
