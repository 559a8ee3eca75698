package plain_test

import (
	"encoding/json"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"forge/internal/plain"
)

type inner struct {
	A int
	B string `json:"b,omitempty"`
}

type hidden struct{ Seen bool }

type shadow struct {
	inner
	A string
}

type upper string

func (u upper) MarshalText() ([]byte, error) { return []byte("^" + u), nil }

type byPointer struct{ X int }

func (p *byPointer) MarshalJSON() ([]byte, error) { return json.Marshal([]int{p.X}) }

type all struct {
	inner
	*hidden
	Named    inner `json:"named"`
	Left     int   `json:"-"`
	private  int
	Nil      *inner
	NilOmit  *inner             `json:",omitempty"`
	Zero     time.Time          `json:",omitzero"`
	Time     time.Time          `json:"t,omitempty"`
	Bytes    []byte             `json:"bytes"`
	NoBytes  []byte             `json:"no_bytes"`
	Fixed    [3]byte            `json:"fixed"`
	List     []inner            `json:"list"`
	Empty    []inner            `json:"empty,omitempty"`
	Map      map[string]any     `json:"map"`
	Ints     map[int]string     `json:"ints"`
	Uppers   map[upper]upper    `json:"uppers"`
	Addrs    map[netip.Addr]int `json:"addrs"`
	Number   json.Number        `json:"number"`
	Raw      json.RawMessage    `json:"raw"`
	F32      float32            `json:"f32"`
	F64      float64            `json:"f64"`
	Big      int64              `json:"big"`
	U        uint64             `json:"u"`
	Bad      string             `json:"bad"`
	Any      any                `json:"any"`
	Upper    upper              `json:"upper"`
	Pointer  byPointer          `json:"pointer"`
	Pointers []byPointer        `json:"pointers"`
	AnyEmpty any                `json:"any_empty,omitempty"`
	Deep     **inner            `json:"deep"`
}

func examples() []any {
	in := &inner{3, "x"}
	return []any{
		nil, 1, "a", true, 1.5, []string(nil), map[string]int(nil), (*inner)(nil), &in, shadow{inner{1, "b"}, "outer"}, all{}, &all{},
		[]any{nil, "\xff\xfe<>&\u2028", []byte{1, 2}, map[string]any{"k": []any{1}}},
		all{inner: inner{1, "y"}, hidden: &hidden{true}, private: 2, Time: time.Unix(1, 5).UTC(), Bytes: []byte("abc"),
			List: []inner{{1, ""}, {}}, Map: map[string]any{"\xff": nil, "b": inner{}}, Ints: map[int]string{-1: "m", 2: "n"},
			Uppers: map[upper]upper{"k": "v"}, Addrs: map[netip.Addr]int{netip.MustParseAddr("::1"): 1}, Number: "1e3",
			Raw: json.RawMessage(`{"z": [1, 2.5]}`), F32: 0.1, F64: math.MaxFloat64, Big: math.MaxInt64, U: math.MaxUint64,
			Bad: "a\xc3(\x80", Any: &all{Upper: "n"}, Pointer: byPointer{4}, Pointers: []byPointer{{5}}, Deep: &in},
	}
}

func TestOf(t *testing.T) {
	for _, v := range examples() {
		if all, ok := v.(all); ok {
			equal(t, &all)
		}
		equal(t, v)
	}
}

// equal holds Of against encoding/json.
func equal(t *testing.T, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var want any
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	got, err := plain.Of(v)
	if err != nil {
		t.Fatalf("%T: %v", v, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%T (-encoding/json +plain):\n%s", v, diff)
	}
}

type ring struct{ Next *ring }

func TestWhatJSONCannotSay(t *testing.T) {
	r := &ring{}
	r.Next = r
	for _, v := range []any{math.NaN(), math.Inf(1), make(chan int), func() {}, map[float64]int{1: 1}, r, struct {
		A int `json:",string"`
	}{1}, []any{complex(1, 1)}} {
		if got, err := plain.Of(v); err == nil {
			t.Errorf("%T: no error but %v", v, got)
		}
	}
}
