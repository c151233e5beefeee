#pragma once
// This machine, as it is recorded in a study.
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace netwright {

// {"system", "processor", "vector_units", "cores", "memory_bytes"}
nlohmann::ordered_json machine_json();

// All that doctor tells without torch, as JSON and as lines.
nlohmann::ordered_json installation_json();
std::string installation_lines(const nlohmann::ordered_json& json);

}  // namespace netwright
