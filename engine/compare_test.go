package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// TestClasses holds what bytes alone can tell.
func TestClasses(t *testing.T) {
	end := time.Unix(1795676689, 0)
	plain := evidence{start: end.Add(-5 * time.Second), end: end}
	for _, c := range []struct {
		name, path, a, b string
		class, where     string
		evidence         evidence
	}{
		{"same words, other order", "x", "a b c\n", "c b a\n", ClassOrder, "line 1", plain},
		{"same lines, other order", "x", "1\n2\n3\n", "1\n3\n2\n", ClassOrder, "line 2", plain},
		{"seconds", "x", "t=1795676600\n", "t=1795676688\n", ClassTimestamp, "line 1", plain},
		{"milliseconds", "x", "1795676600123", "1795676688456", ClassTimestamp, "line 1", plain},
		{"a date", "x", "built Nov 25 2026", "built Nov 26 2026", ClassTimestamp, "line 1", plain},
		{"a listing", "x", "-rw-r--r-- 1 a a 2 Nov 26 21:50 f1", "-rw-r--r-- 1 a a 2 Nov 26 21:51 f1", ClassTimestamp, "line 1", plain},
		{"day, month, year", "x", "on 25 November 2026", "on 26 November 2026", ClassTimestamp, "line 1", plain},
		{"a clock", "x", "at 10:00:01", "at 10:00:09", ClassTimestamp, "line 1", plain},
		{"another number is no time", "x", "n=1234567", "n=7654321", ClassRandomness, "line 1", plain},
		{"hexadecimal", "x", "id deadbeef01", "id 0123456789", ClassRandomness, "line 1", plain},
		{"an address", "x", "<object at 0x7f12ab34>", "<object at 0x7f99cd00>", ClassRandomness, "line 1", plain},
		{"bytes", "x", " ce 97 43 57 a8 21\n", " b2 13 17 b5 30 51\n", ClassRandomness, "line 1", plain},
		{"words of bytes", "x", "ce97 4357 a821", "b213 17b5 3051", ClassRandomness, "line 1", plain},
		{"words", "x", "red", "green", ClassUnknown, "line 1", plain},
		{"a build folder", "x", "/forge/work/a.c", "a.c", ClassPath, "line 1", plain},
		{"shown by varying", "x", "red", "green", ClassLocale, "line 1", evidence{dimension: "locale"}},
		{"pyc time", "a.pyc", "MAGC\x00\x00\x00\x00\x01\x02\x03\x04sizecode", "MAGC\x00\x00\x00\x00\x09\x02\x03\x04sizecode", ClassTimestamp, "pyc source mtime", plain},
		{"pyc code", "a.pyc", "MAGC\x01\x00\x00\x00hashhash\xff\x00red", "MAGC\x01\x00\x00\x00hashhash\xff\x00tan", ClassUnknown, "pyc code byte 2", plain},
		{"binary", "x", "\x00\x01\xffabcdefgh", "\x00\x01\xffabcdXfgh", ClassUnknown, "byte 7", plain},
		{"archive time", "x.a", ar("a.o", "1", "0", "x"), ar("a.o", "2", "0", "x"), ClassTimestamp, "ar member a.o mtime", plain},
		{"archive owner", "x.a", ar("a.o", "1", "0", "x"), ar("a.o", "1", "5", "x"), ClassUser, "ar member a.o owner and mode", plain},
		{"archive content", "x.a", ar("a.o", "1", "0", "x y"), ar("a.o", "1", "0", "y x"), ClassOrder, "ar member a.o, line 1", plain},
		{"archive order", "x.a", ar("a.o", "1", "0", "x") + ar("b.o", "1", "0", "x")[8:], ar("b.o", "1", "0", "x") + ar("a.o", "1", "0", "x")[8:], ClassOrder, "ar members", plain},
		{"PE time", "x.dll", peStamped(1), peStamped(2), ClassTimestamp, "PE header TimeDateStamp", plain},
		{"Mach-O UUID", "x", machOStamped("0123456789abcdef"), machOStamped("fedcba9876543210"), ClassRandomness, "Mach-O LC_UUID", plain},
		{"inside of zstd", "x.zst", packedZstd(t, "a b c\n", 3), packedZstd(t, "c b a\n", 3), ClassOrder, "zst content, line 1", plain},
		{"zstd of another level", "x.zst", packedZstd(t, words, 1), packedZstd(t, words, 11), ClassUnknown, "zst framing byte 10", plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := compareFiles(c.path, []byte(c.a), []byte(c.b), 0)
			if len(list) != 1 {
				t.Fatalf("%d differences: %+v", len(list), list)
			}
			classify(&list[0], c.evidence)
			if got := list[0]; got.Class != c.class || got.Where != c.where || got.Fix == "" {
				t.Errorf("got %s at %q (%s), want %s at %q", got.Class, got.Where, got.Why, c.class, c.where)
			}
		})
	}
}

var words = strings.Repeat("the same words are compressed twice, ", 40) + "and " + strings.Repeat("so they are once more ", 40)

func packedZstd(t *testing.T, text string, level int) string {
	t.Helper()
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)))
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	return string(enc.EncodeAll([]byte(text), nil))
}

// peStamped is the least that is a PE file: two headers and no section.
func peStamped(seconds byte) string {
	head := make([]byte, 0x80)
	copy(head, "MZ")
	head[0x3c] = 0x80
	coff := make([]byte, 20+240)
	coff[0], coff[1], coff[4], coff[16], coff[20], coff[21] = 0x64, 0x86, seconds, 240, 0x0b, 0x02
	coff[20+108] = 16 // directories
	return string(head) + "PE\x00\x00" + string(coff)
}

// machOStamped is a header and one load command.
func machOStamped(uuid string) string {
	return "\xcf\xfa\xed\xfe\x07\x00\x00\x01\x03\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x18\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\x1b\x00\x00\x00\x18\x00\x00\x00" + uuid
}

func ar(name, mtime, owner, data string) string {
	pad := func(s string, n int) string {
		for len(s) < n {
			s += " "
		}
		return s
	}
	text := arMagic + pad(name+"/", 16) + pad(mtime, 12) + pad(owner, 6) + pad("0", 6) + pad("644", 8) + pad(itoa(len(data)), 10) + "`\n" + data
	if len(data)%2 == 1 {
		text += "\n"
	}
	return text
}

func itoa(n int) string { return string(rune('0' + n)) }

// FuzzCompareFiles: hostile files are compared without a panic, and equal parts are never listed.
func FuzzCompareFiles(f *testing.F) {
	f.Add("x.a", []byte(ar("a", "1", "0", "x")), []byte(ar("b", "1", "0", "x")))
	f.Add("x.pyc", []byte("0123456789abcdef0"), []byte("0123456789abcdef1"))
	f.Add("x", []byte("\x1f\x8b0123456789abcdefgh"), []byte("\x1f\x8b0123456789abcdefgi"))
	f.Add("x", []byte("\x7fELF"), []byte("a"))
	f.Fuzz(func(t *testing.T, path string, a, b []byte) {
		if string(a) == string(b) {
			return
		}
		list := compareFiles(path, a, b, 0)
		if len(list) == 0 {
			t.Fatal("no difference found")
		}
		for _, d := range list {
			classify(&d, evidence{})
		}
	})
}
