#!/usr/bin/env bash
# Does what the README says: builds and runs its C++ snippets as projects of its CMake snippet, against the
# installed package alone, and checks that the commands it shows exist: run.sh README BUILD COMPILER FLAGS
set -euo pipefail
readme=$(realpath "$1") build=$2 compiler=$3 flags=$4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "readme: $1" >&2
  exit 1
}

# Every fenced block: $folder/LANGUAGE.NUMBER
awk -v folder="$folder" '
  /^```/ && inside { inside = 0; next }
  /^```/ { inside = 1; language = substr($0, 4); file = folder "/" language "." ++count[language]; printf "" > file; next }
  inside { print > file }
  END { exit inside }' "$readme" || fail "a fenced block is not closed"
[[ -f $folder/cpp.1 ]] || fail "there is no cpp block"
[[ -f $folder/cmake.1 && ! -f $folder/cmake.2 ]] || fail "there must be one cmake block"

# Commands: what stands after ./dev, and the demo's options.
if [[ -f $folder/sh.1 ]]; then
  commands=$(sed -n 's/#.*//; s/^\.\/dev *//p' "$folder"/sh.*)
  known=$("$(dirname "${BASH_SOURCE[0]}")/../../dev")
  demo=$build/examples/train_unet3d demo_help=
  [[ ! -x $demo ]] || demo_help=$("$demo" --help)
  while read -r command options; do
    [[ -z $command ]] || grep -q "^\./dev $command\b" <<<"$known" || fail "./dev has no command $command"
    [[ $command == demo && -n $demo_help ]] || continue
    for option in $(grep -oE -- '--[a-z-]+' <<<"$options" || true); do
      grep -qE -- "(^|[ ,])$option\b" <<<"$demo_help" || fail "the demo has no option $option"
    done
  done <<<"$commands"
fi

cmake --install "$build" --prefix "$folder/installed" >"$folder/log" || { cat "$folder/log" >&2; exit 1; }
for snippet in "$folder"/cpp.*; do
  project=$folder/project-${snippet##*.}
  mkdir "$project"
  cp "$snippet" "$project/train.cpp"
  cp "$folder/cmake.1" "$project/CMakeLists.txt"
  cmake -S "$project" -B "$project/build" -G Ninja -DCMAKE_PREFIX_PATH="$folder/installed" \
    -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" -DCMAKE_BUILD_TYPE=Release >"$folder/log"
  cmake --build "$project/build"
  (cd "$project" && build/train)
done
