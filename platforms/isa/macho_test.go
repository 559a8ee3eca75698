package isa

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"testing"
)

// TestTablesAmongCode holds that what the linker lists as data is no instruction, whatever the list says.
func TestTablesAmongCode(t *testing.T) {
	le := binary.LittleEndian
	list := func(entries ...uint32) []byte {
		var b []byte
		for _, e := range entries {
			b = le.AppendUint32(b, e)
		}
		return b
	}
	code := func() []byte { return bytes.Repeat([]byte{0xc5}, 16) }
	load := func(off, size uint32) macho.Load { return macho.LoadBytes(list(0x29, 16, off, size)) }
	const at = 8 // of the code in the image
	for name, tt := range map[string]struct {
		cpu  macho.Cpu
		list []byte
		load macho.Load
		want []byte
	}{
		"x86":           {macho.CpuAmd64, list(at+4, 3|1<<16), load(0, 8), []byte{0xc5, 0xc5, 0xc5, 0xc5, 0x90, 0x90, 0x90}},
		"arm":           {macho.CpuArm64, list(at, 8), load(0, 8), []byte{0x1f, 0x20, 0x03, 0xd5, 0x1f, 0x20, 0x03, 0xd5, 0xc5}},
		"too long":      {macho.CpuAmd64, list(at+14, 500), load(0, 8), code()[:14]},
		"before":        {macho.CpuAmd64, list(2, 500), load(0, 8), code()},
		"behind":        {macho.CpuAmd64, list(1<<31, 500), load(0, 8), code()},
		"list outside":  {macho.CpuAmd64, list(at, 8), load(1<<30, 8), code()},
		"list too long": {macho.CpuAmd64, list(at+15, 1, 7), load(0, 1<<31), code()[:15]},
	} {
		got := code()
		f := &macho.File{FileHeader: macho.FileHeader{Cpu: tt.cpu}, ByteOrder: le, Loads: []macho.Load{tt.load}}
		withoutTables(f, tt.list, got, at)
		if !bytes.HasPrefix(got, tt.want) {
			t.Errorf("%s: %x, want %x", name, got, tt.want)
		}
	}
}
