#include "netwright/space/decision_space.hpp"

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

class DecisionSpace : public Space {
 public:
  DecisionSpace(const std::string& name, const std::string& title, DecisionTree tree) : tree_(std::move(tree)) {
    info_ = {.name = name, .title = title, .paper = "", .traits = {"table"}};
  }
  const SpaceInfo& info() const override { return info_; }
  const DecisionTree& decisions() const override { return tree_; }
  Graph open(const NetworkOptions&) const override { throw Unsupported(reason()); }
  Graph close(const Architecture&, const NetworkOptions&) const override { throw Unsupported(reason()); }

 private:
  std::string reason() const { return "space '" + info_.name + "' is a table's decisions alone, so no network can be built of it"; }

  SpaceInfo info_;
  DecisionTree tree_;
};

// The header of a stored table; null where it is none.
nlohmann::json header_of(const std::filesystem::path& file) {
  constexpr std::string_view magic = "NWTABLE1";
  constexpr std::uint64_t most = 64u << 20;
  std::ifstream stream(file, std::ios::binary);
  std::string start(magic.size(), ' ');
  std::uint64_t length = 0;
  stream.read(start.data(), static_cast<std::streamsize>(start.size()));
  stream.read(reinterpret_cast<char*>(&length), sizeof length);
  if (!stream || start != magic || length > most) return nullptr;
  std::string text(length, ' ');
  stream.read(text.data(), static_cast<std::streamsize>(length));
  return stream ? nlohmann::json::parse(text, nullptr, false) : nullptr;
}

}  // namespace

std::shared_ptr<const Space> decision_space(const std::string& name, const std::string& title, DecisionTree tree) {
  return std::make_shared<DecisionSpace>(name, title, std::move(tree));
}

DecisionTree parse_decisions(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  std::vector<Decision> decisions;
  try {
    for (const auto& decision : json)
      decisions.push_back({.name = decision.at("name"), .choices = decision.at("choices").get<std::vector<std::string>>()});
  } catch (const nlohmann::json::exception&) {
    throw UsageError("decisions are written [{\"name\": NAME, \"choices\": [CHOICE, ...]}, ...]");
  }
  return DecisionTree(std::move(decisions));
}

std::shared_ptr<const Space> space_of_table(const std::filesystem::path& file) {
  const nlohmann::json header = header_of(file);
  if (!header.is_object() || !header.contains("space") || !header.contains("decisions"))
    throw UsageError("table " + file.string() + ": is no netwright table (netwright table import makes them)");
  const std::string space = header["space"], name = header.value("name", "");
  if (!space.empty()) return find_space(space);
  return decision_space(name, "The decisions of the table " + name, parse_decisions(header["decisions"].dump()));
}

}  // namespace netwright
