package recipes

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled when it is first asked: most runs of the program ask for
// few of them, and to compile them all takes longer than to render a recipe. Its methods are those of
// regexp.Regexp.
type pattern struct {
	src  string
	once sync.Once
	re   *regexp.Regexp
}

func (p *pattern) compiled() *regexp.Regexp {
	p.once.Do(func() { p.re = regexp.MustCompile(p.src) })
	return p.re
}

func (p *pattern) FindAllString(s string, n int) []string {
	return p.compiled().FindAllString(s, n)
}

func (p *pattern) FindAllStringIndex(s string, n int) [][]int {
	return p.compiled().FindAllStringIndex(s, n)
}

func (p *pattern) FindAllStringSubmatch(s string, n int) [][]string {
	return p.compiled().FindAllStringSubmatch(s, n)
}

func (p *pattern) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return p.compiled().FindAllStringSubmatchIndex(s, n)
}

func (p *pattern) FindString(s string) string {
	return p.compiled().FindString(s)
}

func (p *pattern) FindStringIndex(s string) (loc []int) {
	return p.compiled().FindStringIndex(s)
}

func (p *pattern) FindStringSubmatch(s string) []string {
	return p.compiled().FindStringSubmatch(s)
}

func (p *pattern) FindStringSubmatchIndex(s string) []int {
	return p.compiled().FindStringSubmatchIndex(s)
}

func (p *pattern) Match(b []byte) bool {
	return p.compiled().Match(b)
}

func (p *pattern) MatchString(s string) bool {
	return p.compiled().MatchString(s)
}

func (p *pattern) ReplaceAllString(src, repl string) string {
	return p.compiled().ReplaceAllString(src, repl)
}

func (p *pattern) ReplaceAllStringFunc(src string, repl func(string) string) string {
	return p.compiled().ReplaceAllStringFunc(src, repl)
}
