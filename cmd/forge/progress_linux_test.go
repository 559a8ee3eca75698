package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// screen is as much of a terminal as the live view uses. Lines that scroll off are kept.
type screen struct {
	mu            sync.Mutex
	columns, rows int
	lines         [][]rune
	top, y, x     int // first line in sight, cursor
	unknown       []string
	color         bool
	frames        []string // what was to be seen after each write
	rest          string
}

func (s *screen) line() []rune {
	for len(s.lines) <= s.y {
		s.lines = append(s.lines, nil)
	}
	return s.lines[s.y]
}

var control = regexp.MustCompile(`^\x1b\[(\??[0-9;]*)([A-Za-z])`)

// write shows what a program wrote.
func (s *screen) write(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text = s.rest + text
	s.rest = ""
	for text != "" {
		if m := control.FindStringSubmatch(text); m != nil {
			s.escape(m[1], m[2])
			text = text[len(m[0]):]
			continue
		}
		if text[0] == 0x1b && len(text) < 12 {
			s.rest = text
			break
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		switch r {
		case '\r':
			s.x = 0
		case '\n':
			s.y++
			s.line()
			if s.y-s.top >= s.rows {
				s.top = s.y - s.rows + 1
			}
		default:
			if s.x >= s.columns {
				s.x = 0
				s.y++
				if s.y-s.top >= s.rows {
					s.top = s.y - s.rows + 1
				}
			}
			l := s.line()
			for len(l) <= s.x {
				l = append(l, ' ')
			}
			l[s.x] = r
			s.lines[s.y] = l
			s.x++
		}
	}
	s.frames = append(s.frames, s.text())
}

func (s *screen) escape(args, kind string) {
	n := 1
	fmt.Sscanf(args, "%d", &n)
	switch kind {
	case "A":
		s.y = max(s.top, s.y-n)
	case "K":
		if l := s.line(); s.x < len(l) {
			s.lines[s.y] = l[:s.x]
		}
	case "J":
		if l := s.line(); s.x < len(l) {
			s.lines[s.y] = l[:s.x]
		}
		s.lines = s.lines[:s.y+1]
	case "m":
		s.color = true
	case "h", "l":
	default:
		s.unknown = append(s.unknown, args+kind)
	}
}

func (s *screen) text() string {
	var b strings.Builder
	for _, l := range s.lines {
		b.WriteString(strings.TrimRight(string(l), " ") + "\n")
	}
	return b.String()
}

// onTerminal runs the program with a terminal of that size; act is called while it runs.
func onTerminal(t *testing.T, dir string, env []string, columns, rows int, act func(*screen, *os.File), args ...string) (*screen, error) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal to be had: %v", err)
	}
	defer master.Close()
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	resize(t, master, columns, rows)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), env...), "FORGE_TEST_AS_PROGRAM=1", "TERM=xterm-256color", "GITHUB_ACTIONS=", "GITLAB_CI=", "CI=")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slave.Close()
	s := &screen{columns: columns, rows: rows}
	read := make(chan struct{})
	go func() {
		defer close(read)
		b := make([]byte, 64<<10)
		for {
			n, err := master.Read(b)
			if n > 0 {
				s.write(string(b[:n]))
			}
			if err != nil {
				return
			}
		}
	}()
	if act != nil {
		act(s, master)
	}
	err = cmd.Wait()
	<-read
	return s, err
}

func resize(t *testing.T, master *os.File, columns, rows int) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(rows)}); err != nil {
		t.Fatal(err)
	}
}

// await waits until the screen shows what matches.
func (s *screen) await(t *testing.T, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for range 400 {
		s.mu.Lock()
		found := re.MatchString(s.text())
		s.mu.Unlock()
		if found {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Fatalf("the screen never showed %q:\n%s", pattern, s.text())
}

// TestLiveView watches a run on a terminal: what runs, logs on a key, a failure at once, and nothing of it
// left behind.
func TestLiveView(t *testing.T) {
	dir := t.TempDir()
	gate := filepath.Join(dir, "gate")
	recipe := func(name, script string) {
		write(t, filepath.Join(dir, name, "recipe.yaml"), "package: {name: "+name+", version: '1'}\nbuild:\n  script: |\n    "+strings.ReplaceAll(script, "\n", "\n    ")+"\n")
	}
	wait := "while [ ! -e " + gate + "/go ]; do sleep 0.05; done\n"
	recipe("slow", "echo a line of the log\n"+wait+"mkdir $PREFIX/share; touch $PREFIX/share/slow")
	recipe("wrong", "echo before\nsleep 3; false")
	write(t, filepath.Join(gate, "keep"), "")
	env := []string{"FORGE_CACHE=" + t.TempDir(), "FORGE_KEYS=" + filepath.Join(dir, "keys"), "XDG_CONFIG_HOME=" + dir}
	s, err := onTerminal(t, dir, env, 80, 24, func(s *screen, master *os.File) {
		s.await(t, `build  slow-1-\S+ +\d+s .*\n(.*wrong.*\n)?.*0 of 2 .* l shows logs`)
		_, _ = master.WriteString("l")
		s.await(t, `\| a line of the log\n`)
		s.await(t, `failed wrong-1-\S+\n  \| before\n.*build script failed with exit code 1\n  at   recipe.yaml:5: exit 1: false`)
		s.await(t, `1 of 2 · 1 failed`)
		s.await(t, `\d% +\d+ MB`)
		resize(t, master, 44, 24)
		s.mu.Lock()
		s.columns = 44
		s.mu.Unlock()
		time.Sleep(500 * time.Millisecond)
		resize(t, master, 80, 24)
		s.mu.Lock()
		s.columns = 80
		s.mu.Unlock()
		_, _ = master.WriteString("l")
		time.Sleep(500 * time.Millisecond)
		write(t, filepath.Join(gate, "go"), "")
	}, "build", "slow", "wrong", "-k", "-j2", "--allow-read", gate)
	if err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("%v", err)
	}
	text := s.text()
	if strings.Contains(text, "l shows logs") || strings.Contains(text, "| a line of the log") {
		t.Errorf("the live view was left on the screen:\n%s", text)
	}
	if len(s.unknown) > 0 || !s.color {
		t.Errorf("controls a plain terminal does not know: %q, colour %v", s.unknown, s.color)
	}
	if !strings.Contains(text, "1 built, 1 failed") {
		t.Errorf("%s", text)
	}
	if t.Failed() {
		return
	}
	for i, f := range s.frames {
		if strings.Count(f, "l shows logs")+strings.Count(f, "l hides logs") > 1 {
			t.Fatalf("frame %d holds the live view twice:\n%s", i, f)
		}
	}

	// Without colour, and narrow.
	s, err = onTerminal(t, dir, append(env, "NO_COLOR=1"), 30, 10, nil, "build", "slow", "--build-num", "1", "--allow-read", gate)
	if err != nil || s.color {
		t.Errorf("%v, colour %v\n%s", err, s.color, s.text())
	}
	// With -v and without a live view the log streams, each line with its package.
	s, err = onTerminal(t, dir, env, 80, 24, nil, "build", "-v", "--log-style", "plain", "slow", "--build-num", "2", "--allow-read", gate)
	if err != nil || !strings.Contains(s.text(), "\nslow | a line of the log\n") {
		t.Errorf("%v\n%s", err, s.text())
	}
}
