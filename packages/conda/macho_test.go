package conda

import (
	"bytes"
	"encoding/binary"
	"testing"

	"forge/platforms/macho"
)

// TestReplacedMachOIsSigned: what is put into another prefix is signed anew, for a Mac ends a process whose
// pages are not those that were signed.
func TestReplacedMachOIsSigned(t *testing.T) {
	const placeholder = "/forge/h_env_placehold_placehold"
	signed, err := macho.Sign(armProgram(placeholder+"/share/data"), "tool")
	if err != nil {
		t.Fatal(err)
	}
	out, err := replaceBinary(bytes.Clone(signed), placeholder, "/opt/x", "tool")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out, []byte("/opt/x/share/data\x00")) || bytes.Equal(out, signed) {
		t.Fatal("the prefix was not replaced")
	}
	if err := macho.Verify(out); err != nil {
		t.Error(err)
	}
	plain, err := replaceStrings(bytes.Clone(signed), placeholder, "/opt/x")
	if err != nil {
		t.Fatal(err)
	}
	if macho.Verify(plain) == nil {
		t.Error("without a new signature the old one holds: this test tests nothing")
	}
	// Data that only begins like a program is left as data.
	odd := []byte("\xcf\xfa\xed\xfe1234" + placeholder + "\x00")
	if got, err := replaceBinary(odd, placeholder, "/p", "data"); err != nil || !bytes.HasPrefix(got[8:], []byte("/p\x00")) {
		t.Errorf("%q %v", got, err)
	}
}

// armProgram is a Mach-O program for ARM64 of one segment __TEXT that holds data, and __LINKEDIT.
func armProgram(data string) []byte {
	const page = 0x4000
	o := binary.LittleEndian
	b := make([]byte, page+64)
	for i, v := range []uint32{0xfeedfacf, macho.CPUARM64, 0, uint32(macho.Executable), 2, 144} {
		o.PutUint32(b[4*i:], v)
	}
	copy(b[page/2:], data)
	for i, s := range []struct {
		name              string
		vm, vmsize, at, n uint64
	}{{"__TEXT", 1 << 32, page, 0, page}, {"__LINKEDIT", 1<<32 + page, page, page, 64}} {
		c := b[32+72*i:]
		o.PutUint32(c, 0x19)
		o.PutUint32(c[4:], 72)
		copy(c[8:], s.name)
		for k, v := range []uint64{s.vm, s.vmsize, s.at, s.n} {
			o.PutUint64(c[24+8*k:], v)
		}
	}
	return b
}
