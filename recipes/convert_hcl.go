package recipes

import "forge/internal/diag"

func recipeToHCL(path string, data []byte) ([]byte, diag.List) {
	return nil, failed(path, "not yet").Diagnostics
}
