package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"forge/engine"
	"forge/internal/diag"
)

// ci writes for the log viewers of CI systems: folded build logs, annotations beside the recipe's lines.
// Its zero value writes nothing.
type ci struct {
	kind string // "github", "gitlab"; "other": only kept from reading commands in what scripts print
	w    io.Writer
	logs string // folder
	now  func() time.Time
}

// ci finds out which CI system runs this, if any. With --log-style json the output is for programs.
func (a *app) ci(req *engine.Request) ci {
	c := ci{w: a.stderr, now: time.Now}
	if req != nil {
		c.logs = filepath.Join(req.OutputDir, "logs")
	}
	switch {
	case a.global.logStyle == "json":
	case a.getenv("GITHUB_ACTIONS") == "true":
		c.kind = "github"
	case a.getenv("GITLAB_CI") == "true":
		c.kind = "gitlab"
	case a.getenv("TF_BUILD") != "", a.getenv("TEAMCITY_VERSION") != "":
		c.kind = "other"
	}
	return c
}

// event shows the log of what ended, folded. The caller lets no other line come in between.
func (c ci) event(e engine.Event) {
	if c.kind == "" || c.kind == "other" || e.Kind != engine.EventEnd || e.Action.Output.Staging {
		return
	}
	if s := e.Outcome.Status; s != engine.StatusBuilt && s != engine.StatusFailed {
		return
	}
	name := e.Action.Output.String()
	for _, log := range []struct{ title, file string }{{"log of " + name, name + ".log"}, {"tests of " + name, name + ".test.log"}} {
		if text := c.logText(log.file); text != "" {
			c.fold(log.title, text)
		}
	}
	if c.kind == "github" && e.Outcome.Err != nil {
		c.failure(e.Action, e.Outcome.Err)
	}
}

// mostLog is what is shown of a log; the whole of it is in output/logs.
const mostLog = 512 << 10

func (c ci) logText(name string) string {
	f, err := os.Open(filepath.Join(c.logs, name))
	if err != nil {
		return ""
	}
	defer f.Close()
	note := ""
	if info, err := f.Stat(); err == nil && info.Size() > mostLog {
		f.Seek(-mostLog, io.SeekEnd)
		note = "(the beginning is in " + relative(f.Name()) + ")\n"
	}
	data, err := io.ReadAll(io.LimitReader(f, mostLog))
	if err != nil {
		return ""
	}
	return note + string(data)
}

// fold writes text as a section that the viewer closes. A log is a stranger's: no line of it may be read
// as a command, so each begins with a mark.
func (c ci) fold(title, text string) {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString("| " + c.clean(diag.Printable(diag.WithoutColor(line))) + "\n")
	}
	switch c.kind {
	case "github":
		fmt.Fprintf(c.w, "::group::%s\n%s::endgroup::\n", githubData(title), b.String())
	case "gitlab":
		id := sectionName().ReplaceAllString(title, "_")
		at := c.now().Unix()
		fmt.Fprintf(c.w, "\x1b[0Ksection_start:%d:%s[collapsed=true]\r\x1b[0K%s\n%s\x1b[0Ksection_end:%d:%s\r\x1b[0K\n", at, id, diag.Printable(title), b.String(), at, id)
	}
}

// clean breaks up the commands that are found anywhere in a line: GitHub's old form, which is that of Azure
// Pipelines, and TeamCity's.
func (c ci) clean(s string) string {
	if c.kind == "" || c.kind == "gitlab" {
		return s
	}
	return strings.NewReplacer("##[", "# #[", "##vso[", "# #vso[", "##teamcity[", "# #teamcity[").Replace(s)
}

var sectionName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^A-Za-z0-9_.-]+`) })

// failedPlace reads "build.sh:12: exit 2: make".
var failedPlace = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([^:]+):(\d+): (.*)$`) })

// failure annotates the line of the recipe at which a script failed.
func (c ci) failure(a *engine.Action, err error) {
	place := diag.Pos{File: a.Output.Recipe.File, Line: a.Output.Pos.Line}
	text := err.Error()
	var script *engine.ScriptError
	if errors.As(err, &script) {
		// The line comes out of the log, where a script may have written it: it names a file of the recipe or none.
		if m := failedPlace().FindStringSubmatch(script.Line); m != nil && filepath.IsLocal(m[1]) {
			place.File = filepath.Join(a.Output.Recipe.Dir, m[1])
			fmt.Sscanf(m[2], "%d", &place.Line)
			text = script.What + ": " + m[3]
		}
	}
	c.annotate("error", a.Output.Name+" failed", text, place)
}

// diagnostic annotates what is wrong in a recipe.
func (c ci) diagnostic(d diag.Diagnostic) {
	if c.kind != "github" {
		return
	}
	level := "warning"
	if d.Severity == diag.Error {
		level = "error"
	}
	text := d.Summary
	if d.Suggestion != "" {
		text += "\n" + d.Suggestion
	}
	c.annotate(level, d.Code, text, d.Pos)
}

// annotate writes a workflow command (docs.github.com, workflow commands).
func (c ci) annotate(level, title, text string, pos diag.Pos) {
	var properties []string
	if pos.File != "" {
		properties = append(properties, "file="+githubProperty(filepath.ToSlash(relative(pos.File))))
	}
	if pos.Line > 0 {
		properties = append(properties, fmt.Sprintf("line=%d", pos.Line))
	}
	if pos.Column > 0 {
		properties = append(properties, fmt.Sprintf("col=%d", pos.Column))
	}
	if title != "" {
		properties = append(properties, "title="+githubProperty(title))
	}
	fmt.Fprintf(c.w, "::%s %s::%s\n", level, c.clean(strings.Join(properties, ",")), githubData(c.clean(printableText(text))))
}

func githubData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func githubProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(diag.Printable(s))
}
