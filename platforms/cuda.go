package platforms

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"sync"
)

// cudaDrivers are the first driver branches that support a version of CUDA (the table of the CUDA Toolkit
// release notes), the oldest first.
var cudaDrivers = []struct {
	branch int
	cuda   string
}{
	{396, "9.2"}, {410, "10.0"}, {418, "10.1"}, {440, "10.2"}, {450, "11.0"}, {455, "11.1"}, {460, "11.2"}, {465, "11.3"},
	{470, "11.4"}, {495, "11.5"}, {510, "11.6"}, {515, "11.7"}, {520, "11.8"}, {525, "12.0"}, {530, "12.1"}, {535, "12.2"},
	{545, "12.3"}, {550, "12.4"}, {555, "12.5"}, {560, "12.6"}, {565, "12.7"}, {570, "12.8"}, {575, "12.9"}, {580, "13.0"},
	{590, "13.1"},
}

var kernelModule = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^NVRM version:.*Kernel Module.*?\s(\d+)\.\d`) })

// cudaOf is the newest version of CUDA that a driver supports, by what its kernel module says of itself
// (/proc/driver/nvidia/version); empty where that is not known.
func cudaOf(module string) string {
	m := kernelModule().FindStringSubmatch(module)
	if m == nil {
		return ""
	}
	branch, err := strconv.Atoi(m[1])
	if err != nil {
		return ""
	}
	i, found := slices.BinarySearchFunc(cudaDrivers, branch, func(d struct {
		branch int
		cuda   string
	}, b int) int {
		return cmp.Compare(d.branch, b)
	})
	switch {
	case found:
		return cudaDrivers[i].cuda
	case i == 0:
		return ""
	}
	return cudaDrivers[i-1].cuda
}
