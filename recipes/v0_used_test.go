package recipes

import (
	"regexp"
	"slices"
	"testing"
)

// FuzzScriptKeys holds the keys found in scripts against conda-build's expressions.
func FuzzScriptKeys(f *testing.F) {
	for _, text := range []string{
		"echo $mpi\n", "echo $mpi", "echo ${mpi}\n", "echo ${ mpi }\n", "echo $x ${mpi}\n", "x\n$\nmpi |", "${{mpi}}", "$ {mpi}\n", "$mpi.x \n$r-base ",
		"a $\n b $mpi\n", "if %mpi%==x", "%a%mpi%r-base%%", "$mpi|$python \n", "\r\n$python\r\n", "$$mpi \n", "${mpi\t}",
	} {
		f.Add(text)
	}
	u := newUsage(newKeys([]string{"mpi", "python", "r-base"}))
	f.Fuzz(func(t *testing.T, text string) {
		var shell, batch []int
		for n, key := range u.keys {
			if regexp.MustCompile(`(?ms)^[^$]*?\$\{?\s*` + regexp.QuoteMeta(key) + `\s*[\s|\}]`).MatchString(text) {
				shell = append(shell, n)
			}
			if regexp.MustCompile(`%` + regexp.QuoteMeta(key) + `%`).MatchString(text) {
				batch = append(batch, n)
			}
		}
		if got := u.inShell(text); !slices.Equal(got, shell) {
			t.Errorf("shell %q: %v, want %v", text, got, shell)
		}
		if got := u.inBatch(text); !slices.Equal(got, batch) {
			t.Errorf("batch %q: %v, want %v", text, got, batch)
		}
	})
}
