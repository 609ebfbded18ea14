#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# vm.sh BUILD [KERNEL...]: the tests of warren's main job, devices and guests in a virtual machine with each of Debian's kernels,
# and a summary. Exit status 77: cannot run here; 1: a test failed.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[[ $# -ge 1 ]] || { echo "usage: vm.sh BUILD [KERNEL...]" >&2 && exit 2; }
build=$1
shift
[[ $# -gt 0 ]] || set -- 6.1 6.12
summary=() result=77

for kernel in "$@"; do for test in vm_test vm_devices_test vm_guest_test; do
	printf '\n== a virtual machine with Linux %s: %s\n' "$kernel" "$test"
	began=$SECONDS
	"$here/run.sh" "vm:$kernel" "$build" "$here/$test.py"
	status=$?
	case $status in
	0) verdict=passed ;;
	77) verdict='skipped, see above' ;;
	*) verdict=FAILED ;;
	esac
	summary+=("$(printf '%-6s %-16s %-20s %4d s' "$kernel" "$test" "$verdict" $((SECONDS - began)))")
	[[ $result != 77 || $status == 77 ]] || result=0
	[[ $status == 0 || $status == 77 ]] || result=1
done; done
printf '\nKERNEL TEST             RESULT                 TIME\n'
printf '%s\n' "${summary[@]}"
exit "$result"
