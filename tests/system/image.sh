#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# image.sh CACHE container|vm: a small Debian with systemd as PID 1, made once for the system tests.
#
#   CACHE/rootfs            a tree for systemd-nspawn
#   CACHE/disk.img          the same as a disk for QEMU (only for `vm`), with
#   CACHE/kernel-VERSION/   vmlinuz, and an initrd where the kernel needs one: Debian's own kernel and the backported one
#
# What a former run made is kept, unless this file has changed since. Exit status 77: cannot be made here, and why.
set -euo pipefail

readonly suite=bookworm
readonly packages=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,udev,kmod,procps,iproute2,iputils-ping,nftables,ifupdown,\
openssh-server,openssh-client,sudo,cron,supervisor,python3,libnftables1,libmnl0,libsqlite3-0,libfmt9,libtomlplusplus3,busybox-static
# What has no part in the tests and would only take time or change clocks.
readonly masked="apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
systemd-firstboot.service systemd-timesyncd.service systemd-pstore.service getty@tty1.service serial-getty@ttyS0.service
serial-getty@hvc0.service console-getty.service supervisor.service networking.service"
readonly wanted_modules='^kernel/(net|lib|crypto|arch|fs/(ext4|jbd2|overlayfs|mbcache)|drivers/(nvme|virtio))[/.]|/(veth|tun|dummy|macvlan|ipvlan|virtio_net|net_failover|virtio_blk|virtio_console|t10-pi|crc-t10dif)\.ko'

here=$(cd "$(dirname "$0")" && pwd)

skip() {
	echo "skipped: $*"
	exit 77
}

fetch_index() { # of an archive's suite, with an apt configuration apart from the machine's own
	mkdir -p "apt/$1/lists/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" >"apt/$1/sources.list"
	apt_options=(-o "Dir::Etc::sourcelist=$PWD/apt/$1/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$PWD/apt/$1/lists"
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root)
	apt-get -qq "${apt_options[@]}" update
}

newest_image() { # the package behind a meta package
	apt-cache "${apt_options[@]}" depends "$1" | awk '/Depends:/ { print $2; exit }'
}

# kernel SUITE META [initrd]: unpacks the kernel that META stands for, and makes an initrd where it needs one.
kernel() {
	local package
	fetch_index "$1" >>log 2>&1 || skip "$1 cannot be had from $mirror"
	package=$(newest_image "$2")
	(cd "apt/$1" && apt-get -qq "${apt_options[@]}" download "$package") >>log 2>&1 || skip "$package cannot be had from $mirror"
	rm -rf unpacked
	dpkg-deb -x "apt/$1/$package"_*.deb unpacked
	local release=${package#linux-image-}
	local modules="unpacked/lib/modules/$release"
	local into="kernel-${release%%[-+]*}"
	rm -rf "$into"
	mkdir "$into"
	mv "unpacked/boot/vmlinuz-$release" "$into/vmlinuz"
	echo "$release" >"$into/release"
	install_modules "$modules" "$release"
	[[ -z ${3:-} ]] || make_initrd "$release" "$into/initrd"
	rm -rf unpacked "apt/$1"
}

# Of some 4000 modules the tests load a few dozen.
install_modules() { # FROM RELEASE
	local target="rootfs/lib/modules/$2" file
	mkdir -p "$target"
	while IFS= read -r file; do
		mkdir -p "$target/$(dirname "$file")"
		cp "$1/$file" "$target/$file"
	done < <(cd "$1" && find kernel -name '*.ko*' | grep -E "$wanted_modules")
	cp "$1"/modules.builtin* "$1/modules.order" "$target/"
	chroot rootfs depmod "$2"
}

# An initrd that loads what the root disk needs, no more.
make_initrd() {
	rm -rf initrd
	mkdir -p initrd/{bin,dev,proc,sys,root,modules}
	cp rootfs/bin/busybox initrd/bin/
	local module file order=
	for module in nvme ext4 crc32c_generic; do
		while read -r _ file; do
			[[ $file == */* ]] || continue
			[[ -e initrd/modules/${file##*/} ]] || order+=" ${file##*/}"
			cp "rootfs/$file" initrd/modules/
		done < <(chroot rootfs modprobe --set-version "$1" --show-depends "$module" 2>/dev/null | grep ^insmod)
	done
	cat >initrd/init <<-END
		#!/bin/busybox sh
		busybox mount -t devtmpfs dev /dev
		busybox mount -t proc proc /proc
		for module in $order; do busybox insmod /modules/\$module; done
		for i in \$(busybox seq 200); do [ -b /dev/nvme0n1 ] && break; busybox sleep 0.1; done
		busybox mount -t ext4 /dev/nvme0n1 /root
		busybox umount /proc
		exec busybox switch_root /root /sbin/init
	END
	chmod +x initrd/init
	(cd initrd && find . | cpio --quiet -o -H newc | gzip -1) >"$2"
	rm -rf initrd
}

configure() {
	local unit
	echo testhost >rootfs/etc/hostname
	echo '127.0.0.1 localhost testhost' >rootfs/etc/hosts
	: >rootfs/etc/fstab
	: >rootfs/etc/resolv.conf
	: >rootfs/etc/machine-id
	for unit in $masked; do ln -sf /dev/null "rootfs/etc/systemd/system/$unit"; done
	install -m 644 "$here"/guest/systemtest.{service,target} rootfs/etc/systemd/system/
	install -m 755 "$here/guest/systemtest" rootfs/usr/local/sbin/
	rm -rf rootfs/var/cache/apt/*.bin rootfs/var/cache/apt/archives/*.deb rootfs/var/lib/apt/lists/* rootfs/usr/share/{doc,locale,man}/*
}

make_rootfs() {
	echo "making the image of the system tests in $PWD: half a minute, once"
	rm -rf rootfs disk.img disk.stamp kernel-*
	mmdebstrap --quiet --variant=minbase --include="$packages" $suite rootfs "$mirror" >log 2>&1 || {
		tail -5 log
		skip "no Debian could be made from $mirror"
	}
	configure
	echo "$stamp" >rootfs.stamp
}

make_disk() {
	local tool
	for tool in mkfs.ext4 cpio; do command -v $tool >/dev/null || skip "$tool is not installed"; done
	echo "fetching two kernels and making the disk of the VM in $PWD: a minute, once"
	kernel $suite linux-image-amd64 initrd
	kernel $suite-backports linux-image-cloud-amd64
	truncate -s 1G disk.new
	mkfs.ext4 -q -F -O ^has_journal -d rootfs disk.new
	mv disk.new disk.img
	rm -rf rootfs/lib/modules
	echo "$stamp" >disk.stamp
}

[[ $# -eq 2 ]] || { echo "usage: image.sh CACHE container|vm" >&2 && exit 2; }
[[ $EUID -eq 0 ]] || skip "needs root"
command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed"
mkdir -p "$1"
cd "$1"
exec 9>lock
flock 9
stamp=$(cat "$here/image.sh" "$here"/guest/systemtest* | sha256sum | cut -c1-16)
# shellcheck disable=SC2016 # apt's own variable
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/') || skip "apt knows no Debian archive"
[[ $(cat rootfs.stamp 2>/dev/null) == "$stamp" ]] || make_rootfs
[[ $2 != vm || $(cat disk.stamp 2>/dev/null) == "$stamp" ]] || make_disk
