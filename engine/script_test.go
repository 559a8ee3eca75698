package engine

import (
	"os/exec"
	"testing"

	"forge/recipes"
)

// TestScriptVariables has the shell itself say what a variable of the recipe's is.
func TestScriptVariables(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash to ask")
	}
	tests := map[string]string{
		"":                       "",
		"plain":                  "plain",
		"a b  'c' \"d\"":         "a b  'c' \"d\"",
		"$WORK/wheels:":          "/forge/work/wheels:",
		"${WORK}x$WORK":          "/forge/workx/forge/work",
		"$(id) `id` ${WORK:-x}":  "$(id) `id` ${WORK:-x}",
		`\$WORK \n ${ $ $1 $$ !`: `\/forge/work \n ${ $ $1 $$ !`,
		"${1} ${} $É\nline":      "${1} ${} $É\nline",
		"$GONE|":                 "|",
	}
	for in, want := range tests {
		script := scriptSetup(recipes.Script{Env: map[string]string{"X": in}}) + `printf %s "$X"`
		cmd := exec.Command(bash, "-c", script)
		cmd.Env = []string{"WORK=/forge/work", "PATH=/usr/bin:/bin"}
		if got, err := cmd.CombinedOutput(); err != nil || string(got) != want {
			t.Errorf("%q is %q, want %q; %v\n%s", in, got, want, err, script)
		}
	}
}
