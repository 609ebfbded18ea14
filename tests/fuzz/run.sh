#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh BUILD_DIR SECONDS: runs every fuzz target that was built there (cmake --build --preset fuzz --target
# fuzzers) for so long, from the seeds beside this script. What it finds is kept in BUILD_DIR/fuzz.
set -euo pipefail
[[ $# -eq 2 ]] || {
	echo "usage: run.sh BUILD_DIR SECONDS" >&2
	exit 2
}
build=$(realpath "$1") seconds=$2
seeds=$(realpath "$(dirname "$0")")/corpus
shopt -s nullglob
targets=("$build"/tests/fuzz/fuzz_*)
failed=0 ran=0
for target in "${targets[@]}"; do
	[[ -f $target && -x $target ]] || continue
	name=${target##*/fuzz_}
	found=$build/fuzz/$name
	mkdir -p "$found/corpus"
	from=("$seeds/$name"*/)
	log=$found/log
	ran=$((ran + 1))
	if timeout $((seconds + 60)) "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
		-artifact_prefix="$found/" "$found/corpus" "${from[@]}" >"$log" 2>&1; then
		echo "fuzz $name: $(grep -c '' <(ls "$found/corpus")) inputs, $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log") runs"
	else
		failed=1
		echo "fuzz $name: FAILED, see $log"
		tail -n 30 "$log"
	fi
done
[[ $ran -gt 0 ]] || {
	echo "run.sh: no fuzz target in $build" >&2
	exit 2
}
exit $failed
