package sandbox

// descriptorAttacks hand an open file to somebody outside, who changes it when the build has ended and its output
// was looked at already.
func descriptorAttacks() []Attack {
	const nix = "CVE-2024-27297, CVE-2025-46416, CVE-2026-39860 (Nix, Guix): output changed through a descriptor that was passed out"
	const later = `sleep 0.2; grep -q smuggled f`
	return []Attack{
		{Name: "descriptors/abstract-socket", Cites: nix, After: later,
			Script: `$SYS openat -100 s:f 0x42 420 -- socket 1 1 0 -- connect @1 x:$ABSADDR $ABSLEN -- pass @1 @0`},
		{Name: "descriptors/socket", Cites: nix, After: later,
			Script: `$SYS openat -100 s:f 0x42 420 -- socket 1 1 0 -- connect @1 x:$UNIXADDR $UNIXLEN -- pass @1 @0`},
		{Name: "descriptors/folder", Cites: "CVE-2025-46415, CVE-2025-52993 (Nix, Lix, Guix): a folder that is kept open outlives its name", After: `sleep 0.1; grep -q forge-secret got`,
			Script: `$SYS openat -100 s:$VICTIM 0x10000 0 -- openat @0 s:secret 0 0 -- read @1 b:64 64 -- say 2 >got`},
		{Name: "descriptors/thread-folder", Cites: "CVE-2024-21626 (runc): the folder of any thread, not only of the first", Script: `grep -qs forge-secret /proc/[0-9]*/task/*/cwd/secret`},
		{Name: "descriptors/climb", Cites: "CVE-2024-21626 (runc): ../ from a descriptor left open", Script: `for n in $(seq 3 40); do grep -qs forge-secret /proc/self/fd/$n/../victim/secret && exit 0; done; exit 1`},
	}
}

// sharedAttacks go at what the kernel has once for all, in no namespace: its schedulers, its counts, a user's
// share of them, and the locks on files.
func sharedAttacks() []Attack {
	const starve = "sched(7), ioprio_set(2): a starved keeper ends nothing"
	list := []Attack{
		{Name: "shared/lease", Cites: "fcntl(2): who opens the file for writing waits for lease-break-time", Script: `$SYS openat -100 s:$RO/file 0 0 -- fcntl @0 1024 0`},
		{Name: "shared/lease-own", Cites: "fcntl(2)", Script: `$SYS openat -100 s:f 0x42 420 -- close @0 -- openat -100 s:f 0 0 -- fcntl @2 1024 0`},
		{Name: "shared/aio", Cites: "fs.aio-max-nr is one number for the machine; databases fail to start without it", Script: `$SYS io_setup 2000 b:8`},
		{Name: "shared/inotify", Cites: "inotify(7): 128 instances a user, and the sandbox counts as one", Script: `$SYS $(for i in $(seq 60); do echo inotify_init1 0 --; done)`},
		{Name: "shared/cgroup-path", Cites: "cgroup_namespaces(7): /proc/self/cgroup tells the session and container", Script: `cut -d: -f3 /proc/self/cgroup | grep -qvx /`},
		{Name: "shared/interrupts", Cites: "GHSA-6fw5-f8r9-fgfm (Docker), cri-o#9068: power side channel", Script: `grep -q : /proc/interrupts`},
		{Name: "shared/irq", Cites: "Docker's read-only paths", Script: `exec 3>>/proc/irq/default_smp_affinity`, Alone: OnlyRoot},
		{Name: "shared/quota", Script: `$SYS quotactl 0x80000100 0 0 0`},
		{Name: "shared/locked-memory", Script: `$SYS mmap 0 0x1000000 3 0x22 -1 0 -- mlock @0 0x1000000`, Alone: OnlyRoot},
		{Name: "shared/io-realtime", Script: `$SYS ioprio_set 1 0 0x2004`, Alone: OnlyRoot},
		{Name: "shared/deadline", Cites: "sched(7): a deadline task goes before all others", Script: `$SYS sched_setattr 0 x:3000000006000000$(printf %032d 0)404b4c0000000000808d5b00000000008093dc1400000000 0`, Alone: OnlyRoot},
		{Name: "shared/log-level", Script: `exec 3>>/proc/sys/kernel/printk`, Alone: OnlyRoot},
		{Name: "shared/page-cache", Cites: "drop_caches slows all down", Script: `exec 3>>/proc/sys/vm/drop_caches`, Alone: OnlyRoot},
	}
	for _, a := range []struct {
		name, script string
		alone        Setting
	}{
		{"scheduler", `$SYS sched_setscheduler $INIT 5 x:00000000`, AsCaller},
		{"scheduler-attributes", `$SYS sched_setattr $INIT x:3000000005000000$(printf %080d 0) 0`, AsCaller},
		{"scheduler-parameter", `$SYS sched_setparam $INIT x:00000000`, AsCaller},
		{"affinity", `$SYS sched_setaffinity $INIT 8 x:0100000000000000`, AsCaller},
		{"nice", `$SYS setpriority 0 $INIT 19`, AsCaller},
		// All processes of the user that are in sight: with nothing around it, that is the user's whole machine.
		{"nice-user", `$SYS setpriority 2 0 19`, AsRoot},
		{"io-class", `$SYS ioprio_set 1 $INIT 0x6000`, AsCaller},
		{"io-class-user", `$SYS ioprio_set 3 0 0x6000`, AsRoot},
	} {
		list = append(list, Attack{Name: "pid1/" + a.name, Cites: starve, Script: a.script, Alone: a.alone})
	}
	for _, a := range []struct{ name, script string }{
		{"thread-memory", `exec 3</proc/$INIT/task/$INIT/mem`},
		{"thread-descriptors", `ls /proc/$INIT/task/$INIT/fd | grep -q .`},
		{"autogroup", `echo 19 >/proc/$INIT/autogroup`},
		{"core-filter", `echo 0 >/proc/$INIT/coredump_filter`},
		{"timer-slack", `exec 3</proc/$INIT/timerslack_ns; cat <&3`},
	} {
		list = append(list, Attack{Name: "pid1/" + a.name, Cites: "CVE-2019-5736 (runc) class: the keeper by its other names in /proc", Script: a.script})
	}
	return list
}

// protocolAttacks have the kernel load and run protocols that hardly anybody uses.
func protocolAttacks() []Attack {
	var list []Attack
	for _, a := range []struct{ name, cites, script string }{
		{"mptcp", "CVE-2023-1154, CVE-2024-26782 class", `$SYS socket 2 1 262`},
		{"mptcp6", "the same, by the other family", `$SYS socket 10 1 262`},
		{"udplite", "removed from Linux in 2025 for want of users", `$SYS socket 2 2 136`},
		{"sctp", "CVE-2021-23133, CVE-2019-8956", `$SYS socket 2 5 132 || $SYS socket 2 1 132`},
		{"dccp", "CVE-2017-6074, CVE-2020-16119", `$SYS socket 2 6 33 || $SYS socket 2 6 0`},
		{"l2tp", "CVE-2022-4129", `$SYS socket 2 2 115`},
		{"ping", "CVE-2015-3636", `$SYS socket 2 2 1 || $SYS socket 10 2 58`},
		{"upper-protocol", "CVE-2023-0461, CVE-2024-26583 (kTLS)", `$SYS socket 2 1 0 -- setsockopt @0 6 31 s:tls 3 2>&1 | grep -qi -e "not connected" -e "not supported"`},
		{"high-bits", "CVE-2019-10063 class: the kernel reads an int, the filter must, too", `$SYS socket 0x100000028 1 0 || $SYS socket 0x100000010 3 12`},
	} {
		list = append(list, Attack{Name: "network/" + a.name, Cites: a.cites, Script: a.script})
	}
	return list
}

// doorAttacks ask for what only root may, in ways that change nothing when root does.
func doorAttacks() []Attack {
	var list []Attack
	for _, a := range []struct{ name, cites, script string }{
		{"set-clock", "", `$SYS settimeofday 0 0`},
		{"module", "CVE-2024-21626's aftermath: from root inside to the kernel", `$SYS finit_module -1 s: 0 2>&1 | grep -qi "bad file"`},
		{"module-delete", "", `$SYS delete_module s:no_such_module 2048 2>&1 | grep -qi "no such"`},
		{"swap", "", `$SYS swapoff s:/no/such 2>&1 | grep -qi "no such"`},
		{"accounting", "", `$SYS acct s:/no/such 2>&1 | grep -qi "no such"`},
		{"hangup", "", `$SYS vhangup`},
		{"open-by-handle", "CVE-2014-9357 class, \"shocker\"", `$SYS openat -100 s:. 0 0 -- open_by_handle_at @0 x:0800000001000000$(printf %016d 0) 0 2>&1 | grep -qi stale`},
	} {
		list = append(list, Attack{Name: "kernel/" + a.name, Cites: a.cites, Script: a.script, Alone: OnlyRoot})
	}
	return append(list,
		Attack{Name: "mounts/pick", Cites: "fspick(2) reconfigures what is mounted", Script: `$SYS fspick -100 s:/ 0`, Alone: AsRoot},
		Attack{Name: "namespaces/time-offset", Cites: "time_namespaces(7)", Script: `unshare -T --monotonic 100000 true`, Alone: AsRoot, Needs: []string{"unshare"}},
		Attack{Name: "setid/traced-call", Cites: "seccomp(2): before Linux 4.8 a tracer could change the call behind the filter's back", After: `test -u f`,
			Script: `sleep 9 3>f & p=$!; sleep 0.2; $SYS ptrace 0x4206 $p 0 0 -- ptrace 0x4207 $p 0 0 -- wait4 $p 0 0x40000000 0 -- ptrace 24 $p 0 0 -- wait4 $p 0 0x40000000 0 -- ptrace 12 $p 0 b:256 -- poke 0 120 91 -- poke 0 112 3 -- poke 0 104 2541 -- ptrace 13 $p 0 m:0 -- ptrace 24 $p 0 0 -- wait4 $p 0 0x40000000 0; kill -9 $p`},
		Attack{Name: "read-only/flags", Cites: "chattr goes by ioctl, which no mode stops", Script: `chattr +d $RO/file`, Needs: []string{"chattr"}},
		Attack{Name: "read-only/socket", Script: `a=$RO/s$RANDOM; $SYS socket 1 1 0 -- bind @0 x:0100$(printf %s $a | od -An -v -tx1 | tr -d " \n") $((2+${#a}))`},
		Attack{Name: "read-only/proc-root", Cites: "/proc/self/root leads around a mount in careless code", Script: `echo x >>/proc/self/root$RO/file`},
		Attack{Name: "read-only/proc-cwd", Script: `cd $RO && echo x >>/proc/self/cwd/file`},
		Attack{Name: "exhaustion/shared-anonymous", Cites: "setrlimit(2): no limit but a cgroup's counts shared memory", Limits: Limits{Memory: 100 << 20},
			Script: `$SYS mmap 0 0xc800000 3 0x8021 -1 0 -- nanosleep x:0200000000000000$(printf %016d 0) 0`},
		Attack{Name: "exhaustion/memory-file", Cites: "memfd_create(2): memory that no process has mapped", Limits: Limits{Memory: 100 << 20},
			Script: `$SYS memfd_create s:x 0 -- write @0 b:16777216 16777216 -- $(for i in $(seq 11); do echo write @0 m:1 16777216 --; done) nanosleep x:0200000000000000$(printf %016d 0) 0`},
		Attack{Name: "exhaustion/system-v-memory", Cites: "shmget(2): memory that is in no process's data segment", Limits: Limits{Memory: 100 << 20},
			Script: `$SYS shmget 0 0xc800000 0x380 -- shmat @0 0 0 -- openat -100 s:/dev/zero 0 0 -- read @2 @1 0xc800000 -- nanosleep x:0100000000000000$(printf %016d 0) 0 -- shmctl @0 0 0`},
		Attack{Name: "exhaustion/memory-hidden", Cites: "PR_SET_DUMPABLE(2const): /proc says nothing of the process to its own user", Limits: Limits{Memory: 100 << 20},
			Script: `$SYS prctl 4 0 0 0 0 -- mmap 0 0xc800000 3 0x8021 -1 0 -- nanosleep x:0200000000000000$(printf %016d 0) 0`},
		Attack{Name: "exhaustion/disk-hidden", Cites: "PR_SET_DUMPABLE(2const)", Limits: Limits{Disk: 10 << 20},
			Script: `$SYS prctl 4 0 0 0 0 -- openat -100 s:f 0x42 420 -- unlinkat -100 s:f 0 -- write @1 b:33554432 33554432 -- nanosleep x:0200000000000000$(printf %016d 0) 0`},
		Attack{Name: "exhaustion/disk-mapped", Cites: "what is only mapped has neither name nor descriptor", Limits: Limits{Disk: 10 << 20},
			Script: `$SYS openat -100 s:f 0x42 420 -- ftruncate @0 0x2000000 -- mmap 0 0x2000000 3 1 @0 0 -- close @0 -- unlinkat -100 s:f 0 -- openat -100 s:/dev/zero 0 0 -- read @5 @2 0x2000000 -- nanosleep x:0200000000000000$(printf %016d 0) 0`},
		Attack{Name: "exhaustion/disk-in-flight", Cites: "a descriptor on its way through a socket is in nobody's table", Limits: Limits{Disk: 10 << 20},
			Script: `$SYS socketpair 1 1 0 b:8 -- openat -100 s:f 0x42 420 -- unlinkat -100 s:f 0 -- write @1 b:33554432 33554432 -- pass d:0+0 @1 -- close @1 -- nanosleep x:0200000000000000$(printf %016d 0) 0`},
	)
}
