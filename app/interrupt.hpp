#pragma once
// Ctrl-C: the first asks the running loops to end after what they are doing, the second ends the program at once (exit code 130).
#include "netwright/core/error.hpp"

namespace netwright {

// Thrown where a command ends because the user asked for it.
class Interrupted : public Error {
 public:
  using Error::Error;
};

void catch_interrupts();  // SIGINT and SIGTERM; a write beyond the file size limit becomes that write's error
bool interrupted();       // polled by the loops

}  // namespace netwright
