// Internal: which channel of the scores a label stands for, on every device.
#pragma once

#include <voxgrad/ops/loss.h>

namespace voxgrad::ops {

inline constexpr Index kNoClass = -1;  // counts, but belongs to no channel
inline constexpr Index kIgnored = -2;
inline constexpr Index kNoLabel = -3;  // to be refused

/// What LabelTerms say, for kernels.
struct LabelRule {
  Index classes;
  Index first_class;
  bool ignores;
  Index ignored;

  LabelRule(const LabelTerms& terms, Index class_count)
      : classes(class_count),
        first_class(terms.first_class),
        ignores(terms.ignore_index.has_value()),
        ignored(terms.ignore_index.value_or(0)) {}

  /// In [0, classes), or one of the constants above.
  constexpr Index channel(Index label) const {
    if (ignores && label == ignored) return kIgnored;
    if (label < 0 || label - first_class >= classes) return kNoLabel;
    return label >= first_class ? label - first_class : kNoClass;
  }
};

/// Throws the IndexError for a label that stands for nothing.
[[noreturn]] void refuse_label(const LabelTerms& terms, Index classes, Index label);

}  // namespace voxgrad::ops
