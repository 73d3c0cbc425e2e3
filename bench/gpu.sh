#!/usr/bin/env bash
# Tests and times voxgrad on a machine with an NVIDIA GPU, which may have no network and no Debian packages.
#
#   bench/gpu.sh bundle       where nvcc is: build everything into build/gpu-bundle, with the libraries it needs.
#                             $PYTHON (python3.12) is the interpreter that the other machine has. It may not pass 64 MiB
#   bench/gpu.sh test         there, in this folder: all tests on the GPU, C++ and Python
#   bench/gpu.sh sanitize     the C++ tests under compute-sanitizer's memcheck and racecheck
#   bench/gpu.sh demo         train the demo's U-Net on the GPU
#   bench/gpu.sh bench        against PyTorch with cuDNN on the same card, float32 and TF32, with the peak memory
#   bench/gpu.sh all          the four after each other
#
# Each of the four should end within ten minutes. They go on after a failure; the last lines say what failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
bundle=$root/build/gpu-bundle
bundle_limit=64  # MiB
# Long ones, and those that fork or fill the memory.
not_sanitized='*ManyChunks*:*Fork*:*RunsOut*'
failed=() skipped=()

usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

# Stops unless the interpreter starts.
check_python() {
  "$1" -c '' 2>/dev/null && return
  echo "gpu: the Python interpreter '$1' does not start; name another with PYTHON=..." >&2
  exit 2
}

# The shared libraries of a program that belong to neither the C library nor CUDA.
needed_libraries() {
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|libvoxgrad|ld-linux[^/]*)\.so'
}

make_bundle() {
  set -e
  local python=${PYTHON:-python3.12} build=$root/build/gpu tools=$root/build/gpu-tools size
  check_python "$python"
  [[ -x $tools/bin/python ]] || "$python" -m venv "$tools"
  "$tools/bin/pip" install --quiet --disable-pip-version-check 'pybind11>=3.1' numpy
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVOXGRAD_CUDA=ON -DVOXGRAD_BUILD_BENCH=ON \
    -DVOXGRAD_BUILD_PYTHON=ON -DPython_EXECUTABLE="$tools/bin/python" \
    -Dpybind11_DIR="$("$tools/bin/python" -m pybind11 --cmakedir)"
  cmake --build "$build" -j "$(nproc)" --target cuda_tests train_unet3d _C
  rm -rf "$bundle"
  mkdir -p "$bundle/lib" "$bundle/bin" "$bundle/python" "$bundle/data"
  cp "$build/tests/cuda_tests" "$build/examples/train_unet3d" "$bundle/bin"
  cp -L "$build/python/voxgrad" -r "$bundle/python"
  cp "$build/libvoxgrad.so.0.1" "$bundle/lib"
  # shellcheck disable=SC2046
  cp $(needed_libraries "$bundle"/bin/* "$build/libvoxgrad.so") "$bundle/lib"
  ln -sf ../../lib/libvoxgrad.so.0.1 "$bundle/python/voxgrad/libvoxgrad.so.0.1"
  strip "$bundle"/bin/* "$bundle"/lib/* "$bundle"/python/voxgrad/_C*.so
  "$tools/bin/pip" install --quiet --disable-pip-version-check --target "$bundle/pytest" 'pytest>=8'
  cp /usr/share/mricron/templates/ch2.nii.gz /usr/share/mricron/templates/ch2bet.nii.gz "$bundle/data"
  find "$bundle" -name __pycache__ -prune -exec rm -rf {} +
  size=$(du -sb "$bundle" | cut -f 1)
  echo "gpu: $bundle is $(((size + (1 << 20) - 1) >> 20)) MiB"
  if ((size > bundle_limit << 20)); then
    echo "gpu: FAILED: that is above $bundle_limit MiB" >&2
    return 1
  fi
}

use_bundle() {
  [[ -d $bundle ]] || { echo "gpu: there is no $bundle; run bench/gpu.sh bundle where nvcc is" >&2; exit 2; }
  export LD_LIBRARY_PATH=$bundle/lib:/usr/local/cuda/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export PYTHONPATH=$bundle/python:$bundle/pytest PYTHONDONTWRITEBYTECODE=1
  python=${PYTHON:-python3}
  check_python "$python"
  if ! "$python" -c 'import voxgrad' 2>/dev/null; then
    echo "gpu: $python does not load the bundle's extension, which is for the Python that made it; set PYTHON" >&2
    exit 2
  fi
}

describe() {
  echo "== machine"
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || failed+=(nvidia-smi)
  nvcc --version 2>/dev/null | tail -n 1
  "$python" -c 'import sys, torch; print("Python", sys.version.split()[0], "PyTorch", torch.__version__,
    "cuDNN", torch.backends.cudnn.version())'
}

# Stops where all tests would be skipped.
check_gpu() {
  "$python" -c 'import voxgrad; voxgrad.ones(1).cuda()' && return
  echo "gpu: voxgrad cannot use a GPU here, for the reason above; nothing was run" >&2
  exit 1
}

# Runs a command under a heading and notes its failure.
part() {
  local title=$1
  shift
  echo "== $title"
  "$@" || failed+=("$title")
}

run_tests() {
  part "C++ tests on the GPU" "$bundle/bin/cuda_tests" --gtest_brief=1
  part "Python tests on the GPU" "$python" -P -m pytest -q -p no:cacheprovider -c pyproject.toml --rootdir . \
    tests/python/test_cuda*.py tests/python/test_scripts.py -k 'cuda or on_a_gpu'
}

# True when the tool follows the first test up to a summary; else prints what it says.
sanitizer_starts() {
  local first output
  first=$("$bundle/bin/cuda_tests" --gtest_list_tests --gtest_filter="-$not_sanitized" |
    awk '/^[^ ].*\.$/ { suite = $1 } /^  / && !found { print suite $1; found = 1 }')
  output=$(timeout 60 "$1" --tool "$2" "$bundle/bin/cuda_tests" --gtest_filter="$first" 2>&1)
  grep -q SUMMARY <<<"$output" &&
    ! grep -qiE 'internal sanitizer error|not supported|unable to|no attachable' <<<"$output" && return
  tail -n 5 <<<"$output"
  return 1
}

sanitize() {
  local sanitizer
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
  if [[ -z $sanitizer ]]; then
    echo "gpu: compute-sanitizer is not on this machine; nothing was checked"
    skipped+=(compute-sanitizer)
    return
  fi
  echo "gpu: compute-sanitizer leaves out these tests:"
  "$bundle/bin/cuda_tests" --gtest_list_tests --gtest_filter="$not_sanitized" | grep -v '^Running main' | sed 's/^/  /'
  local tool
  for tool in memcheck racecheck; do
    if ! sanitizer_starts "$sanitizer" "$tool"; then
      echo "gpu: compute-sanitizer $tool does not run here; nothing was checked"
      skipped+=("compute-sanitizer $tool")
      continue
    fi
    part "compute-sanitizer $tool" timeout 280 "$sanitizer" --tool "$tool" --error-exitcode 1 \
      "$bundle/bin/cuda_tests" --gtest_brief=1 --gtest_filter="-$not_sanitized"
  done
}

demo() {
  part "demo on the GPU" "$bundle/bin/train_unet3d" --device cuda --image "$bundle/data/ch2.nii.gz" \
    --label "$bundle/data/ch2bet.nii.gz" --out out/gpu
}

bench() {
  local rounding
  for rounding in "" --tf32; do
    part "against PyTorch${rounding:+, TF32}" "$python" -P bench/compare --device cuda --memory $rounding \
      --json "build/gpu${rounding#-}.json"
  done
}

case ${1:-} in
  help | -h | --help) usage; exit ;;
  bundle | test | sanitize | demo | bench | all) ;;
  "") usage >&2; exit 2 ;;
  *) echo "gpu: no command '$1'" >&2; usage >&2; exit 2 ;;
esac
if [[ $# -gt 1 ]]; then
  echo "gpu: $1 takes nothing; got ${*:2}" >&2
  exit 2
fi
if [[ $1 == bundle ]]; then
  make_bundle
  exit
fi
use_bundle
describe
check_gpu
case $1 in
  test) run_tests ;;
  sanitize) sanitize ;;
  demo) demo ;;
  bench) bench ;;
  all) run_tests; sanitize; demo; bench ;;
esac
if [[ ${#failed[@]} -gt 0 ]]; then
  printf 'gpu: FAILED: %s\n' "${failed[@]}"
  exit 1
fi
[[ ${#skipped[@]} -eq 0 ]] || printf 'gpu: not run: %s\n' "${skipped[@]}"
echo "gpu: all that ran passed"
