package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms/pe"
)

func TestImportedFrom(t *testing.T) {
	file := func(path string, imports ...string) peFile { return peFile{path, &pe.Info{Imports: imports}} }
	files := []peFile{
		file("Library/bin/tool.exe", "KERNEL32.dll", "Own.DLL", "other.dll", "api-ms-win-crt-heap-l1-1-0.dll"),
		file("Library/lib/plugins/p.dll", "own.dll", "helper.dll", "VCRUNTIME140.dll"),
		file("Scripts/run.exe", "helper.dll"),
	}
	paths := []string{"Library/bin/tool.exe", "Library/bin/own.dll", "Library/lib/plugins/p.dll", "Library/lib/plugins/helper.dll", "Scripts/run.exe"}
	libs, hidden := importedFrom(files, paths)
	for i := range libs {
		libs[i].packages = bringersOfDLL(libs[i].name, map[string]string{"other.dll": "other"})
	}
	want := []library{
		{name: "other.dll", files: []string{"Library/bin/tool.exe"}, packages: []string{"other"}},
		{name: "vcruntime140.dll", files: []string{"Library/lib/plugins/p.dll"}, packages: []string{"vc14_runtime", "vc", "vs2015_runtime", "ucrt"}},
	}
	if diff := cmp.Diff(want, libs, cmp.AllowUnexported(library{})); diff != "" {
		t.Error(diff)
	}
	wantHidden := []string{"Scripts/run.exe: imports helper.dll, which lies in Library/lib/plugins, where nothing looks for it; put it beside, or into Library/bin"}
	if diff := cmp.Diff(wantHidden, hidden); diff != "" {
		t.Error(diff)
	}
	if got := overlinked(libs, []string{"vcruntime*.dll"}, map[string]bool{"other": true}); len(got) != 0 {
		t.Error(got)
	}
	if got := overlinked(libs, nil, nil); len(got) != 2 {
		t.Error(got)
	}
}
