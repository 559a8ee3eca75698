package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"forge/digest"
	"forge/packages"
	"forge/platforms/cpu"
	"forge/platforms/elf"
	"forge/platforms/isa"
	"forge/platforms/macho"
	"forge/platforms/pe"
)

// FileLinkage is what one program or library says of itself, and for which CPUs it is.
type FileLinkage struct {
	Path        string   `json:"path"`
	Kind        string   `json:"kind"`                  // elf, macho or pe
	Name        string   `json:"name,omitempty"`        // DT_SONAME, LC_ID_DYLIB, the name in a DLL's exports
	Interpreter string   `json:"interpreter,omitempty"` // PT_INTERP
	Needed      []string `json:"needed"`
	RunPath     []string `json:"run_path,omitempty"` // DT_RUNPATH, else DT_RPATH; LC_RPATH
	Glibc       string   `json:"glibc,omitempty"`    // the oldest that has all symbol versions it needs
	// Level is the oldest CPU level of archspec that has all instructions outside of dispatch code; empty
	// where the code is for no CPU known here, or for none of the levels (then Above).
	Level string   `json:"cpu_level,omitempty"`
	Above []string `json:"cpu_features_above,omitempty"` // that no level has
	// Undefined are the symbols without a version that neither the package nor a weak reference accounts
	// for: dependencies define them, or whoever loads the file.
	Undefined []string `json:"undefined,omitempty"`
}

// ReadLinkage unpacks a package into the empty folder dir and reads its programs and libraries, in the order
// of their paths. Of a fat Mach-O file, each architecture is one entry.
func ReadLinkage(ctx context.Context, pkg packages.Package, dir string) ([]FileLinkage, error) {
	if _, err := pkg.Unpack(ctx, dir, Placeholder(), "3.0", nil); err != nil {
		return nil, err
	}
	entries, err := digest.Folder(dir, nil)
	if err != nil {
		return nil, err
	}
	list := []FileLinkage{}
	defined := map[string]bool{}
	for _, e := range entries {
		if e.Kind != digest.File && e.Kind != digest.Exec {
			continue
		}
		data, err := readProgram(filepath.Join(dir, filepath.FromSlash(e.Path)))
		if err != nil || data == nil {
			if err != nil {
				return nil, err
			}
			continue
		}
		found, err := linkageOf(e.Path, data, defined)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Path, err)
		}
		list = append(list, found...)
	}
	for i := range list {
		list[i].Undefined = slices.DeleteFunc(list[i].Undefined, func(s string) bool { return defined[s] })
	}
	return list, nil
}

// readProgram reads a file that begins as a program does; nil for any other.
func readProgram(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, 4)
	if n, _ := f.ReadAt(head, 0); !isa.IsBinary(head[:n]) && !macho.Is(head[:n]) {
		return nil, nil
	}
	return os.ReadFile(name)
}

// linkageOf reads one file and enters what it defines.
func linkageOf(p string, data []byte, defined map[string]bool) ([]FileLinkage, error) {
	switch {
	case elf.Is(data):
		l, err := elfLinkage(p, data, defined)
		return []FileLinkage{l}, err
	case macho.Is(data):
		infos, err := macho.Parse(data)
		if err != nil {
			return nil, nil // a Java class begins as fat files do
		}
		var list []FileLinkage
		for _, info := range infos {
			l := FileLinkage{Path: p, Kind: "macho", Name: info.InstallName, RunPath: info.RPaths, Needed: []string{}}
			for _, d := range info.Dependencies {
				l.Needed = append(l.Needed, d.Name)
			}
			if len(infos) == 1 {
				if err := l.cpu(data, machoFamily(info.CPU)); err != nil {
					return nil, err
				}
			}
			list = append(list, l)
		}
		return list, nil
	}
	info, err := pe.Parse(data)
	if err != nil {
		return nil, nil // MZ begins other things, too
	}
	l := FileLinkage{Path: p, Kind: "pe", Name: info.Exports, Needed: append([]string{}, info.Imports...)}
	return []FileLinkage{l}, l.cpu(data, map[uint16]string{pe.MachineAMD64: "x86_64", pe.MachineARM64: "aarch64"}[info.Machine])
}

func elfLinkage(p string, data []byte, defined map[string]bool) (FileLinkage, error) {
	info, err := elf.Parse(data)
	if err != nil {
		return FileLinkage{}, err
	}
	l := FileLinkage{Path: p, Kind: "elf", Name: info.SoName, Interpreter: info.Interpreter, Glibc: info.GlibcFloor(),
		Needed: append([]string{}, info.Needed...), RunPath: info.RunPath}
	if len(l.RunPath) == 0 {
		l.RunPath = info.RPath
	}
	if l.Undefined, err = elf.Undefined(data); err != nil {
		return l, err
	}
	symbols, err := elf.Exports(data)
	if err != nil {
		return l, err
	}
	for _, s := range symbols {
		defined[s.Name] = true
	}
	const amd64, arm64 = 62, 183 // EM_X86_64, EM_AARCH64
	return l, l.cpu(data, map[uint16]string{amd64: "x86_64", arm64: "aarch64"}[info.Machine])
}

func machoFamily(id uint32) string {
	const amd64, arm64 = 0x01000007, 0x0100000c // CPU_TYPE_X86_64, CPU_TYPE_ARM64
	return map[uint32]string{amd64: "x86_64", arm64: "aarch64"}[id]
}

// cpu finds the oldest level of a family of machines that runs the code.
func (l *FileLinkage) cpu(data []byte, family string) error {
	if family == "" {
		return nil
	}
	for _, level := range cpu.Levels(family) {
		if level.Vendor != "generic" {
			continue
		}
		report, err := isa.Check(data, level, nil)
		if err != nil {
			return err
		}
		if len(report.Findings) == 0 {
			if report.Instructions > 0 || len(l.Above) > 0 { // of Go's programs only levels above the first are known
				l.Level, l.Above = level.Name, nil
			}
			return nil
		}
		l.Above = nil
		for _, f := range report.Findings {
			l.Above = append(l.Above, f.Feature)
		}
		slices.Sort(l.Above)
		l.Above = slices.Compact(l.Above)
	}
	return nil
}
