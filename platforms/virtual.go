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
	return override(append(list, systemPackages()...), lookupEnv)
}

func override(list []VirtualPackage, lookupEnv func(string) (string, bool)) []VirtualPackage {
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
