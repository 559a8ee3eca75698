//go:build linux || darwin

package main

import (
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// keyboard reads single keys from the terminal. Ctrl-C stays what it is.
type keyboard struct {
	file   *os.File
	before unix.Termios
	keys   chan byte
	once   sync.Once
	done   chan struct{}
	ended  chan struct{}
}

// openKeyboard is nil where nobody can press a key: no terminal, or one that belongs to another process.
func openKeyboard(stdin io.Reader) *keyboard {
	f, ok := stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	fd := int(f.Fd())
	if group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP); err != nil || group != unix.Getpgrp() {
		return nil // in the background, changing the terminal would stop us
	}
	state, err := unix.IoctlGetTermios(fd, getTermios)
	if err != nil {
		return nil
	}
	k := &keyboard{file: f, before: *state, keys: make(chan byte), done: make(chan struct{}), ended: make(chan struct{})}
	state.Lflag &^= unix.ICANON | unix.ECHO
	state.Cc[unix.VMIN], state.Cc[unix.VTIME] = 0, 1 // a read ends after a tenth of a second
	if unix.IoctlSetTermios(fd, setTermios, state) != nil {
		return nil
	}
	go k.read()
	return k
}

func (k *keyboard) read() {
	defer close(k.ended)
	b := make([]byte, 1)
	for {
		select {
		case <-k.done:
			return
		default:
		}
		n, err := unix.Read(int(k.file.Fd()), b)
		if err != nil && err != unix.EINTR && err != unix.EAGAIN {
			return
		}
		if n == 1 {
			select {
			case k.keys <- b[0]:
			case <-k.done:
				return
			}
		}
	}
}

// pressed gives the keys; a nil keyboard never gives one.
func (k *keyboard) pressed() <-chan byte {
	if k == nil {
		return nil
	}
	return k.keys
}

// close gives the terminal back as it was, once nobody reads it any more.
func (k *keyboard) close() {
	if k == nil {
		return
	}
	k.once.Do(func() {
		close(k.done)
		<-k.ended
		_ = unix.IoctlSetTermios(int(k.file.Fd()), setTermios, &k.before)
	})
}
