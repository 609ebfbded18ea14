#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tidy.sh ROOT BUILD [FILE...]: clang-tidy over the product, by the compile_commands.json of BUILD.
set -euo pipefail
root=$1 build=$2
shift 2
tidy=$(command -v clang-tidy-16) || {
	echo "clang-tidy-16 is not installed"
	exit 77
}
cd "$root"
mapfile -t all < <(find src apps -name '*.cc' | sort)
[[ $# -gt 0 ]] || set -- "${all[@]}"
# libstdc++ 12 offers std::expected only to compilers that announce the final concepts value; the gcc-only
# switches of the build mean nothing to clang.
printf '%s\0' "$@" | xargs -0 -P"$(nproc)" -n1 "$tidy" --quiet -p "$build" --warnings-as-errors='*' \
	--extra-arg=-D__cpp_concepts=202002L --extra-arg=-Wno-builtin-macro-redefined \
	--extra-arg=-Wno-macro-redefined --extra-arg=-Wno-unknown-warning-option 2>/dev/null
