#pragma once
// This machine, as it is recorded in a study.
#include <nlohmann/json_fwd.hpp>

namespace netwright {

// {"system", "processor", "vector_units", "cores", "memory_bytes"}
nlohmann::ordered_json machine_json();

}  // namespace netwright
