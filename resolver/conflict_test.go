package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"forge/packages"
	"forge/resolver"
)

// channel is a provider of such records.
func channel(text string) *resolver.Memory { return resolver.NewMemory(readRecords(text)...) }

// readRecords makes records of lines "NAME VERSION [BUILD [TIMESTAMP]]: SPEC; SPEC; !CONSTRAINT".
func readRecords(text string) (records []*packages.Record) {
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		head, tail, _ := strings.Cut(line, ":")
		f := strings.Fields(head)
		if len(f) < 3 {
			f = append(f, "0")
		}
		r := &packages.Record{Name: f[0], Version: f[1], Build: f[2], FileName: strings.Join(f[:3], "-") + ".conda", Subdir: "noarch"}
		if len(f) > 3 {
			fmt.Sscan(f[3], &r.Timestamp)
		}
		for s := range strings.SplitSeq(tail, ";") {
			if s = strings.TrimSpace(s); strings.HasPrefix(s, "!") {
				r.Constrains = append(r.Constrains, s[1:])
			} else if s != "" {
				r.Depends = append(r.Depends, s)
			}
		}
		records = append(records, r)
	}
	return records
}

// TestExplanations are real or well-known conflicts with what we say of them.
func TestExplanations(t *testing.T) {
	for _, c := range []struct{ name, channel, specs, want string }{
		{"versions of python", `
python 3.9
python 3.11
python 3.13
numpy 1.25 py39: python 3.9.*
numpy 1.26 py39: python 3.9.*
numpy 1.26 py311: python 3.11.*
numpy 2.3 py313: python 3.13.*`, "numpy 1.26.*;python >=3.13", `
no solution for numpy 1.26.*, python >=3.13: numpy 1.26.* is wanted, but numpy 1.26 needs python 3.11.* or 3.9.*, but python >=3.13 is wanted
hint: python 3.11 would do instead of python >=3.13; numpy 2.3 would do instead of numpy 1.26.*`},
		{"bluesky (resolvo)", `
suitcase-utils 54
suitcase-utils 53
suitcase-utils 50
bluesky-widgets 42: bluesky-live <10; numpy <10; python <10; suitcase-utils <54
bluesky-widgets 43: bluesky-live <10; numpy <10; python <10; suitcase-utils <54
bluesky-live 1
numpy 1
python 1`, "bluesky-widgets <100;suitcase-utils >=54,<100", `
no solution for bluesky-widgets <100, suitcase-utils >=54,<100: bluesky-widgets <100 is wanted, but bluesky-widgets 42 and 43 need suitcase-utils <54, but suitcase-utils >=54,<100 is wanted
hint: suitcase-utils 53 would do instead of suitcase-utils >=54,<100`},
		{"article (pubgrub)", `
menu 1.0: dropdown >=1,<2
menu 1.5: dropdown >=2,<3
dropdown 1.8: intl 3.*
dropdown 2.3: icons 2.*
icons 1.0
icons 2.0
intl 5.0
intl 3.0`, "menu;icons 1.*;intl 5.*", `
no solution for menu, icons 1.*, intl 5.*
└─ menu is wanted, but
   ├─ menu 1.5 needs dropdown >=2,<3, but dropdown 2.3 needs icons 2.*, but icons 1.* is wanted
   └─ menu 1.0 needs dropdown >=1,<2, but dropdown 1.8 needs intl 3.*, but intl 5.* is wanted
hint: intl 3.0 would do instead of intl 5.*; icons 2.0 would do instead of icons 1.*; it is solvable without menu`},
		{"unknown dependency", `
app 1.0: zlbi >=1
zlib 1.3`, "app", `
no solution for app: app 1.0 needs zlbi >=1, which no channel has; is zlib meant?`},
		{"no such version", `
zlib 1.2
zlib 1.3`, "zlib >=2", `
no solution for zlib >=2: there is only zlib 1.2 and 1.3
hint: zlib 1.3 would do instead of zlib >=2`},
		{"machine", `
app 1.0: __glibc >=2.34`, "app", `
no solution for app: app 1.0 needs __glibc >=2.34, which this machine does not have
hint: it is solvable on a machine with __glibc 2.34`},
		{"constraint", `
a 1: b
b 1: !c <2
c 1
c 2`, "a;c >=2", `
no solution for a, c >=2: a 1 needs b, but b 1 allows only c <2, but c >=2 is wanted
hint: c 1 would do instead of c >=2; it is solvable without a`},
		{"two sides", `
a 1: lib 1.*
b 1: lib 2.*
lib 1.0
lib 2.0`, "a;b", `
no solution for a, b: a 1 needs lib 1.*, but b 1 needs lib 2.*
hint: it is solvable without b; it is solvable without a`},
		{"unreadable", `
a 1: b >=>1
b 1`, "a", `
no solution for a: a 1 cannot be used: match spec "b >=>1": version condition ">=>1": invalid operator ">=>"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := resolver.New().Solve(context.Background(), channel(c.channel), resolver.Problem{Specs: strings.Split(c.specs, ";")})
			var conflict *resolver.Conflict
			if !errors.As(err, &conflict) {
				t.Fatal(err)
			}
			if got := conflict.Error(); got != strings.TrimSpace(c.want) {
				t.Errorf("got\n%s\nwant%s", got, c.want)
			}
		})
	}
}

// TestDeterministic: the order in which a provider lists records changes nothing.
func TestDeterministic(t *testing.T) {
	for seed := range uint64(300) {
		provider, problem := randomProblem(seed)
		first, err1 := resolver.New().Solve(context.Background(), provider, problem)
		second, err2 := resolver.New().Solve(context.Background(), reversed{provider}, problem)
		if fmt.Sprint(first, err1) != fmt.Sprint(second, err2) && (first == nil || second == nil || fmt.Sprint(first.Records) != fmt.Sprint(second.Records)) {
			t.Fatalf("seed %d: %v %v, then %v %v", seed, first, err1, second, err2)
		}
	}
}

// reversed lists records the other way round.
type reversed struct{ *resolver.Memory }

func (r reversed) Candidates(name string) ([]*packages.Record, error) {
	in, err := r.Memory.Candidates(name)
	out := make([]*packages.Record, 0, len(in))
	for i := len(in) - 1; i >= 0; i-- {
		out = append(out, in[i])
	}
	return out, err
}

// TestMany: a name with very many versions and a ring of constraints end soon.
func TestMany(t *testing.T) {
	var records []*packages.Record
	for i := range 3_000 {
		records = append(records, &packages.Record{Name: "many", Version: fmt.Sprint(i), Build: "0", Depends: []string{fmt.Sprintf("other !=%d", i)}})
	}
	for i := range 3 {
		records = append(records, &packages.Record{Name: "other", Version: fmt.Sprint(i), Build: "0", Constrains: []string{"many <2"}})
	}
	for i := range 200 {
		r := &packages.Record{Name: fmt.Sprintf("ring%d", i), Version: "1", Build: "0", Depends: []string{fmt.Sprintf("ring%d", (i+1)%200)}}
		r.Constrains = []string{fmt.Sprintf("ring%d >=1", (i+7)%200)}
		records = append(records, r)
	}
	provider := resolver.NewMemory(records...)
	start := cpuTime()
	defer func() {
		if took := time.Duration(cpuTime() - start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	}()
	for _, specs := range [][]string{{"many"}, {"ring0"}, {"many >=3", "other"}} {
		if got := solveNames(t, provider, resolver.Problem{Specs: specs}); got == "" {
			t.Error(specs)
		}
	}
}
