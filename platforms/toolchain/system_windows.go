package toolchain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// systemRoot is the root of the drive Windows lies on.
func systemRoot() string {
	dir, err := windows.GetSystemWindowsDirectory()
	if err != nil || filepath.VolumeName(dir) == "" {
		return `C:\`
	}
	return filepath.VolumeName(dir) + `\`
}

// windowsSystem is the folder of the system's programs below its drive, and the version of Windows.
func windowsSystem() (folder, version string) {
	v := windows.RtlGetVersion()
	version = fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
	dir, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		dir = `C:\Windows`
	}
	return strings.Trim(filepath.ToSlash(strings.TrimPrefix(dir, filepath.VolumeName(dir))), "/") + "/System32", version
}

// askVswhere runs the locator that comes with every Visual Studio since 2017, at its documented place.
func askVswhere(root string) ([]studio, error) {
	programs, err := windows.KnownFolderPath(windows.FOLDERID_ProgramFilesX86, windows.KF_FLAG_DONT_VERIFY)
	if err != nil || programs == "" {
		programs = `C:\Program Files (x86)`
	}
	locator := filepath.Join(programs, "Microsoft Visual Studio", "Installer", "vswhere.exe")
	if _, err := os.Stat(locator); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	answer, err := exec.Command(locator, "-products", "*", "-prerelease", "-utf8", "-format", "json",
		"-requires", "Microsoft.VisualStudio.Component.VC.Tools.x86.x64").Output()
	if err != nil {
		return nil, fmt.Errorf("ask vswhere for Visual Studio: %w", err)
	}
	return parseVswhere(root, answer)
}

// runs reports true: Windows knows programs by their names.
func runs(fs.FileInfo) bool { return true }
