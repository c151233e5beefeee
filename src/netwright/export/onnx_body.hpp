#pragma once
// The protobuf messages of ONNX, as far as a network needs them (field numbers: the public onnx.proto). Not installed.
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "netwright/graph/graph.hpp"

namespace netwright {

using OnnxAttribute = std::variant<std::int64_t, float, std::vector<std::int64_t>, std::string>;
using OnnxAttributes = std::vector<std::pair<std::string_view, OnnxAttribute>>;

// Writes a GraphProto piece by piece. Names of values are the caller's; constants are named here.
class OnnxBody {
 public:
  explicit OnnxBody(std::int64_t batch) : batch_(batch) {}

  // A node with one output, called `output`, which is returned.
  std::string add(std::string_view type, const std::vector<std::string>& inputs, const std::string& output, const OnnxAttributes& attributes = {});
  void weight(const std::string& name, const Shape& shape, std::span<const float> values);
  // Constants; equal ones are stored once.
  std::string scalar(float value);
  std::string vector(const std::vector<std::int64_t>& values);
  // The same under a name of the caller's, for long lists.
  std::string vector(const std::string& name, const std::vector<std::int64_t>& values);

  void input(const std::string& name, const Shape& shape) { inputs_.push_back(value_info(name, shape)); }
  void output(const std::string& name, const Shape& shape) { outputs_.push_back(value_info(name, shape)); }
  void value(const std::string& name, const Shape& shape) { values_.push_back(value_info(name, shape)); }

  void need_opset(std::int64_t opset) { opset_ = opset > opset_ ? opset : opset_; }
  std::string model(std::string_view name, const std::map<std::string, std::string, std::less<>>& metadata) const;

 private:
  std::string value_info(const std::string& name, const Shape& shape) const;
  void tensor(const std::string& name, const Shape& shape, int type, std::string_view raw);

  std::int64_t batch_;
  std::int64_t opset_ = 17;
  std::vector<std::string> nodes_, initializers_, inputs_, outputs_, values_;   // serialised messages
  std::set<std::string> constants_;
};

}  // namespace netwright
