package sandbox

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A victim is what the attacks are after: files, a process, sockets, memory, a key, all the caller's own
// and all with a secret in them.
type victim struct {
	secret, mark string
	dir, ro      string
	leak         *os.File // the folder, opened and inherited by mistake
	proc         *exec.Cmd
	died         chan struct{}
	tool         string
	ports        map[string]string
	listeners    []int
	shm, msg     int
	shmFile      string
}

func newVictim(scratch, tool string) (*victim, error) {
	v := &victim{shm: -1, msg: -1, dir: filepath.Join(scratch, "victim"), ro: filepath.Join(scratch, "readonly"), tool: tool, ports: map[string]string{}}
	id := fmt.Sprintf("%d-%x", os.Getpid(), rand.Uint32()) // names that outlive us must not meet again
	v.mark, v.secret = "forge-mark-"+id, "forge-secret-"+id
	if err := v.prepare(); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *victim) prepare() (err error) {
	if err := v.restore(); err != nil {
		return err
	}
	if err := v.listen(); err != nil {
		return err
	}
	v.ipc()
	v.leak, err = os.Open(v.dir)
	if err != nil {
		return err
	}
	os.Setenv("FORGE_TOKEN", v.secret)
	// Handed down without close-on-exec, as a careless caller would: no sandbox may let it through.
	_, err = unix.FcntlInt(v.leak.Fd(), unix.F_SETFD, 0)
	return err
}

// restore puts the files and the process back as they were.
func (v *victim) restore() error {
	for _, d := range []string{v.dir, v.ro} {
		if err := os.RemoveAll(filepath.Join(d, "home")); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(d, "home/.ssh"), 0o755); err != nil {
			return err
		}
		list, err := os.ReadDir(d)
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.Name() != "home" && e.Name() != "sock" {
				if err := os.RemoveAll(filepath.Join(d, e.Name())); err != nil {
					return err
				}
			}
		}
	}
	for _, f := range []string{v.dir + "/secret", v.dir + "/home/.ssh/id_ed25519", v.ro + "/file"} {
		if err := os.WriteFile(f, []byte(v.secret+"\n"), 0o644); err != nil {
			return err
		}
	}
	id, err := exec.LookPath("id")
	if err != nil {
		return err
	}
	suid := v.ro + "/suid"
	if err := copyFile(suid, id, 0o755); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(suid, 12345, 12345); err != nil {
			return err
		}
	}
	if err := os.Chmod(suid, 0o755|os.ModeSetuid); err != nil {
		return err
	}
	return v.live()
}

// live starts the victim process if it is dead.
func (v *victim) live() error {
	if v.died != nil {
		select {
		case <-v.died:
		default:
			return nil
		}
	}
	cmd := exec.Command(v.tool, "hold", v.mark)
	cmd.Env = []string{"TOKEN=" + v.secret}
	cmd.Dir = v.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	died := make(chan struct{})
	go func() { cmd.Wait(); close(died) }()
	v.proc, v.died = cmd, died
	return nil
}

// state says in one string what attacks could have changed.
func (v *victim) state() string {
	var b strings.Builder
	for _, d := range []string{v.dir, v.ro} {
		filepath.WalkDir(d, func(p string, e os.DirEntry, _ error) error {
			fi, err := os.Lstat(p)
			if err != nil {
				return nil
			}
			data := ""
			if fi.Mode().IsRegular() && fi.Size() < 1000 {
				b, _ := os.ReadFile(p)
				data = string(b)
			}
			st := fi.Sys().(*syscall.Stat_t)
			fmt.Fprintln(&b, p, fi.Mode(), fi.ModTime().UnixNano(), st.Nlink, st.Uid, data)
			return nil
		})
	}
	select {
	case <-v.died:
		b.WriteString("the process died")
	default:
	}
	return b.String()
}

func (v *victim) pid() string { return strconv.Itoa(v.proc.Process.Pid) }

// env is the environment of an attack. What differs inside is told by the arguments.
func (v *victim) env(w, ro, init, cover string) []string {
	host, _ := os.Hostname()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	cpus, _ := os.ReadFile("/proc/cpuinfo")
	model := ""
	for line := range strings.Lines(string(cpus)) {
		if strings.HasPrefix(line, "model name") {
			model = strings.TrimSpace(line)
			break
		}
	}
	env := []string{
		"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C", "HOME=" + w, "W=" + w, "RO=" + ro, "INIT=" + init, "COVER=" + cover,
		"VICTIM=" + v.dir, "PID=" + v.pid(), "MARK=" + v.mark, "HOST_NAME=" + host, "BOOT_ID=" + strings.TrimSpace(string(boot)),
		"CPU_MODEL=" + model, "SHM=" + strconv.Itoa(v.shm), "MSG=" + strconv.Itoa(v.msg),
		"TMPFILE=" + strconv.Itoa(unix.O_TMPFILE|unix.O_WRONLY), "INT80=" + int80,
	}
	for k, p := range v.ports {
		env = append(env, k+"="+p)
	}
	return env
}

// int80 is a 252-byte i386 program: chmod("f", 04755), and exit with what that said.
const int80 = "f0VMRgEBAQAAAAAAAAAAAAIAAwABAAAAVIAECDQAAACEAAAAAAAAADQAIAABACgAAwACAAEAAABUAAAAVIAECFSABAgeAAAAHgAAAAcAAAABAAAAuA8AAAC7cIAECLntCQAAzYD32InDuAEAAADNgGYAAC5zaHN0cnRhYgAudGV4dAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsAAAABAAAABwAAAFSABAhUAAAAHgAAAAAAAAAAAAAAAQAAAAAAAAABAAAAAwAAAAAAAAAAAAAAcgAAABEAAAAAAAAAAAAAAAEAAAAAAAAA"

// listen opens the sockets. Each says the secret to whoever comes.
func (v *victim) listen() error {
	tcp, err := v.server(unix.AF_INET, unix.SOCK_STREAM, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err != nil {
		return err
	}
	v.ports["TCP"] = port(tcp)
	v.ports["TCP6"] = "1"
	if tcp6, err := v.server(unix.AF_INET6, unix.SOCK_STREAM, &unix.SockaddrInet6{Addr: [16]byte{15: 1}}); err == nil {
		v.ports["TCP6"] = port(tcp6)
	}
	udp, err := v.server(unix.AF_INET, unix.SOCK_DGRAM, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
	if err != nil {
		return err
	}
	v.ports["UDP"] = port(udp)
	path := filepath.Join(v.dir, "sock")
	os.Remove(path)
	for name, addr := range map[string]string{"UNIX": path, "ABS": "@" + v.mark} {
		if _, err := v.server(unix.AF_UNIX, unix.SOCK_STREAM, &unix.SockaddrUnix{Name: addr}); err != nil {
			return fmt.Errorf("listen at %s: %w", addr, err)
		}
		raw := append([]byte{unix.AF_UNIX, 0}, addr...)
		if addr[0] == '@' {
			raw[2] = 0
		}
		v.ports[name+"ADDR"], v.ports[name+"LEN"] = hex.EncodeToString(raw), strconv.Itoa(len(raw))
	}
	return nil
}

func (v *victim) server(family, kind int, at unix.Sockaddr) (int, error) {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	v.listeners = append(v.listeners, fd)
	if err := unix.Bind(fd, at); err != nil {
		return -1, err
	}
	if kind == unix.SOCK_DGRAM {
		go v.answer(fd)
		return fd, nil
	}
	if err := unix.Listen(fd, 16); err != nil {
		return -1, err
	}
	go func() {
		for {
			c, _, err := unix.Accept4(fd, unix.SOCK_CLOEXEC)
			if err != nil {
				return
			}
			unix.Write(c, []byte(v.secret+"\n"))
			if family != unix.AF_UNIX {
				unix.Close(c)
				continue
			}
			go accomplice(c)
		}
	}()
	return fd, nil
}

// accomplice takes a descriptor from whoever connected, if one is sent, and writes to it when the sender is gone.
func accomplice(c int) {
	defer unix.Close(c)
	unix.SetsockoptTimeval(c, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2})
	oob := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(c, make([]byte, 1), oob, unix.MSG_CMSG_CLOEXEC)
	if err != nil || n == 0 {
		return
	}
	messages, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil {
		return
	}
	for _, m := range messages {
		fds, _ := unix.ParseUnixRights(&m)
		for _, fd := range fds {
			unix.Recvfrom(c, make([]byte, 1), 0) // until it closes
			unix.Write(fd, []byte("smuggled\n"))
			unix.Close(fd)
		}
	}
}

func (v *victim) answer(fd int) {
	buf := make([]byte, 100)
	for {
		_, from, err := unix.Recvfrom(fd, buf, 0)
		if err != nil || from == nil {
			return
		}
		unix.Sendto(fd, []byte(v.secret+"\n"), 0, from)
	}
}

func port(fd int) string {
	sa, _ := unix.Getsockname(fd)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return strconv.Itoa(sa.Port)
	case *unix.SockaddrInet6:
		return strconv.Itoa(sa.Port)
	}
	return ""
}

// ipc makes System V memory and messages, a POSIX queue and memory, and a key. Where the kernel lacks
// one, its attack does not work outside either.
func (v *victim) ipc() {
	v.shm, v.msg = -1, -1
	if id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, 0o600); err == nil {
		v.shm = id
	}
	if id, _, errno := unix.Syscall(unix.SYS_MSGGET, unix.IPC_PRIVATE, 0o600, 0); errno == 0 {
		v.msg = int(id)
		m := struct {
			kind int64
			text [80]byte
		}{kind: 1}
		copy(m.text[:], v.secret)
		for range 4 {
			unix.Syscall6(unix.SYS_MSGSND, id, uintptr(unsafe.Pointer(&m)), 80, unix.IPC_NOWAIT, 0, 0)
		}
	}
	v.mqueue(unix.O_CREAT | unix.O_RDWR)
	v.shmFile = "/dev/shm/" + v.mark
	os.WriteFile(v.shmFile, []byte(v.secret), 0o600)
	unix.AddKey("user", v.mark, []byte(v.secret), unix.KEY_SPEC_USER_KEYRING)
}

func (v *victim) mqueue(flags int) {
	name, _ := unix.BytePtrFromString(v.mark)
	fd, _, errno := unix.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(name)), uintptr(flags), 0o600, 0, 0, 0)
	if errno == 0 {
		unix.Close(int(fd))
	}
}

func (v *victim) close() error {
	os.Unsetenv("FORGE_TOKEN")
	if v.proc != nil {
		v.proc.Process.Kill()
		<-v.died
	}
	for _, fd := range v.listeners {
		unix.Shutdown(fd, unix.SHUT_RDWR)
		unix.Close(fd)
	}
	if v.leak != nil {
		v.leak.Close()
	}
	if v.shm >= 0 {
		unix.SysvShmCtl(v.shm, unix.IPC_RMID, nil)
	}
	if v.msg >= 0 {
		unix.Syscall(unix.SYS_MSGCTL, uintptr(v.msg), unix.IPC_RMID, 0)
	}
	name, _ := unix.BytePtrFromString(v.mark)
	unix.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(name)), 0, 0)
	if id, err := unix.KeyctlSearch(unix.KEY_SPEC_USER_KEYRING, "user", v.mark, 0); err == nil {
		unix.KeyctlInt(unix.KEYCTL_UNLINK, id, unix.KEY_SPEC_USER_KEYRING, 0, 0)
	}
	return errors.Join(removeIf(v.shmFile), os.RemoveAll(v.dir), os.RemoveAll(v.ro))
}

func removeIf(p string) error {
	if p == "" {
		return nil
	}
	return os.Remove(p)
}
