// Losses between two tensors of one shape.
#include <voxgrad/autograd/functions/activation.h>
#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/loss_support.h>
#include <voxgrad/autograd/node.h>

namespace voxgrad {
namespace {

/// losses * weight, which broadcasts to them; undefined is 1.
Tensor weighted(std::string_view op, const Tensor& losses, const Tensor& weight) {
  if (!weight.defined()) return losses;
  const Tensor result = losses * weight;
  VG_CHECK(result.shape() == losses.shape(), ShapeError,
           "{}: weight must broadcast to the losses; got {} for {}", op, weight.shape(),
           losses.shape());
  return result;
}

Tensor bounded_log(const Tensor& x) { return clamp(log(x), -100, kInfinity); }

/// |d| * edge / divisor, but a parabola in [-edge, edge].
Tensor rounded_distance(std::string_view op, const Tensor& d, double edge, double divisor) {
  Tensor losses;
  {
    const NoGrad values_only;
    const Tensor size = abs(d);
    losses =
        where(le(size, edge), square(d) * (0.5 / divisor), (size - 0.5 * edge) * (edge / divisor));
  }
  // The composed rule would multiply the parabola's infinite slope by 0 at infinity.
  const Rule rule = [edge, divisor](std::span<const Tensor> s, std::span<const Tensor> grads,
                                    Needs) {
    return std::vector<Tensor>{grads[0] * (clamp(s[0], -edge, edge) / divisor)};
  };
  return record_one(op, {d}, std::move(losses), rule, d);
}

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& y, Reduction reduction) {
  check_same("mse_loss", x, y);
  return reduced(square(x - y), reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& y, Reduction reduction) {
  check_same("l1_loss", x, y);
  return reduced(abs(x - y), reduction);
}

Tensor binary_cross_entropy(const Tensor& p, const Tensor& y, Reduction reduction) {
  return binary_cross_entropy(p, y, BinaryCrossEntropyOptions{.reduction = reduction});
}

Tensor binary_cross_entropy(const Tensor& p, const Tensor& y,
                            const BinaryCrossEntropyOptions& options) {
  check_same("binary_cross_entropy", p, y);
  Tensor losses;
  {
    const NoGrad values_only;
    VG_CHECK(p.numel() == 0 || (min(p).item() >= 0 && max(p).item() <= 1), ShapeError,
             "binary_cross_entropy: probabilities must be in [0, 1]; got {} to {}", min(p).item(),
             max(p).item());
    losses = -(y * bounded_log(p) + (1.0 - y) * bounded_log(1.0 - p));
  }
  // The rule is PyTorch's: the composed one would be 0 * infinity at p = 0 and 1.
  const Rule rule = [](std::span<const Tensor> saved, std::span<const Tensor> grads, Needs needs) {
    const Tensor& prob = saved[0];
    const Tensor& target = saved[1];
    std::vector<Tensor> result(2);
    if (needs[0])
      result[0] = grads[0] * (prob - target) / clamp((1.0 - prob) * prob, 1e-12, kInfinity);
    if (needs[1]) result[1] = grads[0] * (bounded_log(1.0 - prob) - bounded_log(prob));
    return result;
  };
  losses = record_one("binary_cross_entropy", {p, y}, std::move(losses), rule, p, y);
  return reduced(weighted("binary_cross_entropy", losses, options.weight), options.reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& y,
                                        const BceWithLogitsOptions& options) {
  constexpr std::string_view kOp = "binary_cross_entropy_with_logits";
  check_same(kOp, x, y);
  Tensor tail = softplus(-x, 1, kInfinity);
  if (options.pos_weight.defined()) {
    const Tensor factor = 1.0 + (options.pos_weight - 1.0) * y;
    VG_CHECK(factor.shape() == x.shape(), ShapeError,
             "{}: pos_weight must broadcast to x; got {} for {}", kOp, options.pos_weight.shape(),
             x.shape());
    tail = factor * tail;
  }
  return reduced(weighted(kOp, (1.0 - y) * x + tail, options.weight), options.reduction);
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& y, double beta, Reduction reduction) {
  VG_CHECK(beta >= 0, ShapeError, "smooth_l1_loss: beta must not be negative; got {}", beta);
  if (beta == 0) return l1_loss(x, y, reduction);
  check_same("smooth_l1_loss", x, y);
  return reduced(rounded_distance("smooth_l1_loss", x - y, beta, beta), reduction);
}

Tensor huber_loss(const Tensor& x, const Tensor& y, double delta, Reduction reduction) {
  VG_CHECK(delta > 0, ShapeError, "huber_loss: delta must be positive; got {}", delta);
  check_same("huber_loss", x, y);
  return reduced(rounded_distance("huber_loss", x - y, delta, 1), reduction);
}

Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options) {
  check_same("kl_div", x, target);
  Tensor losses;
  if (options.log_target) {
    losses = exp(target) * (target - x);
  } else {
    // t log t is 0 at t = 0, where its logarithm must not get into a product.
    const Tensor nothing = eq(target, 0);
    losses = where(nothing, 0.0, target * log(where(nothing, 1.0, target))) - target * x;
  }
  if (!options.batchmean) return reduced(losses, options.reduction);
  VG_CHECK(x.dim() > 0, ShapeError, "kl_div: batchmean needs a batch axis; got shape {}",
           x.shape());
  return sum(losses) / static_cast<double>(x.size(0));
}

Tensor cosine_similarity(const Tensor& x, const Tensor& y, Index axis, double eps) {
  VG_CHECK(x.defined() && y.defined() && is_floating(x.dtype()) && is_floating(y.dtype()),
           DTypeError, "cosine_similarity: both must be float32 or float64");
  const Shape shape = broadcast_shape("cosine_similarity", x.shape(), y.shape());
  const Index at = normalize_axis("cosine_similarity", axis, static_cast<int>(shape.size()));
  const Tensor a = x.expand(shape), b = y.expand(shape);
  const auto length = [&](const Tensor& v) {
    return sqrt(clamp(sum(square(v), {at}, true), eps * eps, kInfinity));
  };
  return sum((a / length(a)) * (b / length(b)), {at});
}

}  // namespace voxgrad
