package platforms

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCUDA(t *testing.T) {
	for module, want := range map[string]string{
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version: gcc version 12.3.0\n": "12.2",
		"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build  (user@host)\n":                            "12.6",
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.57.02  Tue Jul 13\n":                                                     "11.4",
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  340.108  Wed Dec 11\n":                                                       "",
		"NVRM version: NVIDIA UNIX x86_64 Kernel Module  999.10  Wed Dec 11\n":                                                        "13.1",
		"something else": "",
	} {
		if got := cudaOf(module); got != want {
			t.Errorf("%q: got %q, want %q", module, got, want)
		}
	}
}

// TestOverrides: what the environment says counts, also where it says nothing.
func TestOverrides(t *testing.T) {
	env := map[string]string{"CONDA_OVERRIDE_CUDA": "12.4", "CONDA_OVERRIDE_GLIBC": "", "CONDA_OVERRIDE_ARCHSPEC": "zen3"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	got := Override([]VirtualPackage{{"__archspec", "1", "x86_64_v3"}, {"__unix", "0", "0"}, {"__glibc", "2.36", "0"}, {"__cuda", "11.4", "0"}}, lookup)
	want := []VirtualPackage{{"__unix", "0", "0"}, {"__cuda", "12.4", "0"}, {"__archspec", "1", "zen3"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
