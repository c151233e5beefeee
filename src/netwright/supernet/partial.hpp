#pragma once
// Partial channels: a supernet whose candidates see a share of the channels.
#include "netwright/graph/graph.hpp"

namespace netwright {

// The same open graph, decisions and names with every choice of as many channels out as in on the first 1/share of them:
//   y = channel_shuffle_share(concat(choice(x[: C / share]), bypass(x[C / share :])))
// where the bypass is the identity, or a 2x2 max pool of stride 2 where the choice halves the resolution. Choices whose channels
// `share` does not divide, inside the candidates too, stay as they are. Memory of the choices falls by about `share`.
// Source: PC-DARTS (Xu et al. 2020, arXiv 1907.05737); its edge normalisation is ParameterStart::edges.
// Departure: at an odd resolution the bypass takes every second pixel, where a 2x2 pool would lose one. Errors: UsageError for share < 1.
Graph partial_channels(const Graph& open, std::int64_t share);

}  // namespace netwright
