#!/usr/bin/env bash
# Checks that a SAM build runs where it is about to be deployed:
#
#   scripts/check-build.sh ARCHITECTURE [DIR]
#
# ARCHITECTURE is the deployment's parameter `Architecture`, arm64 or x86_64. DIR is the
# build, .aws-sam/build by default. Each function there must be an executable for that
# architecture, and need no newer glibc than provided.al2023 has. Otherwise CloudFormation
# deploys it all the same, and every request fails. Needs od and grep.
set -euo pipefail

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

[ $# = 1 ] || [ $# = 2 ] || fail "usage: scripts/check-build.sh ARCHITECTURE [DIR]"
wanted=$1
dir=${2:-.aws-sam/build}
# The newest 2.x of provided.al2023.
glibc=34

case $wanted in
  arm64 | x86_64) ;;
  *) fail "ARCHITECTURE is $wanted; it must be arm64 or x86_64" ;;
esac
[ -d "$dir" ] || fail "$dir: no such folder; run sam build first"

# bytes FILE OFFSET COUNT: in hexadecimal, without spaces.
bytes() { od -An -v -tx1 -j "$2" -N "$3" "$1" | tr -d ' \n'; }

# architecture FILE: e_machine, at offset 18, or nothing if the file does not begin with
# the magic number of a 64-bit little-endian ELF binary.
architecture() {
  [ "$(bytes "$1" 0 6)" = 7f454c460201 ] || return 0
  case $(bytes "$1" 18 2) in
    b700) echo arm64 ;;
    3e00) echo x86_64 ;;
    *) echo "e_machine 0x$(bytes "$1" 19 1)$(bytes "$1" 18 1)" ;;
  esac
}

# needed_glibc FILE: the x of the newest 2.x, 0 if it needs none. The names of the versions
# that a binary needs stand in it as text.
needed_glibc() {
  { LC_ALL=C grep -ao 'GLIBC_2\.[0-9]*' "$1" || echo 0; } | sed 's/.*\.//' | sort -n | tail -n 1
}

# problem FOLDER: says what is wrong with a function, or nothing.
problem() {
  local binary=$1/bootstrap is needs
  [ -f "$binary" ] || { echo "has no bootstrap"; return; }
  is=$(architecture "$binary")
  [ -n "$is" ] || { echo "is no 64-bit ELF binary"; return; }
  [ "$is" = "$wanted" ] || { echo "is built for $is, but would be deployed as $wanted"; return; }
  [ -x "$binary" ] || { echo "is not executable"; return; }
  needs=$(needed_glibc "$binary")
  [ "$needs" -le "$glibc" ] || echo "needs glibc 2.$needs, but provided.al2023 has 2.$glibc"
}

functions=0
wrong=0
for folder in "$dir"/*/; do
  [ -d "$folder" ] || fail "$dir: has no functions; run sam build first"
  functions=$((functions + 1))
  found=$(problem "${folder%/}")
  if [ -n "$found" ]; then
    echo "$(basename "$folder") $found" >&2
    wrong=$((wrong + 1))
  fi
done
[ "$wrong" = 0 ] || fail "$dir: $wrong of $functions functions must not be deployed as $wanted"
echo "$dir: all $functions functions run on $wanted"
