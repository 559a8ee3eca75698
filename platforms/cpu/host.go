package cpu

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"
)

// machine is what a CPU says of itself.
type machine struct {
	family     string // "x86_64", …
	vendor     string
	features   map[string]bool
	generation int    // of POWER
	part       string // of Arm
	name       string // of RISC-V
}

// Host is the best level this machine runs: a product where it is known, else a generic level; nil where
// the machine's family is not in the table.
func Host() *Level { return hostLevel() }

// parseCPUInfo reads the first processor of /proc/cpuinfo.
func parseCPUInfo(r io.Reader, family string) machine {
	m := machine{family: family, vendor: "generic", features: map[string]bool{}}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 0; lines.Scan(); n++ {
		key, value, ok := strings.Cut(lines.Text(), ":")
		if !ok && n > 0 {
			break
		}
		m.set(strings.TrimSpace(key), strings.TrimSpace(value))
	}
	return m
}

func (m *machine) set(key, value string) {
	switch key {
	case "flags", "Features":
		for _, f := range strings.Fields(value) {
			m.features[f] = true
		}
		if m.features["ssse3"] { // Linux calls SSE3 pni; what has the supplement has it
			m.features["sse3"] = true
		}
	case "vendor_id":
		m.vendor = value
	case "CPU implementer":
		m.vendor = armVendor(value)
	case "CPU part":
		m.part = value
	case "cpu":
		digits := strings.TrimPrefix(value, "POWER")
		if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = digits[:end]
		}
		m.generation, _ = strconv.Atoi(digits)
	case "uarch":
		m.name = value
		switch value {
		case "sifive,u74-mc":
			m.name = "u74mc"
		case "spacemit,x60":
			m.name = "x60"
		}
	case "model name":
		if value == "Spacemit(R) X60" {
			m.name = "x60"
		}
	}
}

// armVendor names an implementer (Arm Architecture Reference Manual, MIDR_EL1), as the table does.
func armVendor(code string) string {
	for _, v := range []struct{ code, name string }{
		{"0x41", "ARM"}, {"0x42", "Broadcom"}, {"0x43", "Cavium"}, {"0x46", "Fujitsu"}, {"0x48", "HiSilicon"}, {"0x4e", "Nvidia"},
		{"0x50", "APM"}, {"0x51", "Qualcomm"}, {"0x53", "Samsung"}, {"0x56", "Marvell"}, {"0x61", "Apple"}, {"0xc0", "Ampere"},
	} {
		if v.code == code {
			return v.name
		}
	}
	return code
}

// runs tells whether the machine runs what is built for l.
func (m machine) runs(l *Level) bool {
	if l.Family().Name != m.family {
		return false
	}
	switch m.family {
	case "ppc64le", "ppc64":
		return l.generation <= m.generation
	case "riscv64":
		return l.Name == m.name || l.Vendor == "generic"
	case "x86_64":
		if l.Vendor != m.vendor && l.Vendor != "generic" {
			return false
		}
	case "aarch64":
		if l.Vendor == "generic" && l.Name != m.family || l.Vendor != m.vendor && l.Vendor != "generic" {
			return false // cpuinfo does not tell the architecture's version
		}
	}
	return !slices.ContainsFunc(l.Features, func(f string) bool { return !m.features[f] })
}

// best is the newest level m runs. Products count only above the best generic level, so that a switched
// off feature does not make an old product of a new machine.
func (m machine) best() *Level {
	var all, products []*Level
	for _, l := range Levels(m.family) {
		if m.runs(l) {
			all = append(all, l)
		}
	}
	var generic *Level
	for _, l := range all {
		if l.Vendor == "generic" {
			generic = l // the last one is the newest
		}
	}
	if generic == nil {
		return nil
	}
	if slices.ContainsFunc(all, func(l *Level) bool { return m.part != "" && l.part == m.part }) {
		all = slices.DeleteFunc(all, func(l *Level) bool { return l.part != m.part })
	}
	for _, l := range all {
		if l != generic && l.Includes(generic) {
			products = append(products, l)
		}
	}
	if len(products) == 0 {
		return generic
	}
	return products[len(products)-1]
}
