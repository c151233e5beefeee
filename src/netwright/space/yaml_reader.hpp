#pragma once
// What a YAML space says, with the place of every part. Reading only: nothing is built here.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "netwright/core/error.hpp"
#include "netwright/graph/graph.hpp"

namespace netwright {

struct Place {
  int line = 0;  // from 1
  int column = 0;
};

// A mistake at a place of the file: "FILE:line:column: what".
class PlacedError : public UsageError {
 public:
  PlacedError(const std::string& origin, Place place, const std::string& what)
      : UsageError(origin + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " + what) {}
};

// A number or a word that a block gives to an attribute: an expression of settings, or several of which one is chosen.
struct Quantity {
  Place place;
  std::vector<std::string> values;  // one where it is not open
  bool open = false;
  std::string as;  // the decision; empty: named by where it stands
};

struct CandidateText;
struct CellEdgeText;
struct CellNodeText;

struct BlockText {
  enum class Kind { sequence, word, block, choose, cell };
  Kind kind = Kind::sequence;
  Place place;
  std::string name;                            // word, block
  std::int64_t kernel = 0;                     // of "conv_3x3"; 0 = none
  std::map<std::string, Quantity> attributes;  // word; block: channels, stride
  std::string as;                              // choose: the decision; block: the scope of its decisions
  std::vector<BlockText> items;                // sequence
  std::shared_ptr<const BlockText> block;      // block: what its name stands for
  std::vector<CandidateText> candidates;       // choose
  std::vector<CellEdgeText> inputs;            // cell: two, of the block before the last and of the last, or none for the one input `in`
  std::vector<CellNodeText> nodes;             // cell
  std::vector<std::string> output;             // cell: nodes that are concatenated
};

struct CandidateText {
  std::string name;
  Place place;
  BlockText body;
  bool search_only = false;
};

struct CellEdgeText {
  std::string source;  // "in" or an earlier node
  BlockText body;      // an empty sequence where nothing stands on the edge
};

struct CellNodeText {
  std::string name;
  Place place;
  std::vector<CellEdgeText> edges;
  std::string combine = "sum";
  std::int64_t minimum = 0;  // picked edges; 0 = all, nothing is open
  std::int64_t maximum = 0;
  std::string as;
};

struct StageText {
  Place place;
  std::optional<Quantity> channels;  // none: as before
  std::optional<Quantity> stride;
  std::optional<Quantity> repeat;
  BlockText block;
  std::string as;  // the scope of its decisions, the same in every repeat; empty: each repeat has its own
};

struct SettingText {
  std::string name;
  std::int64_t fallback = 0;
  std::int64_t search = 0;
  std::string meaning;
};

struct SpaceText {
  std::string origin;
  std::string name, title, paper;
  Shape input = {3, 32, 32};
  std::int64_t classes = 10;
  std::vector<SettingText> settings;
  std::optional<BlockText> stem, head;
  double dropout = 0.0;
  std::vector<StageText> stages;
};

// Errors: PlacedError with the place, the value, the rule and the nearest name.
SpaceText read_space_text(std::string_view yaml, const std::string& origin);

}  // namespace netwright
