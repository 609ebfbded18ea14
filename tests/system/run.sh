#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh container|vm:KERNEL BUILD TEST.py: runs a system test as root in a small Debian with systemd as PID 1, in which the
# build tree BUILD is installed, and gives the test's exit status. `systemctl reboot` is followed. KERNEL: 6.1, 6.12.
# run.sh image: only makes the image, where there is none yet.
#
# The machine is as good as new each time: what the image has lies under a tree in memory. Its network is `outside`
# and `uplink`, as in the throw-away host of lib/host.sh. Exit status 77: cannot run here, and why.
# WARREN_TEST_CACHE: where the image is kept, by default /var/cache/warren-test. WARREN_PATIENCE: how slow this machine is, as
# lib/machine.py found; a boot that is not done in 180 s times that, 600 s in a virtual machine, is ended.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${WARREN_TEST_CACHE:-/var/cache/warren-test}
[[ "$*" != image ]] || exec "$here/image.sh" "$cache" container
[[ $# -eq 3 ]] || { echo "usage: run.sh container|vm:KERNEL BUILD TEST.py" >&2 && exit 2; }
# With private mounts, so that all of it goes with this process.
if [[ -z ${WARREN_TEST_INNER:-} ]]; then
	[[ $EUID -eq 0 ]] || { echo "skipped: needs root" && exit 77; }
	WARREN_TEST_INNER=1 exec unshare --mount --propagation private -- "$0" "$@"
fi
machine=$1 build=$2 test=$3
readonly most_boots=4
patience=${WARREN_PATIENCE:-$("$here/../lib/machine.py" --patience)}

limit() { # SECONDS
	awk -v seconds="$1" -v factor="$patience" 'BEGIN { printf "%d", seconds * factor }'
}

skip() {
	echo "skipped: $*"
	exit 77
}

# What is handed in: the installed tree, the tests, and how to start this one.
stage() {
	mkdir -p "$work/share/root/etc/systemd/system"
	DESTDIR=$work/share/root cmake --install "$build" >"$work/install.log" 2>&1 || {
		cat "$work/install.log"
		exit 1
	}
	cp -a "$here/../lib" "$here/../../docs" "$work/share/"
	mkdir "$work/share/system"
	cp "$here"/*.py "$work/share/system/"
	cp -a "$here/guest/etc" "$here/guest/usr" "$work/share/root/"
	# An emulated machine is fifteen to thirty times as slow as the one that it runs on.
	local inside=$patience
	[[ $machine != vm:* ]] || inside=$(awk -v factor="$patience" 'BEGIN { print factor * 15 }')
	cat >"$work/share/run" <<-END
		#!/bin/sh
		export WARREN_TEST_HOST=1 WARREN=/usr/local/sbin/warren PYTHONPATH=/host/lib:/host/system PYTHONDONTWRITEBYTECODE=1
		export WARREN_PATIENCE=$inside
		export WARREN_TEST_MACHINE=$machine PATH=/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
		# A container has the tree as a layer, and starts with it; in a VM it is installed once.
		[ -e /usr/local/sbin/warren ] || { cp -a /host/root/. / && systemctl daemon-reload && systemctl start uplink.service; }
		exec python3 /host/system/$(basename "$test")
	END
	chmod +x "$work/share/run"
	: >"$work/share/output"
}

# Control groups of the second version alone, and of its own for each container: two at a time must not share one.
own_cgroup() {
	mount -t cgroup2 cgroup2 /sys/fs/cgroup || skip "there are no control groups (version 2)"
	home=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	cgroup=$home/warren-test-$$
	mkdir "$cgroup"
	echo $$ >"$cgroup/cgroup.procs"
}

# shellcheck disable=SC2317 # the trap calls it
leave() {
	set +e # whatever cannot be tidied up does not change the outcome
	if [[ $cgroup ]]; then
		echo $$ >"$home/cgroup.procs"
		for _ in $(seq 20); do # until the last processes are gone
			find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
			[[ -d $cgroup ]] || break
			sleep 0.05
		done
	fi
	umount -l "$work"
	rmdir "$work"
}

# Passes on what the test printed; the exit status of the last boot, or nothing when it printed none.
report() { # FILE
	sed -n '/^STATUS=/!p' "$1"
	status=$(sed -n 's/^STATUS=//p' "$1" | tail -1)
}

boot_container() {
	timeout -k 5 "$(limit 180)" systemd-nspawn --quiet --boot --directory="$work/root" --private-network --register=no \
		--keep-unit --link-journal=no --console=passive --machine="warren-test-$$" --capability=all --bind="$work/share:/host" \
		systemd.unit=systemtest.target </dev/null >"$work/console" 2>&1
}

in_container() {
	command -v systemd-nspawn >/dev/null || skip "systemd-nspawn is not installed (package systemd-container)"
	"$here/image.sh" "$cache" container || exit $?
	mkdir "$work"/{root,upper,work}
	mount -t overlay -o "lowerdir=$work/share/root:$cache/rootfs,upperdir=$work/upper,workdir=$work/work" overlay "$work/root" ||
		skip "overlayfs cannot be mounted"
	mount -t tmpfs tmpfs /run
	own_cgroup
	for ((boot = 1; boot <= most_boots; boot++)); do
		boot_container || true
		report "$work/share/output"
		: >"$work/share/output"
		[[ ${status:-} == 133 ]] || break
	done
	[[ -n ${status:-} ]] || tail -20 "$work/console"
}

in_vm() {
	command -v qemu-system-x86_64 >/dev/null || skip "qemu-system-x86_64 is not installed (package qemu-system-x86)"
	"$here/image.sh" "$cache" vm || exit $?
	local kernel=("$cache/kernel-${machine#vm:}".*)
	[[ -e ${kernel[0]}/vmlinuz ]] || skip "there is no kernel ${machine#vm:} in $cache"
	local initrd=()
	[[ ! -e ${kernel[0]}/initrd ]] || initrd=(-initrd "${kernel[0]}/initrd")
	tar -C "$work/share" --exclude=./output -cf "$work/share.tar" .
	truncate -s %1M "$work/share.tar"
	cp --sparse=always "$cache/disk.img" "$work/disk.img"
	for ((boot = 1; boot <= most_boots; boot++)); do
		boot_vm || true
		report "$work/output"
		[[ ${status:-} == 133 ]] || break
	done
	[[ -n ${status:-} ]] || tail -20 "$work/console"
}

# Software emulation whatever /dev/kvm says: a hypervisor inside another one may hang. cx16 and la57 are what it emulates
# wrongly.
# Two NICs that are wired to each other only, for the test of devices: the others expect to see none.
boot_vm() {
	local nics=() nic
	[[ $test != *devices_test.py ]] || for nic in 1 2; do
		nics+=(-netdev "hubport,id=nic$nic,hubid=0" -device "virtio-net-pci,netdev=nic$nic,mac=52:54:00:00:00:0$nic,romfile=")
	done
	: >"$work/output"
	timeout -k 5 "$(limit 600)" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max,-cx16,-la57 -smp 2 -m 1G \
		-nodefaults -display none -no-reboot -kernel "${kernel[0]}/vmlinuz" "${initrd[@]}" \
		-append "root=/dev/nvme0n1 rw console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0 systemd.unit=systemtest.target" \
		-drive "file=$work/disk.img,format=raw,if=none,id=disk,cache=unsafe" -device nvme,serial=disk,drive=disk \
		-drive "file=$work/share.tar,format=raw,if=none,id=share,readonly=on" -device virtio-blk-pci,drive=share \
		-serial "file:$work/console" -device virtio-serial-pci -chardev "file,id=output,path=$work/output" \
		-device virtserialport,chardev=output,name=output "${nics[@]}" </dev/null >"$work/qemu" 2>&1 || cat "$work/qemu"
}

cgroup=
work=$(mktemp -d "${TMPDIR:-/tmp}/warren-system.XXXXXX")
mount -t tmpfs -o mode=755 tmpfs "$work"
trap leave EXIT
stage
case $machine in
container) in_container ;;
vm:*) in_vm ;;
*) echo "run.sh: no such machine: $machine" >&2 && exit 2 ;;
esac
[[ -n ${status:-} ]] || { echo "the machine ended without a result" && exit 1; }
exit "$status"
