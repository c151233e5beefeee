#pragma once
// Search spaces that a user writes in YAML: stages, blocks, choices, elastic numbers and cells. docs/spaces.md teaches the language.
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "netwright/space/space.hpp"

namespace netwright {

// The space has an open graph, in one form (options.search changes the settings' defaults only). Its decisions are named by where
// they stand ("stage1.block2.op"), or by the `as` that the file gives; equal names are one decision.
// Everything is checked here, the network included, at the file's own input.
// Errors: UsageError "FILE:line:column: ..." with the value, the rule and the nearest name. Cost: milliseconds.
std::shared_ptr<const Space> read_yaml_space(const std::filesystem::path& file);
// The same, of text; `origin` stands for the file's name in messages.
std::shared_ptr<const Space> read_yaml_space_text(std::string_view text, const std::string& origin);

}  // namespace netwright
