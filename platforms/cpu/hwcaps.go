package cpu

// HwcapsDir is the folder below glibc-hwcaps/ in which glibc's dynamic loader looks for libraries that are built
// for l, on machines that have it: ld.so(8), "glibc-hwcaps". Empty for levels that the loader does not know.
func (l *Level) HwcapsDir() string {
	return map[string]string{
		"x86_64_v2": "x86-64-v2", "x86_64_v3": "x86-64-v3", "x86_64_v4": "x86-64-v4",
		"power9le": "power9", "power10le": "power10",
	}[l.Name]
}

// OfHwcapsDir is the level whose HwcapsDir is dir, nil for none.
func OfHwcapsDir(dir string) *Level {
	if dir == "" {
		return nil
	}
	for _, l := range known() {
		if l.HwcapsDir() == dir {
			return l
		}
	}
	return nil
}
