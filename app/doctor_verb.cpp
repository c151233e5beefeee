// doctor: what this machine and this installation have; netwright-train adds what torch has.
#include <sqlite3.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "hand_over.hpp"
#include "machine.hpp"
#include "netwright/core/names.hpp"
#include "netwright/core/units.hpp"
#include "verbs.hpp"
#include "version.hpp"

namespace netwright {
namespace {

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return trim(line.substr(line.find(':') + 1));
  return "unknown";
}

std::string vector_units() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("flags")) continue;
    std::vector<std::string> found;
    for (const auto& flag : split(line, ' '))
      if (flag == "avx2" || flag == "avx512f" || flag == "avx512_bf16" || flag == "amx_bf16") found.push_back(flag);
    return found.empty() ? "none" : join(found, " ");
  }
  return "unknown";
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "unset" : value;
}

}  // namespace

nlohmann::ordered_json machine_json() {
  utsname system{};
  uname(&system);
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  return {{"system", std::string(system.sysname) + " " + system.release},
          {"processor", processor()},
          {"vector_units", vector_units()},
          {"cores", usable_cores()},
          {"memory_bytes", memory}};
}

nlohmann::ordered_json installation_json() {
  nlohmann::ordered_json json{{"netwright", version_line()}, {"machine", machine_json()}, {"sqlite", sqlite3_libversion()}};
  for (const char* name : {"OMP_WAIT_POLICY", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "SLURM_CPUS_PER_TASK"})
    json["environment"][name] = environment(name);
  json["training"] = training_program() ? training_program()->string() : "not built";
  return json;
}

std::string installation_lines(const nlohmann::ordered_json& json) {
  const auto& machine = json.at("machine");
  std::string text = version_line() + "\nprocessor  " + machine.at("processor").get<std::string>() + " (" + machine.at("vector_units").get<std::string>() +
                     "), " + std::to_string(machine.at("cores").get<int>()) + " usable cores\nmemory     " +
                     format_bytes(machine.at("memory_bytes").get<double>()) + "\nsqlite     " + sqlite3_libversion() + "\ntraining   " +
                     json.at("training").get<std::string>() + "\n";
  for (const auto& [name, value] : json.at("environment").items()) text += name + "  " + value.get<std::string>() + "\n";
  return text;
}

int doctor(const DoctorOptions& options, std::ostream& out) {
  if (training_program()) return hand_over;
  const auto json = installation_json();
  out << (options.json ? json.dump(2) + "\n" : installation_lines(json));
  return done;
}

}  // namespace netwright
