package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// lspProgram is a program that is `forge`: this test, under that name.
func lspProgram(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	forge := filepath.Join(t.TempDir(), "forge")
	if err := os.Symlink(self, forge); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	return forge
}

// runClient runs an editor with forge as its server, and shows what it says if it fails.
func runClient(t *testing.T, name string, args ...string) {
	t.Helper()
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "FORGE="+lspProgram(t), "PYTHONDONTWRITEBYTECODE=1", "XDG_CONFIG_HOME="+t.TempDir(), "XDG_STATE_HOME="+t.TempDir())
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	t.Logf("%s", out)
}

// TestConformanceLSPPytest is a session with pytest-lsp, with the abilities of three editors.
func TestConformanceLSPPytest(t *testing.T) {
	python := os.Getenv("FORGE_LSP_PYTHON")
	if python == "" || exec.Command(python, "-c", "import pytest_lsp").Run() != nil {
		t.Skip("no Python with pytest-lsp here (FORGE_LSP_PYTHON names one)")
	}
	runClient(t, python, "-m", "pytest", "-q", "-p", "no:cacheprovider",
		"-o", "asyncio_default_fixture_loop_scope=function", "testdata/lsp/test_lsp.py")
}

// TestConformanceLSPNeovim is a session with Neovim's own client.
func TestConformanceLSPNeovim(t *testing.T) {
	if _, err := exec.LookPath("nvim"); err != nil || os.Getenv("FORGE_CONFORMANCE") == "" {
		t.Skip("no Neovim here, or not asked for (FORGE_CONFORMANCE=1)")
	}
	runClient(t, "nvim", "--headless", "--clean", "-c", "luafile testdata/lsp/nvim.lua")
}
