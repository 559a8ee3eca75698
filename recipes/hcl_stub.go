package recipes

func renderHCL(path string, _ []byte, _ RenderOptions) *Rendered {
	return failed(path, "recipe.hcl is not read yet")
}
