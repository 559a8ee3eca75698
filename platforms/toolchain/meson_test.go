package toolchain

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"forge/platforms"
)

// Every compiler for another machine brings the cross file that its MESON_ARGS name, for that machine.
func TestMesonCross(t *testing.T) {
	host, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][3]string{ // system, cpu_family, endian
		"gcc_linux-aarch64": {"linux", "aarch64", "little"}, "gxx_linux-ppc64le": {"linux", "ppc64", "little"},
		"gcc_linux-s390x": {"linux", "s390x", "big"}, "gxx_linux-riscv64": {"linux", "riscv64", "little"},
		"gcc_win-64": {"windows", "x86_64", "little"}, "gxx_win-64": {"windows", "x86_64", "little"},
		"clang_osx-arm64": {"darwin", "aarch64", "little"}, "clangxx_osx-64": {"darwin", "x86_64", "little"},
	}
	for _, tool := range catalog(host) {
		want, ok := tests[tool.name]
		if !ok {
			continue
		}
		delete(tests, tool.name)
		if len(tool.texts) != 1 || !strings.Contains(tool.env["MESON_ARGS"], "--cross-file=/"+tool.texts[0].path) {
			t.Errorf("%s: MESON_ARGS are %q, its files %v", tool.name, tool.env["MESON_ARGS"], tool.texts)
			continue
		}
		text := tool.texts[0].text
		for i, key := range []string{"system", "cpu_family", "endian"} {
			if !strings.Contains(text, key+" = '"+want[i]+"'") {
				t.Errorf("%s: %s is not %s in\n%s", tool.name, key, want[i], text)
			}
		}
		t.Run(tool.name, func(t *testing.T) { mesonReads(t, text, want) })
	}
	if len(tests) > 0 {
		t.Errorf("not in the catalogue: %v", tests)
	}
}

// mesonReads has Meson itself say for which machine a cross file is.
func mesonReads(t *testing.T, text string, want [3]string) {
	meson, err := exec.LookPath("meson")
	if err != nil {
		t.Skip("meson is not on this machine")
	}
	dir := t.TempDir()
	for name, data := range map[string]string{"cross.ini": text,
		"meson.build": "project('p')\nmessage('for', host_machine.system(), host_machine.cpu_family(), host_machine.endian(), meson.is_cross_build())\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(meson, "setup", "--cross-file", filepath.Join(dir, "cross.ini"), filepath.Join(dir, "build"), dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "for "+strings.Join(want[:], " ")+" true") {
		t.Errorf("%v\n%s", err, out)
	}
}
