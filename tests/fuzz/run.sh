#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh BUILD_DIR SECONDS: runs every fuzz target that was built there (cmake --build --preset fuzz --target
# fuzzers) for so long, one a processor, from the seeds beside this script. What it finds is kept in BUILD_DIR/fuzz.
set -euo pipefail
[[ $# -eq 2 ]] || {
	echo "usage: run.sh BUILD_DIR SECONDS" >&2
	exit 2
}
build=$(realpath "$1") seconds=$2
seeds=$(realpath "$(dirname "$0")")/corpus
patience=${WARREN_PATIENCE:-1} # how slow this machine is, as lib/machine.py found
patience=${patience%.*}
shopt -s nullglob

fuzz() { # TARGET
	local name=${1##*/fuzz_}
	local found=$build/fuzz/$name
	mkdir -p "$found/corpus"
	local from=("$seeds/$name"*/) log=$found/log
	if timeout $((seconds + 60 * patience)) "$1" -max_total_time="$seconds" -timeout=$((10 * patience)) -rss_limit_mb=2048 -max_len=4096 \
		-artifact_prefix="$found/" "$found/corpus" "${from[@]}" >"$log" 2>&1; then
		echo "fuzz $name: $(grep -c '' <(ls "$found/corpus")) inputs, $(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$log") runs"
	else
		echo "fuzz $name: FAILED, see $log"
		tail -n 30 "$log"
		return 1
	fi
}

failed=0 ran=0 running=0
for target in "$build"/tests/fuzz/fuzz_*; do
	[[ -f $target && -x $target ]] || continue
	if [[ $running -ge $(nproc) ]]; then
		wait -n || failed=1
		running=$((running - 1))
	fi
	fuzz "$target" &
	ran=$((ran + 1)) running=$((running + 1))
done
for ((; running > 0; running--)); do wait -n || failed=1; done
[[ $ran -gt 0 ]] || {
	echo "run.sh: no fuzz target in $build" >&2
	exit 2
}
exit $failed
