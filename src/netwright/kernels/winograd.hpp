#pragma once
// Dense 3x3 convolution of one image in scratch memory, stride 1, one zero around it, by Winograd's minimal filtering F(2x2, 3x3).
//
// out[r][q][o] = sum_ijc in[r + i][q + j][c] * weights[o][c][i][j]. For each 2x2 tile of the output, with d its 4x4 window of the input:
//   out = A^T [ sum_c (G w G^T) * (B^T d B) ] A, elementwise product: 16 multiplications where the definition has 36.
//   A^T = [1 1 1 0; 0 1 -1 -1]   B^T = [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1]   G = [1 0 0; 1/2 1/2 1/2; 1/2 -1/2 1/2; 0 0 1]
// The sums over c are 16 matrix products of tiles by channels. The weight gradient is the same algorithm turned round:
//   d weights = G^T [ sum_tiles (B^T d B) * (A (d out) A^T) ] G, and the input gradient is the function itself with the taps turned by 180 degrees.
// Channels in memory are padded to a multiple of vector_lanes(); images of odd size have a second zero behind their last row and column.
// Rounding: sums of up to four inputs before, of up to nine products behind the multiplication; the error in float32 is at most twice that
// of the definition's sum (kernels_test measures it against float64).
// Source: Lavin and Gray 2016, "Fast algorithms for convolutional neural networks", arXiv 1509.09308, section 4.1.
#include <cstddef>

#include "netwright/kernels/depthwise.hpp"
#include "netwright/kernels/floats.hpp"

namespace netwright {

constexpr int kWinogradPoints = 16;             // of a tile's window

struct DenseShape {
  int in, out;                                  // channels; their padded numbers lie in memory
  std::ptrdiff_t points_size() const;           // floats of the weights at all points, [point][in][padded out]
};

// Rows of tiles and tiles a row of an image, and the pixels that they cover.
inline int tiles_along(int pixels) { return (pixels + 1) / 2; }
inline int covered_pixels(int pixels) { return 2 * tiles_along(pixels); }

// {out, in, 3, 3} -> G w G^T as [point][in][padded out]; `turned`: the weights of the input gradient, [point][out][padded in].
Floats winograd_weights(const DenseShape& shape, const float* weights, bool turned);
// Sums at the points -> G^T sum G as {out, in, 3, 3}.
void winograd_unpack(const DenseShape& shape, const float* points, float* weights);

// Works on so many tiles at a time that what they need stays in the first and second level cache; scratch memory of one thread.
class Winograd {
 public:
  explicit Winograd(const DenseShape& shape);
  // The whole image, added to what is there with `add`; `in` points at the corner of the zeros around it, `pixels` are those of `out`.
  void convolve(const float* in, std::ptrdiff_t in_row, const float* weights, float* out, const Pixels& pixels, bool add);
  // points[p][i][o] += sum over tiles; `gradient` is that of `out`, a zero behind its last row and column where they are odd.
  void weight_gradient(const float* in, std::ptrdiff_t in_row, const float* gradient, const Pixels& pixels, float* points);

 private:
  DenseShape shape_;
  int tiles_;                                   // at a time
  Scratch inputs_, outputs_;                   // at the points, [point][tile][channel]
};

}  // namespace netwright
