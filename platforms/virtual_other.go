//go:build !linux

package platforms

// systemPackages are those of the operating system's family.
func systemPackages() []VirtualPackage {
	switch Host().OS() {
	case "win":
		return []VirtualPackage{{Name: "__win", Version: "0", Build: "0"}}
	case "osx":
		return []VirtualPackage{{Name: "__unix", Version: "0", Build: "0"}, {Name: "__osx", Version: "11.0", Build: "0"}}
	}
	return []VirtualPackage{{Name: "__unix", Version: "0", Build: "0"}}
}
