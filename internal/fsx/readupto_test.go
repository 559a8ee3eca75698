package fsx_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge/internal/fsx"
)

func TestReadUpTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	if data, err := fsx.ReadUpTo(path, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, %v", data, err)
	}
	if data, err := fsx.ReadUpTo(path, 4); err == nil || data != nil || !strings.Contains(err.Error(), "more than the 4 bytes") {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := fsx.ReadUpTo(path+"2", 4); !os.IsNotExist(err) {
		t.Error(err)
	}
}
