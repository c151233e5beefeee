#pragma once
// The scores themselves; W are the weights of convolutions and linear layers, g the gradient of the batch's loss, sums run over all
// of them. Every sum is taken in float64. A score that is not defined for a network is NaN. Inside the room; the list is in proxy.hpp.
#include "netwright/proxy/passes.hpp"

namespace netwright {

double parameter_count(Passes& passes);   // trainable scalars, those of an auxiliary head included
double mac_count(Passes& passes);         // of one sample (graph/cost.hpp)

double grad_norm(Passes& passes);         // sum over layers of ||g||_2
double snip(Passes& passes);              // sum |W g|: the gradient of unit masks on the weights
double plain(Passes& passes);             // sum W g
double l2_norm(Passes& passes);           // sum over layers of ||W||_2
double fisher(Passes& passes);            // per output channel c of a layer with value a: mean_n (sum_hw a da)^2 / 2, times the weights of c
double grasp(Passes& passes);             // -sum W (H g) (curvature.hpp)
double zico(Passes& passes);              // sum over layers of log sum mean|g| / std(g) over two halves of the batch (std without correction)

// sum |W dR/dW|, R = sum of logits of a copy with |parameters| and |buffers| on one input of ones, in float64; batch norm left out.
double synflow(Passes& passes);
double synflow_bn(Passes& passes);        // the same with batch norm

double naswot(Passes& passes);            // log |det agreement kernel|
double linear_regions(Passes& passes);    // distinct patterns of ReLUs on feature maps
double zen(Passes& passes);               // log mean_n sum |f(x) - f(x + 0.01 noise)| + sum over batch norms log(mean running variance) / 2
// The first sample alone: sum over the feature maps that read one value of the least eigenvalue of its channels' correlations (a channel that
// does not vary correlates with none).
double meco(Passes& passes);

// Between blocks (blocks.hpp). The classifier's own complexity is mac_count: the four together, joined by ranks, are AZ-NAS (arXiv 2403.19232).
double expressivity(Passes& passes);      // sum over blocks of the entropy of the shares of its channels' principal components
double progressivity(Passes& passes);     // the least growth of that entropy from a block to the next
// Mean over blocks of 2 - s - 1/s, s the largest singular value of mean(in out^T), out random signs, in their gradient at the block's start.
double trainability(Passes& passes);

double jacob_cov(Passes& passes);         // -sum (log(v + 1e-5) + 1 / (v + 1e-5)), v: eigenvalues of the Jacobian rows' correlation
double epe_nas(Passes& passes);           // sum over classes of |sum log(|correlation of the class's Jacobian rows| + 1e-5)|
double ntk_cond(Passes& passes);          // largest over smallest eigenvalue of the tangent kernel; infinity when it is singular

}  // namespace netwright
