package cpu

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// oracleMachines asks archspec for the level of many machines: each of its own targets, and each with one
// ability less, or with another vendor's name, as its /proc/cpuinfo would be; and which targets run there.
const oracleMachines = `
import io, json, archspec.cpu as c
from archspec.cpu import detect
codes = {v: k for k, v in detect.TARGETS_JSON["conversions"]["arm_vendors"].items()}
def texts(t):
    family, all = t.family.name, sorted(t.features)
    if family == "x86_64":
        for vendor in [t.vendor] if t.vendor != "generic" else ["GenuineIntel", "AuthenticAMD"]:
            for less in [None] + all:
                yield family, "processor\t: 0\nvendor_id\t: %s\nflags\t\t: fpu vme %s\n\nprocessor\t: 1\n" % (vendor, " ".join(f for f in all if f != less))
    if family == "aarch64":
        for less in [None] + all:
            yield family, "processor\t: 0\nFeatures\t: %s\nCPU implementer\t: %s\nCPU part\t: %s\n\n" % (" ".join(f for f in all if f != less), codes.get(t.vendor, "0x41"), t.cpu_part or "0xd03")
    if family in ("ppc64", "ppc64le"):
        for cpu in ["POWER%d (raw), altivec supported" % t.generation, "POWER%dE" % t.generation, "unknown"]:
            yield family, "processor\t: 0\ncpu\t\t: %s\n\n" % cpu
    if family == "riscv64":
        for uarch in ["uarch\t: " + t.name, "uarch\t: sifive,u74-mc", "uarch\t: spacemit,x60", "model name\t: Spacemit(R) X60", "isa\t: rv64"]:
            yield family, "hart\t: 0\n%s\n\n" % uarch
out, seen = [], set()
for t in c.TARGETS.values():
    for family, text in texts(t):
        if (family, text) in seen: continue
        seen.add((family, text))
        detect._machine = lambda: family
        detect.open = lambda *a, **k: io.StringIO(text)
        out.append({"family": family, "text": text, "host": detect.host.__wrapped__().name,
            "runs": sorted(t.name for t in detect.compatible_microarchitectures(detect.detected_info()))})
print(json.dumps(out))`

// Every machine against every level: what archspec finds and lets run there is what Forge does.
func TestArchspecMachines(t *testing.T) {
	python := os.Getenv("FORGE_ARCHSPEC_PYTHON")
	if python == "" {
		python = "python3"
	}
	out, err := exec.Command(python, "-c", oracleMachines).Output()
	if err != nil {
		t.Skip("no Python with archspec (FORGE_ARCHSPEC_PYTHON names one)")
	}
	var machines []struct {
		Family, Text, Host string
		Runs               []string
	}
	if err := json.Unmarshal(out, &machines); err != nil {
		t.Fatal(err)
	}
	pairs := 0
	for _, want := range machines {
		m := parseCPUInfo(strings.NewReader(want.Text), want.Family)
		best := ""
		if l := m.best(); l != nil {
			best = l.Name
		}
		if best != want.Host {
			t.Errorf("%s %q: this is %q, archspec says %q", want.Family, want.Text, best, want.Host)
		}
		for _, l := range Levels(want.Family) {
			pairs++
			if runs := slices.Contains(want.Runs, l.Name); runs != m.runs(l) {
				t.Errorf("%s %q runs %s: %v, archspec says %v", want.Family, want.Text, l.Name, m.runs(l), runs)
			}
		}
	}
	t.Logf("%d machines, %d pairs with a level", len(machines), pairs)
}
