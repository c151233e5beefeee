#include "netwright/space/library/reference.hpp"

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

class Reference final : public Space {
 public:
  Reference() {
    Decision decision{.name = "network"};
    for (const auto& network : reference_networks()) decision.choices.push_back(network.name);
    tree_ = DecisionTree({decision});
  }

  const SpaceInfo& info() const override { return info_; }
  const DecisionTree& decisions() const override { return tree_; }

  Graph open(const NetworkOptions&) const override { throw Unsupported("reference has no open graph: its networks are whole and share no weights"); }

  Graph close(const Architecture& architecture, const NetworkOptions& options) const override {
    validate(tree_, architecture);
    check_settings(info_, options);
    return picked_network(architecture).build(options);
  }

  std::string print(const Architecture& architecture) const override { return picked_network(architecture).name; }

  // A name alone, or the generic forms.
  Architecture parse(std::string_view text) const override {
    const bool generic = text.find_first_of("={") != std::string_view::npos;
    return Space::parse(generic ? std::string(text) : tree_[0].name + "=" + trim(text));
  }

 private:
  static const ReferenceNetwork& picked_network(const Architecture& architecture) {
    return reference_networks().at(static_cast<std::size_t>(architecture.picks.at(0)));
  }

  SpaceInfo info_{.name = "reference",
                  .title = "hand-made networks of the field, with torchvision's weight names",
                  .paper = "each network's own",
                  .traits = {"chain", "uniform"},
                  .input = {3, 224, 224},
                  .classes = 1000};
  DecisionTree tree_;
};

}  // namespace

const std::vector<ReferenceNetwork>& reference_networks() {
  static const std::vector<ReferenceNetwork> list = [] {
    auto all = residual_references();
    for (auto& network : mobile_references()) all.push_back(std::move(network));
    return all;
  }();
  return list;
}

std::unique_ptr<Space> make_reference() { return std::make_unique<Reference>(); }

}  // namespace netwright
