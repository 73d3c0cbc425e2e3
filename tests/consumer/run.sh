#!/usr/bin/env bash
# Installs a build into a temporary folder, then configures, builds and runs the consumer against it alone:
# run.sh BUILD COMPILER FLAGS
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$1 compiler=$2 flags=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/installed" >"$folder/log" || { cat "$folder/log" >&2; exit 1; }

# What must be installed, and what must not.
include=$folder/installed/include/voxgrad
for wanted in voxgrad.h core/tensor.h; do
  [[ -f $include/$wanted && ! -L $include/$wanted ]] || { echo "consumer: $wanted is not installed" >&2; exit 1; }
done
for unwanted in ops core/check.h; do
  [[ ! -e $include/$unwanted ]] || { echo "consumer: $unwanted is installed" >&2; exit 1; }
done

# The folder is moved: an installed package must not know where it was built or installed.
mv "$folder/installed" "$folder/moved"
cmake -S "$here" -B "$folder/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/moved" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" -DCMAKE_BUILD_TYPE=Release
cmake --build "$folder/build"
if grep -rlE "fmt::|openblas|PNG::|$build/" "$folder/moved"/lib*/cmake "$folder/moved"/lib/*/cmake 2>/dev/null; then
  echo "consumer: the package names a private dependency or its build folder" >&2
  exit 1
fi
"$folder/build/consumer"
