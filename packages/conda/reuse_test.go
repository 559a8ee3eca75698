package conda

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// An encoder that has packed other things before writes the same bytes as a new one.
func TestReusedEncodersWriteTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	words := make([][]byte, 200)
	for i := range words {
		words[i] = make([]byte, 1+random.IntN(40))
		for k := range words[i] {
			words[i][k] = byte(random.Uint32())
		}
	}
	for _, level := range []int{0, 1, 9} {
		used, err := New(V2, level)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			size := random.IntN(1 << (4 + i%18))
			var data []byte
			for len(data) < size {
				data = append(data, words[random.IntN(len(words))]...)
			}
			fresh, err := New(V2, level)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(packed(t, used.(format), data), packed(t, fresh.(format), data)) {
				t.Fatalf("level %d, text %d of %d bytes: another encoding", level, i, size)
			}
		}
	}
}

func packed(t *testing.T, f format, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := f.compress(&out)
	if err != nil {
		t.Fatal(err)
	}
	for len(data) > 0 { // in pieces, as a tar comes
		n := min(len(data), 700)
		if _, err := z.Write(data[:n]); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
