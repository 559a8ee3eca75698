package recipes

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"forge/platforms"
)

// TestShippedRecipes holds the folders beside this file to what users may expect of them.
func TestShippedRecipes(t *testing.T) {
	linux, err := platforms.Parse("linux-64")
	if err != nil {
		t.Fatal(err)
	}
	files, err := Find([]string{"./..."}, ".")
	if err != nil {
		t.Fatal(err)
	}
	formats, names := map[string]int{}, map[string]bool{}
	for _, file := range files {
		dir := filepath.Base(filepath.Dir(file))
		t.Run(dir, func(t *testing.T) {
			r := RenderFile(file, RenderOptions{BuildPlatform: linux, HostPlatform: linux, TargetPlatform: linux})
			for _, d := range r.Diagnostics {
				t.Errorf("%v", d)
			}
			formats[filepath.Base(file)]++
			found := false
			for _, o := range r.Outputs {
				names[o.Name] = names[o.Name] || !o.Staging
				found = found || o.Name == dir
				checkShipped(t, filepath.Dir(file), o)
			}
			if !found {
				t.Errorf("no output has the folder's name; there are %d", len(r.Outputs))
			}
			if info, err := os.Stat(filepath.Join(filepath.Dir(file), "build.sh")); err == nil && info.Mode()&0o111 == 0 {
				t.Error("build.sh is not executable")
			}
		})
	}
	if len(names) < 42 || formats["meta.yaml"] < 6 || formats["recipe.hcl"] < 2 {
		t.Errorf("%d packages in %v", len(names), formats)
	}
}

func checkShipped(t *testing.T, dir string, o *Output) {
	for _, s := range o.Sources {
		if len(s.URLs) == 0 || len(s.Hashes["sha256"]) != 64 {
			t.Errorf("%s: source without url or sha256", o.Name)
			continue
		}
		if !strings.HasPrefix(s.URLs[len(s.URLs)-1], "pkg:") {
			t.Errorf("%s: the last mirror is no package URL: %s", o.Name, s.URLs)
		}
		for _, sig := range s.Signatures {
			if len(sig.Fingerprint) < 40 || len(sig.Allow) > 0 && sig.Reason == "" {
				t.Errorf("%s: signature %+v", o.Name, sig)
			}
			if _, err := os.Stat(filepath.Join(dir, sig.Key)); err != nil {
				t.Error(err)
			}
		}
	}
	if o.Staging {
		return
	}
	if o.About.License == "" || len(o.About.LicenseFiles) == 0 || o.About.Summary == "" || len(o.About.Home) == 0 {
		t.Errorf("%s: about is thin: %+v", o.Name, o.About)
	}
	if len(o.Tests) == 0 {
		t.Errorf("%s: no test", o.Name)
	}
	if slices.Contains([]string{"hello", "ncurses", "xz", "liblzma", "musl", "openssl", "tzdata"}, o.Name) {
		if n := signaturesAsked(o); n != 1 && len(o.Sources) > 0 {
			t.Errorf("%s: upstream signs, %d signatures are asked for", o.Name, n)
		}
	}
}

func signaturesAsked(o *Output) (n int) {
	for _, s := range o.Sources {
		n += len(s.Signatures)
	}
	return n
}
