package platforms

import "golang.org/x/sys/unix"

// systemPackages are __unix and __osx with the product's version.
func systemPackages() []VirtualPackage {
	version, err := unix.Sysctl("kern.osproductversion")
	if err != nil {
		version = "11.0"
	}
	return []VirtualPackage{{Name: "__unix", Version: "0", Build: "0"}, {Name: "__osx", Version: version, Build: "0"}}
}
