//go:build !linux

package cpu

import (
	"runtime"

	"golang.org/x/sys/cpu"
)

// hostLevel is the best generic level: other systems tell the CPU's abilities, and not its product.
func hostLevel() *Level {
	if runtime.GOARCH == "arm64" {
		if runtime.GOOS == "darwin" {
			return known()["m1"] // the oldest there is
		}
		return known()["aarch64"]
	}
	x := cpu.X86
	level := "x86_64"
	for _, step := range []struct {
		name string
		has  bool
	}{
		{"x86_64_v2", x.HasCX16 && x.HasPOPCNT && x.HasSSE3 && x.HasSSSE3 && x.HasSSE41 && x.HasSSE42},
		{"x86_64_v3", x.HasAVX && x.HasAVX2 && x.HasBMI1 && x.HasBMI2 && x.HasFMA && x.HasOSXSAVE},
		{"x86_64_v4", x.HasAVX512F && x.HasAVX512BW && x.HasAVX512CD && x.HasAVX512DQ && x.HasAVX512VL},
	} {
		if !step.has {
			break
		}
		level = step.name
	}
	return known()[level]
}
