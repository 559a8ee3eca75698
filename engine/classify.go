package engine

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Classes of differences: what a build let in that is not one of its inputs.
const (
	ClassTimestamp  = "timestamp"
	ClassPath       = "path"
	ClassOrder      = "order"
	ClassLocale     = "locale"
	ClassCPU        = "CPU"
	ClassRandomness = "randomness"
	ClassUser       = "user"
	ClassHost       = "hostname"
	ClassKernel     = "kernel"
	ClassUnknown    = "unknown"
)

// fixes is what removes a difference of each class from a recipe.
var fixes = map[string]string{
	ClassTimestamp:  "take the time from SOURCE_DATE_EPOCH (date -u -d @$SOURCE_DATE_EPOCH, -Wno-builtin-macro-redefined -D__DATE__=…, gzip -n, ar rcD), or patch the stamp out",
	ClassPath:       "map the build's folders away: -ffile-prefix-map=$SRC_DIR=. and -fdebug-prefix-map, or write paths relative to $PREFIX",
	ClassOrder:      "sort what is listed or linked: LC_ALL=C sort, $(sort $(wildcard …)) in make, sorted() in Python, sort keys in Perl, PYTHONHASHSEED=0 for sets and dicts; where jobs of one make append to one file, make -j1 or a file for each",
	ClassLocale:     "set LC_ALL=C.UTF-8 in the script before what depends on it, and name encodings where files are read",
	ClassCPU:        "do not let CPU_COUNT or the machine's CPU into the result: no -march=native, no make -j inside generated files, --parallel only where its output is ordered",
	ClassRandomness: "give the generator a seed (PYTHONHASHSEED=0, -frandom-seed=NAME, a fixed UUID), use names without mktemp, and hash content instead of addresses",
	ClassUser:       "write no user or group: tar --owner=0 --group=0 --numeric-owner, install without -o and -g, no whoami in generated files",
	ClassHost:       "write no host name: no hostname or uname -n in generated files",
	ClassKernel:     "write nothing of the kernel: no uname -r or -v in generated files, and no choice by it at build time (ask at run time)",
	ClassUnknown:    "look at both with diffoscope; forge rebuild --keep DIR leaves them side by side",
}

// evidence is what is known of the rebuild besides the bytes.
type evidence struct {
	start, end time.Time
	dimension  string // what alone was varied, empty for nothing
}

// classify names what let d in. What was shown by varying one thing comes before what the bytes look like.
func classify(d *Difference, e evidence) {
	d.Class, d.Why = classOfDifference(d, e)
	d.Fix = fixes[d.Class]
	if better := toolFixes[d.tool+" "+d.Class]; better != "" {
		d.Fix = better
	}
}

// toolFixes are what makes the tool that wrote a field leave it alone.
var toolFixes = map[string]string{
	"gzip " + ClassTimestamp:      "gzip -n, which keeps name and time out of the header",
	"ar " + ClassTimestamp:        "ar rcD and ranlib -D (ARFLAGS=rcD), and no U among the letters",
	"ar " + ClassUser:             "ar rcD and ranlib -D (ARFLAGS=rcD), and no U among the letters",
	"ar " + ClassOrder:            "give ar its members in order: $(sort $(OBJS)) in make, LC_ALL=C sort in a shell",
	"tar " + ClassTimestamp:       "tar --mtime=@$SOURCE_DATE_EPOCH --sort=name --owner=0 --group=0 --numeric-owner",
	"tar " + ClassUser:            "tar --owner=0 --group=0 --numeric-owner",
	"tar " + ClassOrder:           "tar --sort=name, and where tar -T reads a list: LC_ALL=C sort it",
	"tar " + ClassUnknown:         "tar --mode=go=rX,u+rw,a-s, or umask 022 before the files are made",
	"zip " + ClassTimestamp:       "touch -d @$SOURCE_DATE_EPOCH what goes in, then TZ=UTC zip -X",
	"zip " + ClassOrder:           "give zip its members in order: find . -type f | LC_ALL=C sort | zip -X -@ FILE",
	"pyc " + ClassTimestamp:       "python -m compileall --invalidation-mode checked-hash (PEP 552), or leave byte code out: Forge makes it",
	"pyc " + ClassPath:            "python -m compileall -s $SRC_DIR -p / names modules without the build's folder, or leave byte code out: Forge makes it",
	"pyc " + ClassOrder:           "export PYTHONHASHSEED=0 before modules are compiled, or leave byte code out: Forge makes it",
	"zip " + ClassUser:            "zip -X keeps owners out",
	"PE " + ClassTimestamp:        "LDFLAGS=-Wl,--no-insert-timestamp (GNU ld), -Wl,/timestamp:0 (lld) or /Brepro (Microsoft's link)",
	"Mach-O " + ClassTimestamp:    "export ZERO_AR_DATE=1 before linking",
	"Mach-O " + ClassRandomness:   "link without -random_uuid: the linker makes the UUID of the content",
	"build-id " + ClassRandomness: "LDFLAGS=-Wl,--build-id=sha1 in place of uuid: then it is made of the content",
	"compressor " + ClassUnknown:  "compress with one thread and a fixed level: gzip -n, xz -T1, zstd -T1, and not with what a machine happens to have (pigz)",
}

func classOfDifference(d *Difference, e evidence) (class, why string) {
	a, b := middle(d.dataA, d.dataB)
	switch {
	case d.hint == "mtime":
		return ClassTimestamp, "it is a field for a time"
	case e.dimension != "" && d.order:
		return classOf(e.dimension), "the same parts in another order when only this was varied: " + e.dimension
	case e.dimension != "":
		return classOf(e.dimension), "it differs when only this was varied: " + e.dimension
	case d.hint == "owner":
		return ClassUser, "it is a field for an owner"
	case d.hint == "random":
		return ClassRandomness, "it is a drawn value: it differs and nothing else does"
	case d.order:
		return ClassOrder, "the same parts in another order"
	case holdsPath(string(a)) != holdsPath(string(b)):
		return ClassPath, "one side names a folder of a build"
	case isTime(string(b), e) || sameButDates(d.dataA, d.dataB):
		return ClassTimestamp, "it holds a time, another in each build"
	case looksRandom(string(a), string(b)):
		return ClassRandomness, "another value of the same form each time, though nothing was varied"
	case d.hint != "":
		return ClassUnknown, d.hint
	}
	return ClassUnknown, "the bytes do not tell"
}

var buildFolders = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`/forge/(work|build|recipe|extra)\b|/elsewhere/for-a-rebuild`)
})

func holdsPath(s string) bool { return buildFolders().MatchString(s) }

var (
	datePattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`\b(19|20)\d\d[-/.](0[1-9]|1[0-2])[-/.][0-3]\d([T ][0-2]\d:[0-5]\d(:[0-5]\d)?([.,]\d+)?(Z|[+-]\d\d:?\d\d)?)?|\b([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d+)?|\b(\d{1,2} +)?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* +\d{1,4}\b( +([01]\d|2[0-3]):[0-5]\d\b)?|\b20\d\d[01]\d[0-3]\d([T_-]?\d{4,6})?\b`)
	})
	numberPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\d{10,19}`) })
)

// sameButDates reports whether a and b are the same where they name no day and no hour.
func sameButDates(a, b []byte) bool {
	ra, rb := datePattern().ReplaceAll(a, nil), datePattern().ReplaceAll(b, nil)
	return len(ra) < len(a) && bytes.Equal(ra, rb)
}

// isTime reports whether s holds the time of the rebuild, as seconds to nanoseconds since 1970.
func isTime(s string, e evidence) bool {
	for _, n := range numberPattern().FindAllString(s, 20) {
		digits := n[:10]
		v, err := strconv.ParseInt(digits, 10, 64)
		if err == nil && (len(n) == 10 || len(n) == 13 || len(n) == 16 || len(n) == 19) &&
			v >= e.start.Unix()-60 && v <= e.end.Unix()+60 {
			return true
		}
	}
	return false
}

var (
	hexPattern  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(0x)?[0-9a-fA-F]{6,}$`) })
	dumpPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:(?:0x)?[0-9a-fA-F]{2}[ ,:\n]+){3,}(?:0x)?[0-9a-fA-F]{2}$|^(?:[0-9a-fA-F]{4}[ :\n]+){2,}[0-9a-fA-F]{4}$`)
	})
	uuidPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-`) })
	tempPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(^|/)(tmp|temp|cc|conftest|build)[._-]?[A-Za-z0-9_]{6,}`)
	})
	integerPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\d{2,}$`) })
)

// looksRandom reports whether both texts have the form of a drawn value: a UUID, a hexadecimal or decimal
// number, bytes one by one, a name of mktemp.
func looksRandom(a, b string) bool {
	a, b = strings.TrimSpace(a), strings.TrimSpace(b)
	for _, p := range []*regexp.Regexp{uuidPattern(), hexPattern(), tempPattern(), integerPattern(), dumpPattern()} {
		for _, words := range [][2]string{{a, b}, {lastWord(a), lastWord(b)}} {
			if p.MatchString(words[0]) && p.MatchString(words[1]) {
				return true
			}
		}
	}
	return false
}

func lastWord(s string) string {
	fields := strings.FieldsFunc(s, notWord)
	if len(fields) == 0 {
		return ""
	}
	return fields[len(fields)-1]
}
