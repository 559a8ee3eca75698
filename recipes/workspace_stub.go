package recipes

import "forge/internal/diag"

// Workspace stub until forge.hcl lands.
type Workspace struct {
	Channels []struct{ URL string }
	Variants map[string][]string
}

// ParseWorkspace stub.
func ParseWorkspace(path string, data []byte) (*Workspace, diag.List) { return &Workspace{}, nil }
