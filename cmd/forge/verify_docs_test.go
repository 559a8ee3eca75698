package main

import (
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// TestVerifyDocs runs the commands of docs/verify.md that need no forge, on a package of ours.
func TestVerifyDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	c := newSignedChannel(t)
	for file, format := range map[string]string{"me.pem": "pem", "me.asc": "openpgp"} {
		code, out, errs := c.forge("keys", "export", "--format", format)
		if code != 0 {
			t.Fatal(errs)
		}
		if err := os.WriteFile(file, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	blocks := regexp.MustCompile("(?s)\n```sh\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 5 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, tool := range []string{"sh", "sqv", "gpg", "jq", "openssl", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	for _, b := range blocks {
		cmd := exec.Command("sh", "-eu", "-c", b[1])
		cmd.Env = append(os.Environ(), "P="+c.b)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s\n%s", err, b[1], out)
		}
	}
}
