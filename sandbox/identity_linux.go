package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// nobodyID is the uid and gid of commands on machines where root starts them. It lies where no system
// hands out ids: above systemd's containers, below 2^31 (systemd's UIDS-GIDS).
const nobodyID = 1879052038

// An identity is who a command is, seen from outside.
type identity struct {
	uid, gid   int
	privileged bool // the caller may map ids other than its own, and mount
}

// outsideID chooses the identity: the caller's own, or a dedicated one where the caller is root. Root
// itself is never mapped: then only the read-only mounts would protect its files.
func outsideID() identity {
	own := identity{uid: os.Geteuid(), gid: os.Getegid()}
	if own.uid != 0 || !hasCaps(unix.CAP_SYS_ADMIN, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_CHOWN) {
		return own
	}
	uid, gid := mappable("/proc/self/uid_map"), mappable("/proc/self/gid_map")
	if uid < 0 || gid < 0 {
		return own
	}
	return identity{uid, gid, true}
}

func hasCaps(caps ...int) bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) != nil {
		return false
	}
	for _, c := range caps {
		if data[c/32].Effective&(1<<(c%32)) == 0 {
			return false
		}
	}
	return true
}

// mappable picks nobodyID if this user namespace knows it, else the highest id that it knows.
func mappable(file string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		return -1
	}
	best := -1
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		first, _ := strconv.Atoi(f[0])
		n, _ := strconv.Atoi(f[2])
		if first <= nobodyID && nobodyID < first+n {
			return nobodyID
		}
		best = max(best, first+n-1)
	}
	if best < 1000 {
		return -1
	}
	return best
}

// takeMounts takes the sources out with the caller's rights: the command's identity could not even
// reach most of them. Their owners are mapped, so that the command owns what the caller owns and what it
// writes belongs to the caller. Where a file system cannot do that, a writable tree changes hands for the
// time of the run, and back gives it back.
func (r *runner) takeMounts(list []Mount, who identity) (files []*os.File, back func() error, err error) {
	back = func() error { return nil }
	ns, err := r.ownerMap(who)
	if err != nil {
		return nil, back, err
	}
	for _, m := range list {
		if m.Source == "" {
			continue
		}
		fd, err := takeOut(m, ns)
		if err == nil {
			files = append(files, os.NewFile(uintptr(fd), m.Source))
			continue
		}
		fd, err2 := takeOut(m, -1)
		if err2 != nil {
			return files, back, err2
		}
		files = append(files, os.NewFile(uintptr(fd), m.Source))
		if !m.Writable {
			continue
		}
		give, err2 := handOver(m.Source, os.Geteuid(), os.Getegid(), who.uid, who.gid)
		if err2 != nil {
			return files, back, fmt.Errorf("hand %s to the sandbox (owners could not be mapped: %v): %w", m.Source, err, err2)
		}
		before := back
		back = func() error {
			err := give()
			if err2 := before(); err == nil {
				err = err2
			}
			return err
		}
	}
	return files, back, nil
}

// host is what a runner keeps between runs.
type host struct {
	without []wall // for tests

	mu     sync.Mutex
	owners *os.File // user namespace for idmapped mounts, made when first needed
}

// ownerMap returns a user namespace in which the caller's id is the command's, for idmapped mounts
// (mount_setattr(2)). It needs a process to come into being, and none to live on.
func (r *runner) ownerMap(who identity) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.owners != nil {
		return int(r.owners.Fd()), nil
	}
	in, hold, err := os.Pipe()
	if err != nil {
		return -1, err
	}
	defer in.Close()
	var s steps
	defer s.release()
	s.closeAllBut(int(in.Fd()))
	s.forgetSignals()
	s.try(unix.SYS_READ, in.Fd(), s.bytes(nil), 1) // until the other end closes, by whatever death
	s.leaveMemory()
	runtime.LockOSThread()
	pid, err := s.fork(unix.CLONE_NEWUSER, -1)
	runtime.UnlockOSThread()
	if err != nil {
		hold.Close()
		return -1, unavailable(Full, "make a user namespace", err)
	}
	defer unix.Wait4(pid, nil, 0, nil)
	defer hold.Close()
	ids := func(from, to int) string { return fmt.Sprintf("%d %d 1", from, to) }
	if err := writeMaps(pid, ids(os.Geteuid(), who.uid), ids(os.Getegid(), who.gid), true); err != nil {
		return -1, unavailable(Full, "map the owners of mounts", err)
	}
	if r.owners, err = os.Open(fmt.Sprintf("/proc/%d/ns/user", pid)); err != nil {
		return -1, fmt.Errorf("open the user namespace for mounts: %w", err)
	}
	return int(r.owners.Fd()), nil
}
