package sources

import (
	"context"
	"errors"
	"io"

	"forge/internal/archive"
)

// Seconds since 1970 between which an epoch is believed: a zip cannot say less than 1980, and what
// says more than 2107 would not fit into one.
const (
	leastEpoch = 315532800
	mostEpoch  = 4354819198
)

// epochOf is the newest mtime of an archive's members; 0 for a file that is no archive.
func (g *Getter) epochOf(ctx context.Context, file File) (int64, error) {
	newest, err := archive.Newest(ctx, g.Store.Path(file.Digest, false), file.Name)
	if errors.Is(err, archive.ErrFormat) {
		return 0, nil
	}
	if err != nil || newest.IsZero() {
		return 0, err
	}
	return clampEpoch(newest.Unix()), nil
}

// clampEpoch leaves out times that archives and compilers cannot hold.
func clampEpoch(t int64) int64 {
	if t <= leastEpoch || t > mostEpoch {
		return 0
	}
	return t
}

func readAll(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
