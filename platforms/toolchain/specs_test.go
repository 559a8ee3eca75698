package toolchain

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// With the specs GCC does what it does without them, command for command, and refuses the builder's CPU. Each GCC of
// this machine is asked what it would run (-###).
func TestSpecsOfCompilers(t *testing.T) {
	db, err := readDpkg("/")
	if err != nil {
		t.Skip("not a dpkg host")
	}
	db.looked = &looked{there: map[string]bool{}}
	starts, _ := filepath.Glob("/usr/lib/gcc*/*/*/crtbegin.o")
	if len(starts) == 0 || runtime.GOOS != "linux" {
		t.Skip("no GCC here")
	}
	dir := t.TempDir()
	source := filepath.Join(dir, "a.c")
	if err := os.WriteFile(source, []byte("int main(void) { return 0; }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, start := range starts {
		specs, err := db.specsBeside(start)
		if err != nil {
			t.Error(err)
		}
		if len(specs) == 0 {
			continue
		}
		rest, version := filepath.Split(filepath.Dir(start))
		gcc := "/usr/bin/" + filepath.Base(rest) + "-gcc-" + version
		folder := filepath.Join(dir, filepath.Base(rest), version) // -B finds specs there, as in the compiler's own folder
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "specs"), []byte(specs[0].text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range []string{"-O2", "-c -O3 -fPIC -g", "-shared -fPIC", "-static", "-static-libgcc -pthread", "-flto=auto -O2", "-S", "-E",
			"-shared-libgcc", "-nostdlib", "-x c++ -O2", "-fopenmp -pg", "-fsanitize=address", "-pie -fPIE"} {
			argv := append(strings.Fields(args), "-###", source)
			plain, given := plan(t, gcc, argv), plan(t, gcc, append([]string{"-B" + folder + "/"}, argv...))
			given = strings.ReplaceAll(given, " -B"+folder+"/", "")
			for _, own := range []string{" -L" + folder + "/", " \"-L" + folder + "\"", " -L" + folder, ":" + folder + "/", folder + "/:"} {
				given = strings.ReplaceAll(given, own, "")
			}
			if plain != given {
				t.Errorf("%s %s: with specs\n%s\nwithout\n%s", gcc, args, given, plain)
			}
		}
		for _, flag := range []string{"-march=native", "-mcpu=native", "-mtune=native"} {
			out, err := exec.Command(gcc, "-B"+folder+"/", flag, "-c", source, "-o", os.DevNull).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "native") { // some machines' compilers know no such flag
				t.Errorf("%s %s: %v: %s", gcc, flag, err, out)
			}
		}
		asked++
	}
	if asked == 0 {
		t.Skip("no GCC here")
	}
	t.Logf("%d compilers", asked)
}

var tempName = regexp.MustCompile(`/tmp/cc[A-Za-z0-9]+`)

// plan is what gcc would run, without names of temporary files.
func plan(t *testing.T, gcc string, argv []string) string {
	t.Helper()
	out, err := exec.Command(gcc, argv...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", gcc, argv, err, out)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, " ") { // the commands
			lines = append(lines, tempName.ReplaceAllString(line, "/tmp/cc"))
		}
	}
	return strings.Join(lines, "")
}
