#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# format.sh ROOT: every C++ file is as clang-format writes it.
set -euo pipefail
cd "$1"
find src apps tests bench \( -name '*.cc' -o -name '*.h' \) -print0 |
	xargs -0 -P2 -n16 clang-format --dry-run -Werror --ferror-limit=1
