#include "netwright/study/study.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <functional>
#include <limits>
#include <set>
#include <thread>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/study/journal.hpp"
#include "netwright/study/metrics_json.hpp"
#include "netwright/study/summary.hpp"

namespace netwright {
namespace {

namespace fs = std::filesystem;

// A folder of its own for each test.
class StudyFile : public testing::Test {
 protected:
  StudyFile() {
    // In memory where there is such a place: hundreds of small files would wait for the disk.
    const fs::path place = fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
    std::string pattern = (place / "netwright-study-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  ~StudyFile() override { fs::remove_all(folder_); }
  fs::path file() const { return folder_ / "study.db"; }

  fs::path folder_;
};

Trial trial_of(std::int64_t number, const std::string& phase = "search") {
  return {.number = number, .phase = phase, .space = "tiny", .architecture = "a=" + std::to_string(number), .seed = ~std::uint64_t{0} - number};
}

Outcome outcome_of(double accuracy) { return {.metrics = {{"val_accuracy", accuracy}}, .seconds = 0.5}; }

Trial finished_trial(std::int64_t number, double accuracy) {
  Trial trial = trial_of(number);
  trial.outcome = outcome_of(accuracy);
  return trial;
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& failure) {
    return failure.what();
  }
  return "no error";
}

// Runs `work` in a child process, which ends without running this process's destructors. Returns waitpid's status.
int in_child(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 99;
    try {
      code = work();
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(StudyFile, KeepsItsRecordAndPhases) {
  {
    Study study = Study::create(file(), {.name = "first", .space = "darts", .config = "seed: 7\n", .seed = ~std::uint64_t{0}, .machine = "{}"});
    study.put_phase({.name = "supernet", .kind = "supernet"});
    study.put_phase({.name = "search", .kind = "search"});
    study.put_phase({.name = "supernet", .kind = "supernet", .state = "done", .summary = "{\"epochs\": 3}", .started_at = 1, .finished_at = 2});
  }
  const Study study = Study::open(file());
  EXPECT_EQ(study.record().name, "first");
  EXPECT_EQ(study.record().config, "seed: 7\n");
  EXPECT_EQ(study.record().seed, ~std::uint64_t{0});
  EXPECT_GT(study.record().created_at, 1.7e9);
  ASSERT_EQ(study.phases().size(), 2u);
  EXPECT_EQ(study.phases()[0].state, "done");
  EXPECT_EQ(study.phases()[0].summary, "{\"epochs\": 3}");
  EXPECT_EQ(study.phases()[1].name, "search");
}

TEST_F(StudyFile, ATrialGoesFromWaitingOverRunningToDone) {
  Study study = Study::create(file(), {});
  study.append(trial_of(0));
  EXPECT_EQ(study.trial("search", 0)->state, TrialState::waiting);
  const auto claimed = study.claim("search", "anna", 60);
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->worker, "anna");
  EXPECT_EQ(claimed->attempt, 1);
  EXPECT_EQ(claimed->seed, ~std::uint64_t{0});
  EXPECT_FALSE(study.claim("search", "bert", 60));
  study.report(*claimed, {.step = 1, .metrics = {{"val_accuracy", 0.25}}});
  EXPECT_EQ(study.trial("search", 0)->outcome.reports.size(), 1u);
  Outcome outcome = outcome_of(0.1 + 0.2);
  outcome.reports = {{.step = 1, .metrics = {{"val_accuracy", 0.25}}}, {.step = 2, .metrics = {{"val_accuracy", 0.3}}}};
  EXPECT_TRUE(study.finish(*claimed, outcome));
  const Trial done = *study.trial("search", 0);
  EXPECT_EQ(done.state, TrialState::done);
  EXPECT_EQ(done.outcome.metrics, outcome.metrics);
  EXPECT_EQ(done.outcome.reports.size(), 2u);
  EXPECT_EQ(done.outcome.seconds, 0.5);
  EXPECT_GE(done.finished_at, done.created_at);
  EXPECT_FALSE(study.finish(*claimed, outcome_of(0.9))) << "a second finish of one attempt";
  EXPECT_EQ(study.trial("search", 0)->outcome.metrics, outcome.metrics);
}

TEST_F(StudyFile, RefusesTheSameNumberTwice) {
  Study study = Study::create(file(), {});
  study.append(trial_of(3));
  EXPECT_EQ(message_of([&] { study.append(trial_of(3)); }), "trial 3 of phase search is in " + file().string() + " already");
  EXPECT_EQ(message_of([&] { study.append_finished(finished_trial(3, 1)); }), "trial 3 of phase search is in " + file().string() + " already");
  study.append(trial_of(3, "retrain"));
  EXPECT_EQ(study.trials().size(), 2u);
}

TEST_F(StudyFile, FencesOffAnAttemptWhoseLeaseRanOut) {
  Study slow = Study::create(file(), {});
  Study quick = Study::open(file());
  slow.append(trial_of(0));
  const auto lost = slow.claim("search", "slow", 0.001);
  ASSERT_TRUE(lost);
  slow.report(*lost, {.step = 1, .metrics = {{"val_accuracy", 0.5}}});
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto taken = quick.claim("search", "quick", 60);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->attempt, 2);
  EXPECT_TRUE(quick.trial("search", 0)->outcome.reports.empty()) << "the lost attempt's reports are gone";
  EXPECT_FALSE(slow.renew(*lost, 60));
  slow.report(*lost, {.step = 2, .metrics = {}});
  EXPECT_FALSE(slow.finish(*lost, outcome_of(0.1)));
  EXPECT_FALSE(slow.release(*lost));
  EXPECT_TRUE(quick.renew(*taken, 60));
  EXPECT_TRUE(quick.finish(*taken, outcome_of(0.2)));
  EXPECT_EQ(slow.trial("search", 0)->outcome.metrics.at("val_accuracy"), 0.2);
  EXPECT_TRUE(slow.trial("search", 0)->outcome.reports.empty());
}

TEST_F(StudyFile, ReleaseGivesRunningTrialsBack) {
  Study study = Study::create(file(), {});
  for (int i = 0; i < 3; ++i) study.append(trial_of(i));
  const Trial first = *study.claim("search", "anna", 60);
  const Trial second = *study.claim("search", "bert", 60);
  EXPECT_TRUE(study.release(second));
  EXPECT_EQ(study.trial("search", 0)->state, TrialState::running);
  EXPECT_EQ(study.trial("search", 1)->state, TrialState::waiting);
  study.release("search");
  EXPECT_EQ(study.trial("search", 0)->state, TrialState::waiting);
  EXPECT_FALSE(study.finish(first, outcome_of(1)));
  EXPECT_EQ(study.claim("search", "carl", 60)->attempt, 2);
}

TEST_F(StudyFile, FinishedFromStopsAtTheFirstGap) {
  Study study = Study::create(":memory:", {});
  for (int i : {0, 1, 3}) study.append_finished(finished_trial(i, 0.1 * i));
  study.append(trial_of(2));
  EXPECT_EQ(study.finished_from("search", 0).size(), 2u);
  EXPECT_EQ(study.finished_from("search", 1).size(), 1u);
  EXPECT_TRUE(study.finished_from("search", 2).empty());
  EXPECT_EQ(study.finished_from("search", 3).front().number, 3);
  EXPECT_TRUE(study.finished_from("other", 0).empty());
}

TEST_F(StudyFile, SeriesDropAfterACheckpoint) {
  Study study = Study::create(file(), {});
  for (int step = 0; step < 5; ++step)
    study.append_series("supernet", {{.name = "loss", .step = double(step), .value = std::to_string(step)}, {"alpha", double(step), "[1,2]"}});
  study.append_series("other", {{.name = "loss", .step = 9, .value = "1"}});
  study.drop_series_after("supernet", 2);
  const auto points = study.series("supernet");
  ASSERT_EQ(points.size(), 6u);
  EXPECT_EQ(points.back().name, "alpha");
  EXPECT_EQ(points.back().step, 2);
  EXPECT_EQ(points.back().value, "[1,2]");
  EXPECT_EQ(study.series("other").size(), 1u);
}

TEST_F(StudyFile, ArtefactsAreReplacedByName) {
  Study study = Study::create(file(), {});
  study.put_artefact({.name = "best.json", .kind = "json", .content = "{}"});
  study.put_artefact({.name = "best.onnx", .kind = "onnx", .path = "best.onnx"});
  study.put_artefact({.name = "best.json", .kind = "json", .content = "{\"a\":1}"});
  const auto artefacts = study.artefacts();
  ASSERT_EQ(artefacts.size(), 2u);
  EXPECT_EQ(artefacts[0].content, "{\"a\":1}");
  EXPECT_EQ(artefacts[1].path, "best.onnx");
}

TEST_F(StudyFile, ABatchCommitsOnceAndIsSeenByOthersThen) {
  Study study = Study::create(file(), {});
  const Study reader = Study::open(file());
  {
    Study::Batch batch(study);
    for (int i = 0; i < 100; ++i) study.append_finished(finished_trial(i, 0.5));
    EXPECT_EQ(study.trials("search").size(), 100u);
    EXPECT_TRUE(reader.trials("search").empty());
    batch.commit();
    EXPECT_EQ(reader.trials("search").size(), 100u);
  }
  {
    Study::Batch batch(study);
    study.append_finished(finished_trial(100, 0.5));
    EXPECT_THROW(study.append_finished(finished_trial(0, 0.5)), Error);
  }
  EXPECT_EQ(reader.trials("search").size(), 101u) << "a refused trial takes no other with it";
}

TEST_F(StudyFile, SeveralProcessesClaimEveryTrialOnce) {
  constexpr int trials = 60;
  {
    Study study = Study::create(file(), {});
    for (int i = 0; i < trials; ++i) study.append(trial_of(i));
  }
  std::vector<pid_t> children;
  for (int w = 0; w < 3; ++w) {
    const pid_t child = ::fork();
    if (child == 0) {
      Study study = Study::open(file());
      while (const auto claimed = study.claim("search", "w" + std::to_string(w), 60)) study.finish(*claimed, outcome_of(w));
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const Study study = Study::open(file());
  ASSERT_EQ(study.finished_from("search", 0).size(), std::size_t{trials});
  for (const Trial& trial : study.trials("search")) {
    EXPECT_EQ(trial.attempt, 1);
    EXPECT_EQ(trial.worker, "w" + std::to_string(int(trial.outcome.metrics.at("val_accuracy"))));
  }
}

TEST_F(StudyFile, AKilledWriterLosesNothingThatWasCommitted) {
  { Study::create(file(), {}); }
  for (int round = 0; round < 3; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      Study study = Study::open(file());
      for (std::int64_t i = 0;; ++i) {
        const std::int64_t number = round * 1'000'000 + i;
        study.append_finished(finished_trial(number, 0.5));
        if (::write(pipe_ends[1], &number, sizeof number) < 0) ::_exit(1);
      }
    }
    ::close(pipe_ends[1]);
    std::int64_t last = -1;
    for (int i = 0; i < 50 * (round + 1); ++i) ASSERT_EQ(::read(pipe_ends[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(pipe_ends[0], &last, sizeof last) == static_cast<ssize_t>(sizeof last)) {
    }
    ::close(pipe_ends[0]);
    const Study study = Study::open(file());
    const auto kept = study.finished_from("search", round * 1'000'000);
    ASSERT_GE(kept.back().number, last) << "an acknowledged trial is missing";
    EXPECT_EQ(kept.back().outcome.metrics.at("val_accuracy"), 0.5);
  }
}

TEST_F(StudyFile, AFullDiskIsOneClearErrorAndEarlierTrialsStay) {
  { Study::create(file(), {}).append_finished(finished_trial(0, 0.5)); }
  const fs::path said = folder_ / "said";
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    Study study = Study::open(file());
    const rlimit limit{200'000, 200'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = message_of([&] {
      for (int i = 1; i < 100'000; ++i) study.append_finished(finished_trial(i, 0.5));
    });
    write_file(said, message);
    return 0;
  });
  ASSERT_EQ(status, 0);
  const std::string message = read_file(said);
  EXPECT_NE(message.find("cannot read or write " + file().string()), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  Study study = Study::open(file());
  const std::size_t kept = study.finished_from("search", 0).size();
  EXPECT_GT(kept, 10u);
  EXPECT_EQ(study.trials("search").size(), kept);
  study.append_finished(finished_trial(static_cast<std::int64_t>(kept), 0.5));
}

TEST_F(StudyFile, AFullDiskWithinABatchIsSaidAndTheStudyGoesOn) {
  const auto journal = Journal::create(file(), [](Journal&) {});
  journal->run("INSERT INTO study VALUES (1, '', '', '', 0, '', '', 0)");
  journal->each("PRAGMA max_page_count = 40", [](SQLite::Statement&) {});
  const auto fill = [&] {
    journal->transaction([&] {
      for (int i = 0; i < 10'000; ++i)
        journal->run("INSERT INTO artefact (name, kind, content, path) VALUES (?, 'k', ?, '')", i, std::string(100, 'x'));
    });
  };
  EXPECT_EQ(message_of(fill), "cannot write " + file().string() + ": the disk is full");
  EXPECT_FALSE(journal->in_transaction());
  EXPECT_TRUE(Study::open(file()).artefacts().empty());
  journal->run("INSERT INTO artefact (name, kind, content, path) VALUES ('a', 'k', '', '')");
  EXPECT_EQ(Study::open(file()).artefacts().size(), 1u);
}

TEST_F(StudyFile, RefusesWhatIsNoStudy) {
  EXPECT_EQ(message_of([&] { Study::open(file()); }), "no study at " + file().string());
  EXPECT_EQ(message_of([&] { Study::open(folder_); }), folder_.string() + " is no netwright study (not a file)");
  for (const std::string& content : {std::string(), std::string("seed: 7\n"), std::string(8192, 'x')}) {
    write_file(file(), content);
    EXPECT_THROW(Study::open(file()), UsageError);
    EXPECT_EQ(message_of([&] { Study::open(file()); }), file().string() + " is no netwright study");
    EXPECT_EQ(read_file(file()), content) << "a foreign file is left as it is";
  }
  fs::remove(file());
  { SQLite::Database(file().string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE).exec("CREATE TABLE t (x)"); }
  EXPECT_EQ(message_of([&] { Study::open(file()); }), file().string() + " is no netwright study");
  EXPECT_THROW(Study::create(file(), {}), UsageError);
  EXPECT_EQ(message_of([&] { Study::create(folder_ / "missing" / "study.db", {}); }).rfind("cannot create ", 0), 0u);
}

TEST_F(StudyFile, RefusesAnotherFormatNamingBoth) {
  { Study::create(file(), {}); }
  { SQLite::Database(file().string(), SQLite::OPEN_READWRITE).exec("PRAGMA user_version = 7"); }
  EXPECT_EQ(message_of([&] { Study::open(file()); }),
            file().string() + " is a study of format 7, but this netwright reads format 2: use the version that wrote it");
}

TEST_F(StudyFile, SaysThatADamagedFileIsDamaged) {
  {
    Study study = Study::create(file(), {});
    Study::Batch batch(study);
    for (int i = 0; i < 2000; ++i) study.append_finished(finished_trial(i, 0.5));
  }
  std::string content = read_file(file());
  for (std::size_t i = 4096; i < content.size(); ++i) content[i] = static_cast<char>(i * 7);
  write_file(file(), content);
  const std::string message = message_of([&] { Study::open(file()).trials("search"); });
  EXPECT_EQ(message.rfind(file().string() + " is damaged: ", 0), 0u) << message;
}

TEST(MetricsJson, KeepsEveryBit) {
  EXPECT_TRUE(rc::check("parse_metrics(metrics_json(m)) == m", [](const std::map<int, double>& values) {
    Metrics metrics;
    for (const auto& [key, value] : values) metrics.emplace("\"metric\" " + std::to_string(key), value);
    RC_ASSERT(parse_metrics(metrics_json(metrics)) == metrics);
  }));
  const Metrics strange = {{"a", std::numeric_limits<double>::infinity()}, {"b", -std::numeric_limits<double>::infinity()}, {"c", NAN}};
  const Metrics back = parse_metrics(metrics_json(strange));
  EXPECT_EQ(back.at("a"), strange.at("a"));
  EXPECT_EQ(back.at("b"), strange.at("b"));
  EXPECT_TRUE(std::isnan(back.at("c")));
  EXPECT_TRUE(rc::check("plain names and numbers of any size come back to the bit", [](const std::map<std::uint8_t, double>& values) {
    Metrics metrics;
    for (const auto& [key, value] : values) metrics.emplace("metric_" + std::to_string(key), value);
    RC_ASSERT(parse_metrics(metrics_json(metrics)) == metrics);
  }));
  EXPECT_EQ(parse_metrics("{\"a\": 1.5, \"b\":-2e3}"), (Metrics{{"a", 1.5}, {"b", -2000}}));
  EXPECT_EQ(parse_metrics("{}"), Metrics{});
  for (const char* wrong : {"{\"a\":1,}", "{\"a\":}", "{\"a\":nan}", "{\"a\":.5}", "{\"a\":1 2}", "{\"a\"1}", "{", "{\"a\":-}", "{\"a\":inf}"}) EXPECT_THROW(parse_metrics(wrong), Error) << wrong;
  EXPECT_THROW(parse_metrics("[1]"), Error);
  EXPECT_THROW(parse_metrics("{\"a\": true}"), Error);
}

TEST(Summary, FindsTheBestAndItsCurve) {
  std::vector<Trial> trials;
  const auto add = [&](double accuracy, double params, TrialState state) {
    Trial trial = trial_of(static_cast<std::int64_t>(trials.size()));
    trial.state = state;
    trial.outcome = {.metrics = {{"val_accuracy", accuracy}, {"params", params}}, .seconds = 2};
    trials.push_back(trial);
  };
  add(0.99, 1, TrialState::failed);
  add(0.5, 10, TrialState::done);
  add(0.9, 50, TrialState::done);
  add(0.6, 10, TrialState::stopped);
  add(0.95, 1, TrialState::running);
  add(NAN, 1, TrialState::done);
  EXPECT_EQ(best(trials, {})->number, 2);
  const Goal small = {.constraints = {{.metric = "params", .at_most = 20}}};
  EXPECT_EQ(best(trials, small)->number, 3);
  EXPECT_FALSE(best({}, {}));
  const auto curve = best_so_far(trials, {});
  ASSERT_EQ(curve.size(), 4u);
  EXPECT_EQ(curve[0].value, 0.5);
  EXPECT_EQ(curve[0].total_seconds, 4);
  EXPECT_EQ(curve[3].best_trial, 2);
  EXPECT_EQ(curve[3].total_seconds, 10);
  EXPECT_TRUE(curve[3].feasible);
}

// A number of few epochs, or of a training that was stopped, says less than one of many.
TEST(Summary, WhatReachedMoreEpochsIsAhead) {
  std::vector<Trial> trials;
  const auto add = [&](double accuracy, std::int64_t epochs, std::int64_t stopped_at = 0) {
    Trial trial = trial_of(static_cast<std::int64_t>(trials.size()));
    trial.state = stopped_at > 0 ? TrialState::stopped : TrialState::done;
    trial.fidelity.epochs = epochs;
    trial.outcome = {.metrics = {{"val_accuracy", accuracy}}};
    if (stopped_at > 0) trial.outcome.reports = {{.step = stopped_at, .metrics = trial.outcome.metrics}};
    trials.push_back(trial);
  };
  add(0.9, 3), add(0.7, 9), add(0.95, 27, 2), add(0.6, 9), add(0.8, 27, 9);
  EXPECT_EQ(reached_epochs(trials[2]), 2);
  EXPECT_EQ(best(trials, {})->number, 4);  // of those that reached nine
  EXPECT_EQ(best_so_far(trials, {})[3].best_trial, 1);
  add(0.5, 0);  // the evaluator's own full measure
  EXPECT_EQ(best(trials, {})->number, 5);
  trials[5].phase = "another";
  EXPECT_EQ(best(trials, {}, trials[0].phase)->number, 4);
  EXPECT_FALSE(best(trials, {}, "none"));
  std::vector<std::int64_t> order;
  std::ranges::sort(trials, [](const Trial& a, const Trial& b) { return ahead(a, b, {}); });
  for (const Trial& trial : trials) order.push_back(trial.number);
  EXPECT_EQ(order, (std::vector<std::int64_t>{5, 4, 1, 3, 0, 2}));
}

// A model of the journal: which trials are finished, with which value, whatever else happens.
TEST_F(StudyFile, FinishedTrialsSurviveAnySequence) {
  int serial = 0;
  EXPECT_TRUE(rc::check("append, claim, finish, lose, release and reopen keep what was finished", [&](const std::vector<std::uint8_t>& steps) {
    const fs::path path = folder_ / ("study" + std::to_string(serial++) + ".db");
    std::optional<Study> study = Study::create(path, {});
    std::map<std::int64_t, double> model;
    std::vector<Trial> held;
    std::int64_t next = 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const double value = static_cast<double>(i);
      switch (steps[i] % 7) {
        case 0: study->append(trial_of(next++)); break;
        case 1:
          model[next] = value;
          study->append_finished(finished_trial(next++, value));
          break;
        case 2:
        case 3:
          if (const auto claimed = study->claim("search", "w", steps[i] % 2 == 0 ? 60 : -1)) held.push_back(*claimed);
          break;
        case 4:
          if (!held.empty()) {
            if (study->finish(held.back(), outcome_of(value))) {
              RC_ASSERT(model.emplace(held.back().number, value).second);
            }
            held.pop_back();
          }
          break;
        case 5: study->release("search"); break;
        default:
          study.reset();
          study = Study::open(path);
      }
    }
    std::map<std::int64_t, double> kept;
    for (const Trial& trial : study->trials("search"))
      if (finished(trial)) kept[trial.number] = trial.outcome.metrics.at("val_accuracy");
    RC_ASSERT(kept == model);
    study.reset();
    fs::remove(path);
  }));
}

}  // namespace
}  // namespace netwright
