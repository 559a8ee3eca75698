package recipes

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// The bounds of a hostile file: generous for a slow machine, far below what an unbounded reader takes.
const (
	hostileTime   = 60 * time.Second
	hostileMemory = 2 << 30 // bytes allocated in all, most of them freed at once
)

// hostile is a file that somebody wrote to do harm, or that an editor spoilt.
type hostile struct {
	name, file, text string
	variants         string // the text of the variants file
	want             string // "line:column code" of the first error with the file's name left out, or "NAME VERSION" of the first output
}

func v1Version(version string) string {
	return "package:\n  name: a\n  version: " + version + "\n"
}

func hclVersion(version string) string {
	return "package \"a\" {\n  version = " + version + "\n}\n"
}

// laughs is the billion laughs: nine lists, each of ten aliases of the one before.
func laughs() string {
	var b strings.Builder
	b.WriteString("l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "l%d: &l%d [%s*l%d]\n", i, i, strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 9), i-1)
	}
	return b.String()
}

func inUTF16(text string, mark bool) string {
	var b strings.Builder
	if mark {
		b.WriteString("\xFF\xFE")
	}
	for _, u := range utf16.Encode([]rune(text)) {
		b.Write([]byte{byte(u), byte(u >> 8)})
	}
	return b.String()
}

// many is text that uses n variant keys.
func many(n int, form string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, form, i)
	}
	return b.String()
}

func hostileFiles() []hostile {
	const good = "package:\n  name: a\n  version: \"1\"\n"
	const meta = "package:\n  name: a\n  version: '1'\n"
	brackets := strings.Repeat("[", 100_000)
	ten := many(6, "k%d: [a, b, c, d, e, f, g, h, i, j]\n")
	return []hostile{
		// YAML bombs and cycles
		{"laughs", "meta.yaml", meta + "extra:\n" + strings.ReplaceAll("  "+laughs(), "\nl", "\n  l"), "", "6:12 bad-selector"},
		{"laughs", "recipe.yaml", good + "extra:\n" + strings.ReplaceAll("  "+laughs(), "\nl", "\n  l"), "", "5:7 yaml-alias"},
		{"laughs in variants", "meta.yaml", meta, laughs(), "variants.yaml:2:10 bad-selector"},
		{"laughs in variants", "recipe.yaml", good, laughs(), "variants.yaml:1:5 yaml-alias"},
		{"cycle", "meta.yaml", meta + "extra: &x\n  a: *x\n", "", "5:6 yaml-alias"},
		{"cycle", "recipe.yaml", good + "extra: &x\n  a: *x\n", "", "4:8 yaml-alias"},
		{"cycle in variants", "recipe.yaml", good, "python: &x [*x]\n", "variants.yaml:1:9 yaml-alias"},
		{"merge with itself", "meta.yaml", meta + "extra: &x\n  <<: *x\n", "", "5:7 yaml-alias"},
		{"merge of a text", "meta.yaml", meta + "extra:\n  <<: text\n", "", "5:7 yaml-alias"},
		// numbers
		{"1.10", "meta.yaml", "package:\n  name: a\n  version: 1.10\n", "", "a 1.10"},
		{"1.10", "recipe.yaml", v1Version("1.10"), "", "a 1.10"},
		{"1.10", "recipe.hcl", hclVersion("1.10"), "", "2:13 wrong-type"},
		{"1.10 in variants", "meta.yaml", "package:\n  name: a\n  version: {{ py }}\n", "py: [1.10]\n", "a 1.10"},
		{"1.10 in variants", "recipe.yaml", v1Version("${{ py }}"), "py: [1.10]\n", "a 1.10"},
		{"1.10 in variants", "recipe.hcl", hclVersion("variant.py"), "py: [1.10]\n", "a 1.10"},
		{"1.10 in set", "meta.yaml", "{% set v = 1.10 %}\npackage:\n  name: a\n  version: {{ v }}\n", "", "a 1.1"},
		{"1.10 in context", "recipe.yaml", "context:\n  v: 1.10\n" + v1Version("${{ v }}"), "", "a 1.10"},
		{"1.10 in locals", "recipe.hcl", "locals {\n  v = 1.10\n}\n" + hclVersion("local.v"), "", "5:13 wrong-type"},
		{"017", "recipe.yaml", v1Version("017"), "", "a 017"},
		{"a date", "meta.yaml", "package:\n  name: a\n  version: 2024-01-01\n", "", "a 2024-01-01"},
		{"a date", "recipe.yaml", v1Version("2024.01.01"), "", "a 2024.01.01"},
		{"1e3", "recipe.yaml", v1Version("1e3"), "", "a 1e3"},
		{"60-based", "meta.yaml", "package:\n  name: a\n  version: 1:30\n", "", "a 1:30"},
		{"no as a name", "recipe.yaml", "package:\n  name: no\n  version: 1\n", "", "no 1"},
		{"infinity", "recipe.yaml", good + "build:\n  number: .inf\n", "", "5:11 bad-value"},
		{"long number", "recipe.yaml", good + "build:\n  number: " + strings.Repeat("9", 400) + "\n", "", "5:11 bad-value"},
		{"long number", "meta.yaml", meta + "build:\n  number: " + strings.Repeat("9", 400) + "\n", "", "5:11 bad-value"},
		{"long number", "recipe.hcl", hclVersion(`"1"`) + "build {\n  number = " + strings.Repeat("9", 400) + "\n}\n", "", "5:12 bad-value"},
		// keys
		{"duplicate key", "meta.yaml", meta + "build:\n  number: 0\n  number: 1\n", "", "a 1"},
		{"duplicate key", "recipe.yaml", good + "build:\n  number: 0\n  number: 1\n", "", "6:3 duplicate-key"},
		{"duplicate key", "recipe.hcl", hclVersion(`"1"`) + "build {\n  number = 0\n  number = 1\n}\n", "", "6:3 duplicate-key"},
		{"duplicate key in variants", "recipe.yaml", v1Version("${{ py }}"), "py: ['1']\npy: ['2']\n", "variants.yaml:2:1 duplicate-key"},
		{"a list as key", "recipe.yaml", good + "? [a, b]\n: c\n", "", "4:3 bad-key"},
		{"a list as key", "meta.yaml", meta + "? {a: b}\n: c\n", "", "4:3 bad-key"},
		// tags
		{"tag that runs code", "meta.yaml", meta + "extra: !!python/object/apply:os.system ['true']\n", "", "4 yaml-tag"},
		{"tag that runs code", "recipe.yaml", good + "extra: !!python/object/apply:os.system ['true']\n", "", "4:8 wrong-type"},
		{"tag in variants", "recipe.yaml", good, "py: !!python/name:os.system ['1']\n", "variants.yaml:1:5 yaml-tag"},
		{"tagged text", "recipe.yaml", v1Version("!!str 1.10"), "", "a 1.10"},
		{"tagged float", "recipe.yaml", v1Version("!!float 1.10"), "", "a 1.10"},
		{"own tag", "recipe.yaml", v1Version("!mine 1.10"), "", "3:12 yaml-tag"},
		// encodings
		{"byte order mark", "meta.yaml", "\xEF\xBB\xBF" + meta, "", "a 1"},
		{"byte order mark", "recipe.yaml", "\xEF\xBB\xBF" + good, "", "a 1"},
		{"byte order mark", "recipe.hcl", "\xEF\xBB\xBF" + hclVersion(`"1"`), "", "a 1"},
		{"mark inside", "recipe.yaml", good + "about:\n  summary: a\xEF\xBB\xBFb\n", "", "5:13 encoding"},
		{"UTF-16", "meta.yaml", inUTF16(meta, true), "", "a 1"},
		{"UTF-16", "recipe.yaml", inUTF16(good, true), "", "a 1"},
		{"UTF-16", "recipe.hcl", inUTF16(hclVersion(`"1"`), true), "", "a 1"},
		{"UTF-16 without mark", "recipe.yaml", inUTF16(good, false), "", "a 1"},
		{"UTF-16 cut off", "recipe.yaml", inUTF16(good, true) + "x", "", "1:1 encoding"},
		{"UTF-32", "recipe.yaml", "\xFF\xFE\x00\x00p\x00\x00\x00", "", "1:1 encoding"},
		{"Latin-1", "meta.yaml", meta + "about:\n  summary: caf\xe9\n", "", "5:15 encoding"},
		{"Latin-1", "recipe.yaml", good + "about:\n  summary: caf\xe9\n", "", "5:15 encoding"},
		{"Latin-1", "recipe.hcl", hclVersion(`"1"`) + "about {\n  summary = \"caf\xe9\"\n}\n", "", "5:17 encoding"},
		{"NUL", "meta.yaml", meta + "about:\n  summary: a\x00b\n", "", "5:13 yaml-syntax"},
		{"NUL", "recipe.yaml", good + "about:\n  summary: a\x00b\n", "", "5:13 yaml-syntax"},
		{"NUL", "recipe.hcl", hclVersion(`"1"`) + "about {\n  summary = \"a\x00b\"\n}\n", "", "5:15 yaml-syntax"},
		{"escape sequence", "recipe.yaml", "package:\n  name: \"\\e[31mred\"\n  version: '1'\n", "", "2:9 bad-value"},
		{"old Mac lines", "recipe.yaml", strings.ReplaceAll(good, "\n", "\r"), "", "a 1"},
		{"Windows lines", "meta.yaml", strings.ReplaceAll(meta, "\n", "\r\n"), "", "a 1"},
		{"Windows lines", "recipe.hcl", strings.ReplaceAll(hclVersion(`"1"`), "\n", "\r\n"), "", "a 1"},
		{"empty", "meta.yaml", "", "", "1:1 wrong-type"},
		{"empty", "recipe.yaml", "", "", "1:1 missing-key"},
		{"empty", "recipe.hcl", "", "", "1:1 missing-key"},
		{"a list", "recipe.yaml", "- a\n", "", "1:1 wrong-type"},
		{"a text", "meta.yaml", "hello\n", "", "1:1 wrong-type"},
		{"a tab", "recipe.yaml", "package:\n\tname: a\n", "", "2:2 yaml-syntax"},
		{"a tab", "meta.yaml", "package:\n\tname: a\n", "", "2:2 yaml-syntax"},
		{"merge conflict", "recipe.yaml", "package:\n  name: a\n<<<<<<< HEAD\n  version: 1\n=======\n  version: 2\n>>>>>>> x\n", "", "3:1 yaml-syntax"},
		{"merge conflict", "meta.yaml", "package:\n  name: a\n<<<<<<< HEAD\n  version: 1\n=======\n  version: 2\n>>>>>>> x\n", "", "3:1 yaml-syntax"},
		// sizes
		{"10 MB scalar", "meta.yaml", meta + "about:\n  summary: " + strings.Repeat("x", 10_000_000) + "\n", "", "5:12 too-big"},
		{"10 MB scalar", "recipe.yaml", good + "about:\n  summary: " + strings.Repeat("x", 10_000_000) + "\n", "", "5:12 too-big"},
		{"10 MB block", "recipe.yaml", good + "about:\n  description: |\n" + strings.Repeat("    line\n", 1_200_000), "", "5:16 too-big"},
		{"10 MB quoted", "recipe.yaml", good + "about:\n  summary: \"" + strings.Repeat("x", 10_000_000) + "\"\n", "", "5:12 too-big"},
		{"10 MB scalar", "recipe.hcl", hclVersion(`"1"`) + "about {\n  summary = \"" + strings.Repeat("x", 10_000_000) + "\"\n}\n", "", "recipe.hcl too-big"},
		{"10 MB in variants", "recipe.yaml", good, "py: [" + strings.Repeat("x", 10_000_000) + "]\n", "variants.yaml:1:6 too-big"},
		{"10 MB key", "recipe.yaml", good + strings.Repeat("x", 10_000_000) + ": 1\n", "", "4:1 yaml-syntax"},
		{"10 MB comment", "recipe.yaml", good + "# " + strings.Repeat("x", 10_000_000) + "\n", "", "a 1"},
		{"10 MB comment", "meta.yaml", meta + "# " + strings.Repeat("[x]", 3_000_000) + "\n", "", "a 1"},
		{"20 MB", "recipe.yaml", good + strings.Repeat("# x\n", 5_000_000), "", "recipe.yaml too-big"},
		{"million keys", "recipe.yaml", good + "extra:\n" + many(510_000, "  k%d: 1\n"), "", "500000:12 too-big"},
		// nesting
		{"brackets", "meta.yaml", brackets, "", "1:201 too-deep"},
		{"brackets", "recipe.yaml", brackets, "", "1:201 too-deep"},
		{"brackets", "recipe.hcl", "a = " + brackets, "", "1:105 too-deep"},
		{"brackets in variants", "recipe.yaml", good, "py: " + brackets, "variants.yaml:1:205 too-deep"},
		{"brackets in a value", "recipe.yaml", good + "extra: " + brackets + "\n", "", "4:208 too-deep"},
		{"braces", "recipe.yaml", good + "extra: " + strings.Repeat("{a: ", 25_000) + "\n", "", "4:808 too-deep"},
		{"dashes", "recipe.yaml", good + "extra:\n  " + strings.Repeat("- ", 50_000) + "\n", "", "5:403 too-deep"},
		{"indents", "recipe.yaml", good + "extra:\n" + func() string {
			var b strings.Builder
			for i := range 440 {
				b.WriteString(strings.Repeat(" ", i+1) + "a:\n")
			}
			return b.String()
		}(), "", "204:201 too-deep"},
		{"brackets in an expression", "meta.yaml", meta + "about:\n  summary: {{ " + brackets + " }}\n", "", "5:215 too-expensive"},
		{"brackets in an expression", "recipe.yaml", good + "about:\n  summary: ${{ " + brackets + " }}\n", "", "5:216 too-expensive"},
		{"parentheses in an expression", "recipe.yaml", good + "about:\n  summary: ${{ " + strings.Repeat("(", 50_000) + "1" + strings.Repeat(")", 50_000) + " }}\n", "", "5:216 too-expensive"},
		{"nots in an expression", "meta.yaml", meta + "about:\n  summary: {{ " + strings.Repeat("not ", 25_000) + "1 }}\n", "", "5:2007 too-expensive"},
		{"minuses in an expression", "recipe.yaml", good + "about:\n  summary: ${{ " + strings.Repeat("-", 100_000) + "1 }}\n", "", "5:514 too-expensive"},
		{"powers", "meta.yaml", meta + "about:\n  summary: {{ 2" + strings.Repeat("**2", 30_000) + " }}\n", "", "5:31 expression"},
		{"brackets in a selector", "meta.yaml", meta + "build:\n  skip: true  # [" + strings.Repeat("(", 100_000) + "]\n", "", "5:218 bad-selector"},
		{"brackets in a condition", "recipe.yaml", good + "build:\n  skip: '" + strings.Repeat("(", 100_000) + "'\n", "", "a 1"},
		{"nested ifs", "meta.yaml", strings.Repeat("{% if 1 %}", 10_000) + meta, "", "1:4987 too-expensive"},
		{"parentheses", "recipe.hcl", "a = " + strings.Repeat("(", 100_000), "", "1:105 too-deep"},
		{"templates", "recipe.hcl", "a = " + strings.Repeat("\"${", 30_000), "", "1:155 too-deep"},
		{"blocks", "recipe.hcl", strings.Repeat("b {\n", 25_000), "", "101:3 too-deep"},
		{"signs", "recipe.hcl", "a = " + strings.Repeat("-", 100_000) + "1\n", "", "1:105 too-deep"},
		{"choices", "recipe.hcl", "a = " + strings.Repeat("1 ? 1 : ", 12_000) + "1\n", "", "1:16007 too-deep"},
		{"sums", "recipe.hcl", hclVersion("1" + strings.Repeat("+1", 50_000)), "", "a 50001"},
		{"indexes", "recipe.hcl", "a = b" + strings.Repeat("[0]", 30_000) + "\n", "", "1:1 unknown-key"},
		// work without end
		{"long text", "meta.yaml", "{% set x = 'a' * 10**9 %}\n" + meta, "", "1:16 too-expensive"},
		{"long text", "recipe.yaml", "context:\n  x: ${{ 'a' * 10**9 }}\n" + good, "", "2:14 too-expensive"},
		{"long text of a variant", "recipe.yaml", good + "about:\n  summary: ${{ ('a' * 1000000) * n }}\n", "n: [1000]\n", "5:32 too-expensive"},
		{"power", "meta.yaml", "{% set x = 10**10**10 %}\n" + meta, "", "1:18 expression"},
		{"power", "recipe.yaml", "context:\n  x: ${{ 10**10**10 }}\n" + good, "", "2:16 expression"},
		{"loop", "meta.yaml", "{% for i in range(10**9) %}{% for j in range(10**9) %}x{% endfor %}{% endfor %}\n" + meta, "", "1:13 too-expensive"},
		{"empty loop", "meta.yaml", "{% for i in range(10**9) %}{% endfor %}\n" + meta, "", "1:13 too-expensive"},
		{"nested loops", "meta.yaml", strings.Repeat("{% for i in range(1000) %}", 8) + strings.Repeat("{% endfor %}", 8) + meta, "", "1:186 too-expensive"},
		{"macro that calls itself", "meta.yaml", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}\n" + meta, "", "1:19 too-expensive"},
		{"list that doubles", "meta.yaml", "{% set ns = namespace(x=[1]) %}{% for i in range(64) %}{% set ns.x = ns.x + ns.x %}{% endfor %}\n" + meta, "", "1:75 too-expensive"},
		{"text that doubles", "meta.yaml", "{% set ns = namespace(x='ab') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}\n" + meta, "", "1:76 too-expensive"},
		{"wide format", "meta.yaml", meta + "about:\n  summary: {{ '%999999999d' % 1 }}\n", "", "5:29 expression"},
		{"wide format", "recipe.yaml", good + "about:\n  summary: ${{ 'a' | center(999999999) }}\n", "", "5:22 expression-syntax"},
		{"replace", "recipe.yaml", good + "about:\n  summary: ${{ ('a' * 100000) | replace('a', 'b' * 100000) }}\n", "", "5:12 too-expensive"},
		{"join", "meta.yaml", meta + "about:\n  summary: {{ ('b' * 100000).join(['a'] * 100000) }}\n", "", "5:34 too-expensive"},
		{"hcl loop", "recipe.hcl", hclVersion(`"1"`) + "requirements {\n  run = [for a in range(0, 1000): [for b in range(0, 1000): [for c in range(0, 1000): a]]]\n}\n", "", "5:61 too-deep"},
		{"hcl doubling", "recipe.hcl", "locals {\n  a0 = \"aaaaaaaaaa\"\n" + func() string {
			var b strings.Builder
			for i := range 40 {
				fmt.Fprintf(&b, "  a%d = \"${local.a%d}${local.a%d}\"\n", i+1, i, i)
			}
			return b.String()
		}() + "}\n" + hclVersion("local.a40"), "", "15:9 too-big"},
		{"hcl locals in a ring", "recipe.hcl", "locals {\n  a = local.b\n  b = local.a\n}\n" + hclVersion("local.a"), "", "2:3 cycle"},
		{"context in a ring", "recipe.yaml", "context:\n  a: ${{ b }}\n  b: ${{ a }}\n" + good, "", "2:6 undefined"},
		// variants
		{"million variants", "meta.yaml", "package:\n  name: a\n  version: {{ k0 }}{{ k1 }}{{ k2 }}{{ k3 }}{{ k4 }}{{ k5 }}\n", ten, "variants.yaml:1:1 too-many-variants"},
		{"million variants", "recipe.yaml", v1Version("${{ k0 ~ k1 ~ k2 ~ k3 ~ k4 ~ k5 }}"), ten, "variants.yaml:1:1 too-many-variants"},
		{"million variants", "recipe.hcl", hclVersion(`"${variant.k0}${variant.k1}${variant.k2}${variant.k3}${variant.k4}${variant.k5}"`), ten, "variants.yaml:1:1 too-many-variants"},
		{"variants of 60 keys", "recipe.yaml", v1Version("${{ " + many(60, "k%d ~ ") + "'' }}"), many(60, "k%d: [a, b]\n"), "variants.yaml:1:1 too-many-variants"},
		{"zip of different lengths", "recipe.yaml", v1Version("${{ k0 ~ k1 }}"), "k0: [a, b]\nk1: [a]\nzip_keys: [[k0, k1]]\n", "variants.yaml:1:1 zip-keys"},
		{"variant that is a mapping", "recipe.yaml", v1Version("${{ k0 }}"), "k0: {a: b}\n", "variants.yaml:1:5 wrong-type"},
		{"1.10", "forge.hcl", "variant {\n  py = [1.10]\n}\n", "", "2:8 wrong-type"},
		{"duplicate key", "forge.hcl", "variant {\n  py = [\"1\"]\n  py = [\"2\"]\n}\n", "", "3:3 duplicate-key"},
		{"UTF-16", "forge.hcl", inUTF16("variant {\n  py = [\"1\"]\n}\n", true), "", "py: [\"1\"]\n "},
		{"NUL", "forge.hcl", "variant {\n  py = [\"1\x00\"]\n}\n", "", "2:11 yaml-syntax"},
		{"brackets", "forge.hcl", "variant {\n  py = " + brackets + "\n}\n", "", "2:107 too-deep"},
		{"blocks", "forge.hcl", strings.Repeat("b {\n", 25_000), "", "101:3 too-deep"},
		{"10 MB scalar", "forge.hcl", "variant {\n  py = [\"" + strings.Repeat("x", 10_000_000) + "\"]\n}\n", "", "forge.hcl too-big"},
		{"outputs times variants", "recipe.yaml", "outputs:\n" + many(200, "  - package: {name: 'o%d', version: \"${{ k0 ~ k1 }}\"}\n"), many(2, "k%d: [a, b, c, d, e, f, g, h, i, j]\n"), "1:1 too-many-outputs"},
		{"outputs times variants", "meta.yaml", meta + "outputs:\n" + many(200, "  - name: o%d\n    version: {{ k0 }}{{ k1 }}\n"), many(2, "k%d: [a, b, c, d, e, f, g, h, i, j]\n"), "1:1 too-many-outputs"},
		{"loop of outputs", "meta.yaml", meta + "outputs:\n{% for i in range(100000) %}\n  - name: o{{ i }}\n{% endfor %}\n", "", "1:1 too-many-outputs"},
	}
}

// TestHostile renders files that were written to do harm: the right value or an error with its place,
// within bounds of time and memory.
func TestHostile(t *testing.T) {
	for _, h := range hostileFiles() {
		t.Run(strings.ReplaceAll(h.file+" "+h.name, " ", "_"), func(t *testing.T) {
			o := linuxOptions()
			if h.variants != "" {
				o.Variants = []VariantFile{{Path: "variants.yaml", Data: []byte(h.variants)}}
			}
			got := bounded(t, 1, func() string { return verdict(h, Render(h.file, []byte(h.text), o)) })
			if got != h.want {
				t.Errorf("got %q, want %q", got, h.want)
			}
		})
	}
}

// bounded runs f and fails where it takes too long, or more memory than reading so many times may.
func bounded(t *testing.T, readings uint64, f func() string) string {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	done := make(chan string, 1)
	go func() { done <- f() }()
	select {
	case s := <-done:
		runtime.ReadMemStats(&after)
		n := after.TotalAlloc - before.TotalAlloc
		if n > readings*hostileMemory {
			t.Errorf("%d MB allocated", n>>20)
		}
		return s
	case <-time.After(hostileTime):
		t.Fatalf("not done after %v", hostileTime)
		return ""
	}
}

func verdict(h hostile, r *Rendered) string {
	if h.file == "forge.hcl" {
		w, list := ParseWorkspace(h.file, []byte(h.text))
		r = &Rendered{Diagnostics: list}
		if f, ok := w.VariantFile(); ok {
			r.Outputs = []*Output{{Name: string(f.Data)}}
		}
	}
	if testing.Verbose() {
		fmt.Printf("==== %s %s (%d outputs, %d diagnostics)\n%.1200v\n", h.file, h.name, len(r.Outputs), len(r.Diagnostics), r.Diagnostics.Err())
	}
	if d := firstError(r.Diagnostics); d != nil {
		return strings.TrimPrefix(d.Pos.String(), h.file+":") + " " + d.Code
	}
	for _, out := range r.Outputs {
		return fmt.Sprintf("%s %s", out.Name, out.Version)
	}
	return "nothing"
}
