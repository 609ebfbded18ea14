#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What people let pam_exec run at a login: makes the user's namespace by the script of `ip` and `iptables` when there is
# none. The login itself is not in it by that: the shell is started by `ip netns exec`, which `true` stands for here.
set -e
[ "$PAM_TYPE" = open_session ] || exit 0
ip netns list | grep -qE "^$PAM_USER( |$)" || "${0%/*}/script.sh" add "${PAM_USER#space}" 1
exec ip netns exec "$PAM_USER" true
