package toolchain

import "testing"

// TestGoInstall holds what `go install` does to what conda-forge's Go does: it fills the prefix, and it does not refuse
// to build for another machine.
func TestGoInstall(t *testing.T) {
	env := goEnv("0")
	if env["GOBIN"] != "$PREFIX/bin" {
		t.Errorf("GOBIN is %q", env["GOBIN"])
	}
	goFor(env, "linux-aarch64")
	if at, set := env["GOBIN"]; set || env["GOARCH"] != "arm64" {
		t.Errorf("for linux-aarch64 GOBIN is %q, GOARCH %q", at, env["GOARCH"])
	}
}
