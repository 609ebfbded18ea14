#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The script that people write: a space with ip and iptables.
#
#   script.sh setup             once a host
#   script.sh add N FORWARDS    space N (1..16000), host ports 6000+N.. (10000+32N.. when there are 32) to its port 8080..
#
# LEAN=1: with `ip -n` in place of `ip netns exec ... ip`, which few know and which saves a process and a mount namespace
# for each command.
set -euo pipefail

inside() {
	if [ "${LEAN-}" ]; then ip -n "$name" "$@"; else ip netns exec "$name" ip "$@"; fi
}

setup() {
	sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

add() {
	local n=$1 forwards=$2 name=space$1 device=eth0 i first
	local net4=10.$((200 + n / 16384)).$((n / 64 % 256)) at=$((n % 64 * 4)) net6=fd00:200:$((n))
	local host4=$net4.$((at + 1)) space4=$net4.$((at + 2)) host6=$net6::1 space6=$net6::2

	ip netns add "$name"
	ip link add "v$n" type veth peer name $device netns "$name"
	ip addr add "$host4/30" dev "v$n"
	ip addr add "$host6/64" dev "v$n" nodad
	ip link set "v$n" up
	inside link set lo up
	inside addr add "$space4/30" dev $device
	inside addr add "$space6/64" dev $device nodad
	inside link set $device up
	inside route add default via "$host4"
	inside route add default via "$host6"

	iptables -t nat -A POSTROUTING -s "$space4" ! -o "v$n" -j MASQUERADE
	ip6tables -t nat -A POSTROUTING -s "$space6" ! -o "v$n" -j MASQUERADE
	first=$((forwards == 1 ? 6000 + n : 10000 + 32 * n))
	for ((i = 0; i < forwards; i++)); do
		forward "$((first + i))" "$((8080 + i))"
	done
}

# From the world and, by OUTPUT, from the host itself.
forward() {
	local chain
	for chain in PREROUTING OUTPUT; do
		iptables -t nat -A $chain -p tcp --dport "$1" -m addrtype --dst-type LOCAL -j DNAT --to-destination "$space4:$2"
		ip6tables -t nat -A $chain -p tcp --dport "$1" -m addrtype --dst-type LOCAL -j DNAT --to-destination "[$space6]:$2"
	done
}

"$@"
