package main

import (
	"io"
	"os"
	"strings"
)

// logTail reads a log that is being written. Its zero value follows nothing.
type logTail struct {
	path string
	file *os.File
	part string   // a line that has no end yet
	new  []string // lines that fresh has not given out
	last []string // the last lines
}

// mostTail is how many lines are kept, mostRead how many bytes are read at once.
const (
	mostTail = 50
	mostRead = 64 << 10
)

// follow begins with another file; it need not be there yet.
func (t *logTail) follow(path string) {
	if path == t.path {
		return
	}
	t.close()
	*t = logTail{path: path}
}

// read takes what was added. Of a flood only the end counts.
func (t *logTail) read() {
	if t.path == "" {
		return
	}
	if t.file == nil {
		f, err := os.Open(t.path)
		if err != nil {
			return
		}
		t.file = f
	}
	at, err := t.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return
	}
	if info, err := t.file.Stat(); err == nil && info.Size()-at > 4*mostRead {
		_, _ = t.file.Seek(-mostRead, io.SeekEnd)
		t.part = ""
	}
	data, _ := io.ReadAll(io.LimitReader(t.file, 4*mostRead))
	if len(data) == 0 {
		return
	}
	lines := strings.Split(t.part+string(data), "\n")
	t.part = lines[len(lines)-1]
	if len(t.part) > mostRead {
		t.part = t.part[len(t.part)-mostRead:]
	}
	lines = lines[:len(lines)-1]
	t.new = append(t.new, lines...)
	t.last = append(t.last, lines...)
	t.last = t.last[max(0, len(t.last)-mostTail):]
}

// fresh gives out the whole lines that came since it was called last.
func (t *logTail) fresh() []string {
	t.read()
	lines := t.new
	t.new = nil
	return lines
}

// lines is the end of the log, an unfinished line included.
func (t *logTail) lines() []string {
	t.read()
	t.new = nil
	if strings.TrimSpace(t.part) == "" {
		return t.last
	}
	return append(t.last[:len(t.last):len(t.last)], t.part[strings.LastIndexByte(t.part, '\r')+1:])
}

func (t *logTail) close() {
	if t.file != nil {
		t.file.Close()
		t.file = nil
	}
}
