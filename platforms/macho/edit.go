package macho

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrNoRoom is returned, wrapped, where longer load commands do not fit in front of the file's content.
var ErrNoRoom = errors.New("there is no room for longer load commands: link with -Wl,-headerpad_max_install_names")

// Edit says what the loader is to follow. Nil functions leave things as they are.
type Edit struct {
	InstallName func(old string) string     // of a library
	Dependency  func(old string) string     // of each dependency
	RPaths      func(old []string) []string // the whole search path
}

// Rewrite returns b with the edit done to every slice and signed anew where that is needed, and whether
// anything changed. name is the file's own, which the signature carries. b stays as it is. Load commands
// keep their order; the search path fills its commands in order, and what is left comes after all others.
func Rewrite(b []byte, name string, e Edit) (out []byte, changed bool, err error) {
	out, err = each(b, func(m *image) error {
		if !m.typ.loads() {
			return nil
		}
		before := slices.Clone(m.b)
		if err := m.edit(e); err != nil {
			return err
		}
		if bytes.Equal(before, m.b) {
			return nil
		}
		changed = true
		return m.sign(name)
	})
	if err != nil || !changed {
		return b, false, err
	}
	return out, true, nil
}

func (m *image) edit(e Edit) error {
	paths, err := m.rpaths()
	if err != nil {
		return err
	}
	if e.RPaths != nil {
		paths = e.RPaths(paths)
	}
	var cmds []command
	for i, c := range m.cmds {
		_, needs := kindOf(c.kind)
		var err error
		switch {
		case c.kind == lcIDDylib && e.InstallName != nil:
			c, err = m.rename(c, dylibHead, e.InstallName)
		case needs && e.Dependency != nil:
			c, err = m.rename(c, dylibHead, e.Dependency)
		case c.kind == lcRPath && len(paths) == 0:
			continue
		case c.kind == lcRPath:
			next := paths[0]
			paths = paths[1:]
			c, err = m.rename(c, rpathHead, func(string) string { return next })
		}
		if err != nil {
			return malformed("load command %d: %w", i, err)
		}
		cmds = append(cmds, c)
	}
	for _, p := range paths {
		c, err := m.newRPath(p)
		if err != nil {
			return err
		}
		cmds = append(cmds, c)
	}
	return m.putCommands(cmds)
}

func (m *image) rpaths() ([]string, error) {
	var paths []string
	for i, c := range m.cmds {
		if c.kind != lcRPath {
			continue
		}
		p, _, err := m.name(c, rpathHead)
		if err != nil {
			return nil, malformed("load command %d: %w", i, err)
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// rename puts another string into a command, whose size becomes what the string needs, in steps of 8.
func (m *image) rename(c command, head int, to func(string) string) (command, error) {
	old, at, err := m.name(c, head)
	if err != nil {
		return c, err
	}
	name := to(old)
	if name == old {
		return c, nil
	}
	return m.withName(command{c.kind, c.raw[:at]}, name)
}

func (m *image) newRPath(p string) (command, error) {
	raw := make([]byte, rpathHead)
	m.order.PutUint32(raw[8:], rpathHead)
	return m.withName(command{lcRPath, raw}, p)
}

// withName completes a command, given up to where its string begins.
func (m *image) withName(c command, name string) (command, error) {
	if name == "" || len(name) > maxName || strings.IndexByte(name, 0) >= 0 {
		return c, fmt.Errorf("%q cannot be written as a path of the loader", name)
	}
	raw := append(slices.Clone(c.raw), name...)
	raw = append(raw, make([]byte, 8-len(raw)%8)...)
	m.order.PutUint32(raw, c.kind)
	m.order.PutUint32(raw[4:], uint32(len(raw)))
	return command{c.kind, raw}, nil
}

// putCommands writes the load commands into the file, over the old ones and into the padding behind them.
func (m *image) putCommands(cmds []command) error {
	var all []byte
	for _, c := range cmds {
		all = append(all, c.raw...)
	}
	head := m.headerSize()
	end := head + m.used
	if bytes.Equal(all, m.b[head:end]) {
		return nil
	}
	if now := head + len(all); now > end {
		if now > m.limit {
			return fmt.Errorf("%d bytes of load commands, space for %d: %w", len(all), max(m.limit, end)-head, ErrNoRoom)
		}
		if len(bytes.Trim(m.b[end:now], "\x00")) > 0 {
			return fmt.Errorf("what lies behind the load commands is no padding: %w", ErrNoRoom)
		}
	}
	clear(m.b[head:end])
	copy(m.b[head:], all)
	m.order.PutUint32(m.b[16:], uint32(len(cmds)))
	m.order.PutUint32(m.b[20:], uint32(len(all)))
	again, err := parse(m.b)
	if err != nil {
		return err
	}
	*m = *again
	return nil
}
