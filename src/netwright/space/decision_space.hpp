#pragma once
// A space that is decisions alone: what a table of trained networks speaks of where no network can be built.
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "netwright/space/space.hpp"

namespace netwright {

// open() and close() throw Unsupported.
std::shared_ptr<const Space> decision_space(const std::string& name, const std::string& title, DecisionTree tree);

// "[{"name": "layer0", "choices": ["identity", "mb3"]}, ...]", all of kind one_of. Errors: UsageError for other text.
DecisionTree parse_decisions(std::string_view json);

// The space that a stored table (.nwt) speaks of: the one it names, or its own decisions. Errors: UsageError for another file.
std::shared_ptr<const Space> space_of_table(const std::filesystem::path& file);

}  // namespace netwright
