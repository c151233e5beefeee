#pragma once
// Pooling 3x3 of one image as it lies in a tensor (NHWC): windows centred on every stride-th pixel, cut off at the border.
//
// largest: out = max over the window; mean: out = sum over the window / pixels of it that lie in the image.
// A NaN in a window is its largest value. Of equal largest values the first, row by row, takes the gradient.
namespace netwright {

struct PoolShape {
  int height, width, channels;
  int stride = 1;                  // 1 or 2
  bool largest = true;             // false: the mean

  int out_height() const { return (height - 1) / stride + 1; }
  int out_width() const { return (width - 1) / stride + 1; }
};

void pool_image(const PoolShape& shape, const float* x, float* y);

// gx += the gradient; `x` is read where the largest value is asked for.
void pool_image_gradient(const PoolShape& shape, const float* x, const float* g, float* gx);

}  // namespace netwright
