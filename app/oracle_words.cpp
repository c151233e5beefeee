#include "oracle_words.hpp"

#include <ATen/ATen.h>

#include <cctype>

#include "netwright/proxy/fill.hpp"

namespace netwright {
namespace {

bool part_of_number(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.'; }

double factor_before(std::string_view words, std::size_t at) {
  if (at == 0 || words[at - 1] != '*') return 1;
  std::size_t start = at - 1;
  while (start > 0 && part_of_number(words[start - 1])) --start;
  return start + 1 == at ? 1 : std::stod(std::string(words.substr(start, at - 1 - start)));
}

// "14x8" right behind a blank or an opening parenthesis.
std::vector<std::int64_t> sizes_behind(std::string_view words, std::size_t at) {
  while (at < words.size() && (words[at] == ' ' || words[at] == '(')) ++at;
  std::vector<std::int64_t> sizes;
  while (at < words.size() && std::isdigit(static_cast<unsigned char>(words[at])) != 0) {
    std::size_t end = at;
    while (end < words.size() && std::isdigit(static_cast<unsigned char>(words[end])) != 0) ++end;
    sizes.push_back(std::stoll(std::string(words.substr(at, end - at))));
    at = end + 1;
    if (end >= words.size() || words[end] != 'x') break;
  }
  return sizes.size() > 1 ? sizes : std::vector<std::int64_t>{};
}

}  // namespace

at::Tensor tensor_in_words(std::string_view words, std::string_view marker, const std::vector<std::int64_t>& fallback) {
  const std::size_t start = words.find(marker), at = start == std::string_view::npos ? start : words.find("LCG(", start);
  if (at == std::string_view::npos) throw UsageError("'" + std::string(words) + "' holds no tensor of the form 2*LCG(11) 14x8 behind '" + std::string(marker) + "'");
  const std::size_t open = at + 4, close = words.find(')', open);
  const auto seed = static_cast<std::uint32_t>(std::stoul(std::string(words.substr(open, close - open))));
  const auto sizes = sizes_behind(words, close + 1);
  return lcg_tensor(sizes.empty() ? fallback : sizes, seed, factor_before(words, at));
}

OracleJson values_json(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().to(at::kDouble).contiguous();
  return std::vector<double>(plain.const_data_ptr<double>(), plain.const_data_ptr<double>() + plain.numel());
}

OracleJson rows_json(const at::Tensor& tensor) {
  OracleJson rows = OracleJson::array();
  for (std::int64_t i = 0; i < tensor.size(0); ++i) rows.push_back(values_json(tensor[i]));
  return rows;
}

at::Tensor vector_of(const OracleJson& numbers) { return at::tensor(numbers.get<std::vector<double>>(), at::kDouble); }

}  // namespace netwright
