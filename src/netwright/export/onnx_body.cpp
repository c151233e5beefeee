#include "netwright/export/onnx_body.hpp"

#include <cstring>

#include <protozero/pbf_writer.hpp>

#include "netwright/core/error.hpp"
#include "netwright/core/names.hpp"

namespace netwright {
namespace {

using protozero::pbf_writer;

// Field numbers, message by message.
struct Model { enum { ir_version = 1, producer_name = 2, graph = 7, opset_import = 8, metadata_props = 14 }; };
struct Opset { enum { version = 2 }; };
struct Text { enum { key = 1, value = 2 }; };
struct GraphField { enum { node = 1, name = 2, initializer = 5, input = 11, output = 12, value_info = 13 }; };
struct NodeField { enum { input = 1, output = 2, name = 3, op_type = 4, attribute = 5 }; };
struct AttributeField { enum { name = 1, f = 2, i = 3, s = 4, ints = 8, type = 20, type_float = 1, type_int = 2, type_string = 3, type_ints = 7 }; };
struct Tensor { enum { dims = 1, data_type = 2, name = 8, raw_data = 9, type_float = 1, type_int64 = 7 }; };
struct Info { enum { name = 1, type = 2, tensor_type = 1, elem_type = 1, shape = 2, dim = 1, dim_value = 1, dim_param = 2 }; };

std::string attribute(std::string_view name, const OnnxAttribute& value) {
  std::string bytes;
  pbf_writer writer(bytes);
  writer.add_string(AttributeField::name, name.data(), name.size());
  if (const auto* i = std::get_if<std::int64_t>(&value)) {
    writer.add_int64(AttributeField::i, *i);
    writer.add_enum(AttributeField::type, AttributeField::type_int);
  } else if (const auto* f = std::get_if<float>(&value)) {
    writer.add_float(AttributeField::f, *f);
    writer.add_enum(AttributeField::type, AttributeField::type_float);
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    writer.add_bytes(AttributeField::s, *s);
    writer.add_enum(AttributeField::type, AttributeField::type_string);
  } else {
    for (const auto item : std::get<std::vector<std::int64_t>>(value)) writer.add_int64(AttributeField::ints, item);
    writer.add_enum(AttributeField::type, AttributeField::type_ints);
  }
  return bytes;
}

template <class T>
std::string_view raw(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace

std::string OnnxBody::add(std::string_view type, const std::vector<std::string>& inputs, const std::string& output, const OnnxAttributes& attributes) {
  std::string bytes;
  pbf_writer writer(bytes);
  for (const auto& input : inputs) writer.add_string(NodeField::input, input);
  writer.add_string(NodeField::output, output);
  writer.add_string(NodeField::name, output);
  writer.add_string(NodeField::op_type, type.data(), type.size());
  for (const auto& [name, value] : attributes) writer.add_message(NodeField::attribute, attribute(name, value));
  nodes_.push_back(std::move(bytes));
  return output;
}

void OnnxBody::tensor(const std::string& name, const Shape& shape, int type, std::string_view values) {
  std::string bytes;
  pbf_writer writer(bytes);
  for (const auto size : shape) writer.add_int64(Tensor::dims, size);
  writer.add_int32(Tensor::data_type, type);
  writer.add_string(Tensor::name, name);
  writer.add_bytes(Tensor::raw_data, values.data(), values.size());
  initializers_.push_back(std::move(bytes));
}

void OnnxBody::weight(const std::string& name, const Shape& shape, std::span<const float> values) { tensor(name, shape, Tensor::type_float, raw(values)); }

std::string OnnxBody::scalar(float value) {
  const std::string name = "constant/" + std::to_string(value);
  if (constants_.insert(name).second) tensor(name, {}, Tensor::type_float, raw(std::span<const float>(&value, 1)));
  return name;
}

std::string OnnxBody::vector(const std::vector<std::int64_t>& values) {
  std::vector<std::string> parts;
  for (const auto value : values) parts.push_back(std::to_string(value));
  return vector("[" + join(parts, ",") + "]", values);
}

std::string OnnxBody::vector(const std::string& title, const std::vector<std::int64_t>& values) {
  const std::string name = "constant/" + title;
  if (constants_.insert(name).second) tensor(name, {static_cast<std::int64_t>(values.size())}, Tensor::type_int64, raw(std::span<const std::int64_t>(values)));
  return name;
}

std::string OnnxBody::value_info(const std::string& name, const Shape& shape) const {
  std::string bytes;
  pbf_writer info(bytes);
  info.add_string(Info::name, name);
  pbf_writer type(info, Info::type);
  pbf_writer tensor_type(type, Info::tensor_type);
  tensor_type.add_enum(Info::elem_type, Tensor::type_float);
  pbf_writer dims(tensor_type, Info::shape);
  {
    pbf_writer batch(dims, Info::dim);
    if (batch_ > 0) batch.add_int64(Info::dim_value, batch_);
    else batch.add_string(Info::dim_param, "batch");
  }
  for (const auto size : shape) pbf_writer(dims, Info::dim).add_int64(Info::dim_value, size);
  dims.commit();
  tensor_type.commit();
  type.commit();
  return bytes;
}

std::string OnnxBody::model(std::string_view name, const std::map<std::string, std::string, std::less<>>& metadata) const {
  std::size_t size = 0;
  for (const auto* list : {&nodes_, &initializers_, &inputs_, &outputs_, &values_})
    for (const auto& message : *list) size += message.size() + 12;
  if (size > 2'000'000'000) throw Error("the network has " + std::to_string(size) + " bytes of weights; an ONNX file holds 2 GB");
  std::string bytes;
  bytes.reserve(size + 4096);
  pbf_writer model(bytes);
  model.add_int64(Model::ir_version, opset_ > 17 ? 9 : 8);
  model.add_string(Model::producer_name, "netwright");
  {
    pbf_writer graph(model, Model::graph);
    for (const auto& node : nodes_) graph.add_message(GraphField::node, node);
    graph.add_string(GraphField::name, name.data(), name.size());
    for (const auto& tensor : initializers_) graph.add_message(GraphField::initializer, tensor);
    for (const auto& input : inputs_) graph.add_message(GraphField::input, input);
    for (const auto& output : outputs_) graph.add_message(GraphField::output, output);
    for (const auto& value : values_) graph.add_message(GraphField::value_info, value);
  }
  pbf_writer(model, Model::opset_import).add_int64(Opset::version, opset_);
  for (const auto& [key, value] : metadata) {
    pbf_writer entry(model, Model::metadata_props);
    entry.add_string(Text::key, key);
    entry.add_string(Text::value, value);
  }
  return bytes;
}

}  // namespace netwright
