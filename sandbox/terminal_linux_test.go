package sandbox

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestHelperTerminal runs a shell on the terminal it has.
func TestHelperTerminal(t *testing.T) {
	if os.Getenv("FORGE_TEST_TERMINAL") == "" {
		t.Skip("a part of TestFullTerminal")
	}
	s := contractSpec(t, Full, "tty; test -t 0 && test -t 1 && echo on-a-terminal; exec 3<>/dev/tty && echo reached >&3")
	s.Terminal, s.Stdin, s.Stdout, s.Stderr = true, os.Stdin, os.Stdout, os.Stderr
	res, err := Only(Full, time.Now).Run(context.Background(), s)
	if err != nil || res.ExitCode != 0 {
		t.Errorf("%+v %v", res, err)
	}
}

func TestFullTerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("needs script")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script, "-qec", exe+" -test.run=^TestHelperTerminal$", "/dev/null")
	cmd.Env = append(os.Environ(), "FORGE_TEST_TERMINAL=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "on-a-terminal") || !strings.Contains(string(out), "reached") {
		t.Errorf("%v\n%s", err, out)
	}
	// Without the flag, the command has no terminal, though its caller has.
	s := contractSpec(t, Full, "(exec 3<>/dev/tty) 2>/dev/null || echo none")
	if _, out := run(t, Full, s); out != "none\n" {
		t.Errorf("a terminal that was not handed over: %q", out)
	}
}
