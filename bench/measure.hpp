#pragma once
// What all benchmarks share: rounds, their median and spread, the process's memory, and one JSON line.
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace netwright::bench {

using Json = nlohmann::ordered_json;

inline double now_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double seconds_of(const std::function<void()>& work);

// {"median": .., "min": .., "max": .., "rounds": n}
Json spread(std::vector<double> values);
double median(std::vector<double> values);

// Forgets the peak so far; the largest resident memory since then, in MB.
void forget_peak_memory();
double peak_memory_mb();

// Since the process was started, to 10 ms.
double process_seconds();

// Runs a benchmark; 1 and one line "NAME: ..." where it throws.
int guarded(const std::string& name, const std::function<void()>& work);

// Prints {"benchmark": name, ...fields, "command": how this process was started} on one line.
void report(const std::string& name, const Json& fields);

}  // namespace netwright::bench
