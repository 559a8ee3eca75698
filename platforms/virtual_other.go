//go:build !linux && !darwin && !windows

package platforms

// systemPackages are those of the operating system's family.
func systemPackages() []VirtualPackage {
	return []VirtualPackage{{Name: "__unix", Version: "0", Build: "0"}}
}
