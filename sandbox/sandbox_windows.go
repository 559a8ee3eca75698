package sandbox

import (
	"os/exec"
	"unsafe"

	"golang.org/x/sys/windows"
)

// lacksFull: an AppContainer with a restricted token is the way to more than None on Windows.
const lacksFull = "Windows has no namespaces"

type host struct{}

// kin is a job object: all processes that come of a command, ended when the handle closes, also by our
// own death.
type kin struct{ job windows.Handle }

func newKin(*exec.Cmd) (kin, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return kin{}, err
	}
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	info.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		windows.CloseHandle(job)
		return kin{}, err
	}
	return kin{job}, nil
}

func (k kin) adopt(cmd *exec.Cmd) error {
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, uint32(cmd.Process.Pid))
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	return windows.AssignProcessToJobObject(k.job, h)
}

func (k kin) kill(*exec.Cmd) { windows.TerminateJobObject(k.job, 137) }
func (k kin) close()         { windows.CloseHandle(k.job) }
