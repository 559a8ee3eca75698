package toolchain

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// asker runs the system's own programs below root, which stands for "/", with a bare environment. A program is
// named as in usr/bin, or by its absolute path.
func asker(root string) func(argv ...string) ([]byte, error) {
	return func(argv ...string) ([]byte, error) {
		program := argv[0]
		if !path.IsAbs(program) {
			program = "/usr/bin/" + program
		}
		cmd := exec.Command(filepath.Join(root, filepath.FromSlash(program)), argv[1:]...)
		cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
		answer, err := cmd.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			said, _, _ := strings.Cut(string(bytes.TrimSpace(exit.Stderr)), "\n")
			return nil, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, said)
		}
		return answer, err
	}
}
