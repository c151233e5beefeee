#include "netwright/evaluation/command.hpp"

#include <gtest/gtest.h>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "netwright/core/error.hpp"
#include "netwright/core/files.hpp"
#include "netwright/evaluation/child.hpp"
#include "netwright/graph/json.hpp"
#include "netwright/space/variation.hpp"

namespace netwright {
namespace {

using Options = std::map<std::string, std::string, std::less<>>;

struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("netwright_command_" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

Candidate candidate() {
  return {.trial = 4, .architecture = normalised(find_space("minimal")->decisions(), {.picks = {1}}), .seed = 18446744073709551615u};
}

Outcome run(const std::string& command, Options options = {}, const Progress& progress = nullptr) {
  options["run"] = command;
  const auto evaluator = make_command({.space = find_space("minimal"), .network = {}, .options = std::move(options)});
  return evaluator->evaluate(candidate(), {.epochs = 3}, progress);
}

std::string reason(const std::string& command, Options options = {}) {
  const Outcome outcome = run(command, std::move(options));
  EXPECT_EQ(outcome.status, Status::failed) << command;
  EXPECT_EQ(outcome.reason.find('\n'), std::string::npos);
  return outcome.reason;
}

TEST(Command, TakesTheLastLinesMetricsAndKeepsTheOthers) {
  const Outcome outcome = run(R"(echo '{"step": 1, "val_accuracy": 0.25, "val_loss": 2}'; echo; echo '{"step": 3, "val_accuracy": 0.5}')");
  ASSERT_EQ(outcome.status, Status::done) << outcome.reason;
  EXPECT_EQ(outcome.metrics, (Metrics{{"val_accuracy", 0.5}}));
  ASSERT_EQ(outcome.reports.size(), 2u);
  EXPECT_EQ(outcome.reports[0].step, 1);
  EXPECT_EQ(outcome.reports[0].metrics.at("val_loss"), 2);
  EXPECT_EQ(outcome.reports[1].step, 3);
  EXPECT_GT(outcome.seconds, 0);
}

TEST(Command, TakesALastLineWithoutItsEnd) { EXPECT_EQ(run(R"(printf '{"val_accuracy": 1}')").metrics.at("val_accuracy"), 1); }

TEST(Command, GivesTheArchitectureTwiceAndTheEnvironment) {
  const Folder folder;
  const std::string out = folder.path.string();
  const Outcome outcome = run("cat > " + out + "/stdin; cat \"$NETWRIGHT_ARCHITECTURE\" > " + out +
                              "/file; echo $NETWRIGHT_EPOCHS $NETWRIGHT_SEED $NETWRIGHT_TRIAL > " + out + R"(/env; echo '{"val_accuracy": 0}')");
  ASSERT_EQ(outcome.status, Status::done) << outcome.reason;
  const std::string text = read_file(folder.path / "file");
  EXPECT_EQ(text, read_file(folder.path / "stdin"));
  EXPECT_EQ(read_file(folder.path / "env"), "3 18446744073709551615 4\n");
  const auto object = nlohmann::json::parse(text);
  const auto space = find_space("minimal");
  EXPECT_EQ(object.at("space"), "minimal");
  EXPECT_EQ(space->parse(object.at("architecture").get<std::string>()), candidate().architecture);
  EXPECT_EQ(space->parse(object.at("decisions").dump()), candidate().architecture);
  EXPECT_EQ(object.at("seed").get<std::uint64_t>(), candidate().seed);
  EXPECT_EQ(to_json(graph_from_json(object.at("graph").dump())), to_json(space->close(candidate().architecture, {})));
}

// Rung by rung: what a trial writes into its folder, the one that goes on with it finds.
TEST(Command, APromotedTrialFindsTheStateThatItGoesOnWith) {
  const Folder folder;
  const auto evaluator = make_command({.space = find_space("minimal"),
                                       .network = {},
                                       .options = {{"run",
                                                    "before=$(cat \"$NETWRIGHT_CONTINUE/epochs\" 2>/dev/null || echo 0); echo $NETWRIGHT_EPOCHS > "
                                                    "\"$NETWRIGHT_STATE/epochs\"; echo '{\"val_accuracy\": 0.5, \"before\": '$before'}'"},
                                                   {"state", folder.path.string()}}});
  Candidate first = candidate(), promoted = candidate();
  promoted.trial = 9;
  promoted.continues = first.trial;
  EXPECT_EQ(evaluator->evaluate(first, {.epochs = 3}, {}).metrics.at("before"), 0);
  const Outcome outcome = evaluator->evaluate(promoted, {.epochs = 9, .from_epochs = 3}, {});
  ASSERT_EQ(outcome.status, Status::done) << outcome.reason;
  EXPECT_EQ(outcome.metrics.at("before"), 3);
  EXPECT_EQ(outcome.reports.at(0).step, 4);
}

TEST(Command, RunsPython) {
  const Outcome outcome = run(R"(python3 -c '
import json, os, sys
architecture = json.load(sys.stdin)
for step in range(1, int(os.environ["NETWRIGHT_EPOCHS"]) + 1):
    print(json.dumps({"step": step, "val_accuracy": step / 10, "nodes": len(architecture["graph"]["nodes"])}), flush=True)
')");
  ASSERT_EQ(outcome.status, Status::done) << outcome.reason;
  EXPECT_EQ(outcome.reports.size(), 3u);
  EXPECT_DOUBLE_EQ(outcome.metrics.at("val_accuracy"), 0.3);
  EXPECT_GT(outcome.metrics.at("nodes"), 1);
}

TEST(Command, SaysHowItFailed) {
  EXPECT_EQ(reason("echo 'loading data' >&2; echo 'no such GPU' >&2; echo >&2; exit 3"), "exit code 3: no such GPU");
  EXPECT_EQ(reason("kill -9 $$"), "killed by signal 9 (Killed)");
  EXPECT_EQ(reason("kill -SEGV $$"), "killed by signal 11 (Segmentation fault)");
  EXPECT_NE(reason("./no_such_trainer").find("exit code 127: "), std::string::npos);
  EXPECT_EQ(reason("true"), "the command ended without a line of metrics");
  EXPECT_EQ(reason("echo 'Epoch 1'"), "line 1 of its output: not a JSON object: Epoch 1");
  EXPECT_EQ(reason("echo '[1, 2]'"), "line 1 of its output: not a JSON object: [1, 2]");
  EXPECT_EQ(reason(R"(echo '{"val_accuracy": "high"}')"), "line 1 of its output: 'val_accuracy' is not a number: \"high\" at step 1");
  EXPECT_EQ(reason(R"(echo '{"step": 1.5, "val_accuracy": 0.5}')"), "line 1 of its output: step is not a whole number: 1.5");
  EXPECT_EQ(reason(R"(echo '{"val_accuracy": 93.5}')"), "line 1 of its output: val_accuracy is 93.5; accuracies are from 0 to 1 at step 1");
  EXPECT_EQ(reason(R"(echo '{"val_acuracy": 0.5}')"), "the last line has no val_accuracy; did you mean 'val_acuracy'?");
  EXPECT_EQ(reason(R"(echo '{"val_accuracy": 0.5}'; exit 1)"), "exit code 1");
}

TEST(Command, NaNIsAFailure) {
  EXPECT_EQ(reason(R"(echo '{"step": 2, "val_loss": NaN}')"), "line 1 of its output: val_loss is not finite at step 2");
  EXPECT_EQ(reason(R"(echo '{"step": 2, "val_loss": -Infinity, "val_accuracy": 0}')"), "line 1 of its output: val_loss is not finite at step 2");
  EXPECT_EQ(reason(R"(echo '{"val_accuracy": null}')"), "line 1 of its output: val_accuracy is not finite at step 1");
  EXPECT_EQ(reason(R"(echo '{"val_accuracy": 1e999}')"), "line 1 of its output: not a JSON object: {\"val_accuracy\": 1e999}");
}

TEST(Command, KeepsTheMetricsOfAFailedRun) {
  const Outcome outcome = run(R"(echo '{"step": 1, "val_accuracy": 0.5}'; exit 1)");
  EXPECT_EQ(outcome.metrics.at("val_accuracy"), 0.5);
  EXPECT_EQ(outcome.reports.size(), 1u);
}

// A process that has ended but that nobody has waited for (Z) is dead.
bool lives(pid_t process) {
  std::ifstream stat("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  if (!std::getline(stat, text)) return false;
  return text.substr(text.rfind(')') + 2, 1) != "Z";
}

bool ends_soon(pid_t process) {
  for (int i = 0; i < 500 && lives(process); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return !lives(process);
}

TEST(Command, TheTimeLimitEndsTheWholeGroup) {
  const Folder folder;
  const std::string file = (folder.path / "grandchild").string();
  EXPECT_EQ(reason("sleep 1000 & echo $! > " + file + "; echo working >&2; wait", {{"timeout", "300ms"}}), "time limit of 300 ms reached: working");
  EXPECT_TRUE(ends_soon(std::stoi(read_file(file))));
}

TEST(Command, WhatIsLeftOfTheGroupEndsWithTheCommand) {
  const Folder folder;
  const std::string file = (folder.path / "grandchild").string();
  const Outcome outcome = run("sleep 1000 & echo $! > " + file + R"(; echo '{"val_accuracy": 0.5}')");
  EXPECT_EQ(outcome.status, Status::done) << outcome.reason;
  EXPECT_TRUE(ends_soon(std::stoi(read_file(file))));
}

TEST(Command, AListenerStopsIt) {
  const auto stop_at_two = [](const Report& report) { return report.step < 2; };
  const Outcome outcome = run(R"(for i in 1 2 3 4; do echo "{\"step\": $i, \"val_accuracy\": 0.$i}"; sleep 0.05; done; sleep 1000)", {}, stop_at_two);
  EXPECT_EQ(outcome.status, Status::stopped) << outcome.reason;
  EXPECT_EQ(outcome.metrics.at("val_accuracy"), 0.2);
  EXPECT_EQ(outcome.reports.size(), 2u);
}

TEST(Command, OneThatDoesNotListenIsKilledAfterItsGrace) {
  const ChildCase child{
      .command = "trap '' TERM; echo started; while true; do sleep 0.05; done", .input = "/dev/null", .environment = {}, .grace_seconds = 0.2};
  const ChildResult result = run_child(child, [](std::string_view) { return false; });
  EXPECT_EQ(result.end, ChildEnd::stopped);
  EXPECT_EQ(result.signal, SIGKILL);
}

TEST(Command, GoesOnWithMuchOutputOnBothStreams) {
  const Outcome outcome = run(
      R"(i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "{\"val_accuracy\": 0.5, \"n\": $i}"; echo "line $i of something long, long, long" >&2; done)");
  ASSERT_EQ(outcome.status, Status::done) << outcome.reason;
  EXPECT_EQ(outcome.reports.size(), 3000u);
  EXPECT_EQ(outcome.metrics.at("n"), 3000);
}

TEST(Command, RefusesBadOptions) {
  EXPECT_THROW(run(""), UsageError);
  EXPECT_THROW(run("true", {{"timeout", "soon"}}), UsageError);
  EXPECT_THROW(run("true", {{"timeout", "-1"}}), UsageError);
}

}  // namespace
}  // namespace netwright
