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

func TestReadRegular(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	if err := os.WriteFile(path, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	if data, err := fsx.ReadRegular(path, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, %v", data, err)
	}
	if data, err := fsx.ReadRegular(path, 4); err == nil || data != nil {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := fsx.ReadRegular(dir, 4); err == nil || !strings.Contains(err.Error(), "it is no file") {
		t.Error(err)
	}
	if _, err := fsx.ReadRegular(path+"2", 4); !os.IsNotExist(err) {
		t.Error(err)
	}
}
