package engine

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"forge/packages"
	"forge/platforms"
	"forge/platforms/cpu"
	"forge/platforms/elf"
	"forge/platforms/toolchain"
	"forge/recipes"
)

// emulation is how the programs of a package run on a machine that cannot run them: under qemu's user
// mode. In a test's prefix each program becomes a script that starts qemu with the program's own file,
// so that neither this machine's kernel nor the package has to know of it.
type emulation struct {
	external string // that has the emulator
	argv     []string
	machine  uint16            // of ELF files it is for
	env      map[string]string // for the test
	wine     bool              // it is Wine, for programs of Windows: see wineTest
	loaded   *toolchain.External
}

// String is how a test's record names it.
func (e *emulation) String() string {
	if e == nil {
		return ""
	}
	return strings.Join(e.argv, " ")
}

// ELF machines (System V gABI, e_machine) of the platforms that qemu is asked for.
func elfMachine(p platforms.Platform) (machine uint16, qemu string) {
	switch p.String() {
	case "linux-64":
		return 62, "x86_64"
	case "linux-aarch64":
		return 183, "aarch64"
	case "linux-ppc64le":
		return 21, "ppc64le"
	case "linux-s390x":
		return 22, "s390x"
	case "linux-riscv64":
		return 243, "riscv64"
	case "linux-armv7l":
		return 40, "arm"
	case "linux-32":
		return 3, "i386"
	}
	return 0, ""
}

// levelModels are CPUs of qemu's that have a level and little more. None has AVX-512: qemu cannot run
// it.
func levelModels() map[string]string {
	return map[string]string{"x86_64_v2": "Nehalem", "x86_64_v3": "Haswell"}
}

// needsEmulation says why this machine cannot run o itself; empty where it can. What it is is what
// __archspec says, so that CONDA_OVERRIDE_ARCHSPEC can ask for the tests of another machine.
func needsEmulation(req *Request, o *recipes.Output) string {
	if o.NoArch != "" {
		return ""
	}
	if o.HostPlatform != o.BuildPlatform {
		return "for " + o.HostPlatform.String()
	}
	l := levelOf(o)
	if l == nil {
		return ""
	}
	for _, v := range req.Virtual {
		if here, err := cpu.Parse(v.Build); v.Name == archspecName && err == nil && !here.Includes(l) {
			return "for " + l.Name + ", and this machine is " + here.Name
		}
	}
	return ""
}

// emulationOf is how o's programs are emulated, nil where nothing here can.
func emulationOf(o *recipes.Output) *emulation {
	if o.HostPlatform.String() == "win-64" && o.BuildPlatform.OS() == "linux" {
		return &emulation{external: wineTool, argv: []string{wineProgram}, wine: true}
	}
	machine, qemu := elfMachine(o.HostPlatform)
	if machine == 0 {
		return nil
	}
	e := &emulation{external: toolchain.EmulatorFor(o.HostPlatform), argv: []string{"/usr/bin/qemu-" + qemu + "-static"}, machine: machine}
	if o.HostPlatform != o.BuildPlatform {
		e.env = map[string]string{"QEMU_LD_PREFIX": toolchain.SysrootOf(o.HostPlatform)}
		return e
	}
	l := levelOf(o)
	if l == nil {
		return nil
	}
	model := levelModels()[l.Name]
	if model == "" {
		return nil
	}
	e.argv = append(e.argv, "-cpu", model)
	return e
}

// emulator loads the emulation a's tests need: nil where they need none.
func (r *runner) emulator(ctx context.Context, o *recipes.Output) (*emulation, error) {
	why, e := needsEmulation(r.req, o), emulationOf(o)
	if why == "" || !r.req.Emulate || e == nil {
		return nil, nil
	}
	found, err := r.tools.Externals.Find(ctx, e.external)
	if err == nil && found == nil {
		err = fmt.Errorf("its tests are %s, and this host has no %s (on Debian: %s)", why, e.external, e.debian())
	}
	if err != nil {
		return nil, err
	}
	e.loaded, err = r.external(ctx, e.external)
	return e, err
}

// debian names the packages that bring it.
func (e *emulation) debian() string {
	if e.wine {
		return "wine64"
	}
	return "qemu-user-static and the cross compiler's libraries"
}

// wrap puts a script in front of each program among paths of the prefix dir that the emulator is for.
func (e *emulation) wrap(dir string, paths []string) error {
	for _, p := range paths {
		file := filepath.Join(dir, filepath.FromSlash(p))
		info, err := os.Lstat(file)
		if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			continue
		}
		about, err := elf.Read(file)
		if err != nil || about.Machine != e.machine || about.Type == elf.Shared && about.Interpreter == "" {
			continue // no program, or none of that machine
		}
		real := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".emulated")
		if err := os.Rename(file, real); err != nil {
			return err
		}
		script := "#!/bin/sh\nexec " + strings.Join(e.argv, " ") + ` -0 "$0" "$(dirname "$0")"/` + shellQuote(filepath.Base(real)) + " \"$@\"\n"
		if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// wrapAll is wrap for all packages of an environment but externals.
func (r *runner) wrapAll(e *emulation, env Environment, built map[*Action]*Built, dir string) error {
	for _, rec := range env.Records {
		if rec.Channel == packages.ChannelExternal {
			continue
		}
		paths, err := r.pathsOf(rec, built)
		if err != nil {
			return err
		}
		if err := e.wrap(dir, paths); err != nil {
			return fmt.Errorf("emulate programs of %s: %w", rec, err)
		}
	}
	return nil
}

// with adds the emulator's files to those of a test.
func (e *emulation) with(externals []*toolchain.External) []*toolchain.External {
	if e == nil || slices.Contains(externals, e.loaded) {
		return externals
	}
	return append(slices.Clone(externals), e.loaded)
}

// environment adds what the emulator reads.
func (e *emulation) environment(env map[string]string) {
	if e != nil {
		maps.Copy(env, e.env)
	}
}

// notRun says why o's tests are not run, and what would run them; empty where they are.
func (r *Request) notRun(o *recipes.Output) string {
	why := needsEmulation(r, o)
	switch {
	case why == "", r.Emulate && emulationOf(o) != nil:
		return ""
	case emulationOf(o) == nil:
		return "its tests are " + why + ", and were not run: no emulator for that is known"
	}
	return "its tests are " + why + ", and were not run; --test native-and-emulated runs them under an emulator"
}
