#include "netwright/config/text.hpp"

#include "netwright/training/dataset.hpp"

namespace netwright {
namespace {

Part part_of(const std::string& name, const std::shared_ptr<const Images>& images, const TextPart& where) {
  Part part{name, images, {}, {}};
  for (std::int64_t window = 0; window < where.windows; ++window) part.indices.push_back(where.first + window * images->shape[0]);
  return part;
}

}  // namespace

Split open_text(const DataOptions& options) {
  Text text = read_text(options);
  const auto images = std::make_shared<const Images>(
      Images{.shape = {options.sequence}, .classes = std::move(text.vocabulary), .tokens = std::move(text.tokens), .carry = options.carry});
  return {part_of("train", images, text.train), part_of("validation", images, text.validation), TestPart(part_of("test", images, text.test))};
}

}  // namespace netwright
