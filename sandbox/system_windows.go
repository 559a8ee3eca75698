package sandbox

import (
	"runtime"
	"strconv"

	"golang.org/x/sys/windows"
)

// SystemEnv are the variables without which no program of this system runs: where Windows and its
// programs lie, what is a program, which processor this is. They are asked of the system, never taken
// from the caller's environment, so two users of a machine get the same.
func SystemEnv() map[string]string {
	root, err := windows.GetSystemWindowsDirectory()
	if err != nil || len(root) < 2 {
		root = `C:\Windows`
	}
	system := root + `\System32`
	env := map[string]string{
		"SystemRoot": root, "windir": root, "SystemDrive": root[:2],
		"ComSpec": system + `\cmd.exe`, "OS": "Windows_NT",
		"PATHEXT":                ".COM;.EXE;.BAT;.CMD;.VBS;.VBE;.JS;.JSE;.WSF;.WSH;.MSC",
		"PATH":                   system + ";" + root + ";" + system + `\Wbem;` + system + `\WindowsPowerShell\v1.0`,
		"NUMBER_OF_PROCESSORS":   strconv.Itoa(runtime.NumCPU()),
		"PROCESSOR_ARCHITECTURE": map[string]string{"amd64": "AMD64", "386": "x86", "arm64": "ARM64"}[runtime.GOARCH],
	}
	for name, id := range map[string]*windows.KNOWNFOLDERID{
		"ProgramFiles": windows.FOLDERID_ProgramFiles, "ProgramFiles(x86)": windows.FOLDERID_ProgramFilesX86,
		"CommonProgramFiles": windows.FOLDERID_ProgramFilesCommon, "ProgramData": windows.FOLDERID_ProgramData,
	} {
		if dir, err := windows.KnownFolderPath(id, windows.KF_FLAG_DONT_VERIFY); err == nil && dir != "" {
			env[name] = dir
		}
	}
	env["ProgramW6432"], env["CommonProgramW6432"] = env["ProgramFiles"], env["CommonProgramFiles"]
	env["ALLUSERSPROFILE"] = env["ProgramData"]
	return env
}
