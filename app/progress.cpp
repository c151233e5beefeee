#include "progress.hpp"

#include <unistd.h>

#include <array>
#include <cstdio>

#include "netwright/core/units.hpp"

namespace netwright {

ProgressLine::ProgressLine(std::ostream& out, bool terminal, double plain_seconds) : out_(out), terminal_(terminal), plain_seconds_(plain_seconds) {}

void ProgressLine::start(const std::string& what, std::int64_t total, std::int64_t done) {
  what_ = what;
  note_.clear();
  total_ = total;
  done_ = done_at_start_ = done;
  started_ = printed_ = Clock::now();
}

void ProgressLine::update(std::int64_t done, const std::string& note) {
  done_ = done;
  note_ = note;
  const double since = std::chrono::duration<double>(Clock::now() - printed_).count();
  if (since >= (terminal_ ? 0.1 : plain_seconds_)) print(false);
}

void ProgressLine::finish(const std::string& note) {
  if (!note.empty()) note_ = note;
  print(true);
}

void ProgressLine::say(const std::string& line) {
  if (standing_) out_ << "\r\033[K";
  out_ << line << "\n";
  if (standing_) print(false);
  out_.flush();
}

double ProgressLine::elapsed() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }

std::string ProgressLine::text() const {
  std::string line = what_ + "  " + std::to_string(done_) + (total_ > 0 ? "/" + std::to_string(total_) : "");
  const double seconds = elapsed();
  const auto made = static_cast<double>(done_ - done_at_start_);
  if (made > 0 && seconds > 0) {
    std::array<char, 32> rate{};
    std::snprintf(rate.data(), rate.size(), "  %.3g/s", made / seconds);
    line += rate.data();
    if (total_ > done_) line += "  " + format_seconds(static_cast<double>(total_ - done_) * seconds / made) + " left";
  }
  if (done_ == total_ && total_ > 0) line += "  in " + format_seconds(seconds);
  return note_.empty() ? line : line + "  " + note_;
}

void ProgressLine::print(bool last) {
  printed_ = Clock::now();
  out_ << (terminal_ ? "\r\033[K" : "") << text() << (terminal_ && !last ? "" : "\n");
  out_.flush();
  standing_ = terminal_ && !last;
}

bool is_terminal(int descriptor) { return isatty(descriptor) == 1; }

}  // namespace netwright
