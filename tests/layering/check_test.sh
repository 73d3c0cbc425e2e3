#!/usr/bin/env bash
# The layering check must accept a good tree and notice each kind of violation: check_test.sh CHECK.
set -euo pipefail
check=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

# A tree that keeps all rules, with one include of every kind that is allowed.
good_tree() {
  rm -rf "${tree:?}"/*
  mkdir -p "$tree"/{core,ops/cpu,autograd,nn,optim,data,io,examples,bench}
  echo '// Internal: formats.' >"$tree/core/check.h"
  echo '#include <fmt/format.h>' >>"$tree/core/check.h"
  printf '%s\n' '// Public.' '#include <vector>' >"$tree/core/tensor.h"
  printf '%s\n' '#include <voxgrad/core/check.h>' '#include <voxgrad/core/tensor.h>' >"$tree/core/tensor.cpp"
  printf '%s\n' '// BLAS.' '#include <voxgrad/core/tensor.h>' >"$tree/ops/cpu/blas.h"
  printf '%s\n' '// Public.' '#include <voxgrad/core/tensor.h>' >"$tree/autograd/engine.h"
  echo '#include <voxgrad/ops/cpu/blas.h>' >"$tree/autograd/engine.cpp"
  echo '#include <voxgrad/autograd/engine.h>' >"$tree/nn/module.h"
  echo '#include <voxgrad/nn/module.h>' >"$tree/optim/sgd.h"
  echo '#include <voxgrad/core/tensor.h>' >"$tree/data/loader.h"
  printf '%s\n' '#include <voxgrad/optim/sgd.h>' '#include <voxgrad/data/loader.h>' >"$tree/io/checkpoint.h"
  printf '%s\n' '#include <voxgrad/voxgrad.h>' '#include "examples/support/plot.h"' >"$tree/examples/train.cpp"
  echo '#include <voxgrad/ops/cpu/blas.h>' >"$tree/bench/unet.cpp"
}

expect() {
  local status=$1 what=$2 got=0
  "$check" "$tree" >"$tree.log" 2>&1 || got=1
  if [[ $got -ne $status ]]; then
    echo "check_test: $what: expected status $status, got $got" >&2
    cat "$tree.log" >&2
    failures=$((failures + 1))
  fi
  rm -f "$tree.log"
}

# violation FILE LINE: with this line added to the good tree, the check must fail.
violation() {
  good_tree
  echo "$2" >>"$tree/$1"
  expect 1 "$1 with $2"
}

good_tree
expect 0 "a good tree"
violation core/tensor.cpp '#include <voxgrad/ops/cpu/blas.h>'
violation ops/cpu/blas.cpp '#include <voxgrad/autograd/engine.h>'
violation autograd/engine.cpp '#include <voxgrad/nn/module.h>'
violation nn/module.cpp '#include <voxgrad/ops/cpu/blas.h>'
violation nn/module.cpp '  #  include <voxgrad/io/checkpoint.h>'
violation optim/sgd.cpp '#include <voxgrad/data/loader.h>'
violation data/loader.cpp '#include <voxgrad/optim/sgd.h>'
violation data/loader.cpp '#include <voxgrad/io/checkpoint.h>'
violation examples/train.cpp '#include <voxgrad/ops/cpu/blas.h>'
violation examples/train.cpp '#include "ops/cpu/blas.h"'
violation io/checkpoint.cpp '#include <voxgrad/examples/plot.h>'
violation core/tensor.cpp '#include "../ops/cpu/blas.h"'
violation nn/module.cpp '#include <voxgrad/voxgrad.h>'
violation core/tensor.h '#include <voxgrad/core/check.h>'
violation core/tensor.h '#include <fmt/format.h>'
violation autograd/engine.h '#include <voxgrad/ops/cpu/blas.h>'
violation nn/module.h '#include <pybind11/pybind11.h>'
violation core/tensor.h '#include <cuda_runtime.h>'
violation io/checkpoint.h '#include <cblas.h>'
violation core/tensor.cpp '#ifdef VOXGRAD_CUDA'
violation ops/cpu/blas.cpp '#if defined(__CUDACC__)'
rm -rf "${tree:?}"/*
expect 1 "an empty tree"

[[ $failures -eq 0 ]] && echo "check_test: all violations noticed"
