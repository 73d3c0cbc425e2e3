#include <voxgrad/core/cpu_features.h>

#include <cstdlib>
#include <optional>

namespace voxgrad {
namespace {

constexpr InstructionSet kAll[] = {InstructionSet::portable, InstructionSet::avx2,
                                   InstructionSet::avx512};

std::optional<InstructionSet> parse(std::string_view text) {
  for (const InstructionSet set : kAll) {
    if (text == name(set)) return set;
  }
  return std::nullopt;
}

InstructionSet detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    return InstructionSet::portable;
  }
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  return avx512 ? InstructionSet::avx512 : InstructionSet::avx2;
#else
  return InstructionSet::portable;
#endif
}

struct Choice {
  InstructionSet set;
  std::string report;
};

Choice choose() {
  const char* wanted = std::getenv("VOXGRAD_CPU");
  const InstructionSet best = detect();
  const InstructionSet set = choose_instruction_set(wanted, best);
  std::string report(name(set));
  if (wanted == nullptr) {
    report += " (detected)";
  } else if (const auto parsed = parse(wanted); !parsed) {
    report += " (detected; VOXGRAD_CPU=" + std::string(wanted) + " is unknown)";
  } else if (*parsed != set) {
    report += " (detected; VOXGRAD_CPU=" + std::string(wanted) + " is beyond this processor)";
  } else {
    report += " (VOXGRAD_CPU)";
  }
  return {set, report};
}

const Choice& choice() {
  static const Choice chosen = choose();
  return chosen;
}

}  // namespace

std::string_view name(InstructionSet set) {
  switch (set) {
    case InstructionSet::avx2: return "avx2";
    case InstructionSet::avx512: return "avx512";
    case InstructionSet::portable: break;
  }
  return "portable";
}

InstructionSet choose_instruction_set(const char* wanted, InstructionSet best) {
  if (wanted == nullptr) return best;
  const auto parsed = parse(wanted);
  return parsed && *parsed <= best ? *parsed : best;
}

InstructionSet instruction_set() { return choice().set; }

std::string instruction_set_report() { return choice().report; }

}  // namespace voxgrad
