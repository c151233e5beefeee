// netwright-train: every verb; started by netwright with the thread settings that libtorch reads when it is loaded.
#include <iostream>

#include "command_line.hpp"

int main(int argc, char** argv) {
  netwright::Verbs verbs = netwright::plain_verbs();
  netwright::add_training_verbs(verbs);
  const int code = netwright::run_command_line({argv + 1, argv + argc}, verbs, std::cout, std::cerr);
  if (code != netwright::hand_over) return code;
  std::cerr << "netwright: this program cannot do '" << (argc > 1 ? argv[1] : "") << "'\n";
  return netwright::failed;
}
