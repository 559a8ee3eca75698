// Package channels reads and writes conda channels.
package channels

import (
	"context"

	"forge/packages"
)

// Index is one subdir of a channel in memory.
type Index struct {
	Channel string // URL or absolute folder
	Subdir  string
	Records []*packages.Record
}

// Reader reads channels.
type Reader interface {
	// Load reads repodata of the given subdirs of a channel: a folder, a file:// or an http(s):// URL.
	// A folder without repodata is an empty channel.
	Load(ctx context.Context, channel string, subdirs []string) ([]*Index, error)
}
