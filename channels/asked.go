package channels

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"forge/internal/fsx"
)

// Asked is a file that a Loader asked servers for.
type Asked struct {
	Key       string   `json:"key"` // what the cache calls it
	Addresses []string `json:"addresses"`
	Absent    bool     `json:"absent,omitempty"` // no server had it
	// Path is the file in the cache, and Stamp what it was before it was read; Stamp is zero where that is not
	// known.
	Path  string    `json:"-"`
	Stamp fsx.Stamp `json:"-"`
}

// OnServer reports whether a channel is on a server, as opposed to a folder.
func OnServer(channel string) bool {
	return strings.HasPrefix(channel, "http://") || strings.HasPrefix(channel, "https://")
}

// note remembers what came of a question.
func (l *Loader) note(key string, addresses []string, text string, err error) {
	a := Asked{Key: key, Addresses: addresses, Absent: errors.Is(err, errAbsent), Path: text}
	if err == nil {
		// What is read afterwards is this version or a newer one.
		a.Stamp, _ = fsx.StampOf(text, false)
	}
	l.askedMu.Lock()
	defer l.askedMu.Unlock()
	l.asked = append(l.asked, a)
}

// Asked lists what servers were asked for so far: as long as they give the same to AskAgain, and the files in
// the cache stay as they are, the channels offer the same.
func (l *Loader) Asked() []Asked {
	l.askedMu.Lock()
	defer l.askedMu.Unlock()
	return append([]Asked(nil), l.asked...)
}

// AskAgain asks for what another Loader asked for, as it did: not at all where the answer may still be used
// (Cache-Control's max-age), else whether it changed (ETag, Last-Modified). Then the files in the cache are what
// the servers have now. It is an error if one is there that was not, or the other way round.
func (l *Loader) AskAgain(ctx context.Context, list []Asked) error {
	for _, a := range list {
		_, err := l.fetch(ctx, a.Key, a.Addresses)
		if absent := errors.Is(err, errAbsent); absent != a.Absent {
			return fmt.Errorf("%s came or went", redact(a.Key))
		} else if err != nil && !absent {
			return err
		}
	}
	return nil
}
