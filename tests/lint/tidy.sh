#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tidy.sh ROOT BUILD [FILE...]: clang-tidy over the product, by the compile_commands.json of BUILD.
# Without FILEs: over those that changed since the branch left origin/main, on main itself since the last tag, and where there
# is neither in the last three commits; with what is not committed yet. WARREN_DEEP=1, for the night: over all, and deeper.
set -euo pipefail
root=$1 build=$2
shift 2
tidy=$(command -v clang-tidy-16) || {
	echo "clang-tidy-16 is not installed"
	exit 77
}
cd "$root"
# Not apps: CLI11 alone takes a minute a file. Not what includes toml++ or JSON, for the same reason.
mapfile -t all < <(grep -rLE 'toml\+\+|nlohmann|"config/document\.h"' src --include='*.cc' | sort)

# The commit to compare with; nothing where there is no history.
base() {
	local head commit
	head=$(git rev-parse --verify --quiet HEAD) || return 0
	for commit in "$(git merge-base HEAD origin/main 2>/dev/null)" "$(git describe --tags --abbrev=0 HEAD 2>/dev/null)" HEAD~3; do
		commit=$(git rev-parse --verify --quiet "$commit^{commit}") || continue
		[[ $commit == "$head" ]] || { echo "$commit" && return; }
	done
}

# Of all files those that changed, and for a changed header the file of its name, in which it is looked at.
changed() { # BASE
	local path
	{ git diff --name-only "$1" -- src && git ls-files --others --exclude-standard -- src; } |
		while IFS= read -r path; do
			path=${path%.h}
			printf '%s\n' "${path%.cc}.cc"
		done | sort -u | comm -12 - <(printf '%s\n' "${all[@]}" | sort)
}

since=$(base)
if [[ $# -gt 0 ]]; then
	:
elif [[ -n ${WARREN_DEEP:-} || -z $since ]]; then
	set -- "${all[@]}"
else
	mapfile -t some < <(changed "$since")
	echo "${#some[@]} of ${#all[@]} files changed since $(git describe --always "$since"); WARREN_DEEP=1 looks at all"
	[[ ${#some[@]} -gt 0 ]] || exit 0
	set -- "${some[@]}"
fi

# The build is gcc's: clang 16 knows the standard by an older name, cannot read gcc's precompiled headers, and is
# offered std::expected by libstdc++ 12 only when it announces the final concepts value.
commands=$(mktemp -d)
trap 'rm -rf "$commands"' EXIT
sed -E 's/-std=gnu\+\+23/-std=gnu++2b -U__cpp_concepts -D__cpp_concepts=202002L -Wno-builtin-macro-redefined/
	s/-Winvalid-pch//; s/-include [^ ]*cmake_pch\.hxx//; s/-Wno-restrict//' \
	"$build/compile_commands.json" >"$commands/compile_commands.json"

# The static analyzer takes three quarters of the time; with fewer paths a function, a third of that. WARREN_DEEP=1: all.
bounds=(--extra-arg=-Xclang --extra-arg=-analyzer-config --extra-arg=-Xclang --extra-arg=max-nodes=20000)
[[ -z ${WARREN_DEEP:-} ]] || bounds=()
printf '%s\0' "$@" | xargs -0 -P"${WARREN_JOBS:-$(nproc)}" -n1 \
	"$tidy" --quiet -p "$commands" --warnings-as-errors='*' "${bounds[@]}" 2>/dev/null
