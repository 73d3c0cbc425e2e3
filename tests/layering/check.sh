#!/usr/bin/env bash
# Checks the layering of a source tree: check.sh [ROOT]. Prints every violation; status 1 if there is one.
#
#   core <- ops <- autograd <- nn <- optim, data, io <- python, examples, bench
#
# A folder includes itself and what stands left of it; io may include optim and data too; nn and examples
# leave ops alone, which would bypass derivatives. Headers are public unless they lie in ops or their first
# line starts with "// Internal"; a public header includes public headers and the standard library, no more.
set -euo pipefail
cd "${1:-.}"

declare -A may_include=(
  [core]="core"
  [ops]="core ops"
  [autograd]="core ops autograd"
  [nn]="core autograd nn"
  [optim]="core ops autograd nn optim"
  [data]="core ops autograd nn data"
  [io]="core ops autograd nn optim data io"
  [python]="core ops autograd nn optim data io python"
  [examples]="core autograd nn optim data io examples"
  [bench]="core ops autograd nn optim data io bench"
)
library="core ops autograd nn optim data io"
violations=0
violation() {
  echo "layering: $1" >&2
  violations=$((violations + 1))
}

declare -A is_public=()
is_public_header() {
  local file=$1 first
  case $file in ops/* | python/* | examples/* | bench/*) return 1 ;; *.h) ;; *) return 1 ;; esac
  if [[ -z ${is_public[$file]:-} ]]; then
    first=
    [[ -f $file ]] && IFS= read -r first <"$file" || true
    [[ $first == "// Internal"* || ! -f $file ]] && is_public[$file]=no || is_public[$file]=yes
  fi
  [[ ${is_public[$file]} == yes ]]
}

# One include line: the file it stands in, and what it names with its delimiters.
check_include() {
  local file=$1 folder=${1%%/*} included=$2 target
  if [[ $included == "<voxgrad/voxgrad.h>" ]]; then
    [[ " $library " != *" $folder "* ]] || violation "$file includes the umbrella header"
  elif [[ $included == "<voxgrad/"* ]]; then
    target=${included#<voxgrad/}
    target=${target%>}
    if [[ " ${may_include[$folder]} " != *" ${target%%/*} "* ]]; then
      violation "$file includes <voxgrad/$target>; $folder may include: ${may_include[$folder]}"
    elif is_public_header "$file" && ! is_public_header "$target"; then
      violation "$file is a public header and includes the internal <voxgrad/$target>"
    fi
  elif [[ $included == \"* ]]; then
    [[ " $library " != *" $folder "* ]] || violation "$file includes $included; write <voxgrad/...>"
    [[ $folder != examples || $included != *ops/* ]] || violation "$file includes $included"
  elif is_public_header "$file" && [[ ! $included =~ ^\<[a-z0-9_]+\>$ ]]; then
    violation "$file is a public header and includes $included, which users may not have"
  fi
}

folders=()
for folder in "${!may_include[@]}"; do [[ ! -d $folder ]] || folders+=("$folder"); done
[[ ${#folders[@]} -gt 0 ]] || { echo "layering: no source folders in $PWD" >&2; exit 1; }
sources=(--include='*.h' --include='*.cpp' --include='*.cu' --include='*.cuh' --include='*.inc')

count=0
while IFS= read -r line; do
  [[ $line =~ ^([^:]+):[[:space:]]*#[[:space:]]*include[[:space:]]*([\<\"][^\>\"]*[\>\"]) ]] || continue
  check_include "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
  count=$((count + 1))
done < <(grep -rHE "${sources[@]}" '^[[:space:]]*#[[:space:]]*include' "${folders[@]}" || true)

while IFS= read -r line; do
  violation "$line: CMake picks the files for CUDA, the preprocessor does not"
done < <(grep -rnE "${sources[@]}" '^[[:space:]]*#[[:space:]]*(if|ifdef|ifndef|elif)\b.*(CUDA|__CUDACC__)' "${folders[@]}" || true)

echo "layering: $count includes in ${#folders[@]} folders, $violations violations"
[[ $violations -eq 0 && $count -gt 0 ]]
