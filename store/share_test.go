package store

import (
	"archive/tar"
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"forge/digest"
)

// exported is a store's result with a blob as a tar.
func exported(t *testing.T, text string) (ActionID, digest.Digest, []byte) {
	t.Helper()
	s := open(t, t.TempDir())
	id, blob := put(t, s, text, 100, 0, time.Now())
	var out bytes.Buffer
	if err := s.Export(context.Background(), []ActionID{id}, &out); err != nil {
		t.Fatal(err)
	}
	return id, blob, out.Bytes()
}

// TestImportDamaged changes and cuts off an export in many places: what is taken is what was exported, and nothing else.
func TestImportDamaged(t *testing.T) {
	id, blob, whole := exported(t, "name")
	s := open(t, t.TempDir())
	for at := 0; at < len(whole); at += 11 {
		for _, data := range [][]byte{append(bytes.Clone(whole[:at]), append([]byte{whole[at] ^ 0x41}, whole[at+1:]...)...), whole[:at]} {
			s.Import(context.Background(), bytes.NewReader(data))
		}
	}
	check, err := s.VerifyAll(context.Background())
	if err != nil || len(check.Damaged) > 0 {
		t.Fatalf("%v, damaged: %v", err, check.Damaged)
	}
	var r result
	if err := s.Result(id, &r); err != nil || r != (result{blob, "name"}) {
		t.Errorf("%v, %+v", err, r)
	}
	entries, err := os.ReadDir(s.path("actions"))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d results, want one: %v", len(entries), err)
	}
}

// TestImportHostile: what no export holds is refused, whatever it is.
func TestImportHostile(t *testing.T) {
	id, blob, _ := exported(t, "name")
	sum := blob.Hex()
	for _, h := range []tar.Header{
		{Name: "../" + sum, Typeflag: tar.TypeReg},
		{Name: "cas/../../" + sum, Typeflag: tar.TypeReg},
		{Name: "/cas/" + sum, Typeflag: tar.TypeReg},
		{Name: "cas/" + strings.ToUpper(sum), Typeflag: tar.TypeReg},
		{Name: "cas/" + sum + ".json", Typeflag: tar.TypeReg},
		{Name: "cas/" + sum, Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		{Name: "cas/" + sum, Typeflag: tar.TypeLink, Linkname: "cas/" + sum},
		{Name: "cas/", Typeflag: tar.TypeDir},
		{Name: "cas/" + sum, Typeflag: tar.TypeReg}, // empty: other bytes
		{Name: "actions/" + id.Hex() + ".json", Typeflag: tar.TypeReg},
		{Name: "trees/" + sum, Typeflag: tar.TypeReg},
	} {
		var out bytes.Buffer
		w := tar.NewWriter(&out)
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		s := open(t, t.TempDir())
		if n, err := s.Import(context.Background(), &out); err == nil || n != (Imported{}) {
			t.Errorf("%s (%c) was taken: %+v", h.Name, h.Typeflag, n)
		}
	}
}

// TestImportSparse: a file of a terabyte that is a kilobyte in the tar (GNU sparse format 1.0) is not unpacked.
func TestImportSparse(t *testing.T) {
	_, blob, _ := exported(t, "name")
	var out bytes.Buffer
	block := func(name string, kind byte, data string) {
		h := make([]byte, 512)
		copy(h, name)
		copy(h[100:], "0000644\x000000000\x000000000\x00")
		copy(h[124:], []byte(octal(len(data), 11)))
		copy(h[136:], "00000000000\x00        ")
		h[156] = kind
		copy(h[257:], "ustar\x0000")
		sum := 0
		for _, c := range h {
			sum += int(c)
		}
		copy(h[148:], octal(sum, 6)+"\x00 ")
		out.Write(h)
		out.WriteString(data)
		out.Write(make([]byte, (512-len(data)%512)%512))
	}
	pax := func(key, value string) string {
		n := len(key) + len(value) + 3
		n += len(strconv.Itoa(n + 2))
		return strconv.Itoa(n) + " " + key + "=" + value + "\n"
	}
	block("x", 'x', pax("GNU.sparse.major", "1")+pax("GNU.sparse.minor", "0")+pax("GNU.sparse.name", "cas/"+blob.Hex())+pax("GNU.sparse.realsize", "1099511627776"))
	block("GNUSparseFile.0/x", '0', "1\n1099511627776\n0\n"+strings.Repeat("\x00", 512-len("1\n1099511627776\n0\n")))
	out.Write(make([]byte, 1024))
	r := tar.NewReader(bytes.NewReader(out.Bytes()))
	if h, err := r.Next(); err != nil || h.Size != 1<<40 || h.Typeflag != tar.TypeReg {
		t.Fatalf("the test's tar is not what it should be: %v %+v", err, h)
	}
	s := open(t, t.TempDir())
	if n, err := s.Import(context.Background(), &out); err == nil || !strings.Contains(err.Error(), "not what forge cache export writes") {
		t.Errorf("%+v, %v", n, err)
	}
}

func octal(n, width int) string {
	s := ""
	for range width {
		s = string(rune('0'+n%8)) + s
		n /= 8
	}
	return s
}

// TestImportKeeps: a result that is here already stays.
func TestImportKeeps(t *testing.T) {
	s := open(t, t.TempDir())
	id, _ := put(t, s, "name", 1, 0, time.Now())
	_, _, tarball := exported(t, "name") // of the same key, with another blob
	n, err := s.Import(context.Background(), bytes.NewReader(tarball))
	var r result
	if e := s.Result(id, &r); err != nil || e != nil || n.Results != 0 || r.Archive != digest.Of([]byte("namex")) {
		t.Errorf("%v %v %+v %+v", err, e, n, r)
	}
}
