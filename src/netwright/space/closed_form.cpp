#include "netwright/space/closed_form.hpp"

#include "netwright/core/error.hpp"

namespace netwright {
namespace {

class ClosedSpace final : public Space {
 public:
  explicit ClosedSpace(ClosedForm definition) : form_(std::move(definition)) {}

  const SpaceInfo& info() const override { return form_.info; }
  const DecisionTree& decisions() const override { return form_.decisions; }

  Graph open(const NetworkOptions& options) const override {
    check_settings(form_.info, options);
    throw Unsupported(form_.info.name + " has no open graph: " + form_.reason);
  }

  Graph close(const Architecture& architecture, const NetworkOptions& options) const override {
    validate(form_.decisions, architecture);
    check_settings(form_.info, options);
    NetworkOptions closed = options;
    closed.search = false;
    return form_.build(architecture, closed);
  }

  std::string print(const Architecture& architecture) const override { return form_.print ? form_.print(architecture) : Space::print(architecture); }

  Architecture parse(std::string_view text) const override {
    if (!form_.parse || !form_.is_own_text(text)) return Space::parse(text);
    Architecture architecture = form_.parse(text);
    validate(form_.decisions, architecture);
    return architecture;
  }

  std::uint64_t canonical(const Architecture& architecture) const override {
    validate(form_.decisions, architecture);
    return form_.canonical ? form_.canonical(architecture) : Space::canonical(architecture);
  }

 private:
  ClosedForm form_;
};

}  // namespace

std::unique_ptr<Space> make_space(ClosedForm definition) { return std::make_unique<ClosedSpace>(std::move(definition)); }

}  // namespace netwright
