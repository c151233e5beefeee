#include "netwright/space/library/beyond.hpp"

namespace netwright {
namespace {

class Extended : public Space {
 public:
  Extended(std::unique_ptr<Space> space, Beyond beyond) : space_(std::move(space)), beyond_(std::move(beyond)) {}

  const SpaceInfo& info() const override { return space_->info(); }
  const DecisionTree& decisions() const override { return space_->decisions(); }
  Graph open(const NetworkOptions& options) const override { return space_->open(options); }
  std::string print(const Architecture& architecture) const override { return space_->print(architecture); }
  Architecture parse(std::string_view text) const override { return space_->parse(text); }
  std::uint64_t canonical(const Architecture& architecture) const override { return space_->canonical(architecture); }

  Graph close(const Architecture& architecture, const NetworkOptions& options) const override {
    if (!beyond_.close) return space_->close(architecture, options);
    validate(decisions(), architecture);
    check_settings(info(), options);
    NetworkOptions closed = options;
    closed.search = false;
    return beyond_.close(decisions(), architecture, closed);
  }

  Graph network(std::string_view text, const NetworkOptions& options) const override {
    check_settings(info(), options);
    auto own = beyond_.network ? beyond_.network(text, options) : std::nullopt;
    return own ? std::move(*own) : close(parse(text), options);
  }

 private:
  std::unique_ptr<Space> space_;
  Beyond beyond_;
};

}  // namespace

std::unique_ptr<Space> extended(std::unique_ptr<Space> space, Beyond beyond) { return std::make_unique<Extended>(std::move(space), std::move(beyond)); }

}  // namespace netwright
