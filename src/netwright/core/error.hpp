#pragma once
// The two kinds of failure that cross a room's border.
#include <stdexcept>
#include <string>

namespace netwright {

// Something that netwright could not do at run time (exit code 1): a full disk, a file that vanished, a network that diverged.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Something that the user wrote wrongly (exit code 2): one line with the place, the value, the rule and the nearest name.
// Thrown before any trial starts, never from within a search.
class UsageError : public Error {
 public:
  using Error::Error;
};

// The declared answer of a part that cannot do what is asked of it by its nature ("nasbench101 has no open graph: ...").
class Unsupported : public UsageError {
 public:
  using UsageError::UsageError;
};

}  // namespace netwright
