#include "netwright/evaluation/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) { throw Error("cannot run the command: " + what + ": " + std::strerror(errno)); }

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  void reset(int value) { close(), value_ = value; }
  void close() {
    if (value_ >= 0) ::close(value_);
    value_ = -1;
  }
  int get() const { return value_; }
  bool open() const { return value_ >= 0; }

 private:
  int value_;
};

// Text that arrives in pieces, given on line by line.
class Lines {
 public:
  template <class Take>
  bool add(std::string_view piece, const Take& take) {
    rest_ += piece;
    std::size_t from = 0;
    for (std::size_t end; (end = rest_.find('\n', from)) != std::string::npos; from = end + 1) {
      if (!take(std::string_view(rest_).substr(from, end - from))) return false;
    }
    rest_.erase(0, from);
    return true;
  }
  template <class Take>
  bool finish(const Take& take) {
    const std::string last = std::move(rest_);
    rest_.clear();
    return last.empty() || take(std::string_view(last));
  }

 private:
  std::string rest_;
};

struct Stream {
  Descriptor read;
  Descriptor write;  // the child's end
  Lines lines;

  Stream() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail("pipe");
    read.reset(ends[0]);
    write.reset(ends[1]);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
};

std::vector<std::string> environment_of(const ChildCase& child_case) {
  std::vector<std::string> result;
  for (char** entry = ::environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const auto replaced = [&](const auto& pair) { return text.starts_with(pair.first + "="); };
    if (std::ranges::none_of(child_case.environment, replaced)) result.emplace_back(text);
  }
  for (const auto& [name, value] : child_case.environment) result.push_back(name + "=" + value);
  return result;
}

class Child {
 public:
  Child(const ChildCase& child_case, const std::function<bool(std::string_view)>& line) : case_(child_case), line_(line) { start(); }
  ~Child() {
    if (!reaped_) {
      signal_group(SIGKILL);
      wait(true);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  ChildResult run() {
    while (!reaped_) {
      const bool quiet = !poll_streams();
      wait(false);
      if (!reaped_ && past_deadline()) end(ChildEnd::timed_out, SIGKILL);
      if (!reaped_ && result_.end == ChildEnd::stopped && seconds_since(stopped_at_) > case_.grace_seconds) signal_group(SIGKILL);
      // Both ends closed by a child that lives on: nothing to poll for.
      if (!reaped_ && quiet) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    drain();
    signal_group(SIGKILL);  // whatever it left behind in its group
    result_.seconds = seconds_since(started_at_);
    return result_;
  }

 private:
  void start();
  [[noreturn]] void become(const char* const* arguments, char* const* environment, int input) const;
  bool poll_streams();
  void drain();
  void read(Stream& stream, bool error);
  void take_error(std::string_view line);
  bool take_line(std::string_view line);
  void end(ChildEnd how, int signal);
  void wait(bool block);
  void signal_group(int signal) const { ::kill(-process_, signal); }
  bool past_deadline() const { return case_.timeout_seconds > 0 && seconds_since(started_at_) > case_.timeout_seconds; }
  static double seconds_since(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

  const ChildCase& case_;
  const std::function<bool(std::string_view)>& line_;
  Stream output_, error_;
  pid_t process_ = -1;
  bool reaped_ = false;
  Clock::time_point started_at_ = Clock::now(), stopped_at_ = started_at_;
  ChildResult result_;
};

void Child::start() {
  const Descriptor input(::open(case_.input.c_str(), O_RDONLY | O_CLOEXEC));
  if (!input.open()) fail(case_.input.string());
  // Everything that allocates is done before the fork: another thread may hold the allocator's lock in the copy.
  std::vector<std::string> environment = environment_of(case_);
  std::vector<char*> pointers;
  for (std::string& entry : environment) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  const std::array<const char*, 4> arguments = {"sh", "-c", case_.command.c_str(), nullptr};
  process_ = ::fork();
  if (process_ < 0) fail("fork");
  if (process_ == 0) become(arguments.data(), pointers.data(), input.get());
  ::setpgid(process_, process_);  // in both, so that it holds whoever comes first
  output_.write.close();
  error_.write.close();
}

void Child::become(const char* const* arguments, char* const* environment, int input) const {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a search that is killed leaves no trainer behind
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) ::signal(number, SIG_DFL);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output_.write.get(), STDOUT_FILENO);
  ::dup2(error_.write.get(), STDERR_FILENO);
  ::execve("/bin/sh", const_cast<char* const*>(arguments), environment);
  ::_exit(127);
}

// False when there is nothing left to poll.
bool Child::poll_streams() {
  std::array<pollfd, 2> polled = {{{output_.read.get(), POLLIN, 0}, {error_.read.get(), POLLIN, 0}}};  // poll skips closed ones (-1)
  if (!output_.read.open() && !error_.read.open()) return false;
  if (::poll(polled.data(), polled.size(), 50) <= 0) return true;
  if (polled[1].revents) read(error_, true);
  if (polled[0].revents) read(output_, false);
  return true;
}

void Child::read(Stream& stream, bool error) {
  const auto take = [&](std::string_view line) { return error ? (take_error(line), true) : take_line(line); };
  std::array<char, 16384> block;
  const ssize_t got = ::read(stream.read.get(), block.data(), block.size());
  if (got > 0) {
    stream.lines.add(std::string_view(block.data(), static_cast<std::size_t>(got)), take);
  } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
    stream.lines.finish(take);
    stream.read.close();
  }
}

// What stands in the pipes after the end; a grandchild may hold them open, so an empty pipe ends it too.
void Child::drain() {
  for (Stream* stream : {&error_, &output_}) {
    pollfd polled = {stream->read.get(), POLLIN, 0};
    while (stream->read.open() && ::poll(&polled, 1, 0) > 0) read(*stream, stream == &error_);
    const bool error = stream == &error_;
    stream->lines.finish([&](std::string_view line) { return error ? (take_error(line), true) : take_line(line); });
  }
}

void Child::take_error(std::string_view line) {
  const std::string text = trim(line);
  if (!text.empty()) result_.last_error_line = text;
}

bool Child::take_line(std::string_view line) {
  if (result_.end != ChildEnd::exited) return false;  // what it says after its end was decided does not count
  if (line_(line)) return true;
  end(ChildEnd::stopped, SIGTERM);
  return false;
}

void Child::end(ChildEnd how, int signal) {
  if (how == ChildEnd::stopped) stopped_at_ = Clock::now();
  if (result_.end == ChildEnd::exited) result_.end = how;
  if (!reaped_) signal_group(signal);
}

void Child::wait(bool block) {
  int status = 0;
  const pid_t got = ::waitpid(process_, &status, block ? 0 : WNOHANG);
  if (got == 0 || (got < 0 && errno == EINTR)) return;
  reaped_ = true;
  if (got < 0) return;
  result_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  result_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace

ChildResult run_child(const ChildCase& child_case, const std::function<bool(std::string_view)>& line) { return Child(child_case, line).run(); }

}  // namespace netwright
