# voxgrad_options: what every target of this project compiles with. Never part of the installed package.
add_library(voxgrad_options INTERFACE)
target_compile_features(voxgrad_options INTERFACE cxx_std_20)
# No contraction: a * b + c must round the same way in every kernel and with every compiler.
target_compile_options(voxgrad_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -ffp-contract=off>)
# For nvcc: constexpr functions run on both sides; its own files break -Wpedantic; templates compare unsigned
# numbers with 0 (186).
target_compile_options(voxgrad_options INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:--expt-relaxed-constexpr --diag-suppress=186 -fmad=false -Xcompiler=-Wall,-Wextra,-ffp-contract=off>)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  # "GCC ivdep": clang finds out by itself what the pragma tells GCC.
  target_compile_options(voxgrad_options INTERFACE -Wno-unknown-pragmas)
endif()
if(VOXGRAD_WERROR)
  target_compile_options(voxgrad_options INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>
                         $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings>)
endif()
if(VOXGRAD_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # GCC's flow warnings see the sanitizers' extra branches and then warn about the standard library itself.
    target_compile_options(voxgrad_options INTERFACE -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow)
  endif()
  target_compile_options(voxgrad_options INTERFACE
    -fsanitize=${VOXGRAD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(voxgrad_options INTERFACE -fsanitize=${VOXGRAD_SANITIZE})
endif()
if(VOXGRAD_COVERAGE)
  target_compile_options(voxgrad_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(voxgrad_options INTERFACE --coverage)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
# Public headers open their namespace with default visibility. GCC carries that from a declaration to its
# definition; clang looks at the definition's own namespace block, and so would hide everything.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
endif()
