package recipes

func renderV0(path string, _ []byte, _ RenderOptions) *Rendered {
	return failed(path, "meta.yaml is not read yet")
}
