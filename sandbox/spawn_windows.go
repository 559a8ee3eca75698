package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

// process is a command that was started inside a job object.
type process struct {
	handle windows.Handle
	pid    int
}

// attributeSecurityCapabilities is PROC_THREAD_ATTRIBUTE_SECURITY_CAPABILITIES (winbase.h).
const attributeSecurityCapabilities = 0x00020009

// start runs spec's command: suspended first, so that not one instruction runs outside the job. It gets
// the three standard handles and no other.
func start(spec Spec, j *jobObject, stdin, stdout, stderr *os.File, box *container, token windows.Token) (*process, error) {
	attributes, err := windows.NewProcThreadAttributeList(2)
	if err != nil {
		return nil, err
	}
	defer attributes.Delete()
	var startup windows.StartupInfoEx
	startup.Cb = uint32(unsafe.Sizeof(startup))
	handles, err := inherited(stdin, stdout, stderr)
	defer closeAll(handles[:])
	if err != nil {
		return nil, err
	}
	startup.Flags = windows.STARTF_USESTDHANDLES
	startup.StdInput, startup.StdOutput, startup.StdErr = handles[0], handles[1], handles[2]
	list := slices.DeleteFunc(slices.Clone(handles[:]), func(h windows.Handle) bool { return h == 0 })
	slices.Sort(list)
	list = slices.Compact(list)
	if err := attributes.Update(windows.PROC_THREAD_ATTRIBUTE_HANDLE_LIST, unsafe.Pointer(&list[0]), uintptr(len(list))*unsafe.Sizeof(list[0])); err != nil {
		return nil, err
	}
	if box != nil {
		caps := box.capabilities(spec.Network)
		defer runtime.KeepAlive(caps)
		if err := attributes.Update(attributeSecurityCapabilities, unsafe.Pointer(caps), unsafe.Sizeof(*caps)); err != nil {
			return nil, err
		}
	}
	startup.ProcThreadAttributeList = attributes.List()
	info, err := create(spec, &startup.StartupInfo, token)
	runtime.KeepAlive(list)
	if err != nil {
		return nil, err
	}
	defer windows.CloseHandle(info.Thread)
	if err := windows.AssignProcessToJobObject(j.handle, info.Process); err == nil {
		_, err = windows.ResumeThread(info.Thread)
	}
	if err != nil {
		windows.TerminateProcess(info.Process, exitKilled)
		windows.CloseHandle(info.Process)
		return nil, fmt.Errorf("put it into its job object: %w", err)
	}
	return &process{info.Process, int(info.ProcessId)}, nil
}

// create makes the suspended process. Without the caller's terminal it has a group of its own, so that a
// ^C typed there goes to us alone and we end the whole job.
func create(spec Spec, startup *windows.StartupInfo, token windows.Token) (info windows.ProcessInformation, err error) {
	name, err := windows.UTF16PtrFromString(spec.Argv[0])
	if err != nil {
		return info, err
	}
	line, err := windows.UTF16PtrFromString(commandLine(spec.Argv))
	if err != nil {
		return info, err
	}
	var dir *uint16
	if spec.Dir != "" {
		if dir, err = windows.UTF16PtrFromString(spec.Dir); err != nil {
			return info, err
		}
	}
	env := environmentBlock(spec.Env)
	flags := uint32(windows.CREATE_SUSPENDED | windows.CREATE_UNICODE_ENVIRONMENT | windows.EXTENDED_STARTUPINFO_PRESENT)
	if !spec.Terminal {
		flags |= windows.CREATE_NEW_PROCESS_GROUP
	}
	if token != 0 {
		err = windows.CreateProcessAsUser(token, name, line, nil, nil, true, flags, &env[0], dir, startup, &info)
	} else {
		err = windows.CreateProcess(name, line, nil, nil, true, flags, &env[0], dir, startup, &info)
	}
	return info, err
}

// commandLine joins argv for the usual C runtime. cmd.exe reads its line by rules of its own: everything
// behind /c is taken as it stands, between one pair of quotes that /s strips.
func commandLine(argv []string) string {
	base := strings.ToLower(argv[0][strings.LastIndexAny(argv[0], `\/`)+1:])
	if i := slices.Index(argv, "/c"); i > 0 && (base == "cmd.exe" || base == "cmd") {
		return windows.ComposeCommandLine(argv[:i]) + ` /s /c "` + windows.ComposeCommandLine(argv[i+1:]) + `"`
	}
	return windows.ComposeCommandLine(argv)
}

// environmentBlock is env as CreateProcess takes it: sorted as Windows compares names, each entry and the
// whole ended by a NUL.
func environmentBlock(env []string) []uint16 {
	sorted := slices.Clone(env)
	slices.SortFunc(sorted, func(a, b string) int { return strings.Compare(strings.ToUpper(a), strings.ToUpper(b)) })
	var block []uint16
	for _, e := range sorted {
		block = append(append(block, utf16.Encode([]rune(e))...), 0)
	}
	if len(block) == 0 {
		block = append(block, 0)
	}
	return append(block, 0)
}

// inherited duplicates the standard files as handles a child may inherit; nil is the null device.
func inherited(files ...*os.File) (handles [3]windows.Handle, err error) {
	self := windows.CurrentProcess()
	for i, f := range files {
		if f == nil {
			null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
			if err != nil {
				return handles, err
			}
			defer null.Close()
			f = null
		}
		err := windows.DuplicateHandle(self, windows.Handle(f.Fd()), self, &handles[i], 0, true, windows.DUPLICATE_SAME_ACCESS)
		if err != nil {
			return handles, fmt.Errorf("hand over %s: %w", f.Name(), err)
		}
	}
	return handles, nil
}

func closeAll(handles []windows.Handle) {
	for _, h := range handles {
		if h != 0 {
			windows.CloseHandle(h)
		}
	}
}

// wait blocks until the process ended and returns its exit code.
func (p *process) wait() (int, error) {
	if _, err := windows.WaitForSingleObject(p.handle, windows.INFINITE); err != nil {
		return exitKilled, err
	}
	var code uint32
	err := windows.GetExitCodeProcess(p.handle, &code)
	return int(code), err
}

// cpu is the time that the process used by itself.
func (p *process) cpu() time.Duration {
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(p.handle, &created, &exited, &kernel, &user) != nil {
		return 0
	}
	ticks := func(f windows.Filetime) int64 { return int64(f.HighDateTime)<<32 | int64(f.LowDateTime) }
	return time.Duration(ticks(kernel)+ticks(user)) * 100
}

func (p *process) close() { windows.CloseHandle(p.handle) }
