package sandbox

// keeperAttacks go at the sandbox's pid 1, which has the command's own uid and the rights to mount.
func keeperAttacks() []Attack {
	const cites = "CVE-2019-5736 (runc), CVE-2016-9962; bubblewrap's pid 1 can be read and written"
	var list []Attack
	for _, a := range []struct{ name, script string }{
		{"arguments", `tr "\0" " " </proc/$INIT/cmdline | grep -q "[a-z]"`},
		{"environ", `grep -aq . /proc/$INIT/environ`},
		{"memory", `exec 3</proc/$INIT/mem`},
		{"memory-write", `exec 3>/proc/$INIT/mem`},
		{"maps", `grep -q . /proc/$INIT/maps`},
		{"smaps", `grep -q . /proc/$INIT/smaps`},
		{"auxv", `test -n "$(od -N 8 -An -tx1 /proc/$INIT/auxv)"`},
		{"descriptors", `ls /proc/$INIT/fd | grep -q .`},
		{"descriptor-info", `cat /proc/$INIT/fdinfo/* | grep -q pos`},
		{"program", `head -c 4 /proc/$INIT/exe | grep -q ELF`},
		{"folder", `ls /proc/$INIT/cwd/`},
		{"root", `ls /proc/$INIT/root/`},
		{"namespaces", `readlink /proc/$INIT/ns/mnt`},
		{"io", `grep -q . /proc/$INIT/io`},
		{"syscall", `grep -q . /proc/$INIT/syscall`},
		{"personality", `grep -q . /proc/$INIT/personality`},
		{"oom-score", `echo 900 >/proc/$INIT/oom_score_adj`},
		{"clear-refs", `echo 1 >/proc/$INIT/clear_refs`},
		{"trace", `$SYS ptrace 16 $INIT 0 0`},
		{"seize", `$SYS ptrace 0x4206 $INIT 0 0`},
		{"steal-descriptor", `$SYS pidfd_open $INIT 0 -- pidfd_getfd @0 0 0`},
		{"vm-read", `$SYS process_vm_readv $INIT i:64 1 x:00004000000000004000000000000000 1 0`},
		{"vm-write", `$SYS process_vm_writev $INIT i:1 1 x:00000000000000000100000000000000 1 0 2>&1 | grep -q "bad address"`},
		{"limits", `$SYS prlimit64 $INIT 7 x:1000000000000000f000000000000000 0`},
		{"enter", `$SYS pidfd_open $INIT 0 -- setns @0 0x04000000`},
	} {
		list = append(list, Attack{Name: "pid1/" + a.name, Cites: cites, Script: a.script})
	}
	list[len(list)-1].Alone = OnlyRoot
	return list
}

func processAttacks() []Attack {
	return []Attack{
		{Name: "processes/see", Script: `cat /proc/[0-9]*/cmdline | tr '\0' ' ' | grep -q "${MARK/f/[f]}"`},
		{Name: "processes/kill", Script: `kill -9 $PID; sleep 0.1`, After: `test ! -e /proc/$PID`},
		{Name: "processes/trace", Cites: "CVE-2019-2054 class", Script: `$SYS ptrace 16 $PID 0 0`},
		{Name: "processes/environ", Cites: "tokens in the environment", Script: `grep -q forge-secret /proc/$PID/environ`},
		{Name: "processes/memory", Script: `exec 3</proc/$PID/mem`},
		{Name: "processes/vm-read", Script: `$SYS process_vm_readv $PID i:64 1 x:00004000000000004000000000000000 1 0`},
		{Name: "processes/io-priority", Script: `$SYS ioprio_set 1 $PID 0x6007`},
		{Name: "processes/suspend-filter", Cites: "PTRACE_O_SUSPEND_SECCOMP (Linux 4.3)", Script: `sleep 3 & $SYS ptrace 0x4206 $! 0 0x200000`, Alone: OnlyRoot},
		{Name: "processes/pidfd", Script: `$SYS pidfd_open $PID 0`},
		{Name: "processes/affinity", Script: `$SYS sched_setaffinity $PID 8 x:0100000000000000`},
		{Name: "processes/nice", Script: `$SYS setpriority 0 $PID 5`},
		{Name: "processes/limits", Script: `$SYS prlimit64 $PID 7 0 b:16`},
		{Name: "processes/priority", Script: `$SYS setpriority 0 0 -20`, Alone: OnlyRoot},
		{Name: "processes/realtime", Script: `$SYS sched_setscheduler 0 1 x:01000000`, Alone: OnlyRoot},
		{Name: "processes/oom-immune", Script: `echo -900 >/proc/self/oom_score_adj`, Alone: OnlyRoot},
		{Name: "processes/raise-limit", Script: `ulimit -Hn 600000`, Alone: OnlyRoot},
		{Name: "processes/shared-memory", Script: `$SYS shmat $SHM 0 0x1000`},
		{Name: "processes/message-queue", Script: `$SYS msgrcv $MSG b:100 80 0 2048`},
		{Name: "processes/posix-queue", Script: `$SYS mq_open s:$MARK 0 0 0`},
		{Name: "processes/posix-memory", Script: `grep -q forge-secret /dev/shm/$MARK`},
		{Name: "processes/ipc-table", Script: `awk -v s=$SHM '$2==s{f=1} END{exit !f}' /proc/sysvipc/shm || grep -q " $SHM " /proc/sysvipc/shm`},
		{Name: "processes/terminal-input", Cites: "CVE-2017-5226 (bubblewrap), CVE-2016-7545", Script: `script -qec "$SYS ioctl 0 0x5412 x:0a" /dev/null`, Needs: []string{"script"}},
		{Name: "processes/terminal-input-high", Cites: "CVE-2019-10063 (flatpak), CVE-2019-7303 (snapd): only 32 bits are read", Script: `script -qec "$SYS ioctl 0 0x100005412 x:0a" /dev/null`, Needs: []string{"script"}},
		{Name: "processes/line-discipline", Cites: "CVE-2014-0196, CVE-2023-6546", Script: `script -qec "$SYS ioctl 0 0x5423 x:00000000" /dev/null`, Needs: []string{"script"}},
		{Name: "processes/daemon", Script: `(setsid bash -c ': left-a-'$MARK'; sleep 2; :' &)`, After: `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -q "left-a[-]$MARK"`},
		{Name: "processes/deaf-daemon", Script: `(trap '' TERM HUP INT; setsid bash -c ': left-b-'$MARK'; sleep 2; :' </dev/null &>/dev/null & disown) ; exit 0`, After: `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -q "left-b[-]$MARK"`},
		{Name: "processes/stopped-daemon", Script: `(setsid bash -c ': left-c-'$MARK'; kill -STOP $$; sleep 2; :' & sleep 0.1; (sleep 2; kill -CONT $!) &>/dev/null & )`, After: `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' | grep -q "left-c[-]$MARK"`},
	}
}

// namespaceAttacks make a namespace, where the one who makes it is root and the kernel's least tried
// code is open.
func namespaceAttacks() []Attack {
	const cites = "CVE-2022-0185, CVE-2022-32250, CVE-2023-2640: all began with unshare"
	list := []Attack{
		{Name: "namespaces/user", Cites: cites, Script: `unshare -U true`, Needs: []string{"unshare"}},
		{Name: "namespaces/user-clone", Cites: cites, Script: `$SYS clone 0x10000011 0 0 0 0`},
		{Name: "namespaces/user-clone3", Cites: cites, Script: `$SYS clone3 x:0000001000000000$(printf %048d 0)1100000000000000$(printf %048d 0) 64`},
		{Name: "namespaces/user-and-net", Cites: cites, Script: `unshare -Urn ip link set lo up || unshare -Urn true`, Needs: []string{"unshare"}},
		{Name: "namespaces/reenter", Script: `exec 3</proc/self/ns/uts; $SYS setns 3 0`, Alone: AsRoot},
		{Name: "namespaces/become-root", Script: `$SYS setuid 0`, Alone: AsRoot},
		{Name: "namespaces/become-root-group", Script: `$SYS setgid 0`, Alone: AsRoot},
		{Name: "namespaces/securebits", Script: `$SYS prctl 28 0 0 0 0`, Alone: AsRoot},
		{Name: "namespaces/hostname", Script: `$SYS sethostname s:x 1`, Alone: AsRoot},
		{Name: "namespaces/domain", Script: `$SYS setdomainname s:x 1`, Alone: AsRoot},
		{Name: "namespaces/capability", Script: `$SYS prctl 24 21 0 0 0`, Alone: AsRoot},
	}
	for _, ns := range [][2]string{{"mount", "-m"}, {"net", "-n"}, {"pid", "-pf"}, {"ipc", "-i"}, {"uts", "-u"}, {"cgroup", "-C"}, {"time", "-T"}} {
		list = append(list, Attack{Name: "namespaces/" + ns[0], Cites: cites, Script: "unshare " + ns[1] + " true", Alone: AsRoot, Needs: []string{"unshare"}})
	}
	return list
}

// kernelAttacks knock at doors into the kernel that no build needs.
func kernelAttacks() []Attack {
	return []Attack{
		{Name: "kernel/keyring-search", Cites: "CVE-2014-9529 class: keys are in no namespace", Script: `$SYS keyctl 10 -4 s:user s:$MARK 0`},
		{Name: "kernel/keyring-add", Script: `$SYS add_key s:user s:$MARK-new s:x 1 -2`},
		{Name: "kernel/keyring-request", Script: `$SYS request_key s:user s:$MARK 0 0`},
		{Name: "kernel/keyring-session", Cites: "CVE-2016-0728", Script: `$SYS keyctl 1 0`},
		{Name: "kernel/keyring-table", Script: `grep -q $MARK /proc/keys`},
		{Name: "kernel/bpf", Cites: "CVE-2021-3490, CVE-2022-23222", Script: `$SYS bpf 0 x:02000000040000000400000001000000$(printf %0112d 0) 72`, Alone: OnlyRoot},
		{Name: "kernel/perf", Cites: "CVE-2013-2094", Script: `$SYS perf_event_open x:0100000070000000$(printf %064d 0)6000000000000000$(printf %0128d 0) 0 -1 -1 0`},
		{Name: "kernel/userfaultfd", Cites: "the helper of most race exploits", Script: `$SYS userfaultfd 1`},
		{Name: "kernel/memfd-secret", Script: `$SYS memfd_secret 0`},
		{Name: "kernel/kcmp", Script: `$SYS kcmp $$ $$ 0 0 0`},
		{Name: "kernel/ldt", Cites: "CVE-2015-5157, CVE-2017-17053", Script: `$SYS modify_ldt 0 b:16 16`},
		{Name: "kernel/iopl", Script: `$SYS iopl 3`, Alone: OnlyRoot},
		{Name: "kernel/personality", Cites: "CVE-2009-1895 class (READ_IMPLIES_EXEC)", Script: `$SYS personality 0x0400000`},
		{Name: "kernel/fanotify", Script: `$SYS fanotify_init 0x200 0`},
		{Name: "kernel/log", Script: `$SYS syslog 10 0 0`, Alone: OnlyRoot},
		{Name: "kernel/clock", Script: `$SYS adjtimex b:208`},
		{Name: "kernel/move-pages", Script: `$SYS move_pages 0 0 0 0 0 0`},
		{Name: "kernel/io-uring-register", Script: `$SYS 427 -1 20 b:64 1 || $SYS io_uring_setup 1 b:120`},
		{Name: "kernel/i386", Cites: "CVE-2009-0835: filters that forget the other ABI", Script: `base64 -d <<<$INT80 >x; chmod +x x; touch f; ./x; test $? = 0`},
	}
}

// leakAttacks look for what is different on every machine: it makes builds differ, and tells on people.
func leakAttacks() []Attack {
	return []Attack{
		{Name: "leaks/hostname", Script: `test "$(uname -n)" = "$HOST_NAME"`},
		{Name: "leaks/boot-id", Script: `test "$(cat /proc/sys/kernel/random/boot_id)" = "$BOOT_ID"`},
		{Name: "leaks/cpu", Script: `test "$(grep -m1 'model name' /proc/cpuinfo)" = "$CPU_MODEL"`},
		{Name: "leaks/cpu-flags", Script: `grep -qw -e sse4_2 -e asimdrdm /proc/cpuinfo`},
		{Name: "leaks/kernel-command-line", Script: `grep -q [a-z] /proc/cmdline`},
		{Name: "leaks/mac-address", Script: `cat /sys/class/net/*/address | grep -qv 00:00:00:00:00:00`},
		{Name: "leaks/environment", Cites: "CVE-2023-49291 class: tokens in CI", Script: `env | grep -q forge-secret`},
		{Name: "leaks/accounts", Script: `grep -q -e ^daemon: -e ^root: /etc/passwd`},
		{Name: "leaks/timezone", Script: `test -e /etc/localtime -o -e /etc/timezone`},
		{Name: "leaks/agent", Script: `test -n "$SSH_AUTH_SOCK"`},
	}
}

// exhaustionAttacks take more than their share. The control shows that the machine would give it.
func exhaustionAttacks() []Attack {
	return []Attack{
		{Name: "exhaustion/processes", Limits: Limits{Processes: 60}, Script: `touch f{1..12000} && sleep 0.6`},
		// The leaves wait, so that on a busy machine, too, all of them live at once.
		{Name: "exhaustion/fork-bomb", Limits: Limits{Processes: 60}, Script: `f() { if (( $1 > 0 )); then f $(($1-1)) & f $(($1-1)) & wait; else sleep 1; fi; }; f 6 2>err; ! grep -q . err`},
		{Name: "exhaustion/memory", Limits: Limits{Memory: 100 << 20}, Script: `test "$(head -c 200M /dev/zero | tail -c 200M | wc -c)" = 209715200`},
		{Name: "exhaustion/shared-memory", Limits: Limits{Memory: 100 << 20}, Script: `head -c 200M /dev/zero >/dev/shm/$MARK-big; r=$?; rm -f /dev/shm/$MARK-big; exit $r`},
		{Name: "exhaustion/tmp", Limits: Limits{Memory: 100 << 20}, Script: `head -c 200M /dev/zero >/tmp/$MARK-big; r=$?; rm -f /tmp/$MARK-big; exit $r`},
		{Name: "exhaustion/file-size", Limits: Limits{FileSize: 10 << 20}, Script: `head -c 20M /dev/zero >big`},
		{Name: "exhaustion/sparse-file", Limits: Limits{FileSize: 10 << 20}, Script: `truncate -s 200M big`},
		{Name: "exhaustion/disk", Limits: Limits{Disk: 10 << 20}, Script: `for i in 1 2 3 4 5 6; do head -c 5M /dev/zero >f$i || exit 1; done; sleep 0.6`},
		{Name: "exhaustion/disk-without-names", Cites: "what has no name is not seen by du", Limits: Limits{Disk: 10 << 20}, Script: `exec 3>f; rm f; head -c 30M /dev/zero >&3 && sleep 0.6`},
		{Name: "exhaustion/inodes", Limits: Limits{Disk: 10 << 20}, Script: `touch f{1..12000} && sleep 0.6`},
		{Name: "exhaustion/open-files", Limits: Limits{OpenFiles: 50}, Script: `for i in $(seq 3 60); do eval "exec $i</dev/null" || exit 1; done`},
		{Name: "exhaustion/cpu", Limits: Limits{CPU: 1e9}, Script: `while (( $(cut -d' ' -f14 /proc/$$/stat) < 115 )); do for ((i=0; i<20000; i++)); do :; done; done`},
		{Name: "exhaustion/wall", Limits: Limits{Wall: 5e8}, Script: `sleep 1`},
		{Name: "exhaustion/deaf-wall", Limits: Limits{Wall: 5e8}, Script: `trap '' TERM INT HUP QUIT; sleep 1; true`},
		{Name: "exhaustion/log", Limits: Limits{Log: 1 << 20}, Script: `head -c 2M /dev/zero; exec 2>&1; head -c 2M /dev/zero >&2; sleep 0.3`},
		{Name: "exhaustion/core-file", Script: `cd $W; ulimit -c unlimited 2>/dev/null; bash -c 'kill -SEGV $$'; exit 0`, After: `ls | grep -q core`},
	}
}
