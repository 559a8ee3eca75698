package diag

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"
)

// A Log is a writer for what strangers' programs print. What it hands on can be shown on a terminal: of
// control characters only line ends, tabs and colours are left (ECMA-48's SGR, but for what hides text);
// the others, bidirectional ones included, are escaped as Printable does.
type Log struct {
	mu   sync.Mutex
	to   io.Writer
	held []byte // the beginning of a sequence whose end has not come
	out  bytes.Buffer
}

// NewLog returns a Log that writes to w.
func NewLog(w io.Writer) *Log { return &Log{to: w} }

// longestSequence is more than a character or a colour takes; nothing longer is waited for.
const longestSequence = 64

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data := p
	if len(l.held) > 0 {
		data = append(l.held, p...)
	}
	l.held = append([]byte(nil), l.escape(data, false)...)
	return len(p), l.flush()
}

// Close writes what was held back. It does not close the writer beneath.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.escape(l.held, true)
	l.held = nil
	return l.flush()
}

func (l *Log) flush() error {
	_, err := l.to.Write(l.out.Bytes())
	l.out.Reset()
	return err
}

// escape writes data to out, and returns its end if that may be half a sequence.
func (l *Log) escape(data []byte, last bool) (rest []byte) {
	for len(data) > 0 {
		n := 0
		for n < len(data) && (data[n] >= ' ' && data[n] < 0x7f || data[n] == '\n' || data[n] == '\t') {
			n++
		}
		l.out.Write(data[:n])
		if data = data[n:]; len(data) == 0 {
			break
		}
		n = sequence(data)
		if n == 0 && !last && len(data) < longestSequence {
			return data
		}
		n = max(n, 1)
		switch s := string(data[:n]); {
		case s == "\r\n":
			l.out.WriteByte('\n')
		case n > 1 && s[0] == '\x1b':
			l.out.WriteString(s)
		default:
			l.out.WriteString(Printable(s))
		}
		data = data[n:]
	}
	return nil
}

// sequence is how many bytes at the front of data belong together: a character, the end of a line, a colour.
// 0 means that more is needed to know.
func sequence(data []byte) int {
	switch {
	case data[0] == '\r' && len(data) == 1, data[0] == '\x1b' && len(data) == 1:
		return 0
	case data[0] == '\r' && data[1] == '\n':
		return 2
	case data[0] == '\x1b' && data[1] == '[':
		n := 2
		for n < len(data) && strings.IndexByte("0123456789;:", data[n]) >= 0 {
			n++
		}
		switch {
		case n == len(data):
			return 0
		case data[n] == 'm' && !conceals(data[2:n]):
			return n + 1
		}
		return 1
	case data[0] >= utf8.RuneSelf && !utf8.FullRune(data):
		return 0
	}
	_, n := utf8.DecodeRune(data)
	return n
}

// conceals tells whether one of a colour's parameters is 8, which makes text invisible.
func conceals(parameters []byte) bool {
	for _, p := range bytes.FieldsFunc(parameters, func(r rune) bool { return r == ';' || r == ':' }) {
		if string(bytes.TrimLeft(p, "0")) == "8" {
			return true
		}
	}
	return false
}

// JSON escapes in a JSON document what Printable would, in JSON's own way, so that it means the same and can be
// shown on a terminal.
func JSON(document []byte) []byte {
	if bytes.IndexFunc(document, func(r rune) bool { return r > '~' }) < 0 {
		return document
	}
	var b bytes.Buffer
	for _, r := range string(document) {
		switch {
		case r == '\n' || !hidden(r):
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.Bytes()
}
