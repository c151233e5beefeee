#include "interrupt.hpp"

#include <unistd.h>

#include <csignal>

namespace netwright {
namespace {

// A signal handler can reach nothing but an object of this type and of static storage.
volatile std::sig_atomic_t signals = 0;

extern "C" void on_signal(int) {
  if (signals != 0) _exit(130);
  signals = 1;
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGXFSZ, SIG_IGN);   // a file beyond the limit is an error of its write, not a death
}

bool interrupted() { return signals != 0; }

}  // namespace netwright
