#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host.sh [--limit SECONDS] [--keep] CMD...: runs CMD in a throw-away host, gives its exit code, leaves nothing.
#
# The host has network, mount and PID namespaces of its own, so the machine's network is never touched and
# everything in it, processes too, ends with CMD. It looks like a server just installed:
#   uplink   203.0.113.10/24, 2001:db8::10/64, default routes via 203.0.113.1 and 2001:db8::1
#   outside  a netns that plays the internet: eth0 has those gateways, lo has 198.51.100.1 and 2001:db8:51::1
# /run and /var/lib are empty, /etc is a private copy, /sys and /proc show this host only.
# --limit ends CMD after so many seconds of a good machine: they are multiplied by WARREN_PATIENCE, which says how slow this
# one is, and is measured where it is not set (lib/machine.py).
# --keep opens a shell in the host when CMD is done (CMD may then be left out).
set -euo pipefail

die() {
	echo "host.sh: $*" >&2
	exit 1
}

if [[ ${1:-} != --inside ]]; then
	[[ $# -gt 0 ]] || die "usage: host.sh [--limit SECONDS] [--keep] CMD..."
	[[ $EUID -eq 0 ]] || die "needs root"
	WARREN_PATIENCE=${WARREN_PATIENCE:-$("$(dirname "$0")/machine.py" --patience)}
	export WARREN_PATIENCE
	exec unshare --net --mount --propagation private --pid --fork --kill-child --mount-proc -- "$0" --inside "$@"
fi
shift

private_files() {
	local root kept
	root=$(cd "$(dirname "$0")/../.." && pwd -P)
	exec {kept}<"$root"
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t tmpfs -o mode=755 tmpfs /var/lib
	if [[ ! -e $root ]]; then # the tests themselves lie below one of the two
		mkdir -p "$root"
		mount --no-canonicalize --bind "/proc/self/fd/$kept" "$root"
	fi
	exec {kept}<&-
	mkdir -p /run/lock /run/.etc/upper /run/.etc/work
	mount -t overlay -o lowerdir=/etc,upperdir=/run/.etc/upper,workdir=/run/.etc/work overlay /etc 2>/dev/null || {
		cp -a /etc /run/.etc/copy
		mount --bind /run/.etc/copy /etc
	}
	rm -rf /etc/warren /etc/netns # nor what the machine itself has set up for warren
	mount -t sysfs sysfs /sys
}

# IPv4 settings of a new netns come from the machine's: back to the kernel's own defaults.
default_sysctls() {
	local key
	for key in ip_forward conf/all/rp_filter conf/default/rp_filter; do echo 0 >"/proc/sys/net/ipv4/$key"; done
}

# Every address is usable at once: nodad on ours, accept_dad off for the link-local ones.
network() {
	ip netns add outside || die "cannot make a network namespace"
	ip link add uplink type veth peer name eth0 netns outside || die "kernel lacks veth"
	echo 0 >/proc/sys/net/ipv6/conf/uplink/accept_dad || die "kernel lacks IPv6"
	ip netns exec outside sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
	ip -n outside -batch - <<-END
		link set lo up
		address add 198.51.100.1/32 dev lo
		address add 2001:db8:51::1/128 dev lo
		address add 203.0.113.1/24 dev eth0
		address add 2001:db8::1/64 dev eth0 nodad
		link set eth0 up
	END
	ip -batch - <<-END
		link set lo up
		address add 203.0.113.10/24 dev uplink
		address add 2001:db8::10/64 dev uplink nodad
		link set uplink up
		route add default via 203.0.113.1 dev uplink
		route add default via 2001:db8::1 dev uplink
	END
}

keep='' limit=''
[[ ${1:-} != --limit ]] || { limit=$2 && shift 2; }
[[ ${1:-} != --keep ]] || { keep=1 && shift; }
private_files
default_sysctls
network
export WARREN_TEST_HOST=1

trap : INT TERM # PID 1 outlives the signal that ends CMD, to pass on its exit code
rc=0
if [[ $limit ]]; then
	limit=$(awk -v seconds="$limit" -v factor="$WARREN_PATIENCE" 'BEGIN { printf "%d", seconds * factor }')
	set -- timeout --foreground --kill-after=5 "$limit" "$@"
fi
[[ $# -eq 0 ]] || "$@" || rc=$?
[[ -z $limit || $rc != 124 ]] || echo "host.sh: not done after $limit s, and ended" >&2
if [[ $keep ]]; then
	echo "host.sh: a shell in the throw-away host; it is gone when you leave" >&2
	PS1='throw-away \w # ' bash --norc -i || true
fi
exit "$rc"
