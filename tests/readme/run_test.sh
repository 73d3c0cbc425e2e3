#!/usr/bin/env bash
# The check of the README must accept a good one and notice what is wrong with a bad one:
# run_test.sh README BUILD COMPILER FLAGS
set -euo pipefail
real=$1
shift
check=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/run.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
failures=0

cmake_block=$(awk '/^```cmake$/ { inside = 1 } inside { print } /^```$/ { inside = 0 }' "$real")
cpp_block() { printf '```cpp\n%s\n```\n' "$1"; }
sh_block() { printf '```sh\n%s\n```\n' "$1"; }

# expect STATUS WHAT BUILD COMPILER FLAGS <README
expect() {
  local status=$1 what=$2 got=0
  shift 2
  cat >"$folder/README.md"
  "$check" "$folder/README.md" "$@" >"$folder/log" 2>&1 || got=1
  [[ $got -eq $status ]] && return
  echo "readme_check: $what: status $got instead of $status" >&2
  cat "$folder/log" >&2
  failures=$((failures + 1))
}

good='int main() { return 0; }'
{ cpp_block "$good"; echo "$cmake_block"; sh_block './dev demo --help  # says --more'; } | expect 0 "a good README" "$@"
{ cpp_block 'int main() { return nothing; }'; echo "$cmake_block"; } | expect 1 "a snippet that does not compile" "$@"
{ cpp_block 'int main() { return 3; }'; echo "$cmake_block"; } | expect 1 "a snippet that fails" "$@"
{ cpp_block "$good"; cpp_block 'main'; echo "$cmake_block"; } | expect 1 "a second snippet that does not compile" "$@"
{ cpp_block "$good"; echo "$cmake_block" | sed 's/voxgrad 0/voxels 0/'; } | expect 1 "a package that is not there" "$@"
echo "$cmake_block" | expect 1 "no C++ snippet" "$@"
cpp_block "$good" | expect 1 "no CMake snippet" "$@"
{ cpp_block "$good"; echo "$cmake_block"; sh_block './dev train'; } | expect 1 "an unknown command" "$@"
{ cpp_block "$good"; echo "$cmake_block"; sh_block './dev demo --imgae x'; } | expect 1 "an unknown option" "$@"
[[ $failures -eq 0 ]]
