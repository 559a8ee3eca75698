package macho

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample is a small library, put together as a linker would: header, load commands, padding, one page of
// code, __LINKEDIT, unsigned.
type sample struct {
	cpu    uint32
	typ    Type
	id     string
	needs  []Dependency
	rpaths []string
	pad    int // bytes between the load commands and the code
	big    bool
	narrow bool // 32-bit
}

func (s sample) build(t testing.TB) []byte {
	t.Helper()
	m := &image{order: binary.LittleEndian, wide: !s.narrow}
	if s.big {
		m.order = binary.BigEndian
	}
	var cmds []command
	library := func(kind uint32, name string) {
		raw := make([]byte, dylibHead)
		m.order.PutUint32(raw[8:], dylibHead)
		m.order.PutUint32(raw[12:], 2)
		m.order.PutUint32(raw[16:], 0x10203)
		m.order.PutUint32(raw[20:], 0x10000)
		c, err := m.withName(command{kind, raw}, name)
		if err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, c)
	}
	segment := func(name string, vmaddr, vmsize, off, size uint32, section uint32) {
		head, sect := 72, 80
		if s.narrow {
			head, sect = 56, 68
		}
		if section == 0 {
			sect = 0
		}
		raw := make([]byte, head+sect)
		kind := uint32(lcSegment64)
		copy(raw[8:], name)
		o := m.order
		if s.narrow {
			kind = lcSegment
			for i, v := range []uint32{vmaddr, vmsize, off, size} {
				o.PutUint32(raw[24+4*i:], v)
			}
		} else {
			for i, v := range []uint32{vmaddr, vmsize, off, size} {
				o.PutUint64(raw[24+8*i:], uint64(v))
			}
		}
		if section > 0 {
			if s.narrow {
				o.PutUint32(raw[48:], 1)
				o.PutUint32(raw[head+40:], section)
			} else {
				o.PutUint32(raw[64:], 1)
				o.PutUint32(raw[head+48:], section)
			}
		}
		o.PutUint32(raw, kind)
		o.PutUint32(raw[4:], uint32(len(raw)))
		cmds = append(cmds, command{kind, raw})
	}
	const page = 0x4000
	segment("__TEXT", 0, page, 0, page, 1)
	segment("__LINKEDIT", page, page, page, 100, 0)
	if s.id != "" {
		library(lcIDDylib, s.id)
	}
	build := make([]byte, 24)
	for i, v := range []uint32{lcBuildVersion, 24, 1, 0xb0000, 0xd0100, 0} {
		m.order.PutUint32(build[4*i:], v)
	}
	cmds = append(cmds, command{lcBuildVersion, build})
	for _, d := range s.needs {
		library(map[Kind]uint32{Load: lcLoadDylib, Weak: lcLoadWeak, Reexport: lcReexport, Upward: lcUpward, Lazy: lcLazyLoad}[d.Kind], d.Name)
	}
	for _, p := range s.rpaths {
		c, err := m.newRPath(p)
		if err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, c)
	}
	used := 0
	for _, c := range cmds {
		used += len(c.raw)
	}
	at := m.headerSize() + used + s.pad
	if s.narrow {
		m.order.PutUint32(cmds[0].raw[56+40:], uint32(at))
	} else {
		m.order.PutUint32(cmds[0].raw[72+48:], uint32(at))
	}
	b := make([]byte, page+100)
	for i := at; i < len(b); i++ {
		b[i] = byte(i)
	}
	magic := uint32(magic64)
	if s.narrow {
		magic = magic32
	}
	for i, v := range []uint32{magic, s.cpu, 0, uint32(s.typ), uint32(len(cmds)), uint32(used)} {
		m.order.PutUint32(b[4*i:], v)
	}
	w := m.headerSize()
	for _, c := range cmds {
		w += copy(b[w:], c.raw)
	}
	return b
}

// fat puts slices into one file.
func fat(slices ...[]byte) []byte {
	o := binary.BigEndian
	head := o.AppendUint32(nil, magicFat)
	head = o.AppendUint32(head, uint32(len(slices)))
	var body []byte
	for _, s := range slices {
		for (8+20*len(slices)+len(body))%0x1000 != 0 {
			body = append(body, 0)
		}
		cpu := binary.LittleEndian.Uint32(s[4:])
		for _, v := range []uint32{cpu, 0, uint32(8 + 20*len(slices) + len(body)), uint32(len(s)), 12} {
			head = o.AppendUint32(head, v)
		}
		body = append(body, s...)
	}
	return append(head, body...)
}

const prefix = "/forge/h_env_placehold_placehold"

func library(cpu uint32) sample {
	return sample{cpu: cpu, typ: Dylib, id: prefix + "/lib/libx.1.dylib", pad: 256,
		needs: []Dependency{
			{Name: prefix + "/lib/libz.1.dylib", Kind: Load}, {Name: "/usr/lib/libSystem.B.dylib", Kind: Load},
			{Name: prefix + "/lib/sub/liby.dylib", Kind: Weak}, {Name: "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation", Kind: Reexport},
			{Name: "libbare.dylib", Kind: Upward}, {Name: "/forge/work/.libs/libunknown.dylib", Kind: Lazy}},
		rpaths: []string{prefix + "/lib", "/opt/elsewhere", prefix + "/lib/", "/usr/allowed"}}
}

func relocation(path string) Relocation {
	return Relocation{Prefix: prefix, Path: path, Want: []string{"lib"}, Allow: []string{"/usr/*"},
		Find: func(base string) (string, bool) { return "lib/" + base, base == "libbare.dylib" }}
}

func TestRelocate(t *testing.T) {
	for _, cpu := range []uint32{CPUARM64, CPUX8664, CPUI386, 18} {
		s := library(cpu)
		s.narrow, s.big = cpu&cpuABI64 == 0, cpu == 18
		b := s.build(t)
		was := slices.Clone(b)
		out, change, err := Relocate(b, relocation("lib/libx.1.0.dylib"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b, was) {
			t.Error("the argument was changed")
		}
		if diff := cmp.Diff(Change{true, []string{"/opt/elsewhere"}}, change); diff != "" {
			t.Error(diff)
		}
		infos, err := Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		want := &Info{CPU: cpu, Type: Dylib, InstallName: "@rpath/libx.1.dylib", Current: 0x10203, Compatible: 0x10000,
			RPaths: []string{"@loader_path/", "/usr/allowed"}, Platform: 1, MinOS: 0xb0000, SDK: 0xd0100}
		for i, name := range []string{"@rpath/libz.1.dylib", "/usr/lib/libSystem.B.dylib", "@rpath/sub/liby.dylib",
			"/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation", "@rpath/libbare.dylib", "/forge/work/.libs/libunknown.dylib"} {
			want.Dependencies = append(want.Dependencies, Dependency{name, s.needs[i].Kind, 0x10203, 0x10000})
		}
		if cpu == CPUARM64 {
			want.Signature = &Signature{Identifier: "libx.1.0.dylib", AdHoc: true, LinkerSigned: true}
		}
		if diff := cmp.Diff([]*Info{want}, infos); diff != "" {
			t.Error(diff)
		}
		if bytes.Contains(out, []byte(prefix)) {
			t.Error("the placeholder is still in it")
		}
		if !bytes.Equal(out[0x1000:0x4000], b[0x1000:0x4000]) {
			t.Error("the code was changed")
		}
		again, change, err := Relocate(out, relocation("lib/libx.1.0.dylib"))
		if err != nil || change.Changed || !bytes.Equal(again, out) {
			t.Errorf("a second time: %v %v", change, err)
		}
	}
}

func TestSearchPath(t *testing.T) {
	for _, c := range []struct {
		path     string
		old, now []string
	}{
		{"bin/tool", nil, []string{"@loader_path/../lib"}},
		{"bin/tool", []string{prefix + "/lib"}, []string{"@loader_path/../lib"}},
		{"bin/tool", []string{"@executable_path/../lib", "@loader_path/../lib"}, []string{"@executable_path/../lib", "@loader_path/../lib"}},
		{"lib/a/b/m.so", []string{"@loader_path/../.."}, []string{"@loader_path/../.."}},
		{"lib/a/b/m.so", []string{"@loader_path/../../../.."}, []string{"@loader_path/../.."}},
		{"lib/x.dylib", []string{prefix + "/lib", prefix + "/lib/sub"}, []string{"@loader_path/", "@loader_path/sub"}},
		{"tool", []string{prefix}, []string{"@loader_path/", "@loader_path/lib"}},
	} {
		now, _ := relocation(c.path).searchPath(c.old, true)
		if diff := cmp.Diff(c.now, now); diff != "" {
			t.Errorf("%s %q: %s", c.path, c.old, diff)
		}
	}
}

func TestInstallName(t *testing.T) {
	for old, want := range map[string]string{
		prefix + "/lib/libx.1.dylib":     "@rpath/libx.1.dylib",
		prefix + "/lib/sub/libx.1.dylib": "@rpath/sub/libx.1.dylib",
		prefix + "/opt/libx.1.dylib":     "@rpath/../opt/libx.1.dylib",
		"libx.1.dylib":                   "@rpath/libx.1.dylib",
		"/forge/work/b/libx.1.dylib":     "@rpath/libx.1.dylib",
		"@rpath/libx.1.dylib":            "@rpath/libx.1.dylib",
		"@loader_path/libx.1.dylib":      "@loader_path/libx.1.dylib",
	} {
		if got := relocation("lib/libx.1.2.dylib").installName(old); got != want {
			t.Errorf("%s: got %s, want %s", old, got, want)
		}
	}
}

func TestNoRoom(t *testing.T) {
	s := sample{cpu: CPUX8664, typ: Dylib, id: "libx.dylib", pad: 8}
	b := s.build(t)
	_, _, err := Rewrite(b, "libx.dylib", Edit{InstallName: func(string) string { return "@rpath/" + strings.Repeat("x", 20) + ".dylib" }})
	if !errors.Is(err, ErrNoRoom) {
		t.Fatalf("got %v", err)
	}
	s.pad = 64
	b = s.build(t)
	m, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	b[m.limit-60] = 1 // what is there is no padding
	if _, _, err = Rewrite(b, "libx.dylib", Edit{RPaths: func([]string) []string { return []string{"@loader_path/"} }}); !errors.Is(err, ErrNoRoom) {
		t.Fatalf("got %v", err)
	}
}

func TestSign(t *testing.T) {
	arm, intel := library(CPUARM64).build(t), library(CPUX8664).build(t)
	out, err := Sign(fat(intel, arm), "libx.dylib")
	if err != nil {
		t.Fatal(err)
	}
	infos, err := Parse(out)
	if err != nil || len(infos) != 2 || infos[0].Signature != nil || infos[1].Signature == nil {
		t.Fatalf("%v %v", infos, err)
	}
	if err := Verify(out); err != nil {
		t.Error(err)
	}
	if err := Verify(arm); err == nil {
		t.Error("an unsigned file for ARM64 passed")
	}
	again, err := Sign(out, "libx.dylib")
	if err != nil || !bytes.Equal(again, out) {
		t.Errorf("a second signature differs: %v", err)
	}
	longer, err := Sign(out, strings.Repeat("long", 50))
	if err != nil || Verify(longer) != nil || len(longer) <= len(out) {
		t.Errorf("a longer name: %v", err)
	}
	parts, err := split(longer)
	if err != nil {
		t.Fatal(err)
	}
	start := int(parts[1].off)
	for what, at := range map[string]int{"page 2": start + 0x2000, "page 0": bytes.LastIndex(longer, []byte("long")) + 4 + 16} {
		broken := slices.Clone(longer)
		broken[at] ^= 1
		if infos, err := Parse(broken); err != nil || !slices.Equal(infos[1].Signature.Bad, []string{what}) || Verify(broken) == nil {
			t.Errorf("a change at %#x: %v %v", at, infos, err)
		}
	}
	for _, name := range []string{"", "a\x00b"} {
		if _, err := Sign(arm, name); err == nil {
			t.Errorf("%q was taken for an identifier", name)
		}
	}
}

// TestEntitlements: they stay, with the slots that protect them, and the linker's mark goes.
func TestEntitlements(t *testing.T) {
	b, err := Sign(library(CPUARM64).build(t), "libx.dylib")
	if err != nil {
		t.Fatal(err)
	}
	m, err := parse(b)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte("\xfa\xde\x71\x71\x00\x00\x00\x10<plist/>")
	kept := entitlementsOf([]blob{{slotEntitlements, text}})
	at, space, err := m.signaturePlace(signatureSize(len(m.b), "libx.dylib", kept))
	if err != nil {
		t.Fatal(err)
	}
	clear(m.b[at : at+space])
	copy(m.b[at:], m.newSignature("libx.dylib", m.b[:at], kept))
	out, err := Sign(m.b, "libx.dylib")
	if err != nil || !bytes.Equal(out, m.b) {
		t.Fatalf("signing anew lost something: %v", err)
	}
	infos, err := Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Signature{Identifier: "libx.dylib", AdHoc: true, Entitlements: true}, infos[0].Signature); diff != "" {
		t.Error(diff)
	}
	broken := bytes.Replace(out, []byte("<plist/>"), []byte("<Plist/>"), 1)
	infos, err = Parse(broken)
	if err != nil || !slices.Equal(infos[0].Signature.Bad, []string{"slot 5"}) {
		t.Errorf("%v %v", infos[0].Signature, err)
	}
}

func TestNotMachO(t *testing.T) {
	for _, b := range []string{"", "\x7fELF\x02\x01\x01\x00", "\xca\xfe\xba\xbe\x00\x00\x00\x34 a Java class", "\xca\xfe\xba\xbe"} {
		if _, err := Parse([]byte(b)); !errors.Is(err, ErrNotMachO) {
			t.Errorf("%q: %v", b, err)
		}
	}
}

func FuzzMachO(f *testing.F) {
	arm := library(CPUARM64).build(f)
	signed, err := Sign(arm, "x")
	if err != nil {
		f.Fatal(err)
	}
	narrow := library(CPUI386)
	narrow.narrow = true
	f.Add(arm)
	f.Add(signed)
	f.Add(fat(signed, arm))
	f.Add(narrow.build(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		was := slices.Clone(b)
		_, err := Parse(b)
		out, change, rerr := Relocate(b, relocation("lib/libx.dylib"))
		if !bytes.Equal(was, b) {
			t.Fatal("the argument was changed")
		}
		if rerr == nil {
			if err != nil {
				t.Fatalf("relocated what cannot be read: %v", err)
			}
			if change.Changed {
				if _, again, err := Relocate(out, relocation("lib/libx.dylib")); err != nil || again.Changed {
					t.Fatalf("a second time: %v %v", again, err)
				}
			}
		}
		if out, err := Sign(b, "x"); err == nil {
			if again, err := Sign(out, "x"); err != nil || !bytes.Equal(again, out) {
				t.Fatalf("signed twice: %v", err)
			}
		}
	})
}

func ExampleVersion() {
	fmt.Println(Version(0x10203), Version(0xb0000))
	// Output: 1.2.3 11.0
}
