package archive

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Of APPNOTE.TXT 6.3: the fixed part of a local file header and its signature.
const (
	localHeader    = 30
	localSignature = 0x04034b50
	flagDescriptor = 1 << 3
)

// checkLocal compares each member's local header with the central directory's word for it, and sees
// that members do not overlap. It returns where the first one begins.
func checkLocal(r io.ReaderAt, size int64, files []*zip.File) (int64, error) {
	type span struct{ from, to int64 }
	var spans []span
	for _, f := range files {
		data, err := f.DataOffset()
		if err != nil {
			return 0, fmt.Errorf("entry %q: %w", f.Name, err)
		}
		from, err := localStart(r, data, f)
		if err != nil {
			return 0, err
		}
		to := data + int64(f.CompressedSize64)
		if to > size || to < data {
			return 0, fmt.Errorf("entry %q ends behind the archive's end", f.Name)
		}
		spans = append(spans, span{from, to})
	}
	sortBy(spans, func(a, b span) bool { return a.from < b.from })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return 0, fmt.Errorf("members of the zip overlap")
		}
	}
	if len(spans) == 0 {
		return 0, nil
	}
	return spans[0].from, nil
}

// localStart finds the local header that ends at offset data. DataOffset read its length fields
// there; searching back from the data for a header of just that length finds it again.
func localStart(r io.ReaderAt, data int64, f *zip.File) (int64, error) {
	for _, extra := range []int64{256, 65535} {
		at, err := localIn(r, data, min(data, localHeader+int64(len(f.Name))+extra), f)
		if at >= 0 || err != nil {
			return at, err
		}
	}
	return 0, fmt.Errorf("entry %q has no local header that fits its directory entry", f.Name)
}

// localIn looks among the n bytes before data; -1 is not found.
func localIn(r io.ReaderAt, data, n int64, f *zip.File) (int64, error) {
	buf := make([]byte, n)
	from := data - n
	if _, err := r.ReadAt(buf, from); err != nil {
		return 0, fmt.Errorf("entry %q: %w", f.Name, err)
	}
	for i := len(buf) - localHeader; i >= 0; i-- {
		h := buf[i:]
		if binary.LittleEndian.Uint32(h) != localSignature {
			continue
		}
		nameLen, extra := int(binary.LittleEndian.Uint16(h[26:])), int(binary.LittleEndian.Uint16(h[28:]))
		if localHeader+nameLen+extra != len(h) {
			continue
		}
		if !bytes.Equal(h[localHeader:localHeader+nameLen], []byte(f.Name)) {
			return 0, fmt.Errorf("entry %q has another name in its local header", f.Name)
		}
		if binary.LittleEndian.Uint16(h[8:]) != f.Method {
			return 0, fmt.Errorf("entry %q has another method in its local header", f.Name)
		}
		size := binary.LittleEndian.Uint32(h[18:])
		if f.Flags&flagDescriptor == 0 && size != 0xffffffff && uint64(size) != f.CompressedSize64 {
			return 0, fmt.Errorf("entry %q has another size in its local header", f.Name)
		}
		return from + int64(i), nil
	}
	return -1, nil
}
