#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# scripts.sh ROOT: shell scripts pass shellcheck, Python files compile. Told by their first line, since some
# have no extension.
set -euo pipefail
cd "$1"
shell=() python=()
while IFS= read -r -d '' file; do
	IFS= read -r first <"$file" 2>/dev/null || first=
	case $first in
	'#!'*python*) python+=("$file") ;;
	'#!'*sh*) shell+=("$file") ;;
	*) [[ $file != *.py ]] || python+=("$file") ;;
	esac
done < <(find . -path ./build -prune -o -path ./.git -prune -o -type f \( -perm -100 -o -name '*.sh' -o -name '*.py' \) -print0)

python3 - "${python[@]}" <<'END'
import pathlib, sys
for path in sys.argv[1:]:
    compile(pathlib.Path(path).read_text(), path, "exec")
END
command -v shellcheck >/dev/null || {
	echo "shellcheck is not installed: only Python was looked at"
	exit 77
}
shellcheck "${shell[@]}"
