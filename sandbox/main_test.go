//go:build !windows

package sandbox

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if IsChild(os.Args) {
		os.Exit(Child(os.Args))
	}
	os.Exit(m.Run())
}
