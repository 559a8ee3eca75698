package platforms

// VirtualPackage is a property of a machine that packages may depend on, such as __glibc 2.36
// (conda's virtual packages, CEP 30). Build is "0" where it says nothing.
type VirtualPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Build   string `json:"build_string"`
}
