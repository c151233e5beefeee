// netwright: the verbs that need no torch, in milliseconds; the others by netwright-train.
#include <iostream>

#include "command_line.hpp"
#include "hand_over.hpp"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const int code = netwright::run_command_line(words, netwright::plain_verbs(), std::cout, std::cerr);
  if (code != netwright::hand_over) return code;
  netwright::set_thread_environment(1);
  try {
    netwright::run_training_program(words);
  } catch (const std::exception& error) {
    std::cerr << "netwright: " << error.what() << "\n";
    return netwright::failed;
  }
}
