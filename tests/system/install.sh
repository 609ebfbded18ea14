#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# install.sh BUILD: an installation under another prefix names its own programs, and them alone, in all its files.
set -euo pipefail
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
DESTDIR=$top cmake --install "$1" --prefix /opt/elsewhere >/dev/null

files=0
while IFS= read -r file; do
	files=$((files + 1))
	# What is named must be there: the programs in units, the module in stacks of PAM.
	while IFS= read -r named; do
		[[ -e $top$named ]] || { echo "${file#"$top"} names $named, which is not installed" && exit 1; }
	done < <(grep -oE '/(opt|usr/local)/[^ ]*(sbin|security)/[^ ]+' "$file")
	! grep -nE '@[a-z_]+@' "$file" || { echo "${file#"$top"} is a template still" && exit 1; }
done < <(find "$top/opt/elsewhere/lib" -path '*/systemd/*' -type f -o -path '*/pam.d/*' -type f)
[[ $files -ge 8 ]] || { echo "only $files files were looked at" && exit 1; }

stray=$(cd "$top" && find . -type f ! -path './opt/elsewhere/*')
[[ -z $stray ]] || { echo "outside the prefix: $stray" && exit 1; }
echo "$files files of systemd and PAM name what is installed"
