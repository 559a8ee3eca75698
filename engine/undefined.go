package engine

import (
	"os"
	"path"
	"slices"
	"strings"

	"forge/platforms/elf"
)

// commonLibrary tells of libraries that anything may link to. Modules of interpreters, which find the
// interpreter's symbols where they are loaded, lie in folders of their own.
func commonLibrary(p string) bool {
	return path.Dir(p) == "lib" && strings.HasPrefix(path.Base(p), "lib") && strings.Contains(path.Base(p), ".so")
}

// warnUndefined tells of symbols that a library of the package needs and that none of the libraries it
// names, nor of those that they name, defines.
func (j *job) warnUndefined(files []inspected) error {
	dir, err := os.OpenRoot(j.site.prefix)
	if err != nil {
		return err
	}
	defer dir.Close()
	search := newSymbolSearch(dir, files)
	host := names(j.a.Output.Requirements.Host)
	for _, b := range files {
		missing, told := search.missing(b)
		missing = slices.DeleteFunc(missing, func(s string) bool { return ofInterpreter(s, host) })
		if told && len(missing) > 0 {
			j.warn("undefined-symbols: %s: no library that it names defines %s: whoever loads it must bring them; link to the library that has them", b.path, firstFew(missing, 5))
		}
	}
	return nil
}

// ofInterpreter tells of symbols of an interpreter that the package is made for.
func ofInterpreter(symbol string, host []string) bool {
	for name, prefixes := range map[string][]string{"python": {"Py", "_Py"}, "perl": {"Perl_", "PL_"}, "r-base": {"R_", "Rf_"}, "ruby": {"rb_", "ruby_"}, "lua": {"lua_", "luaL_"}} {
		if slices.Contains(host, name) && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(symbol, p) }) {
			return true
		}
	}
	return false
}

// symbolSearch looks for definitions in the libraries of a prefix.
type symbolSearch struct {
	dir  *os.Root
	own  map[string]string          // path of each library of the package, by its name
	read map[string]*definedSymbols // by name of the library
}

// definedSymbols is what a library defines, and the libraries it names.
type definedSymbols struct {
	names  map[string]bool
	needed []string
}

func newSymbolSearch(dir *os.Root, files []inspected) *symbolSearch {
	s := &symbolSearch{dir: dir, own: map[string]string{}, read: map[string]*definedSymbols{}}
	for _, b := range files {
		if b.elf != nil && b.elf.Dynamic {
			s.own[path.Base(b.path)] = b.path
			if b.elf.SoName != "" {
				s.own[b.elf.SoName] = b.path
			}
		}
	}
	return s
}

// missing are b's symbols that nothing defines; told is false where a library could not be looked into, so
// that nothing can be said.
func (s *symbolSearch) missing(b inspected) (missing []string, told bool) {
	if len(b.undefined) == 0 {
		return nil, true
	}
	missing = slices.Clone(b.undefined)
	seen, todo := map[string]bool{}, slices.Clone(b.elf.Needed)
	for len(todo) > 0 && len(missing) > 0 {
		name := path.Base(todo[0])
		todo = todo[1:]
		// What the C library and the compilers' runtimes define has versions.
		if seen[name] || cLibrary(name) || runtimes(name) != nil {
			continue
		}
		seen[name] = true
		lib := s.library(name)
		if lib == nil {
			return nil, false
		}
		missing = slices.DeleteFunc(missing, func(symbol string) bool { return lib.names[symbol] })
		todo = append(todo, lib.needed...)
	}
	return missing, true
}

// library reads what a library defines; nil where it is not in the prefix.
func (s *symbolSearch) library(name string) *definedSymbols {
	if lib, ok := s.read[name]; ok {
		return lib
	}
	s.read[name] = nil
	at := s.own[name]
	if at == "" {
		at = "lib/" + name
	}
	data, err := readMade(s.dir, at, mostEdited)
	if err != nil {
		return nil
	}
	info, err := elf.Parse(data)
	if err != nil {
		return nil
	}
	symbols, err := elf.Exports(data)
	if err != nil {
		return nil
	}
	lib := &definedSymbols{names: map[string]bool{}, needed: info.Needed}
	for _, symbol := range symbols {
		lib.names[symbol.Name] = true
	}
	s.read[name] = lib
	return lib
}
