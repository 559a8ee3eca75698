package sandbox

import (
	"slices"
	"strings"
)

// Attacks lists all that Audit tries.
func Attacks() []Attack {
	list := slices.Concat(networkAttacks(), fileAttacks(), readOnlyAttacks(), mountAttacks(), setIDAttacks(),
		keeperAttacks(), processAttacks(), namespaceAttacks(), kernelAttacks(), leakAttacks(), exhaustionAttacks(),
		descriptorAttacks(), sharedAttacks(), protocolAttacks(), doorAttacks(), handlerAttacks(), machineAttacks())
	// One group after the other, in the order in which they first come.
	place := map[string]int{}
	for _, a := range list {
		if _, ok := place[a.group()]; !ok {
			place[a.group()] = len(place)
		}
	}
	slices.SortStableFunc(list, func(a, b Attack) int { return place[a.group()] - place[b.group()] })
	return list
}

func (a Attack) group() string {
	group, _, _ := strings.Cut(a.Name, "/")
	return group
}

func networkAttacks() []Attack {
	return []Attack{
		{Name: "network/tcp", Script: `exec 3<>/dev/tcp/127.0.0.1/$TCP && grep -q forge-secret <&3`},
		{Name: "network/tcp6", Script: `exec 3<>/dev/tcp/::1/$TCP6 && grep -q forge-secret <&3`},
		{Name: "network/udp", Script: `exec 3<>/dev/udp/127.0.0.1/$UDP && echo hi >&3 && timeout 2 head -c 12 <&3 | grep -q forge-secret`},
		{Name: "network/unix-socket", Cites: "CVE-2019-19921 and every mounted docker.sock", Script: `$SYS socket 1 1 0 -- connect @0 x:$UNIXADDR $UNIXLEN -- read @0 b:64 64 -- say 1 | grep -q forge-secret`},
		{Name: "network/abstract-socket", Cites: "CVE-2020-15257 (containerd-shim), CVE-2024-27297 (Nix, Guix)", Script: `$SYS socket 1 1 0 -- connect @0 x:$ABSADDR $ABSLEN -- read @0 b:64 64 -- say 1 | grep -q forge-secret`},
		{Name: "network/metadata", Cites: "CVE-2019-5021 class: cloud credentials at 169.254.169.254", Script: `exec 3<>/dev/udp/169.254.169.254/80`},
		{Name: "network/dns", Script: `exec 3<>/dev/udp/1.1.1.1/53`},
		{Name: "network/raw", Script: `$SYS socket 2 3 1`, Alone: AsRoot},
		{Name: "network/packet", Cites: "CVE-2020-14386, CVE-2017-7308", Script: `$SYS socket 17 3 768`, Alone: AsRoot},
		{Name: "network/vsock", Cites: "vsock(7): not isolated by a network namespace", Script: `$SYS socket 40 1 0`},
		{Name: "network/vsock-dgram", Script: `$SYS socket 40 2 0`},
		{Name: "network/alg", Cites: "CVE-2019-8912, autoloads crypto modules", Script: `$SYS socket 38 5 0`},
		{Name: "network/key", Cites: "CVE-2022-27666 (IPsec)", Script: `$SYS socket 15 3 2`, Alone: AsRoot},
		{Name: "network/xdp", Script: `$SYS socket 44 3 0`, Alone: AsRoot},
		{Name: "network/rare-families", Cites: "CVE-2017-6074 (DCCP), CVE-2021-43267 (TIPC), CVE-2010-3904 (RDS)",
			Script: `for f in 3 4 5 6 9 11 21 24 26 29 30 31 33 35 36 37 39 41 42 43 45; do for t in 1 2 3 5; do $SYS socket $f $t 0 2>/dev/null && exit 0; done; done; exit 1`},
		{Name: "network/socket-pairs", Cites: "CVE-2021-43267 (TIPC) class: socketpair goes around filters of socket",
			Script: `for t in 1 2 4 5; do $SYS socketpair 30 $t 0 b:8 2>/dev/null && exit 0; done; exit 1`},
		{Name: "network/uevents", Cites: "NETLINK_KOBJECT_UEVENT", Script: `$SYS socket 16 3 15 -- bind @0 x:100000000000000001000000 12`},
		{Name: "network/netfilter", Cites: "CVE-2022-32250, CVE-2024-1086", Script: `$SYS socket 16 3 12`},
		{Name: "network/sock-diag", Script: `$SYS socket 16 3 4`},
		{Name: "network/genetlink", Script: `$SYS socket 16 3 16`},
		{Name: "network/audit", Script: `$SYS socket 16 3 9`},
		{Name: "network/xfrm", Cites: "CVE-2017-16939", Script: `$SYS socket 16 3 6`},
		{Name: "network/io-uring", Cites: "rootkits by io_uring go around every system call filter (ARMO 2025)", Script: `$SYS io_uring_setup 8 b:120`},
		{Name: "network/interfaces", Script: `grep -v -e '^ *lo:' -e '|' /proc/net/dev | grep -q :`},
		{Name: "network/connections", Script: `grep -qi ":$(printf %04X $TCP) " /proc/net/tcp`},
		{Name: "network/sockets", Script: `grep -q "$MARK" /proc/net/unix`},
		{Name: "network/enter", Script: `nsenter -t $PID -n true`, Alone: OnlyRoot, Needs: []string{"nsenter"}},
		{Name: "network/tun", Script: `exec 3<>/dev/net/tun`},
		{Name: "network/low-port", Script: `$SYS socket 2 1 0 -- bind @0 x:02000050000000000000000000000000 16`, Alone: AsRoot},
	}
}

func fileAttacks() []Attack {
	return []Attack{
		{Name: "files/read", Script: `grep -q forge-secret $VICTIM/secret`},
		{Name: "files/ssh-key", Script: `grep -q forge-secret $VICTIM/home/.ssh/id_ed25519`},
		{Name: "files/exists", Cites: "landlock(7): stat is not restricted", Script: `test -e $VICTIM`},
		{Name: "files/host-folders", Script: `test -e /home -o -e /root -o -e /var -o -e /srv -o -e /boot`},
		{Name: "files/host-etc", Script: `test -e /etc/machine-id -o -e /etc/hostname -o -e /etc/resolv.conf -o -e /etc/shadow`},
		{Name: "files/write", Script: `echo x >$VICTIM/new`, After: `test -e $VICTIM/new`},
		{Name: "files/climb", Script: `cd ../../../../../../../../../.. && grep -q forge-secret ./$VICTIM/secret`},
		{Name: "files/link", Cites: "GHSA-qxx2 (melange), CVE-2019-10152 (podman cp)", Script: `ln -s $VICTIM/secret l && grep -q forge-secret l`},
		{Name: "files/proc-root", Cites: "CVE-2022-23648 class", Script: `grep -qs forge-secret /proc/[0-9]*/root$VICTIM/secret`},
		{Name: "files/proc-cwd", Cites: "CVE-2024-21626 (runc: cwd left outside)", Script: `grep -qs forge-secret /proc/[0-9]*/cwd/secret`},
		{Name: "files/own-cwd", Cites: "CVE-2024-21626 (runc)", Script: `grep -qs forge-secret /proc/self/cwd/../victim/secret`},
		{Name: "files/leaked-descriptor", Cites: "CVE-2024-21626 (runc), CVE-2016-9962", Script: `for f in /proc/self/fd/*; do grep -qs forge-secret $f/secret && exit 0; done; exit 1`},
		{Name: "files/host-tmp", Script: `echo x >/tmp/$MARK`, After: `test -e /tmp/$MARK && rm /tmp/$MARK`},
		{Name: "files/host-shm", Script: `echo x >/dev/shm/$MARK-new`, After: `test -e /dev/shm/$MARK-new && rm /dev/shm/$MARK-new`},
		{Name: "files/host-var-tmp", Script: `echo x >/var/tmp/$MARK`, After: `test -e /var/tmp/$MARK && rm /var/tmp/$MARK`},
		{Name: "files/root-folder", Script: `mkdir /$MARK`, Alone: OnlyRoot, After: `rmdir /$MARK`},
		{Name: "files/chroot", Cites: "the oldest way out of a chroot", Script: `$SYS mkdirat -100 s:d 493 -- chroot s:d`, Alone: AsRoot},
		{Name: "files/by-handle", Cites: "CVE-2014-9357 class, \"shocker\"", Script: `$SYS name_to_handle_at -100 s:. x:80000000$(printf %0264d 0) b:8 0`},
		{Name: "files/kmsg", Script: `test -e /dev/kmsg`},
		{Name: "files/kvm", Script: `test -e /dev/kvm`},
		{Name: "files/fuse", Script: `test -e /dev/fuse`},
		{Name: "files/mem", Script: `test -e /dev/mem -o -e /dev/port -o -e /dev/hwrng`},
		{Name: "files/disks", Cites: "CVE-2024-31449 class: raw disk", Script: `ls /dev | grep -qE '^(vd|sd|nvme|xvd|mmcblk|loop|dm-)'`},
		{Name: "files/consoles", Script: `test -e /dev/console -o -e /dev/tty0 -o -e /dev/ttyS0`},
		{Name: "files/whiteout", Cites: "mknod c 0 0 needs no privilege since 5.8; overlayfs reads it as deleted", Script: `mknod w c 0 0`},
		{Name: "files/device", Script: `mknod n c 1 3`, Alone: OnlyRoot},
		{Name: "files/sysfs", Script: `test -d /sys/kernel`},
		{Name: "files/cgroupfs", Cites: "CVE-2022-0492 (release_agent)", Script: `test -d /sys/fs/cgroup`},
		{Name: "files/sysctl", Script: `echo x >/proc/sys/kernel/hostname`, Alone: AsRoot},
		{Name: "files/sysctl-net", Script: `echo 1 >/proc/sys/net/ipv4/ip_forward`, Alone: AsRoot},
		{Name: "files/sysctl-user", Script: `echo 100 >/proc/sys/user/max_user_namespaces`, Alone: AsRoot},
		{Name: "files/core-pattern", Cites: "the way out of privileged containers", Script: `exec 3>>/proc/sys/kernel/core_pattern`, Alone: OnlyRoot},
		{Name: "files/modprobe", Script: `exec 3>>/proc/sys/kernel/modprobe`, Alone: OnlyRoot},
		{Name: "files/sysrq", Script: `exec 3>>/proc/sysrq-trigger`, Alone: OnlyRoot},
		{Name: "files/kcore", Script: `head -c 4 /proc/kcore | grep -q ELF`, Alone: OnlyRoot},
		{Name: "files/kallsyms", Script: `grep -qvm1 '^0000000000000000' /proc/kallsyms`, Alone: OnlyRoot},
		{Name: "files/kernel-log", Script: `exec 3</proc/kmsg`, Alone: OnlyRoot},
		{Name: "files/replace-null", Cites: "CVE-2025-31133, CVE-2025-52565 (runc): /dev/null and /dev/console made links while they are mounted", Script: `$SYS -mount s:t s:/dev s:tmpfs 0 0; $SYS -openat -100 s:/dev/null 0x41 438; rm /dev/null && ln -s /proc/sys/kernel/core_pattern /dev/null`, Alone: AsRoot},
		{Name: "files/replace-proc", Cites: "CVE-2025-52881, CVE-2019-16884 (runc): writes to /proc led elsewhere", Script: `$SYS -mount s:t s:/proc s:tmpfs 0 0; mkdir -p /proc/self/attr && ln -s /x /proc/self/attr/exec`, Alone: AsRoot},
		{Name: "files/all-devices", Script: `ls /dev | grep -qvE '^(fd|full|null|ptmx|pts|random|shm|stderr|stdin|stdout|tty|urandom|zero)$'`},
		{Name: "files/pagemap", Cites: "Rowhammer needs it", Script: `exec 3</proc/kpageflags`, Alone: OnlyRoot},
	}
}

// readOnlyAttacks go at a folder that is mounted read-only. The same commands work where it is not.
func readOnlyAttacks() []Attack {
	var list []Attack
	for _, a := range []struct{ name, cites, script string }{
		{"append", "CVE-2016-5195 class", `echo x >>$RO/file`},
		{"create", "", `echo x >$RO/new`},
		{"delete", "", `rm $RO/file`},
		{"rename", "", `mv $RO/file $RO/other`},
		{"chmod", "", `chmod 777 $RO/file`},
		{"times", "", `touch -d 2001-01-01 $RO/file`},
		{"truncate", "", `truncate -s 0 $RO/file`},
		{"hard-link", "CVE-2026-17106 class", `ln $RO/file l && echo x >>l`},
		{"link-inside", "", `ln -s x $RO/l`},
		{"mkdir", "", `mkdir $RO/d`},
		{"reopen", "CVE-2019-5736 class: /proc/self/fd opens anew", `exec 3<$RO/file; echo x >>/proc/self/fd/3`},
		{"tmpfile", "", `$SYS openat -100 s:$RO $TMPFILE 420 -- linkat @0 s: -100 s:$RO/t 4096`},
		{"tmpfile-proc", "", `$SYS openat -100 s:$RO $TMPFILE 420`},
		{"attribute", "", `$SYS setxattr s:$RO/file s:user.a x:61 1 0`},
		{"fifo", "", `mkfifo $RO/p`},
		{"exchange", "", `echo y >n && $SYS 316 -100 s:n -100 s:$RO/file 2`},
		{"dir-times", "", `touch -d 2001-01-01 $RO`},
		{"through-dots", "", `echo x >>$RO/../$(basename $RO)/file`},
	} {
		list = append(list, Attack{Name: "read-only/" + a.name, Cites: a.cites, Script: a.script})
	}
	return list
}

func mountAttacks() []Attack {
	var list []Attack
	for _, a := range []struct{ name, cites, script string }{
		{"tmpfs", "", `$SYS mount s:t s:$W s:tmpfs 0 0`},
		{"bind", "CVE-2023-28642 (runc: /proc by bind)", `mkdir b && $SYS mount s:$RO s:$W/b 0 4096 0`},
		{"remount-writable", "CVE-2022-24122 class", `$SYS mount s:$RO s:$RO 0 4096 0 -- mount 0 s:$RO 0 0x1021 0 -- mount 0 s:$RO 0 0x1020 0`},
		{"unmount", "uncovers what lies below", `$SYS -mount s:t s:$W s:tmpfs 0 0 -- umount2 s:$COVER 2`},
		{"proc", "an unmasked /proc", `mkdir p && $SYS mount s:proc s:$W/p s:proc 0 0`},
		{"sysfs", "", `mkdir p && $SYS mount s:s s:$W/p s:sysfs 0 0`},
		{"devpts", "", `mkdir p && $SYS mount s:d s:$W/p s:devpts 0 0`},
		{"mqueue", "", `mkdir p && $SYS mount s:m s:$W/p s:mqueue 0 0`},
		{"overlay", "CVE-2021-3493, CVE-2023-0386", `mkdir l u w m && $SYS mount s:o s:$W/m s:overlay 0 s:lowerdir=$W/l,upperdir=$W/u,workdir=$W/w,userxattr`},
		{"cgroup", "CVE-2022-0492", `mkdir c && $SYS mount s:c s:$W/c s:cgroup2 0 0`},
		{"fsopen", "CVE-2022-0185", `$SYS fsopen s:tmpfs 0`},
		{"fsmount", "", `$SYS fsopen s:tmpfs 0 -- fsconfig @0 6 0 0 0 -- fsmount @0 0 0`},
		{"open-tree", "", `$SYS open_tree -100 s:$W 1`},
		{"open-tree-attr", "open_tree_attr (467), newer than most filters", `$SYS 467 -100 s:$W 1 b:32 32`},
		{"move", "", `mkdir b && $SYS open_tree -100 s:$W 1 -- move_mount @0 s: -100 s:$W/b 4`},
		{"set-attributes", "", `$SYS -mount s:t s:$W s:tmpfs 0 0 -- mount_setattr -100 s:$W 0 x:01$(printf %062d 0) 32`},
		{"share", "CVE-2025-52881 class: what is mounted here appears there", `$SYS mount 0 s:/ 0 0x104000 0`},
		{"binfmt", "binfmt_misc: which program runs a file", `$SYS mount s:b s:$W s:binfmt_misc 0 0`},
		{"idmap", "CVE-2023-0386 class", `$SYS open_tree -100 s:$W 1 -- mount_setattr @0 s: 0x1000 x:0200000000000000$(printf %048d 0) 32`},
		{"pivot", "", `$SYS -mount 0 s:/ 0 0x44000 0 -- mount s:t s:$W s:tmpfs 0 0 -- chdir s:$W -- pivot_root s:. s:.`},
	} {
		list = append(list, Attack{Name: "mounts/" + a.name, Cites: a.cites, Script: a.script, Alone: AsRoot})
	}
	return append(list,
		Attack{Name: "mounts/list", Script: `$SYS listmount x:1800000000000000ffffffffffffffff0000000000000000 b:800 100 0`},
		Attack{Name: "mounts/nested-sandbox", Cites: "CVE-2023-2640, CVE-2023-32629: user namespaces open the kernel", Script: `unshare -Urm mount -t tmpfs t $W`, Needs: []string{"unshare", "mount"}},
		Attack{Name: "mounts/bubblewrap", Script: `bwrap --bind / / true`, Needs: []string{"bwrap"}},
	)
}

// setIDAttacks leave a file behind that gives its owner's rights to whoever runs it.
func setIDAttacks() []Attack {
	const nix = "CVE-2017-1000366 class; Nix filters the same calls"
	list := []Attack{
		{Name: "setid/exec", Cites: "no_new_privs and nosuid", Script: `test "$($RO/suid -u)" = 12345`, Alone: OnlyRoot},
		{Name: "setid/sudo", Script: `sudo -n true`, Alone: OnlyRoot, Needs: []string{"sudo"}},
		{Name: "setid/hard-link", Cites: "proc(5), protected_hardlinks: an old setuid program kept under another name", After: `test -u f`, Script: `ln $RO/suid f`},
		{Name: "setid/open-parent", Cites: "CVE-2024-38531 (Nix): the builder opens its folder to others", Script: `chmod 1777 $W/..`, After: `test $(stat -c %a ..) = 1777 && chmod 755 ..`},
		{Name: "setid/int80", Cites: "32-bit calls have other numbers", After: `test -u f`, Script: `touch f; base64 -d <<<$INT80 >x; chmod +x x; ./x`},
		{Name: "setid/x32", Cites: "x32 calls are 64-bit ones with another number", After: `test -u f`, Script: `touch f; $SYS 0x4000005a s:f 2541`},
		{Name: "setid/capability", Script: `touch f; $SYS setxattr s:f s:security.capability x:0100000202000000000000000000000000000000 20 0`, Alone: AsRoot},
		{Name: "setid/immutable", Cites: "a file no cleaner removes", Script: `touch f; chattr +i f`, After: `lsattr f | cut -c1-16 | grep -q i && chattr -i f`, Alone: OnlyRoot, Needs: []string{"chattr", "lsattr"}},
		{Name: "setid/file-setattr", Cites: "file_setattr (469), newer than most filters", Script: `touch f; $SYS 469 -100 s:f b:24 24 0`},
		{Name: "setid/acl", Script: `touch f; $SYS setxattr s:f s:system.posix_acl_access x:0200000001000600ffffffff020007003930000004000400ffffffff10000700ffffffff20000400ffffffff 44 0`},
		{Name: "setid/setxattr", Script: `touch f; $SYS setxattr s:f s:user.x x:61 1 0`},
		{Name: "setid/lsetxattr", Script: `touch f; $SYS lsetxattr s:f s:user.x x:61 1 0`},
		{Name: "setid/fsetxattr", Script: `$SYS openat -100 s:f 0x42 420 -- fsetxattr @0 s:user.x x:61 1 0`},
		{Name: "setid/setxattrat", Cites: "setxattrat (463) goes around deny lists of xattr calls", Script: `touch f; $SYS 463 -100 s:f 0 s:user.x b:16 16`},
	}
	for _, a := range []struct{ name, script, after string }{
		{"chmod", `touch f; $SYS chmod s:f 2541`, `test -u f`},
		{"chmod-program", `touch f; chmod 4755 f`, `test -u f`},
		{"chmod-group", `touch f; chmod 2755 f`, `test -g f`},
		{"chmod-high-bits", `touch f; $SYS chmod s:f 0x1000009ed`, `test -u f`},
		{"fchmod", `$SYS openat -100 s:f 0x42 420 -- fchmod @0 2541`, `test -u f`},
		{"fchmodat", `touch f; $SYS fchmodat -100 s:f 2541`, `test -u f`},
		{"fchmodat2", `touch f; $SYS fchmodat2 -100 s:f 2541 0`, `test -u f`},
		{"open", `$SYS open s:f 0x42 2541`, `test -u f`},
		{"openat", `$SYS openat -100 s:f 0x42 2541`, `test -u f`},
		{"openat2", `$SYS openat2 -100 s:f x:4200000000000000ed090000000000000000000000000000 24`, `test -u f`},
		{"creat", `$SYS creat s:f 2541`, `test -u f`},
		{"mknod", `$SYS mknod s:f 0x89ed 0`, `test -u f`},
		{"mknodat", `$SYS mknodat -100 s:f 0x89ed 0`, `test -u f`},
		{"mkdir", `$SYS mkdir s:d 1533 -- -chmod s:d 1533`, `test -g d`},
		{"mkdirat", `$SYS mkdirat -100 s:d 1533 -- -fchmodat -100 s:d 1533`, `test -g d`},
		{"tmpfile", `$SYS openat -100 s:$W $TMPFILE 2541 -- linkat -100 s:/proc/self/fd/3 -100 s:f 1024 || $SYS openat -100 s:$W $TMPFILE 2541 -- linkat @0 s: -100 s:f 4096`, `test -u f`},
		{"install", `touch g; install -m 4755 g f`, `test -u f`},
		{"copy", `cp -p $RO/suid f`, `test -u f`},
		{"tar", `touch f; tar --mode=4755 -cf t.tar f; rm f; tar -xpf t.tar`, `test -u f`},
	} {
		list = append(list, Attack{Name: "setid/" + a.name, Cites: nix, Script: a.script, After: a.after})
	}
	return list
}
