package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/sandbox"
)

// ScriptError is a build or test script that failed: what a person needs to see of it.
type ScriptError struct {
	Package string
	What    string // "build script" or "test 1"
	Result  sandbox.Result
	Line    string   // "build.sh:12: exit 2: make", empty if not known
	Tail    []string // last lines of the log
	Log     string
	Enter   string // command that re-enters the build
	Missing string // what the recipe should say, empty if not known
}

// Error is several lines: the end of the log, then what failed and how to go on.
func (e *ScriptError) Error() string {
	var b strings.Builder
	for _, l := range e.Tail {
		b.WriteString("  | " + diag.Printable(l) + "\n")
	}
	fmt.Fprintf(&b, "%s: %s %s", e.Package, e.What, e.ending())
	if e.Line != "" {
		b.WriteString("\n  at   " + diag.Printable(e.Line))
	}
	if e.Log != "" {
		b.WriteString("\n  log  " + e.Log)
	}
	for _, help := range []string{e.Missing, e.Enter} {
		if help != "" {
			b.WriteString("\n  help " + help)
		}
	}
	return b.String()
}

func (e *ScriptError) ending() string {
	switch e.Result.KilledBy {
	case "":
		return fmt.Sprintf("failed with exit code %d", e.Result.ExitCode)
	case "wall":
		return "was stopped: it ran longer than the limit of " + e.Result.Limits.Wall.String()
	}
	return fmt.Sprintf("was stopped: it went over its limit of %s", e.Result.KilledBy)
}

func (j *job) scriptFailure(ctx context.Context, result sandbox.Result) error {
	lines := logTail(j.log.Name(), 25)
	missing := j.undeclared(ctx, lines, "requirements.build")
	if missing == "" && !j.req.Widen.Network {
		missing = withoutNetwork(lines, buildsInstead)
	}
	return &ScriptError{
		Package: j.a.Output.String(), What: "build script", Result: result,
		Line: culprit(lines, j.a.Output.Build.Scripts, filepath.Base(j.a.Output.Recipe.File), result.ExitCode), Tail: withoutMarks(lines), Log: j.log.Name(),
		Enter: j.howToEnter(), Missing: missing,
	}
}

// howToEnter says how to open a shell where the script fails. A recipe in the store came by standard input.
func (j *job) howToEnter() string {
	if rel, err := filepath.Rel(j.req.CacheDir, j.a.Output.Recipe.Dir); err == nil && filepath.IsLocal(rel) {
		return "save the recipe in a file; forge debug shell --at-failure FILE opens a shell in this sandbox, at that line"
	}
	file := shellWord(j.a.Output.Recipe.File)
	return fmt.Sprintf("forge debug shell --at-failure --output-name %s %s   opens a shell in this sandbox, at that line", j.a.Output.Name, file)
}

// failedLine finds the innermost line that failed: the first of the last run of marks.
func failedLine(lines []string) string {
	found, inRun := "", false
	for _, l := range lines {
		text, ok := strings.CutPrefix(l, failMark)
		if ok && !inRun {
			found = text
		}
		inRun = ok
	}
	return found
}

func withoutMarks(lines []string) []string {
	var keep []string
	for _, l := range lines {
		if !strings.HasPrefix(l, failMark) {
			keep = append(keep, brief(diag.WithoutColor(l)))
		}
	}
	return keep
}

// brief makes a line of a log fit to be read: the prefix, 255 characters, by its name, and the middle of
// what is longer than a few lines of a screen left out. The log has all of it.
func brief(line string) string {
	const most = 400
	line = strings.NewReplacer(Placeholder(), "$PREFIX", insideBuild, "$BUILD_PREFIX", insideWork, "$SRC_DIR").Replace(line)
	if len(line) <= most {
		return line
	}
	cut := func(s string) string { return strings.ToValidUTF8(s, "") }
	return cut(line[:most/2]) + fmt.Sprintf(" … %d more … ", len(line)-most) + cut(line[len(line)-most/2:])
}

// logTail reads the last n lines of a log; of one that cannot be read there are none.
func logTail(path string, n int) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	const most = 64 << 10
	if info, err := f.Stat(); err == nil && info.Size() > most {
		f.Seek(-most, 2)
	}
	var lines []string
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, most), most+1)
	for s.Scan() {
		lines = append(lines, shortLine(s.Text()))
	}
	return lines[max(0, len(lines)-n):]
}

// shortLine keeps both ends of a line that nobody reads as a whole.
func shortLine(s string) string {
	const most = 2000
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s … %d bytes … %s", s[:most/2], len(s)-most, s[len(s)-most/2:])
}

// A logFile is a log on disk, which people open with anything: strangers' output is made safe to show.
type logFile struct {
	file *os.File
	text *diag.Log
}

func createLog(path string) (*logFile, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &logFile{f, diag.NewLog(f)}, nil
}

func (l *logFile) Write(p []byte) (int, error) { return l.text.Write(p) }
func (l *logFile) Name() string                { return l.file.Name() }
func (l *logFile) Close() error                { return errors.Join(l.text.Close(), l.file.Close()) }

// openLog starts the log of one package: output/logs/NAME-VERSION-BUILD.log.
func (r *runner) openLog(a *Action) (*logFile, error) {
	dir := filepath.Join(r.req.OutputDir, "logs")
	if err := fsx.MkdirAll(r.req.OutputDir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) { // no log is waited for
		return nil, err
	}
	return createLog(filepath.Join(dir, a.Output.String()+".log"))
}

// shellWord quotes s only where a shell would not read it as it is.
func shellWord(s string) string {
	if strings.IndexFunc(s, func(r rune) bool {
		return !(r == '/' || r == '.' || r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}) < 0 {
		return s
	}
	return shellQuote(s)
}
