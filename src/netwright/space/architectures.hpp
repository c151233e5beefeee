#pragma once
// Published networks as data: what a paper found, and the networks in which it reports them.
//
// Each file library/architectures/FILE.yaml holds those of one space; they are embedded when netwright is built. A file:
//   space: nasnet
//   architectures:
//     - name: NASNet-A
//       text: '...'                                  # what Space::parse or Space::network of the space reads
//       paper: Zoph et al. 2018, arXiv 1707.07012
//       networks:                                    # at least one
//         - name: mobile
//           input: 3x224x224                         # default: the space's usual input and classes
//           classes: 1000
//           settings: {network: imagenet, cells: 12}
//           published: {params: 5.3M, macs: 564M, top1: 74.0}   # as the paper prints them; top1 and error in percent
//           exact: {params: 5289978}                 # known to the unit, without an auxiliary head
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "netwright/space/space.hpp"

namespace netwright {

struct PublishedNetwork {
  std::string name;
  NetworkOptions options;
  std::vector<std::pair<std::string, std::string>> published;  // params, macs, top1, ... in the order of the file
  std::optional<std::int64_t> exact_params, exact_macs;
};

struct NamedArchitecture {
  std::string space;
  std::string name;
  std::string text;
  std::string paper;
  std::vector<PublishedNetwork> networks;
};

// All that are built in, file by file. Read once, on the first call (a few milliseconds).
const std::vector<NamedArchitecture>& named_architectures();

// Errors: UsageError with `origin`, line, value, rule and nearest name.
std::vector<NamedArchitecture> read_named_architectures(const std::string& yaml, const std::string& origin);

// Whether a text has the form SPACE/NAME or SPACE/NAME@NETWORK: a slash, no colon, and not the path of a .json, .yaml or .yml file.
bool names_architecture(std::string_view text);

struct FoundNetwork {
  const NamedArchitecture& architecture;
  const PublishedNetwork& network;
};
// SPACE/NAME@NETWORK; @NETWORK may be left out where the architecture has one network. Errors: UsageError with the nearest name.
FoundNetwork find_named_network(std::string_view text);

}  // namespace netwright
