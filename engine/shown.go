package engine

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"forge/packages"
	"forge/platforms/elf"
)

// showExternals links into dir, the folder of the build prefix, what the externals of env have there. What a
// package brought stays. No program is linked into a merged prefix: there the package's own will lie.
func (r *runner) showExternals(ctx context.Context, env Environment, dir string, merged bool) error {
	for _, rec := range env.Records {
		if rec.Channel != packages.ChannelExternal {
			continue
		}
		e, err := r.external(ctx, rec.Name)
		if err != nil {
			return err
		}
		for _, l := range e.Shown {
			if merged && strings.HasPrefix(l.Path, "bin/") {
				continue
			}
			at := filepath.Join(dir, filepath.FromSlash(l.Path))
			err := os.Symlink(l.Target, at)
			if errors.Is(err, fs.ErrNotExist) {
				if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
					err = os.Symlink(l.Target, at)
				}
			}
			if err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
		}
	}
	return nil
}

// findable makes a script whose interpreter lies in the build prefix ask for it by name: where the package is
// installed, there is no build prefix. It returns the file's new content, which it has written to the prefix.
func (j *job) findable(p string, data []byte) ([]byte, error) {
	build := j.buildPrefix()
	if build == j.site.at.prefix {
		return data, nil
	}
	line, rest := data, []byte(nil)
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		line, rest = data[:i], data[i:]
	}
	program, args, _ := bytes.Cut(bytes.TrimLeft(line[2:], " "), []byte(" "))
	if !bytes.HasPrefix(program, []byte(build+"/bin/")) {
		return data, nil
	}
	fresh := "#!/usr/bin/env " + path.Base(string(program))
	if args = bytes.TrimSpace(args); len(args) > 0 {
		fresh = "#!/usr/bin/env -S " + path.Base(string(program)) + " " + string(args)
	}
	data = append([]byte(fresh), rest...)
	return data, elf.ReplaceFile(filepath.Join(j.site.prefix, filepath.FromSlash(p)), data)
}
