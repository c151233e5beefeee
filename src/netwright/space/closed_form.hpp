#pragma once
// Spaces that cannot be one open graph: a decision tree, and code that writes the closed network of an architecture.
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "netwright/space/space.hpp"

namespace netwright {

struct ClosedForm {
  SpaceInfo info;
  DecisionTree decisions;
  std::string reason;  // completes "SPACE has no open graph: ..."; open() throws it as Unsupported
  std::function<Graph(const Architecture&, const NetworkOptions&)> build;  // the architecture is valid, the settings are known
  // Where they are set, the field's own notation; canonical as in Space.
  std::function<std::string(const Architecture&)> print;
  std::function<Architecture(std::string_view)> parse;
  std::function<bool(std::string_view)> is_own_text;  // what parse understands; other texts go to the generic reader
  std::function<std::uint64_t(const Architecture&)> canonical;
};
std::unique_ptr<Space> make_space(ClosedForm definition);

}  // namespace netwright
