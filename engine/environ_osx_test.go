package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/platforms"
	"forge/platforms/macho"
	"forge/recipes"
)

func mac(t *testing.T, subdir string) *recipes.Output {
	t.Helper()
	p, err := platforms.Parse(subdir)
	if err != nil {
		t.Fatal(err)
	}
	return &recipes.Output{TargetPlatform: p, HostPlatform: p, BuildPlatform: platforms.Host()}
}

func TestMacEnv(t *testing.T) {
	for _, c := range []struct {
		subdir  string
		variant map[string]any
		want    map[string]string
	}{
		{"osx-arm64", nil, map[string]string{"OSX_ARCH": "arm64", "BUILD": "arm64-apple-darwin20.0.0", "MACOSX_DEPLOYMENT_TARGET": "11.0"}},
		{"osx-64", map[string]any{"c_stdlib_version": "10.13"}, map[string]string{"OSX_ARCH": "x86_64", "BUILD": "x86_64-apple-darwin13.4.0", "MACOSX_DEPLOYMENT_TARGET": "10.13"}},
		{"osx-64", map[string]any{"c_stdlib_version": "10.13", "MACOSX_DEPLOYMENT_TARGET": "12.0"}, map[string]string{"OSX_ARCH": "x86_64", "BUILD": "x86_64-apple-darwin13.4.0", "MACOSX_DEPLOYMENT_TARGET": "12.0"}},
	} {
		o := mac(t, c.subdir)
		o.Full = c.variant
		got := map[string]string{}
		macEnv(got, o)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s %v: %s", c.subdir, c.variant, diff)
		}
	}
}

// TestVirtualOfMacs: what runs while a package is built is of this machine, what it is linked with of a Mac.
func TestVirtualOfMacs(t *testing.T) {
	here := []platforms.VirtualPackage{{Name: "__archspec", Version: "1", Build: "zen3"}, {Name: "__unix", Version: "0", Build: "0"}, {Name: "__glibc", Version: "2.36", Build: "0"}}
	there := []platforms.VirtualPackage{{Name: "__archspec", Version: "1", Build: "arm64"}, {Name: "__unix", Version: "0", Build: "0"}, {Name: "__osx", Version: "13.0", Build: "0"}}
	o := mac(t, "osx-arm64")
	if diff := cmp.Diff(there, virtualFor(o, "host", here)); diff != "" {
		t.Error(diff)
	}
	if got := virtualFor(o, "build", here); len(got) != 3 || got[2].Name != "__glibc" {
		t.Errorf("build: %v", got)
	}
	there[2].Version = "12.1"
	if diff := cmp.Diff(there, virtualFor(o, "host", append(here, there[2]))); diff != "" {
		t.Errorf("with an override: %s", diff)
	}
}

func TestDylibsNeeded(t *testing.T) {
	info := &macho.Info{Dependencies: []macho.Dependency{
		{Name: "/usr/lib/libSystem.B.dylib"}, {Name: "/System/Library/Frameworks/Security.framework/Security"},
		{Name: "@rpath/libown.1.dylib"}, {Name: "@rpath/libz.1.dylib"}, {Name: "@rpath/libc++.1.dylib"}, {Name: "/opt/else/libq.dylib"}}}
	got := dylibsNeeded([]machoFile{{"bin/a", []*macho.Info{info, info}}}, []string{"lib/libown.1.dylib", "bin/a"})
	for i := range got {
		got[i].packages = bringersOfDylib(got[i].name, map[string]string{"libz.1.dylib": "libzlib"})
	}
	of := []string{"bin/a"}
	want := []library{{name: "libc++.1.dylib", files: of, packages: []string{"libcxx"}}, {name: "libq.dylib", files: of}, {name: "libz.1.dylib", files: of, packages: []string{"libzlib"}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(library{})); diff != "" {
		t.Error(diff)
	}
}
