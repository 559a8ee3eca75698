package macho

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// llvm finds one of LLVM's tools; Debian keeps them in a folder of the version.
func llvm(t *testing.T, tool string) string {
	t.Helper()
	if p, err := exec.LookPath(tool); err == nil {
		return p
	}
	if found, _ := filepath.Glob("/usr/lib/llvm-*/bin/" + tool); len(found) > 0 {
		return found[len(found)-1]
	}
	t.Skipf("%s is not here (Debian: llvm)", tool)
	return ""
}

// samples are real programs and libraries; .ci/macos fetches and builds some.
func samples(t *testing.T) []string {
	t.Helper()
	dir := os.Getenv("FORGE_MACHO_SAMPLES")
	if dir == "" {
		t.Skip("FORGE_MACHO_SAMPLES names no folder with Mach-O files; .ci/macos makes one")
	}
	var found []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if b, err := os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			continue
		} else if _, err := Parse(b); err == nil {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	if len(found) == 0 {
		t.Fatalf("no Mach-O file in %s", dir)
	}
	return found
}

// TestLLVMOracle: the same changes by llvm-install-name-tool give the same load commands. That tool lays the
// segments out anew; here those stay as they were, and with them every byte behind the load commands up to
// the signature.
func TestLLVMOracle(t *testing.T) {
	tool := llvm(t, "llvm-install-name-tool")
	for _, file := range samples(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			infos, err := Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			info := infos[0]
			args, edit := oracleEdit(info)
			ours, changed, err := Rewrite(b, filepath.Base(file), edit)
			if err != nil || !changed {
				t.Fatalf("%v %v", changed, err)
			}
			if err := Verify(ours); err != nil {
				t.Error(err)
			}
			theirs := filepath.Join(t.TempDir(), filepath.Base(file))
			if err := os.WriteFile(theirs, b, 0o755); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(tool, append(args, theirs)...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			want, err := os.ReadFile(theirs)
			if err != nil {
				t.Fatal(err)
			}
			sameFile(t, b, want, ours)
		})
	}
}

// oracleEdit changes every path that is not the system's to one that is a little shorter or longer.
func oracleEdit(info *Info) ([]string, Edit) {
	var args []string
	to := func(old string) string { return "@rpath/x/" + filepath.Base(old) }
	if info.Type == Dylib {
		args = append(args, "-id", to(info.InstallName))
	}
	for _, d := range info.Dependencies {
		args = append(args, "-change", d.Name, to(d.Name))
	}
	var paths []string
	for _, p := range info.RPaths {
		now := "@loader_path/y/" + filepath.Base(p)
		args = append(args, "-rpath", p, now)
		paths = append(paths, now)
	}
	return append(args, "-add_rpath", "@loader_path/new"),
		Edit{InstallName: to, Dependency: to, RPaths: func([]string) []string { return append(paths, "@loader_path/new") }}
}

func sameFile(t *testing.T, before, want, got []byte) {
	t.Helper()
	was, theirs, ours := mustParse(t, before), mustParse(t, want), mustParse(t, got)
	if len(theirs.cmds) != len(ours.cmds) {
		t.Fatalf("%d load commands, want %d", len(ours.cmds), len(theirs.cmds))
	}
	for i, c := range ours.cmds {
		expected := theirs.cmds[i].raw
		if i < len(was.cmds) && placed(c.kind) {
			expected = was.cmds[i].raw
		}
		if diff := cmp.Diff(expected, c.raw); diff != "" && i != ours.signed && i != ours.link {
			t.Errorf("load command %d: %s", i, diff)
		}
	}
	end := len(got)
	if ours.signed >= 0 {
		end = int(ours.order.Uint32(ours.cmds[ours.signed].raw[8:]))
	}
	if from := max(ours.headerSize()+ours.used, was.headerSize()+was.used); !bytes.Equal(before[from:end], got[from:end]) {
		t.Error("the contents differ")
	}
}

// placed tells of commands that say where in the file something lies.
func placed(kind uint32) bool {
	_, needs := kindOf(kind)
	return !needs && kind != lcIDDylib && kind != lcRPath
}

func mustParse(t *testing.T, b []byte) *image {
	t.Helper()
	m, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLIEFOracle lets LIEF find the signature of files that were signed here, and Python hash the pages.
func TestLIEFOracle(t *testing.T) {
	python := os.Getenv("FORGE_LIEF")
	if python == "" {
		t.Skip("FORGE_LIEF names no python that has LIEF; .ci/macos makes one")
	}
	const script = `
import hashlib, lief, struct, sys
data = open(sys.argv[1], "rb").read()
n = 0
fat = lief.MachO.parse(sys.argv[1])
for binary in fat:
    if not binary.has_code_signature:
        continue
    base = binary.fat_offset
    off = base + binary.code_signature.data_offset
    blob = data[off:off + binary.code_signature.data_size]
    magic, length, count = struct.unpack(">III", blob[:12])
    assert magic == 0xfade0cc0, hex(magic)
    slot, cd = struct.unpack(">II", blob[12:20])
    assert slot == 0
    magic, length, version, flags, hashes, ident, special, pages, limit, size, kind, platform, bits = struct.unpack(">9I4B", blob[cd:cd + 40])
    assert magic == 0xfade0c02 and kind == 2 and size == 32 and flags & 2
    assert limit == binary.code_signature.data_offset and pages == -(-limit // (1 << bits))
    for i in range(pages):
        page = data[base + (i << bits):base + min((i + 1) << bits, limit)]
        at = cd + hashes + 32 * i
        assert hashlib.sha256(page).digest() == blob[at:at + 32], "page %d" % i
    n += 1
print(n)
`
	for _, file := range samples(t) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out, _, err := Rewrite(b, filepath.Base(file), Edit{RPaths: func([]string) []string { return []string{"@loader_path/../lib"} }})
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), filepath.Base(file))
		if err := os.WriteFile(name, out, 0o755); err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command(python, "-c", script, name).CombinedOutput()
		if err != nil || strings.TrimSpace(string(got)) == "0" && mustParse(t, out).cpu == CPUARM64 {
			t.Errorf("%s: %v: %s", filepath.Base(file), err, got)
		}
	}
}
