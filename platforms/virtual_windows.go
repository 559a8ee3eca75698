package platforms

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// systemPackages is __win with the system's version, such as 10.0.19045.
func systemPackages() []VirtualPackage {
	v := windows.RtlGetVersion()
	version := fmt.Sprintf("%d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
	return []VirtualPackage{{Name: "__win", Version: version, Build: "0"}}
}
