#include <voxgrad/core/cpu_features.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace voxgrad {
namespace {

constexpr InstructionSet kAll[] = {InstructionSet::portable, InstructionSet::avx2,
                                   InstructionSet::avx512};

char lower(char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<InstructionSet> parse(std::string_view text) {
  for (const InstructionSet set : kAll) {
    if (std::ranges::equal(text, name(set), {}, lower)) return set;
  }
  return std::nullopt;
}

bool is_unset(const char* wanted) { return wanted == nullptr || *wanted == '\0'; }

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
  if (is_unset(wanted)) return {set, report + " (detected)"};
  const auto parsed = parse(wanted);
  if (parsed == set) return {set, report + " (VOXGRAD_CPU)"};
  report += " (detected; VOXGRAD_CPU=" + std::string(wanted) +
            (parsed ? " is beyond this processor)" : " is none of portable, avx2, avx512)");
  std::fprintf(stderr, "voxgrad: instruction set %s\n", report.c_str());
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
  if (is_unset(wanted)) return best;
  const auto parsed = parse(wanted);
  return parsed && *parsed <= best ? *parsed : best;
}

InstructionSet instruction_set() { return choice().set; }

std::string instruction_set_report() { return choice().report; }

}  // namespace voxgrad
