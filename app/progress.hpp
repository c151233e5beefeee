#pragma once
// How far a long job is: one line that is rewritten on a terminal, plain lines now and then elsewhere.
//
//   search  12/50  3.1/s  12s left  best val_accuracy 0.9312
#include <chrono>
#include <cstdint>
#include <ostream>
#include <string>

namespace netwright {

class ProgressLine {
 public:
  // `terminal`: rewrite the line (at most ten times a second); otherwise a line every `plain_seconds` and at the end.
  ProgressLine(std::ostream& out, bool terminal, double plain_seconds = 10);

  void start(const std::string& what, std::int64_t total, std::int64_t done = 0);  // total 0: unknown
  void update(std::int64_t done, const std::string& note = "");
  void finish(const std::string& note = "");  // leaves the last line standing
  void say(const std::string& line);          // a line of its own

 private:
  double elapsed() const;
  std::string text() const;
  void print(bool last);

  using Clock = std::chrono::steady_clock;
  std::ostream& out_;
  bool terminal_;
  double plain_seconds_;
  std::string what_;
  std::string note_;
  std::int64_t total_ = 0;
  std::int64_t done_ = 0;
  std::int64_t done_at_start_ = 0;
  Clock::time_point started_;
  Clock::time_point printed_;
  bool standing_ = false;  // an unfinished line is on the terminal
};

bool is_terminal(int descriptor);

}  // namespace netwright
