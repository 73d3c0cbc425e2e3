// einsum and tensordot: both label the axes and contract two tensors at a time, as one batched
// matrix product.
#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include <voxgrad/autograd/functions/elementwise.h>
#include <voxgrad/autograd/functions/linear.h>
#include <voxgrad/autograd/functions/operands.h>
#include <voxgrad/autograd/functions/reduce.h>
#include <voxgrad/core/check.h>

namespace voxgrad {

namespace {

using Labels = std::vector<int>;

/// Letters have their codes as labels; the axes of an ellipsis have these, counted from the last
/// axis of them.
constexpr int kEllipsis = 256;

struct Labelled {
  Tensor x;
  Labels labels;
};

bool has(const Labels& labels, int label) { return std::ranges::count(labels, label) > 0; }

Index place(const Labels& labels, int label) {
  return std::ranges::find(labels, label) - labels.begin();
}

Labelled ordered(const Labelled& t, const Labels& labels) {
  std::vector<Index> axes;
  for (const int label : labels) axes.push_back(place(t.labels, label));
  return {t.x.permute(axes), labels};
}

/// Summed over the axes that are not in `keep`.
Labelled summed(const Labelled& t, const Labels& keep) {
  std::vector<Index> axes;
  Labels rest;
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    if (has(keep, t.labels[i])) rest.push_back(t.labels[i]);
    else axes.push_back(static_cast<Index>(i));
  }
  return axes.empty() ? t : Labelled{sum(t.x, axes), rest};
}

/// Axes of size 1 widened to those of the other.
Labelled widened(const Labelled& t, const Labelled& other) {
  Shape shape = t.x.shape();
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1 && has(other.labels, t.labels[i])) {
      shape[i] = other.x.size(place(other.labels, t.labels[i]));
    }
  }
  return {t.x.expand(shape), t.labels};
}

Labels joined(std::initializer_list<Labels> parts) {
  Labels all;
  for (const Labels& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Index size_of(const Labelled& t, int label) { return t.x.size(place(t.labels, label)); }

Index elements(const Labelled& t, const Labels& labels) {
  Index product = 1;
  for (const int label : labels) product = checked_product(product, size_of(t, label));
  return product;
}

/// Sum of the products over all labels that are not in `keep`.
Labelled contract(std::string_view op, const Labelled& left, const Labelled& right,
                  const Labels& keep) {
  const Labelled a = summed(widened(left, right), joined({keep, right.labels}));
  const Labelled b = summed(widened(right, left), joined({keep, left.labels}));
  Labels batch, rows, columns, inner;
  for (const int label : a.labels) {
    const bool common = has(b.labels, label);
    VG_CHECK(!common || size_of(a, label) == size_of(b, label), ShapeError,
             "{}: axes of one label must be of one size, or of size 1; got shapes {} and {}", op,
             left.x.shape(), right.x.shape());
    (!common ? rows : has(keep, label) ? batch : inner).push_back(label);
  }
  for (const int label : b.labels) {
    if (!has(a.labels, label)) columns.push_back(label);
  }
  const Index batches = elements(a, batch), k = elements(a, inner);
  VG_CHECK(inner.empty() || (a.x.dtype() == b.x.dtype() && a.x.dtype() != DType::boolean),
           DTypeError,
           "{}: tensors that are summed over must have one dtype, not bool; got {} and {}", op,
           name(a.x.dtype()), name(b.x.dtype()));
  const Tensor first =
      ordered(a, joined({batch, rows, inner})).x.reshape({batches, elements(a, rows), k});
  const Tensor second =
      ordered(b, joined({batch, inner, columns})).x.reshape({batches, k, elements(b, columns)});
  const Tensor product = inner.empty() ? mul(first, second) : matmul(first, second);
  Labelled result{{}, joined({batch, rows, columns})};
  Shape shape;
  for (const int label : result.labels)
    shape.push_back(size_of(has(a.labels, label) ? a : b, label));
  result.x = product.reshape(shape);
  return result;
}

/// The labels of one term; an ellipsis stands for `hidden` axes.
Labels term_labels(std::string_view equation, std::string_view term, Index hidden) {
  Labels labels;
  bool ellipsis = false;
  for (std::size_t i = 0; i < term.size(); ++i) {
    const char c = term[i];
    if (term.substr(i, 3) == "..." && !ellipsis) {
      for (Index j = hidden; j > 0; --j) labels.push_back(kEllipsis + static_cast<int>(j) - 1);
      ellipsis = true;
      i += 2;
      continue;
    }
    VG_CHECK((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'), ShapeError,
             "einsum: labels must be letters, with one ellipsis (...) per term at most; got '{}'",
             equation);
    labels.push_back(c);
  }
  return labels;
}

/// Repeated labels: their diagonal.
Labelled without_repeats(Labelled t) {
  for (std::size_t i = 0; i < t.labels.size(); ++i) {
    const auto again = std::find(t.labels.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                 t.labels.end(), t.labels[i]);
    if (again == t.labels.end()) continue;
    const Index first = static_cast<Index>(i), second = again - t.labels.begin();
    VG_CHECK(t.x.size(first) == t.x.size(second), ShapeError,
             "einsum: axes of one label must be of one size; got shape {}", t.x.shape());
    const int label = t.labels[i];
    t.x = t.x.diagonal(0, first, second);
    t.labels.erase(again);
    t.labels.erase(t.labels.begin() + first);
    t.labels.push_back(label);
    i = static_cast<std::size_t>(-1);
  }
  return t;
}

struct Equation {
  std::vector<Labelled> operands;
  Labels output;
};

/// Without "->": the ellipsis, then the labels that occur once, in order.
Labels implicit_output(const std::vector<Labelled>& operands) {
  Labels all;
  for (const Labelled& operand : operands) {
    all.insert(all.end(), operand.labels.begin(), operand.labels.end());
  }
  Labels letters, hidden;
  for (const int label : all) {
    if (label >= kEllipsis && !has(hidden, label)) hidden.push_back(label);
    if (label < kEllipsis && std::ranges::count(all, label) == 1) letters.push_back(label);
  }
  std::ranges::sort(letters);
  std::ranges::sort(hidden, std::greater<>());
  hidden.insert(hidden.end(), letters.begin(), letters.end());
  return hidden;
}

Equation parse(std::string_view text, std::span<const Tensor> operands) {
  std::string equation(text);
  std::erase(equation, ' ');
  const std::size_t arrow = equation.find("->");
  std::string_view inputs = std::string_view(equation).substr(0, arrow);
  Equation result;
  Index most_hidden = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const std::size_t comma = inputs.find(',');
    const bool last = i + 1 == operands.size();
    VG_CHECK((comma == std::string_view::npos) == last, ShapeError,
             "einsum: needs one term per operand; got '{}' for {} operands", text, operands.size());
    const std::string_view term = inputs.substr(0, comma);
    const Index named = std::ssize(term_labels(text, term, 0));
    const Index hidden = term.find("...") == std::string_view::npos ? 0 : operands[i].dim() - named;
    const Labels labels = term_labels(text, term, std::max<Index>(hidden, 0));
    VG_CHECK(std::ssize(labels) == operands[i].dim(), ShapeError,
             "einsum: a term must name every axis of its operand; got '{}' for shape {}", term,
             operands[i].shape());
    most_hidden = std::max(most_hidden, hidden);
    result.operands.push_back({operands[i], labels});
    if (!last) inputs.remove_prefix(comma + 1);
  }
  result.output =
      arrow == std::string::npos
          ? implicit_output(result.operands)
          : term_labels(text, std::string_view(equation).substr(arrow + 2), most_hidden);
  for (const int label : result.output) {
    const bool known = std::ranges::any_of(
        result.operands, [&](const Labelled& operand) { return has(operand.labels, label); });
    VG_CHECK(known && std::ranges::count(result.output, label) == 1, ShapeError,
             "einsum: every label of the result must occur there once, and in a term; got '{}'",
             text);
  }
  return result;
}

}  // namespace

Tensor einsum(std::string_view equation, std::span<const Tensor> operands) {
  VG_CHECK(!operands.empty(), ShapeError, "einsum: needs at least one operand; got none");
  for (const Tensor& operand : operands) check_same_device("einsum", operands[0], operand);
  Equation e = parse(equation, operands);
  for (Labelled& operand : e.operands) operand = without_repeats(std::move(operand));
  Labelled result = e.operands[0];
  for (std::size_t i = 1; i < e.operands.size(); ++i) {
    Labels keep = e.output;
    for (std::size_t later = i + 1; later < e.operands.size(); ++later) {
      const Labels& labels = e.operands[later].labels;
      keep.insert(keep.end(), labels.begin(), labels.end());
    }
    result = contract("einsum", result, e.operands[i], keep);
  }
  return ordered(summed(result, e.output), e.output).x;
}

Tensor tensordot(const Tensor& a, const Tensor& b, std::span<const Index> a_axes,
                 std::span<const Index> b_axes) {
  VG_CHECK(a_axes.size() == b_axes.size(), ShapeError,
           "tensordot: needs as many axes of a as of b; got {} and {}", a_axes, b_axes);
  Labelled left{a, Labels(a.shape().size())}, right{b, Labels(b.shape().size())};
  std::iota(left.labels.begin(), left.labels.end(), 0);
  std::iota(right.labels.begin(), right.labels.end(), a.dim());
  Labels keep = left.labels;
  keep.insert(keep.end(), right.labels.begin(), right.labels.end());
  for (std::size_t i = 0; i < a_axes.size(); ++i) {
    const int label = normalize_axis("tensordot", a_axes[i], a.dim());
    const auto at = static_cast<std::size_t>(normalize_axis("tensordot", b_axes[i], b.dim()));
    VG_CHECK(has(keep, label) && right.labels[at] >= a.dim(), ShapeError,
             "tensordot: each axis at most once; got {} and {}", a_axes, b_axes);
    VG_CHECK(a.size(label) == b.size(static_cast<Index>(at)), ShapeError,
             "tensordot: axes that meet must be of one size; got shapes {} and {}, axes {} and {}",
             a.shape(), b.shape(), a_axes, b_axes);
    std::erase(keep, label);
    right.labels[at] = label;
  }
  return contract("tensordot", left, right, keep).x;
}

}  // namespace voxgrad
