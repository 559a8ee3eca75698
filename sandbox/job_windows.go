package sandbox

import (
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// jobObject holds all processes that come of a command. They end when its last handle closes, so also by
// our own death.
type jobObject struct {
	handle windows.Handle
	port   windows.Handle // where the system reports limits that were reached
}

// Messages of a job's completion port (winnt.h, JOB_OBJECT_MSG_*).
const (
	msgEndOfJobTime    = 1
	msgProcessLimit    = 3
	msgJobMemoryLimit  = 10
	exitKilled         = 137
	jobAccounting      = windows.JobObjectBasicAccountingInformation
	jobExtendedLimits  = windows.JobObjectExtendedLimitInformation
	jobCompletionPorts = windows.JobObjectAssociateCompletionPortInformation
)

// basicAccounting is JOBOBJECT_BASIC_ACCOUNTING_INFORMATION; times are in 100 ns.
type basicAccounting struct {
	TotalUserTime, TotalKernelTime           int64
	ThisPeriodUserTime, ThisPeriodKernelTime int64
	TotalPageFaultCount                      uint32
	TotalProcesses                           uint32
	ActiveProcesses                          uint32
	TotalTerminatedProcesses                 uint32
}

// completionPort is JOBOBJECT_ASSOCIATE_COMPLETION_PORT.
type completionPort struct {
	Key  uintptr
	Port windows.Handle
}

// newJobObject makes a job with the limits that a job knows, and returns those the system enforces.
func newJobObject(want Limits) (j *jobObject, enforced Limits, err error) {
	j = &jobObject{}
	defer func() {
		if err != nil {
			j.close()
			err = fmt.Errorf("make a job object: %w", err)
		}
	}()
	if j.handle, err = windows.CreateJobObject(nil, nil); err != nil {
		return j, enforced, err
	}
	info := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	basic := &info.BasicLimitInformation
	basic.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
	if want.Memory > 0 {
		basic.LimitFlags |= windows.JOB_OBJECT_LIMIT_JOB_MEMORY
		info.JobMemoryLimit = uintptr(want.Memory)
	}
	if want.Processes > 0 {
		basic.LimitFlags |= windows.JOB_OBJECT_LIMIT_ACTIVE_PROCESS
		basic.ActiveProcessLimit = uint32(min(want.Processes, 1<<31))
	}
	_, err = windows.SetInformationJobObject(j.handle, jobExtendedLimits, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
	if err != nil {
		return j, enforced, err
	}
	if j.port, err = windows.CreateIoCompletionPort(windows.InvalidHandle, 0, 0, 1); err != nil {
		return j, enforced, err
	}
	port := completionPort{Key: 1, Port: j.port}
	_, err = windows.SetInformationJobObject(j.handle, jobCompletionPorts, uintptr(unsafe.Pointer(&port)), uint32(unsafe.Sizeof(port)))
	// CPU time is held to by asking, for a job's own limit leaves out the kernel's part.
	if !isWine() {
		enforced.Memory, enforced.Processes, enforced.CPU = want.Memory, want.Processes, want.CPU
	}
	return j, enforced, err
}

// isWine reports whether this is Wine, whose job objects accept limits and do not hold to them, and count no
// CPU time.
func isWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}

// accounting is what all processes of the job used so far.
func (j *jobObject) accounting() (a basicAccounting, err error) {
	err = windows.QueryInformationJobObject(j.handle, jobAccounting, uintptr(unsafe.Pointer(&a)), uint32(unsafe.Sizeof(a)), nil)
	return a, err
}

// cpu is the CPU time of all processes of the job, where it is counted, and at least that of p.
func (j *jobObject) cpu(p *process) time.Duration {
	own := p.cpu()
	a, err := j.accounting()
	if err != nil {
		return own
	}
	return max(own, time.Duration(a.TotalUserTime+a.TotalKernelTime)*100)
}

// peak is the most memory, in bytes, that the job had committed at one time.
func (j *jobObject) peak() int64 {
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	err := windows.QueryInformationJobObject(j.handle, jobExtendedLimits, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), nil)
	if err != nil {
		return 0
	}
	return int64(info.PeakJobMemoryUsed)
}

// limitReached is the limit that the system reported since the last call, if any. It never waits.
func (j *jobObject) limitReached() (reached string) {
	for {
		var message uint32
		var key uintptr
		var overlapped *windows.Overlapped
		if windows.GetQueuedCompletionStatus(j.port, &message, &key, &overlapped, 0) != nil {
			return reached
		}
		switch message {
		case msgEndOfJobTime:
			reached = "cpu"
		case msgProcessLimit:
			reached = "processes"
		case msgJobMemoryLimit:
			reached = "memory"
		}
	}
}

// end terminates what is left and waits until it is gone: only then can its files be removed.
func (j *jobObject) end(now func() time.Time) {
	windows.TerminateJobObject(j.handle, exitKilled)
	for began := now(); now().Sub(began) < 5*time.Second; time.Sleep(5 * time.Millisecond) {
		if a, err := j.accounting(); err != nil || a.ActiveProcesses == 0 {
			return
		}
	}
}

func (j *jobObject) close() {
	if j.handle != 0 {
		windows.CloseHandle(j.handle)
	}
	if j.port != 0 {
		windows.CloseHandle(j.port)
	}
}
