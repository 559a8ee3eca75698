package platforms

import (
	"strings"

	"forge/platforms/cpu"
)

// VirtualPackage is a property of a machine that packages may depend on, such as __glibc 2.36
// (conda's virtual packages, CEP 30). Build is "0" where it says nothing.
type VirtualPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Build   string `json:"build_string"`
}

// DetectVirtual lists the virtual packages of this machine. lookupEnv gives conda's overrides
// (CONDA_OVERRIDE_GLIBC and the like); an override set to nothing removes the package.
func DetectVirtual(lookupEnv func(string) (string, bool)) []VirtualPackage {
	level := Host().Arch()
	if l := cpu.Host(); l != nil {
		level = l.Name
	}
	list := []VirtualPackage{{Name: "__archspec", Version: "1", Build: level}}
	return Override(append(list, systemPackages()...), lookupEnv)
}

// Override is the list with conda's overrides: CONDA_OVERRIDE_GLIBC and the like change or add a package, and set
// to nothing remove it.
func Override(list []VirtualPackage, lookupEnv func(string) (string, bool)) []VirtualPackage {
	for _, name := range []string{"glibc", "linux", "osx", "win", "cuda", "archspec"} {
		value, ok := lookupEnv("CONDA_OVERRIDE_" + strings.ToUpper(name))
		if !ok {
			continue
		}
		var kept []VirtualPackage
		for _, v := range list {
			if v.Name != "__"+name {
				kept = append(kept, v)
			}
		}
		switch list = kept; {
		case value == "":
		case name == "archspec":
			list = append(list, VirtualPackage{Name: "__archspec", Version: "1", Build: value})
		default:
			list = append(list, VirtualPackage{Name: "__" + name, Version: value, Build: "0"})
		}
	}
	return list
}

// AssumedVirtual are the virtual packages of a machine that nobody has looked at: the oldest of the platform
// that is in use. noarch has none.
func AssumedVirtual(p Platform) []VirtualPackage {
	list := []VirtualPackage{{Name: "__archspec", Version: "1", Build: p.Arch()}}
	add := func(name, version string) {
		list = append(list, VirtualPackage{Name: name, Version: version, Build: "0"})
	}
	switch p.OS() {
	case "linux":
		add("__unix", "0")
		add("__linux", "5.10")
		add("__glibc", "2.28")
	case "osx":
		add("__unix", "0")
		add("__osx", "13.0")
	case "win":
		add("__win", "10")
	case "noarch":
		return nil
	default:
		add("__unix", "0")
	}
	return list
}
