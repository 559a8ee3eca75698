package cpu

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFlags(t *testing.T) {
	for _, test := range []struct{ level, compiler, version, want string }{
		{"x86-64-v3", "gcc", "12.2.0", "-march=x86-64-v3 -mtune=generic"},
		{"x86_64_v2", "gcc", "10.4", "-march=x86-64 -mtune=generic -mcx16 -msahf -mpopcnt -msse3 -msse4.1 -msse4.2 -mssse3"},
		{"haswell", "gcc", "4.9", "-march=haswell -mtune=haswell"},
		{"haswell", "gcc", "4.8.2", "-march=core-avx2 -mtune=core-avx2"},
		{"armv8.2a", "gcc", "12.2", "-march=armv8.2-a -mtune=generic"},
		{"power9le", "gcc", "12.2", "-mcpu=power9 -mtune=power9"},
		{"x86-64-v4", "gcc", "3.4", ""},
		{"x86-64-v4", "tcc", "1.0", ""},
		{"x86-64-v4", "gcc", "twelve", ""},
	} {
		l, err := Parse(test.level)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Flags(test.compiler, test.version)
		if strings.Join(got, " ") != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s %s for %s: %q %v, want %q", test.compiler, test.version, test.level, got, err, test.want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, name := range []string{"native", "x86-64-v9", "", "x86"} {
		l, err := Parse(name)
		if (name == "x86") != (err == nil) {
			t.Errorf("%q: %v %v", name, l, err)
		}
	}
}

func TestBest(t *testing.T) {
	v3 := "cx16 lahf_lm mmx sse sse2 ssse3 sse4_1 sse4_2 popcnt avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"
	for _, test := range []struct{ name, family, info, want string }{
		{"a level", "x86_64", "vendor_id : GenuineIntel\nflags : " + v3, "x86_64_v3"},
		{"a product above it", "x86_64", "vendor_id : GenuineIntel\nflags : " + v3 + " aes pclmulqdq rdrand", "haswell"},
		{"not another vendor's", "x86_64", "vendor_id : AuthenticAMD\nflags : " + v3 + " aes pclmulqdq rdrand", "x86_64_v3"},
		{"nothing known", "x86_64", "", "x86_64"},
		{"Arm by its part", "aarch64", "CPU implementer : 0x41\nCPU part : 0xd08\nFeatures : fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid", "cortex_a72"},
		{"an unknown Arm", "aarch64", "CPU implementer : 0x99\nFeatures : fp asimd", "aarch64"},
		{"POWER", "ppc64le", "cpu : POWER9 (architected), altivec supported", "power9le"},
		{"RISC-V", "riscv64", "uarch : sifive,u74-mc", "u74mc"},
	} {
		got := parseCPUInfo(strings.NewReader("processor : 0\n"+test.info+"\n\nprocessor : 1\nflags : none\n"), test.family).best()
		if got == nil || got.Name != test.want {
			t.Errorf("%s: %v, want %s", test.name, got, test.want)
		}
	}
}

func TestRunsOn(t *testing.T) {
	v4, _ := Parse("x86-64-v4")
	got := v4.RunsOn()
	if got[0] != "x86_64_v4" {
		t.Errorf("first %q", got[0])
	}
	set := strings.Join(got, " ") + " "
	for name, want := range map[string]bool{"skylake_avx512 ": true, "zen4 ": true, "icelake ": true, "haswell ": false, "x86_64_v3 ": false, "zen3 ": false} {
		if strings.Contains(set, name) != want {
			t.Errorf("%s: %v, want %v in %v", name, !want, want, got)
		}
	}
}

// archspec itself, where a Python here has it, gives the same answer for every level, compiler and
// version, and names this machine alike.
func TestArchspec(t *testing.T) {
	python := os.Getenv("FORGE_ARCHSPEC_PYTHON")
	if python == "" {
		python = "python3"
	}
	out, err := exec.Command(python, "-c", `
import json, archspec.cpu as c
out = {"host": c.host().name, "flags": {}, "runs": {}}
for name, t in c.TARGETS.items():
    out["runs"][name] = sorted(n for n, o in c.TARGETS.items() if o == t or t in o.ancestors)
    for comp in ("gcc", "clang"):
        for v in ("4.2", "4.8", "4.9.3", "6.0", "9.2.0", "10.1", "11.0", "11.1", "12.2.0", "14.1", "19.1.0"):
            if comp not in t.compilers: continue
            try: out["flags"][" ".join((name, comp, v))] = t.optimization_flags(comp, v).split()
            except c.UnsupportedMicroarchitecture: out["flags"][" ".join((name, comp, v))] = None
print(json.dumps(out))`).Output()
	if err != nil {
		t.Skip("no Python with archspec (FORGE_ARCHSPEC_PYTHON names one)")
	}
	var want struct {
		Host  string
		Flags map[string][]string
		Runs  map[string][]string
	}
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	flags := map[string][]string{}
	for key := range want.Flags {
		f := strings.Fields(key)
		l, err := Parse(f[0])
		if err != nil {
			t.Fatal(err)
		}
		flags[key], _ = l.Flags(f[1], f[2])
	}
	if d := cmp.Diff(want.Flags, flags); d != "" {
		t.Errorf("flags (-archspec +forge):\n%s", d)
	}
	if host := Host(); host == nil || host.Name != want.Host {
		t.Errorf("this machine is %v, archspec says %s", host, want.Host)
	}
	for name, runs := range want.Runs {
		l, _ := Parse(name)
		got := slices.Sorted(slices.Values(l.RunsOn()))
		if !slices.Equal(got, runs) {
			t.Errorf("%s runs on %v, archspec says %v", name, got, runs)
		}
	}
	t.Logf("%d flags, %d levels equal to archspec's", len(flags), len(want.Runs))
}
