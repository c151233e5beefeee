#pragma once
// Writes graphs: adds a node, infers its shape, keeps names unique and scoped.
//
//   Builder b;
//   Value x = b.input({3, 32, 32});
//   {
//     auto scope = b.scope("stem");
//     x = b.add("conv", x, {{"channels", 16}, {"kernel", 3}});   // named "stem.conv"
//   }
//   x = b.choice("edge", x, {{"skip", [](Builder& b, Value v) { return b.add("identity", v); }},
//                            {"conv", [](Builder& b, Value v) { return conv_bn_relu(b, v, 16, 3); }}});
//   Graph g = b.finish({x});
// Errors: UsageError naming the node and both shapes, at the call that adds the node.
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/graph/graph.hpp"

namespace netwright {

struct Value {
  int node = -1;
};

class Builder;

// Writes a branch: reads one value, gives one value.
using Body = std::function<Value(Builder&, Value)>;

struct BranchSpec {
  std::string name;
  Body body;                   // empty = identity, in select only
  bool search_only = false;
};

class Builder {
 public:
  Value input(Shape shape, std::string_view name = "input");
  Value add(std::string_view op, std::vector<Value> inputs, Attributes attributes = {}, std::string_view name = "");
  Value add(std::string_view op, Value input, Attributes attributes = {}, std::string_view name = "");
  Value choice(std::string_view decision, Value input, const std::vector<BranchSpec>& candidates, std::string_view name = "choice");
  // Picks `minimum` to `maximum` of the inputs; branches: none, or one for each input.
  struct SelectOptions {
    int minimum = 1;
    int maximum = 1;
    std::string combine = "sum";
    std::string name = "select";
    std::vector<BranchSpec> branches = {};
    std::vector<std::string> names = {};   // of the inputs, where there are no branches; default "0", "1", ...
  };
  Value select(std::string_view decision, const std::vector<Value>& inputs, const SelectOptions& options);

  const Shape& shape(Value value) const;
  const std::string& name(Value value) const;
  // Changes an attribute of a node that stands already: one that names a node behind it. Its shape stays as it is.
  void set(Value value, std::string_view attribute, Attribute to);
  std::int64_t channels(Value value) const { return shape(value).at(0); }

  // Names added while the returned object lives start with "name."; the label is shown in drawings.
  class Scope {
   public:
    Scope(Builder& builder, std::string prefix) : builder_(builder), outer_(std::move(prefix)) {}
    ~Scope() { builder_.prefix_ = outer_; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Builder& builder_;
    std::string outer_;
  };
  [[nodiscard]] Scope scope(std::string_view name, std::string_view label = "");

  Graph finish(std::vector<Value> outputs);

 private:
  std::string unique(std::string_view name);
  Value append(Node node);
  Branch branch(const BranchSpec& candidate, const Shape& input);

  Graph graph_;
  std::string prefix_;
  std::map<std::string, int> names_;
};

}  // namespace netwright
