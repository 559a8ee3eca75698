package elf

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// splitMain is built, split and put where debuggers look, dir/lib/debug; it returns the program.
func splitMain(t *testing.T, compiler string, flags ...string) (prog string, s *SplitFile) {
	cc := tool(t, compiler)
	dir := t.TempDir()
	src := filepath.Join(dir, "m.c")
	os.WriteFile(src, []byte("#include <stdio.h>\nstatic int twice(int seven) { return seven * 2; }\nint main(int argc, char **argv) {\n\tprintf(\"%d\\n\", twice(argc + 6));\n\treturn 0;\n}\n"), 0o644)
	prog = filepath.Join(dir, "m")
	run(t, append([]string{cc, "-g", "-O0", "-Wl,--build-id=sha1", "-o", prog, src}, flags...)...)
	b, err := os.ReadFile(prog)
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Split(bytes.Clone(b)); err != nil || s == nil {
		t.Fatal(s == nil, err)
	}
	if again, err := Split(b); err != nil || !bytes.Equal(again.Debug, s.Debug) || !bytes.Equal(again.Stripped, s.Stripped) {
		t.Error("two runs differ", err)
	}
	debug := filepath.Join(dir, "lib/debug", s.DebugPath())
	os.MkdirAll(filepath.Dir(debug), 0o755)
	os.WriteFile(debug, s.Debug, 0o644)
	os.Rename(prog, prog+".whole")
	os.WriteFile(prog, s.Stripped, 0o755)
	return prog, s
}

func TestSplit(t *testing.T) {
	for name, flags := range map[string][]string{
		"pie":            nil,
		"fixed":          {"-no-pie"},
		"static":         {"-static"},
		"compressed":     {"-gz"},
		"dwarf 4":        {"-gdwarf-4"},
		"big alignment":  {"-Wl,-z,max-page-size=0x200000"},
		"lld":            {"-fuse-ld=lld"},
		"gold":           {"-fuse-ld=gold"},
		"separate debug": {"-fdebug-types-section"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := exec.Command("gcc", append([]string{"-xc", "-o", os.DevNull, "-"}, flags...)...).CombinedOutput(); err != nil && strings.Contains(string(out), "cannot find") {
				t.Skip(string(out))
			}
			prog, s := splitMain(t, "gcc", flags...)
			if got := run(t, prog); got != "14\n" {
				t.Errorf("stripped it says %q", got)
			}
			if bytes.Contains(s.Stripped, []byte(".debug_info")) || !bytes.Contains(s.Debug, []byte(".debug_info")) {
				t.Error("the debug data is not where it should be")
			}
			if len(s.Stripped) > len(s.Debug)*20 && name != "static" {
				t.Logf("%d and %d bytes", len(s.Stripped), len(s.Debug))
			}
			splitOracles(t, prog, s)
			if again, err := Split(s.Stripped); again != nil || err != nil {
				t.Error("split twice", err)
			}
			if _, err := Parse(s.Debug); err != nil {
				t.Error(err)
			}
			moved, _, err := setRunPath(bytes.Clone(s.Stripped), []string{"$ORIGIN/../lib/" + strings.Repeat("x", 5000)})
			if err != nil {
				t.Fatal(err)
			}
			os.WriteFile(prog, moved, 0o755)
			if got := run(t, prog); got != "14\n" {
				t.Errorf("with another path it says %q", got)
			}
		})
	}
}

// splitOracles asks binutils, elfutils and gdb.
func splitOracles(t *testing.T, prog string, s *SplitFile) {
	debugDir := filepath.Join(filepath.Dir(prog), "lib/debug")
	debug := filepath.Join(debugDir, s.DebugPath())
	for _, file := range []string{prog, debug} {
		if p, err := exec.LookPath("readelf"); err == nil {
			out := run(t, p, "-SlnW", file)
			// Of the debug part, which has no content for it; binutils' own has none either.
			out = strings.ReplaceAll(out, "readelf: Error: Unable to find program interpreter name\n", "")
			if strings.Contains(out, "Warning") || strings.Contains(out, "Error") || !strings.Contains(out, s.BuildID) {
				t.Errorf("readelf: %s", grep(out, "Warning|Error|Build ID"))
			}
		}
	}
	if p, err := exec.LookPath("objcopy"); err == nil { // the link is the one it would have made
		theirs := prog + ".link"
		run(t, p, "--remove-section=.gnu_debuglink", "--add-gnu-debuglink="+debug, prog, theirs)
		if a, b := run(t, "readelf", "-p", debugLink, prog), run(t, "readelf", "-p", debugLink, theirs); a[strings.Index(a, "["):] != b[strings.Index(b, "["):] {
			t.Errorf("link %s, want %s", a, b)
		}
		if a, b := run(t, "readelf", "-x", debugLink, prog), run(t, "readelf", "-x", debugLink, theirs); a[strings.Index(a, "0x"):] != b[strings.Index(b, "0x"):] {
			t.Errorf("link %s, want %s", a, b)
		}
	}
	if p, err := exec.LookPath("eu-unstrip"); err == nil {
		whole := prog + ".joined"
		run(t, p, "-o", whole, prog, debug)
		if got := run(t, whole); got != "14\n" {
			t.Errorf("joined it says %q", got)
		}
	}
	if p, err := exec.LookPath("eu-elflint"); err == nil {
		for file, kind := range map[string]string{prog: "", debug: "-d"} {
			args := []string{p, "--gnu-ld", "-q"}
			if kind != "" {
				args = append(args, kind)
			}
			before, _ := exec.Command(args[0], append(args[1:len(args):len(args)], prog+".whole")...).CombinedOutput()
			out, _ := exec.Command(args[0], append(args[1:len(args):len(args)], file)...).CombinedOutput()
			if len(out) > len(before) {
				t.Logf("eu-elflint %s: %s", filepath.Base(file), out)
			}
		}
	}
	if p, err := exec.LookPath("gdb"); err == nil {
		out := run(t, p, "-nx", "-batch", "-iex", "set debuginfod enabled off", "-iex", "set debug-file-directory "+debugDir,
			"-ex", "info line twice", "-ex", "ptype twice", prog)
		if !strings.Contains(out, `Line 2 of "`) || !strings.Contains(out, "type = int (int)") {
			t.Errorf("gdb: %s", out)
		}
	}
}

func TestSplitNothing(t *testing.T) {
	gcc := tool(t, "gcc")
	dir := t.TempDir()
	src, out := filepath.Join(dir, "m.c"), filepath.Join(dir, "m")
	os.WriteFile(src, []byte("int f(void) { return 0; }"), 0o644)
	for name, tt := range map[string]struct {
		flags []string
		err   error
	}{
		"no debug data": {flags: []string{"-shared"}},
		"an object":     {flags: []string{"-g", "-c"}},
		"no build ID":   {flags: []string{"-g", "-shared", "-Wl,--build-id=none"}, err: ErrNoBuildID},
	} {
		run(t, append([]string{gcc, "-o", out, src}, tt.flags...)...)
		b, _ := os.ReadFile(out)
		if s, err := Split(b); s != nil || !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

// FuzzSplit holds that whatever is read does not panic, and that what came of it can be read.
func FuzzSplit(f *testing.F) {
	if gcc, err := exec.LookPath("gcc"); err == nil {
		dir := f.TempDir()
		src, out := filepath.Join(dir, "m.c"), filepath.Join(dir, "m")
		os.WriteFile(src, []byte("int f(void){return 0;}"), 0o644)
		if exec.Command(gcc, "-g", "-shared", "-nostdlib", "-o", out, src).Run() == nil {
			b, _ := os.ReadFile(out)
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Split(bytes.Clone(b))
		if err != nil || s == nil {
			return
		}
		before, err := Parse(b)
		if err != nil {
			return
		}
		after, err := Parse(s.Stripped)
		if err != nil || strings.Join(before.Needed, " ") != strings.Join(after.Needed, " ") {
			t.Errorf("what was written is not read: %v", err)
		}
	})
}
