package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"forge/engine"
)

const hostile = `</script><script>document.title="owned"</script><img src=x onerror=document.title="owned">${1}'"&amp;` + "\u202egnp.\x1b[31m"

// bigReport is a page of n packages with everything a page can show; the first is hostile in every text.
func bigReport(n int) *reported {
	r := &reported{Dir: "output", Span: float64(n), Summary: "a run"}
	for i := range n {
		p := &reportedPackage{Name: fmt.Sprintf("pkg%04d-1.%d-h0f53e1b_0", i, i%9), Subdir: "linux-64", File: "pkg.conda", License: "MIT", SHA256: strings.Repeat("ab", 32),
			Size: int64(1000 * (i%50 + 1)), Installed: int64(3000 * (i%77 + 1)), Files: i % 40, Seconds: float64(i%30) + .5, Depends: []string{"x >=1"}, Good: true, Signed: []string{"key"},
			Isolation: "full", Recipe: "recipes/x/recipe.yaml", Key: strings.Repeat("cd", 32), Epoch: 1e9, Recorded: 1,
			Tests:     []engine.TestRecord{{Kind: "script", Status: engine.TestPassed, Seconds: .2}},
			Biggest:   []reportedFile{{"lib/libx.so.1", 1000}},
			Materials: []reportedMaterial{{"source", "x-1.tar.gz", "sha256 abcdef…", ""}},
			Offers:    []string{fmt.Sprintf("lib%d.so.1", i)}}
		for _, j := range []int{i / 2, i/3 + 1, i - 40} {
			if j >= 0 && j < i && !slices.Contains(p.Built, j) {
				p.Built = append(p.Built, j)
				p.Needs = append(p.Needs, reportedLibrary{fmt.Sprintf("lib%d.so.1", j), 1, j})
			}
		}
		r.Packages = append(r.Packages, p)
		r.Timeline = append(r.Timeline, reportedSlice{Name: fmt.Sprintf("pkg%04d", i), Lane: i % 4, Start: float64(i), Seconds: 1, Failed: i%100 == 7})
	}
	p := r.Packages[0]
	p.Name, p.License, p.Reason, p.Recipe, p.Subdir, p.File, p.Good = hostile, hostile, hostile, hostile, hostile, hostile, false
	p.Depends, p.Signed, p.Widened, p.Offers = []string{hostile}, []string{hostile}, []string{hostile}, []string{hostile}
	p.Tests[0] = engine.TestRecord{Kind: hostile, Status: engine.TestFailed, Reason: hostile}
	p.Biggest[0].Path, p.Materials[0] = hostile, reportedMaterial{hostile, hostile, hostile, hostile}
	r.Dir, r.Summary, r.Timeline[0].Name = hostile, hostile, hostile
	return r
}

func TestReportPage(t *testing.T) {
	for _, n := range []int{1, 10, 1000} {
		var b bytes.Buffer
		if err := bigReport(n).write(&b); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		if strings.Count(page, "</script") != 2 || strings.Contains(page, "<img") || strings.Contains(page, "ZgotmplZ") {
			t.Fatalf("%d packages: a text got out of its place", n)
		}
		for _, outside := range []string{"http:", "https:", "src=\"", "@import", "fetch("} {
			if strings.Contains(strings.ReplaceAll(page, svgNamespace, ""), outside) {
				t.Errorf("the page names something outside: %s", outside)
			}
		}
		inBrowser(t, n, b.Bytes())
	}
}

const svgNamespace = "http://www.w3.org/2000/svg"

// inBrowser opens the page from disk in Chromium, with every package opened that the address names.
func inBrowser(t *testing.T, n int, page []byte) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Log("not opened in a browser: chromium is not installed")
		return
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	cmd := exec.Command(browser, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+filepath.Join(dir, "profile"), "--virtual-time-budget=3000", "--dump-dom",
		"file://"+file+"#"+percent(hostile))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	dom := string(out)
	t.Logf("%d packages: page %d kB, in the browser %.1f s", n, len(page)/1000, time.Since(start).Seconds())
	if !strings.Contains(dom, fmt.Sprintf("<title>%d packages · forge report</title>", n)) {
		t.Errorf("%d packages: the title was changed", n)
	}
	if rows := strings.Count(dom, `class="p" tabindex="0"`) + strings.Count(dom, `tabindex="0" class="p"`); rows != n {
		t.Errorf("%d rows for %d packages", rows, n)
	}
	for _, want := range []string{"Provenance", "Built with", "Timeline", "Biggest files", "Libraries", "Made from", `\u202egnp.`, "&lt;/script&gt;"} {
		if n > 1 && !strings.Contains(dom, want) {
			t.Errorf("%d packages: nothing of %q on the page", n, want)
		}
	}
	if keep := os.Getenv("FORGE_KEEP_REPORTS"); keep != "" {
		if err := os.WriteFile(filepath.Join(keep, fmt.Sprintf("report-%d.html", n)), page, 0o644); err != nil {
			t.Error(err)
		}
	}
}

// percent writes a text for the end of an address.
func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}
