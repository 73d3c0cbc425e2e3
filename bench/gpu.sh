#!/usr/bin/env bash
# Tests and times voxgrad on a machine with an NVIDIA GPU, which may have no network and no Debian packages.
#
#   bench/gpu.sh bundle       where nvcc is: build everything into build/gpu-bundle, with the libraries it needs.
#                             $PYTHON (python3.12) is the interpreter that the other machine has
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
failed=()

# The shared libraries of a program that belong to neither the C library nor CUDA.
needed_libraries() {
  ldd "$@" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|libvoxgrad|ld-linux[^/]*)\.so'
}

make_bundle() {
  set -e
  local python=${PYTHON:-python3.12} build=$root/build/gpu tools=$root/build/gpu-tools
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
  echo "gpu: $bundle is $(du -sm "$bundle" | cut -f 1) MiB"
}

use_bundle() {
  [[ -d $bundle ]] || { echo "gpu: there is no $bundle; run bench/gpu.sh bundle where nvcc is" >&2; exit 2; }
  export LD_LIBRARY_PATH=$bundle/lib:/usr/local/cuda/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export PYTHONPATH=$bundle/python:$bundle/pytest PYTHONDONTWRITEBYTECODE=1
  python=${PYTHON:-python3}
}

describe() {
  echo "== machine"
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || failed+=(nvidia-smi)
  nvcc --version 2>/dev/null | tail -n 1
  "$python" -c 'import sys, torch; print("Python", sys.version.split()[0], "PyTorch", torch.__version__,
    "cuDNN", torch.backends.cudnn.version())'
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
    tests/python/test_cuda*.py
}

sanitize() {
  local sanitizer
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
  if [[ -z $sanitizer ]]; then
    echo "gpu: compute-sanitizer is not on this machine; nothing was checked"
    return
  fi
  local tool
  for tool in memcheck racecheck; do
    part "compute-sanitizer $tool" timeout 280 "$sanitizer" --tool "$tool" --error-exitcode 1 \
      "$bundle/bin/cuda_tests" --gtest_brief=1 --gtest_filter='-*ManyChunks*:*Fork*:*RunsOut*'
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
  bundle) make_bundle; exit ;;
  test | sanitize | demo | bench | all) ;;
  *) sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
use_bundle
describe
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
echo "gpu: all passed"
