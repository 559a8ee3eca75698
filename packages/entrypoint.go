package packages

import (
	_ "embed"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"forge/digest"
)

// EntryPoint is a command that calls a Python function: "command = module:function".
type EntryPoint struct{ Command, Module, Function string }

var (
	commandName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`) })
	// dottedName is a chain of Python identifiers; others than ASCII are left out on purpose.
	dottedName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
	})
)

// ParseEntryPoint reads one. Its parts become a file name and a Python program, so whatever is a path or code
// of its own is refused (CVE-2026-47425).
func ParseEntryPoint(text string) (EntryPoint, error) {
	command, target, ok := strings.Cut(text, "=")
	module, function, ok2 := strings.Cut(target, ":")
	e := EntryPoint{strings.TrimSpace(command), strings.TrimSpace(module), strings.TrimSpace(function)}
	if !ok || !ok2 || !commandName().MatchString(e.Command) || !dottedName().MatchString(e.Module) || !dottedName().MatchString(e.Function) {
		return EntryPoint{}, fmt.Errorf("entry point %q is not of the form \"command = module:function\"", text)
	}
	return e, nil
}

// String is the form of link.json.
func (e EntryPoint) String() string { return e.Command + " = " + e.Module + ":" + e.Function }

// Script is the program, below the given first line (without newline), as conda's clients write it.
func (e EntryPoint) Script(shebang string) string {
	name, _, _ := strings.Cut(e.Function, ".")
	return shebang + "\n# -*- coding: utf-8 -*-\nimport re\nimport sys\n\nfrom " + e.Module + " import " + name +
		"\n\nif __name__ == '__main__':\n\tsys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n\tsys.exit(" +
		e.Function + "())\n"
}

// windowsLauncher is the program that stands for an entry point on Windows: NAME.exe starts ..\python.exe
// with NAME-script.py beside it. It is made of launcher/launcher.c; a test makes it again, to the same bytes.
//
//go:embed launcher/launcher.exe
var windowsLauncher []byte

// WindowsFiles are the entry point's files in a prefix on Windows, by their paths (conda's create_windows_entry_point).
func (e EntryPoint) WindowsFiles() map[string][]byte {
	return map[string][]byte{
		"Scripts/" + e.Command + "-script.py": []byte(e.Script("#!python")),
		"Scripts/" + e.Command + ".exe":       windowsLauncher,
	}
}

// EntryPointFiles are the scripts of a package that is not noarch and has entry points: nobody makes them
// at installation. They are to be added to what Collect returns; prefix is the placeholder.
func EntryPointFiles(list []string, prefix string, windows bool) ([]File, error) {
	var files []File
	for _, text := range list {
		e, err := ParseEntryPoint(text)
		if err != nil {
			return nil, err
		}
		if windows {
			for _, path := range slices.Sorted(maps.Keys(e.WindowsFiles())) {
				f := File{Path: path, Kind: digest.Exec}
				f.setData(e.WindowsFiles()[path])
				files = append(files, f)
			}
			continue
		}
		f := File{Path: "bin/" + e.Command, Kind: digest.Exec, FileMode: Text, Prefix: prefix}
		f.setData([]byte(e.Script("#!" + prefix + "/bin/python")))
		files = append(files, f)
	}
	return files, nil
}
