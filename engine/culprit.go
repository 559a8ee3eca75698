package engine

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"forge/recipes"
)

// scriptPlace is how interpreters name a line of a script: Python `File "/forge/script_0.py", line 2`, Perl `at
// /forge/script_0.pl line 2.`, Ruby, Node.js and nushell `/forge/script_0.rb:2:`, and bash, for what it cannot even
// read, `/forge/script_0.sh: line 2:`.
var scriptPlace = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`script_(\d+)\.\w+(?:", line |: line | line |:)(\d+)`)
})

// culprit is the line of the recipe, or of a script beside it, that failed: what the shell marked, else what the
// interpreter last said. Frames that only led there ("from …" in Ruby, "at …" in Node.js) do not count.
func culprit(lines []string, scripts []recipes.Script, origin string, exit int) string {
	if line := failedLine(lines); line != "" {
		return line
	}
	found := ""
	for _, l := range lines {
		m := scriptPlace().FindStringSubmatch(l)
		if m == nil || isOuterFrame(l) {
			continue
		}
		n, err := strconv.Atoi(m[1])
		line, lineErr := strconv.Atoi(m[2])
		if err != nil || lineErr != nil || n >= len(scripts) || line < 1 {
			continue
		}
		s := scripts[n]
		text := strings.Split(strings.TrimRight(s.Text, "\n"), "\n")
		beyond := line > len(text) // the end of the file, where something was still open
		line = min(line, len(text))
		where, at := origin, line+max(s.FirstLine-1, 0)
		if s.File != "" {
			where, at = s.File, line
		}
		found = fmt.Sprintf("%s:%d: exit %d", where, at, exit)
		if !beyond {
			found += ": " + strings.TrimSpace(text[line-1])
		}
	}
	return found
}

func isOuterFrame(line string) bool {
	l := strings.TrimLeft(line, " \t")
	return l != line && (strings.HasPrefix(l, "from ") || strings.HasPrefix(l, "at "))
}
