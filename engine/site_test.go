package engine

import (
	"strings"
	"testing"

	"forge/digest"
	"forge/packages"
	"forge/platforms/toolchain"
)

// A package manager that runs beside a build must not come out as a riddle about a header.
func TestHostUpgradedDuringTheRun(t *testing.T) {
	read := func(name, version string) *toolchain.External {
		return &toolchain.External{Record: packages.Record{Name: name}, Origin: []toolchain.Origin{
			{Name: "pkg:deb/debian/linux-libc-dev@" + version + "?arch=amd64", Version: version, Tree: digest.Of([]byte(version))}}}
	}
	if err := changedMeanwhile([]*toolchain.External{read("gcc_linux-64", "6.1.187-1"), read("cmake", "6.1.187-1")}); err != nil {
		t.Error(err)
	}
	err := changedMeanwhile([]*toolchain.External{read("gcc_linux-64", "6.1.187-1"), read("cmake", "6.1.192-2")})
	if err == nil || !strings.Contains(err.Error(), "linux-libc-dev changed during the run: it was 6.1.187-1 when gcc_linux-64 was read, 6.1.192-2 when cmake was") {
		t.Errorf("got %v", err)
	}
}
