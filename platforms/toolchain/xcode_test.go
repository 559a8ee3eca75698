package toolchain

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"forge/digest"
	"forge/platforms"
	"forge/store"
)

// The programs here answer as those of macOS do, word for word: xcode-select(1), xcrun(1), xcodebuild(1) and
// clang of Xcode 15.4 and of its command line tools, on an ARM Mac. The macOS job of .github/workflows asks the
// real ones (TestMacMachine).

const (
	xcodeFolder = "/Applications/Xcode_15.4.app/Contents/Developer"
	toolsFolder = "/Library/Developer/CommandLineTools"
)

// mac is a folder that looks like a Mac; answers are what each program says for each command line, and texts that
// begin with "!" are said on stderr by a program that fails.
func mac(t *testing.T, answers map[string]string, files ...string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the programs are shell scripts")
	}
	root := t.TempDir()
	write := func(name, text string) {
		at := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range append(files, "/bin/sh", "/bin/bash", "/System/Library/CoreServices/SystemVersion.plist") {
		write(f, "content of "+f)
	}
	scripts := map[string]string{}
	for call, answer := range answers {
		program, args, _ := strings.Cut(call, " ")
		if !strings.HasPrefix(program, "/") {
			program = "/usr/bin/" + program
		}
		say := "cat <<'END'\n" + answer + "\nEND\nexit 0 ;;\n"
		if text, fails := strings.CutPrefix(answer, "!"); fails {
			say = "cat >&2 <<'END'\n" + text + "\nEND\nexit 1 ;;\n"
		}
		scripts[program] += "\"" + args + "\") " + say
	}
	for program, cases := range scripts {
		write(program, "#!/bin/sh\n[ -z \"$DEVELOPER_DIR$SDKROOT\" ] || exit 9\ncase \"$*\" in\n"+cases+"esac\necho \"asked for: $*\" >&2\nexit 8\n")
	}
	return root
}

func toolFiles(bin, sdk string) []string {
	var files []string
	for _, name := range []string{"clang++", "ld", "libtool", "ar", "ranlib", "strip", "install_name_tool", "lipo", "nm", "otool"} {
		files = append(files, bin+"/"+name)
	}
	return append(files, sdk+"/SDKSettings.json", sdk+"/usr/lib/libSystem.tbd")
}

func xcodeMac(t *testing.T) string {
	bin, sdk := xcodeFolder+"/Toolchains/XcodeDefault.xctoolchain/usr/bin", xcodeFolder+"/Platforms/MacOSX.platform/Developer/SDKs/MacOSX14.5.sdk"
	return mac(t, map[string]string{
		"sw_vers -productVersion":               "14.6.1",
		"xcode-select -p":                       xcodeFolder,
		"xcrun --sdk macosx --find clang":       bin + "/clang",
		"xcrun --sdk macosx --show-sdk-path":    sdk,
		"xcrun --sdk macosx --show-sdk-version": "14.5",
		"xcodebuild -version":                   "Xcode 15.4\nBuild version 15F31d",
		bin + "/clang --version": "Apple clang version 15.0.0 (clang-1500.3.9.4)\nTarget: arm64-apple-darwin23.6.0\nThread model: posix\n" +
			"InstalledDir: " + bin,
		xcodeFolder + "/usr/bin/make --version":  "GNU Make 3.81\nCopyright (C) 2006  Free Software Foundation, Inc.\nThis is free software; see the source for copying conditions.\nThere is NO warranty; not even for MERCHANTABILITY or FITNESS FOR A\nPARTICULAR PURPOSE.\n\nThis program built for i386-apple-darwin11.3.0",
		xcodeFolder + "/usr/bin/bison --version": "bison (GNU Bison) 2.3\nWritten by Robert Corbett and Richard Stallman.",
		xcodeFolder + "/usr/bin/git --version":   "git version 2.39.3 (Apple Git-146)",
		xcodeFolder + "/usr/bin/flex --version":  "flex 2.6.4 Apple(flex-34)",
	}, toolFiles(bin, sdk)...)
}

func commandLineMac(t *testing.T) string {
	bin, sdk := toolsFolder+"/usr/bin", toolsFolder+"/SDKs/MacOSX.sdk"
	return mac(t, map[string]string{
		"sw_vers -productVersion":               "14.6.1",
		"xcode-select -p":                       toolsFolder,
		"xcrun --sdk macosx --find clang":       bin + "/clang",
		"xcrun --sdk macosx --show-sdk-path":    sdk,
		"xcrun --sdk macosx --show-sdk-version": "14.5",
		"xcodebuild -version":                   "!xcode-select: error: tool 'xcodebuild' requires Xcode, but active developer directory '" + toolsFolder + "' is a command line tools instance",
		bin + "/clang --version": "Apple clang version 15.0.0 (clang-1500.3.9.4)\nTarget: arm64-apple-darwin23.6.0\nThread model: posix\n" +
			"InstalledDir: " + bin,
	}, toolFiles(bin, sdk)...)
}

func osx(t *testing.T) platforms.Platform {
	p, err := platforms.Parse("osx-arm64")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestXcode(t *testing.T) {
	for name, tt := range map[string]struct {
		root    func(*testing.T) string
		want    map[string]string
		origins map[string]string // of clang_osx-arm64
		cc      string
	}{
		"Xcode": {xcodeMac, map[string]string{Base: "14.6.1", "make": "3.81", "bison": "2.3", "git": "2.39.3", "flex": "2.6.4",
			"clang_osx-arm64": "15.0.0", "clangxx_osx-arm64": "15.0.0", "clang_osx-64": "15.0.0", "clangxx_osx-64": "15.0.0",
			"macosx_deployment_target_osx-arm64": "11.0", "macosx_deployment_target_osx-64": "11.0"},
			map[string]string{"file://" + xcodeFolder: "clang-1500.3.9.4, Xcode 15.4 (15F31d)",
				"file://" + xcodeFolder + "/Platforms/MacOSX.platform/Developer/SDKs/MacOSX14.5.sdk": "14.5"},
			xcodeFolder + "/Toolchains/XcodeDefault.xctoolchain/usr/bin/clang -arch arm64 -isysroot " + xcodeFolder + "/Platforms/MacOSX.platform/Developer/SDKs/MacOSX14.5.sdk -mmacosx-version-min=$MACOSX_DEPLOYMENT_TARGET"},
		"command line tools": {commandLineMac, map[string]string{Base: "14.6.1",
			"clang_osx-arm64": "15.0.0", "clangxx_osx-arm64": "15.0.0", "clang_osx-64": "15.0.0", "clangxx_osx-64": "15.0.0",
			"macosx_deployment_target_osx-arm64": "11.0", "macosx_deployment_target_osx-64": "11.0"},
			map[string]string{"file://" + toolsFolder: "clang-1500.3.9.4", "file://" + toolsFolder + "/SDKs/MacOSX.sdk": "14.5"},
			toolsFolder + "/usr/bin/clang -arch arm64 -isysroot " + toolsFolder + "/SDKs/MacOSX.sdk -mmacosx-version-min=$MACOSX_DEPLOYMENT_TARGET"},
		"nothing": {func(t *testing.T) string {
			return mac(t, map[string]string{"sw_vers -productVersion": "14.6.1",
				"xcode-select -p": "!xcode-select: error: unable to get active developer directory, use `sudo xcode-select --switch path/to/Xcode.app` to set one (or see `man xcode-select`)"})
		}, map[string]string{Base: "14.6.1"}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := tt.root(t)
			s, err := store.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("DEVELOPER_DIR", "/elsewhere")
			f := New(Config{Store: s, Platform: osx(t), Root: root})
			got := map[string]string{}
			for _, name := range f.Names() {
				e, err := f.Find(t.Context(), name)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if e != nil {
					got[name] = e.Record.Version
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			e, err := f.Find(t.Context(), "clang_osx-arm64")
			if err != nil || e == nil {
				if tt.cc != "" {
					t.Fatal(err)
				}
				return
			}
			if e.Env["CC"] != tt.cc {
				t.Errorf("CC=%s, want %s", e.Env["CC"], tt.cc)
			}
			if want, _, _ := strings.Cut(tt.cc, "/Contents"); !strings.HasPrefix(want, e.Folders[0]) {
				t.Errorf("folders %v of %s", e.Folders, tt.cc)
			}
			if err := f.Load(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			origins := map[string]string{}
			for _, o := range e.Origin {
				origins[o.Name] = o.Version
			}
			if diff := cmp.Diff(tt.origins, origins); diff != "" || len(entriesOf(e)) != 13 {
				t.Error(diff, len(entriesOf(e)))
			}
			other, err := f.Find(t.Context(), "clang_osx-64")
			if err != nil || !strings.Contains(other.Env["CC"], " -arch x86_64 ") || !strings.Contains(other.Env["CFLAGS"], "-march=core2") {
				t.Error(other, err)
			}
		})
	}
}

func TestXcodeRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		answers map[string]string
		want    string
	}{
		"licence": {map[string]string{"xcode-select -p": xcodeFolder,
			"xcrun --sdk macosx --find clang": "!You have not agreed to the Xcode license agreements. Please run 'sudo xcodebuild -license' from within a Terminal window to review and agree to the Xcode and Apple SDKs license."},
			"is the licence of Xcode accepted?): xcrun --sdk macosx --find clang: exit status 1: You have not agreed"},
		"blanks": {map[string]string{"xcode-select -p": "/Applications/Xcode beta.app/Contents/Developer", "xcrun --sdk macosx --find clang": "/x/clang",
			"xcrun --sdk macosx --show-sdk-path": "/x/sdk", "xcrun --sdk macosx --show-sdk-version": "14.5"}, `"/Applications/Xcode beta.app/Contents/Developer": the flags of compilers need a folder without blanks`},
		"another clang": {map[string]string{"xcode-select -p": "/d", "xcrun --sdk macosx --find clang": "/x/clang",
			"xcrun --sdk macosx --show-sdk-path": "/x/sdk", "xcrun --sdk macosx --show-sdk-version": "14.5", "/x/clang --version": "clang version 18.1.8"},
			`clang says "clang version 18.1.8", and not which version of Apple's it is`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Config{Platform: osx(t), Root: mac(t, tt.answers)}).Find(t.Context(), "clang_osx-arm64")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
		})
	}
}

// TestMacMachine asks the machine itself, where that is a Mac.
func TestMacMachine(t *testing.T) {
	if platforms.Host().OS() != "osx" {
		t.Skip("this machine is no Mac")
	}
	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := New(Config{Store: s})
	for _, name := range append(f.Names(), Base) {
		e, err := f.Find(t.Context(), name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e == nil {
			t.Logf("%s is not here", name)
			continue
		}
		if err := f.Load(t.Context(), e); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%s %s, %d files of %v, CC=%s", name, e.Record.Version, len(entriesOf(e)), e.Origin, e.Env["CC"])
	}
	if e, err := f.Find(t.Context(), "clang_"+platforms.Host().String()); err != nil || e == nil {
		t.Errorf("no compiler: %v", err)
	}
}

// entriesOf are the files of an external that was loaded.
func entriesOf(e *External) []digest.Entry {
	entries, err := e.Entries()
	if err != nil {
		panic(err)
	}
	return entries
}
