#include <voxgrad/autograd/functions/linear.h>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/ops/matmul.h>

namespace voxgrad {

namespace {

void check_operands(std::string_view op, const Tensor& a, const Tensor& b) {
  check_same_device(op, a, b);
  VG_CHECK(a.dtype() != DType::boolean && a.dtype() == b.dtype(), DTypeError,
           "{}: operands must have one dtype, not bool; got {} and {}", op, name(a.dtype()),
           name(b.dtype()));
}

Tensor transposed(const Tensor& x) { return x.transpose(-2, -1); }

/// Both of rank >= 2; batch axes broadcast.
Tensor batched_matmul(const Tensor& a, const Tensor& b) {
  return record_one(
      "matmul", {a, b}, ops::matmul(a, b),
      binary_rule(
          a, b, [](Saved s, const Tensor& grad) { return matmul(grad, transposed(s[0])); },
          [](Saved s, const Tensor& grad) { return matmul(transposed(s[1]), grad); }),
      kept_if(a.requires_grad(), b), kept_if(b.requires_grad(), a));
}

Shape with_last(Shape shape, Index size) {
  shape.back() = size;
  return shape;
}

/// The product of all sizes but the last.
Index rows_of(const Tensor& x) {
  return element_count(std::span(x.shape()).first(x.shape().size() - 1));
}

/// x as a matrix of its last axis.
Tensor as_rows(const Tensor& x) { return x.reshape({rows_of(x), x.size(-1)}); }

void check_linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  check_operands("linear", x, w);
  VG_CHECK(w.dim() == 2, ShapeError, "linear: w must have rank 2, (out, in); got {}", w.shape());
  VG_CHECK(x.dim() >= 1 && x.size(-1) == w.size(1), ShapeError,
           "linear: the last axis of x must be w.shape[1] = {}; got x {} and w {}", w.size(1),
           x.shape(), w.shape());
  if (!bias.defined()) return;
  check_operands("linear", x, bias);
  VG_CHECK(bias.dim() == 1 && bias.size(0) == w.size(0), ShapeError,
           "linear: bias must have shape [{}], as w has rows; got {}", w.size(0), bias.shape());
}

/// matmul of tensors of these ranks.
Tensor ranked(std::string_view op, const Tensor& a, int a_rank, const Tensor& b, int b_rank) {
  VG_CHECK(a.dim() == a_rank && b.dim() == b_rank, ShapeError,
           "{}: operands must have ranks {} and {}; got {} and {}", op, a_rank, b_rank, a.shape(),
           b.shape());
  return matmul(a, b);
}

Tensor add_product(std::string_view op, const Tensor& x, const Tensor& product, double beta,
                   double alpha) {
  check_operands(op, product, x);
  VG_CHECK(dtype_with_scalar(x.dtype(), beta) == x.dtype() &&
               dtype_with_scalar(x.dtype(), alpha) == x.dtype(),
           DTypeError, "{}: integers take whole factors; got beta {} and alpha {}", op, beta,
           alpha);
  VG_CHECK(broadcast_shape(op, product.shape(), x.shape()) == product.shape(), ShapeError,
           "{}: x must broadcast to the product; got {} and {}", op, x.shape(), product.shape());
  const Tensor scaled = alpha == 1 ? product : mul(product, alpha);
  if (beta == 0) return scaled;
  return add(beta == 1 ? x : mul(x, beta), scaled);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  check_operands("matmul", a, b);
  VG_CHECK(a.dim() >= 1 && b.dim() >= 1, ShapeError,
           "matmul: both tensors need an axis; got {} and {}", a.shape(), b.shape());
  const Index inner = b.dim() == 1 ? b.size(0) : b.size(-2);
  VG_CHECK(a.size(-1) == inner, ShapeError,
           "matmul: the last axis of a must be as long as b's axis before the last; got {} and {}",
           a.shape(), b.shape());
  if (a.dim() == 1) return matmul(a.unsqueeze(0), b).squeeze(b.dim() == 1 ? 0 : -2);
  if (b.dim() == 1) return matmul(a, b.unsqueeze(1)).squeeze(-1);
  if (a.dim() > 2 && b.dim() == 2) {  // one large product instead of a batch of small ones
    return batched_matmul(as_rows(a), b).reshape(with_last(a.shape(), b.size(1)));
  }
  const auto batch = [](const Tensor& x) {
    return std::span(x.shape()).first(x.shape().size() - 2);
  };
  broadcast_shape("matmul", batch(a), batch(b));
  return batched_matmul(a, b);
}

Tensor mm(const Tensor& a, const Tensor& b) { return ranked("mm", a, 2, b, 2); }

Tensor bmm(const Tensor& a, const Tensor& b) {
  VG_CHECK(a.dim() != 3 || b.dim() != 3 || a.size(0) == b.size(0), ShapeError,
           "bmm: batches must be of one size; got {} and {}", a.shape(), b.shape());
  return ranked("bmm", a, 3, b, 3);
}

Tensor mv(const Tensor& a, const Tensor& b) { return ranked("mv", a, 2, b, 1); }

Tensor dot(const Tensor& a, const Tensor& b) { return ranked("dot", a, 1, b, 1); }

Tensor outer(const Tensor& a, const Tensor& b) {
  VG_CHECK(a.dim() == 1 && b.dim() == 1, ShapeError,
           "outer: operands must have rank 1; got {} and {}", a.shape(), b.shape());
  return mul(a.unsqueeze(1), b);
}

Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, double beta, double alpha) {
  return add_product("addmm", x, mm(a, b), beta, alpha);
}

Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, double beta, double alpha) {
  return add_product("baddbmm", x, bmm(a, b), beta, alpha);
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias) {
  check_linear(x, w, bias);
  Tensor result;
  {
    const NoGrad values_only;
    result = ops::matmul(as_rows(x), w.transpose(0, 1));
    if (bias.defined()) ops::binary_into(ops::BinaryOp::add, result, bias, result);
    const Shape shape = with_last(x.shape(), w.size(0));
    result = result.alias(shape, contiguous_strides(shape), result.offset());
  }
  const auto rule = [shape = x.shape()](Saved s, std::span<const Tensor> grads, Needs needs) {
    const Tensor grad = as_rows(grads[0]);
    std::vector<Tensor> result(3);
    if (needs[0]) result[0] = matmul(grad, s[1]).reshape(shape);
    if (needs[1]) result[1] = matmul(transposed(grad), as_rows(s[0]));
    if (needs[2]) result[2] = sum_to(grad, {grad.size(1)});
    return result;
  };
  return record_one("linear", {x, w, bias}, result, rule, kept_if(w.requires_grad(), x),
                    kept_if(x.requires_grad(), w));
}

void set_allow_tf32(bool on) { ops::set_allow_tf32(on); }
bool allow_tf32() { return ops::allow_tf32(); }

}  // namespace voxgrad
