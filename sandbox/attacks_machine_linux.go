package sandbox

// handlerAttacks go at pid 1 by signals, and at what the machine does when a program crashes.
func handlerAttacks() []Attack {
	const crash = "core(5): the machine's crash handler runs outside and as root, whatever RLIMIT_CORE is but 1; CVE-2022-4415, CVE-2025-4598, CVE-2025-5054"
	return []Attack{
		{Name: "pid1/stop", Cites: "a stopped keeper ends nothing", Script: `kill -STOP $INIT; sleep 0.1; grep -q "^State:.*T" /proc/$INIT/status; r=$?; kill -CONT $INIT; exit $r`},
		{Name: "pid1/signals", Cites: "signal(7): pid 1 gets what it has handlers for, as every Go program has", Script: `for s in $(seq 64); do kill -$s $INIT; done; sleep 0.1; test ! -e /proc/$INIT || grep -q "^State:.*Z" /proc/$INIT/status`},
		{Name: "pid1/signal-values", Cites: "rt_sigqueueinfo(2)", Script: `$SYS pidfd_open $INIT 0 -- pidfd_send_signal @0 9 0 0; sleep 0.1; test ! -e /proc/$INIT || grep -q "^State:.*Z" /proc/$INIT/status`},
		{Name: "pid1/terminal-signal", Cites: "kill(2): a signal to the group of pid 1", Script: `kill -9 -- -$INIT; sleep 0.1; test ! -e /proc/$INIT || grep -q "^State:.*Z" /proc/$INIT/status`},
		{Name: "processes/core-handler", Cites: crash, Script: `ulimit -c 0; ! grep -q "^Max core file size *1 " /proc/self/limits`},
		{Name: "processes/core-handler-soft", Cites: crash, Script: `ulimit -Sc 0; ! grep -q "^Max core file size *1 " /proc/self/limits`},
		{Name: "processes/core-handler-other", Cites: crash, Script: `sleep 2 & $SYS prlimit64 $! 4 x:00000000000000000000000000000000 0; ! grep -q "^Max core file size *1 " /proc/$!/limits`},
		{Name: "processes/core-handler-high", Cites: crash + "; a pointer whose low half is 0", Script: `sleep 2 & $SYS mmap 0x100000000 4096 3 0x100022 -1 0 -- prlimit64 $! 4 0x100000000 0; ! grep -q "^Max core file size *1 " /proc/$!/limits`},
	}
}

// machineAttacks ask what the machine is and does, and take of what it has one pool for all.
func machineAttacks() []Attack {
	const telling = "proc(5): what the machine does this moment tells of its other users; Docker masks the like"
	return []Attack{
		{Name: "leaks/disks", Cites: telling, Script: `grep -q . /proc/diskstats || grep -q "[0-9]" /proc/partitions`},
		{Name: "leaks/soft-interrupts", Cites: telling, Script: `grep -q ":.*[0-9]" /proc/softirqs`},
		{Name: "leaks/buses", Cites: "the devices of the machine", Script: `ls /proc/bus/pci /proc/bus/input 2>/dev/null | grep -q "[0-9a-z]"`},
		{Name: "leaks/file-systems", Cites: "options of the machine's file systems", Script: `ls /proc/fs | grep -q .`},
		{Name: "leaks/pressure", Cites: telling, Script: `grep -q avg /proc/pressure/cpu`},
		{Name: "shared/pressure-trigger", Cites: "psi (Documentation/accounting): a trigger is a thread of the kernel's own", Script: `exec 3<>/proc/pressure/memory && printf 'some 200000 2000000\\0' >&3`},
		{Name: "shared/huge-pages", Cites: "hugetlbpage (Documentation/admin-guide): one pool for all, which databases reserve and no memory limit counts", Script: `$SYS memfd_create s:x 4`},
		{Name: "shared/huge-pages-mapped", Cites: "mmap(2): MAP_HUGETLB needs no privilege", Script: `$SYS mmap 0 0x200000 3 0x44022 -1 0`},
		{Name: "network/urgent-data", Cites: "CVE-2025-38236: out-of-band data of UNIX sockets, from a browser's sandbox into the kernel", Script: `$SYS socketpair 1 1 0 b:8 -- sendto d:0+0 b:1 1 1 0 0`},
		{Name: "network/urgent-message", Cites: "CVE-2025-38236, by the other call", Script: `$SYS socketpair 1 1 0 b:8 -- -read -1 i:1 b:56 -- poke 3 16 m:2 -- poke 3 24 1 -- sendmsg d:0+0 m:3 1`},
		{Name: "kernel/clock-adjust", Cites: "clock_adjtime(2) beside adjtimex(2)", Script: `$SYS clock_adjtime 0 b:208`},
		{Name: "kernel/clock-of-thread", Script: `$SYS clock_settime 0 0 2>&1 | grep -qi "bad address"`},
	}
}
