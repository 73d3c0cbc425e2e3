// Dropout: random zeros while training.
//
// On the CPU the generator draws the mask (core/random.h), in the logical order of x, with the
// values that PyTorch draws from the same seed. On a GPU it draws one number of 64 bits for each
// call, from which the mask follows there by Philox4x32-10, for each element by its number in that
// order: the same seed gives the same mask in every run, which is not that of the CPU, nor
// PyTorch's. Outside training, and for p = 0, all return x itself and draw nothing. @throws
// DTypeError unless x is floating; ShapeError unless p is in [0, 1].
#pragma once

#include <voxgrad/core/random.h>
#include <voxgrad/core/tensor.h>

namespace [[gnu::visibility("default")]] voxgrad {

/// Each element is 0 with probability p, else x / (1 - p): torch.nn.functional.dropout.
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true,
               Generator& generator = default_generator());

/// The same for whole channels: one draw for each (batch, channel). torch.nn.functional.dropout2d
/// and its like. @throws ShapeError unless x is (batch, channels, size...).
Tensor feature_dropout(const Tensor& x, double p = 0.5, bool training = true,
                       Generator& generator = default_generator());

/// Dropped elements become the least value of selu, and all are scaled and shifted so that mean 0
/// and variance 1 stay (Klambauer et al., Self-normalizing neural networks, 2017).
Tensor alpha_dropout(const Tensor& x, double p = 0.5, bool training = true,
                     Generator& generator = default_generator());
/// The same for whole channels.
Tensor feature_alpha_dropout(const Tensor& x, double p = 0.5, bool training = true,
                             Generator& generator = default_generator());

/// In place; they return x. @throws AutogradError for a leaf that wants a gradient.
Tensor& dropout_(Tensor& x, double p = 0.5, bool training = true,
                 Generator& generator = default_generator());
Tensor& feature_dropout_(Tensor& x, double p = 0.5, bool training = true,
                         Generator& generator = default_generator());

}  // namespace voxgrad
