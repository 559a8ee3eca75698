// Package isa proves for which CPUs a binary is: it reads every instruction of its code.
package isa

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"forge/platforms/cpu"
)

// Finding is one function that asks for more than the level has.
type Finding struct {
	Function string // its symbol; section and offset of what lost its name
	Offset   uint64 // address of the first such instruction
	Feature  string // what it asks for, by archspec's name
	Count    int    // instructions of the function that do
}

func (f Finding) String() string {
	return fmt.Sprintf("%s uses %s at %#x", f.Function, f.Feature, f.Offset)
}

// Report is what a file's code was found to be.
type Report struct {
	Instructions int
	Unknown      int // bytes in code that no instruction begins at: tables among the code, and what is newer than this program
	Findings     []Finding
	Dispatched   []Finding // the same, in functions that are only called where the CPU has it, by their name
	asks         bool      // some instruction asks the CPU what it can do
}

// Check reads the code of an executable, library or object (ELF, Mach-O, PE) and holds each instruction
// against level. Files of other kinds, and of other CPUs than level's, have no code here: their report is empty. Programs of the Go
// compiler look at the CPU themselves, inside of functions; for those, the level they were compiled for
// is read instead (GOAMD64).
//
// A function is taken for dispatch code if its name says so, as glibc's, OpenSSL's and most libraries' do
// (…_avx2, …_sse42, …_haswell, crc32_pclmul), or if allow, globs of names, has it.
func Check(file []byte, level *cpu.Level, allow []string) (*Report, error) {
	code, err := read(file)
	if err != nil || code == nil || code.family != level.Family().Name {
		return &Report{}, err
	}
	if info, err := buildinfo.Read(bytes.NewReader(file)); err == nil {
		return checkGo(info, level), nil
	}
	r := &Report{}
	for _, p := range code.reports(abilities(level), allow) {
		r.Instructions += p.Instructions
		r.Unknown += p.Unknown
		r.Findings = append(r.Findings, p.Findings...)
		r.Dispatched = append(r.Dispatched, p.Dispatched...)
		r.asks = r.asks || p.asks
	}
	r.deliberate()
	return r, nil
}

// reports reads the functions, those of large files on all cores, and returns what was found in their order.
func (c *code) reports(has map[string]bool, allow []string) []Report {
	const part = 1 << 20 // bytes of code, about
	var parts [][]function
	from, size := 0, 0
	for i, f := range c.functions {
		if size += len(f.bytes); size >= part || i == len(c.functions)-1 {
			parts = append(parts, c.functions[from:i+1])
			from, size = i+1, 0
		}
	}
	reports := make([]Report, len(parts))
	var workers sync.WaitGroup
	var next atomic.Int64
	work := func() {
		for i := next.Add(1) - 1; i < int64(len(parts)); i = next.Add(1) - 1 {
			for _, f := range parts[i] {
				reports[i].function(c, f, has, allow)
			}
		}
	}
	for range min(runtime.GOMAXPROCS(0), len(parts)) - 1 {
		workers.Go(work)
	}
	work()
	workers.Wait()
	return reports
}

// deliberate moves what no compiler writes of itself to the dispatched ones, if the file asks the CPU
// what it can do: whoever writes AES by hand, and asks, asks for AES.
func (r *Report) deliberate() {
	if !r.asks {
		return
	}
	r.Findings = slices.DeleteFunc(r.Findings, func(f Finding) bool {
		hand := byHand(f.Feature)
		if hand {
			r.Dispatched = append(r.Dispatched, f)
		}
		return hand
	})
}

// byHand tells of abilities that are used through intrinsics or assembler only.
func byHand(feature string) bool {
	switch feature {
	case "aes", "vaes", "pclmulqdq", "vpclmulqdq", "sha_ni", "gfni", "rdrand", "rdseed", "rtm", "xsave", "xsaveopt", "fsgsbase", "adx",
		"movdiri", "amx_tile", "crc32", "sha2":
		return true
	}
	return false
}

// abilities are the features that code for level may use. conda's baseline of x86-64 is Prescott's
// (-march=nocona), which has SSE3; and what has SSSE3 has SSE3, which lists leave out.
func abilities(level *cpu.Level) map[string]bool {
	has := map[string]bool{"": true}
	for _, f := range level.Features {
		has[f] = true
	}
	has["sse3"] = has["sse3"] || level.Family().Name == "x86_64"
	return has
}

// function reads one function's instructions.
func (r *Report) function(c *code, f function, has map[string]bool, allow []string) {
	found := map[string]*Finding{}
	var order []string
	var skip tables
	for at := 0; at < len(f.bytes); {
		if to := skip.end(at); to > 0 {
			at = to
			continue
		}
		if !c.fixed {
			skip.note(f, at)
		}
		if n := c.quick(f.bytes[at:]); n > 0 {
			r.Instructions++
			at += n
			continue
		}
		size, feature, ok := c.decode(f.bytes[at:])
		if !ok {
			r.Unknown++
			at++
			if at = c.resync(f.bytes, at); at >= len(f.bytes) {
				break
			}
			continue
		}
		r.Instructions++
		if feature == asksCPU {
			r.asks, feature = true, ""
		}
		if !has[feature] {
			if found[feature] == nil {
				found[feature] = &Finding{Function: f.name, Offset: f.address + uint64(at), Feature: feature}
				order = append(order, feature)
			}
			found[feature].Count++
		}
		at += size
	}
	for _, feature := range order {
		if dispatched(f.name) || allowed(f.name, allow) {
			r.Dispatched = append(r.Dispatched, *found[feature])
		} else {
			r.Findings = append(r.Findings, *found[feature])
		}
	}
}

// dispatched tells by a function's name that it is one of several for different CPUs.
func dispatched(name string) bool {
	name = strings.ToLower(name)
	if outlineAtomics(name) {
		return true
	}
	return slices.ContainsFunc([]string{"avx", "sse", "fma", "bmi", "aes", "sha_ni", "shani", "_ni_", "_ni", "clmul", "popcnt", "f16c", "crc32c_intel", "crc32_intel",
		"haswell", "skylake", "sandybridge", "nehalem", "zen", "knl", "x86_64_v", "x86_64-v", "rdrand", "rdseed", "evex", "vnni", "neon", "sve", "lse", "xsave", "movbe", "resolver", "cpuid", "cpu_features"},
		func(s string) bool { return strings.Contains(name, s) })
}

// outlineAtomics knows the functions of libgcc and compiler-rt that ask whether the CPU has atomic instructions, and
// do without where it has none (-moutline-atomics): __aarch64_ldadd4_acq_rel.
func outlineAtomics(name string) bool {
	rest, ok := strings.CutPrefix(name, "__aarch64_")
	return ok && slices.ContainsFunc([]string{"cas", "swp", "ldadd", "ldclr", "ldeor", "ldset"}, func(s string) bool { return strings.HasPrefix(rest, s) })
}

func allowed(name string, globs []string) bool {
	return slices.ContainsFunc(globs, func(g string) bool {
		stem, wild := strings.CutSuffix(g, "*")
		return name == g || wild && strings.HasPrefix(name, stem)
	})
}

func checkGo(info *buildinfo.BuildInfo, level *cpu.Level) *Report {
	r := &Report{}
	for _, s := range info.Settings {
		if s.Key != "GOAMD64" {
			continue
		}
		want, err := cpu.Parse("x86_64_" + s.Value)
		if s.Value == "v1" || err == nil && level.Includes(want) {
			continue
		}
		r.Findings = append(r.Findings, Finding{Function: "the Go compiler (GOAMD64=" + s.Value + ")", Feature: "x86_64_" + s.Value, Count: 1})
	}
	return r
}
