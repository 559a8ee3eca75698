package recipes

import "strings"

// v0Usage finds which variant keys a recipe uses. conda-build reads them off the text line by line with
// regular expressions (variants.py, find_used_variables_in_text), and the hash depends on what they
// find, so each is followed to the letter here, by hand since there are hundreds of keys. Keys are spoken
// of by their number.
type v0Usage struct {
	*v0Keys
	lines map[string]lineUse
	known map[string]lineUse // whole texts
}

// v0Keys are the keys of a configuration.
type v0Keys struct {
	keys   []string // sorted
	number map[string]int
	flat   map[string][]int // keys by their name with _ for -
}

// lineUse are the keys that a line or text uses: in its selectors, and anywhere.
type lineUse struct{ selector, all []int }

func newUsage(keys *v0Keys) *v0Usage {
	return &v0Usage{v0Keys: keys, lines: map[string]lineUse{}, known: map[string]lineUse{}}
}

func newKeys(keys []string) *v0Keys {
	u := &v0Keys{keys: keys, number: make(map[string]int, len(keys)), flat: make(map[string][]int, len(keys))}
	numbers := make([]int, len(keys))
	for i, k := range keys {
		numbers[i], u.number[k] = i, i
		f := strings.ReplaceAll(k, "-", "_")
		if same := u.flat[f]; same != nil {
			u.flat[f] = append(same, i)
		} else {
			u.flat[f] = numbers[i : i+1 : i+1]
		}
	}
	return u
}

// in lists the keys that text uses, in order.
func (u *v0Usage) in(text string) lineUse {
	if found, ok := u.known[text]; ok {
		return found
	}
	selector, all := newKeySet(u), newKeySet(u)
	bracket, brace := -1, -1 // the next of each: most lines have none and are quickly told
	for at := 0; at < len(text); {
		end := nextByte(text, at, '\n')
		bracket, brace = nextFrom(text, bracket, at, '['), nextFrom(text, brace, at, '{')
		if line := text[at:end]; bracket < end || brace < end {
			use := u.line(line)
			selector.add(use.selector)
			all.add(use.all)
		} else {
			all.add(u.requirement(line))
		}
		at = end + 1
	}
	found := lineUse{selector.numbers(), all.numbers()}
	u.known[text] = found
	return found
}

// inSelectors lists the keys in the selectors of text: of a line without a bracket nothing is asked.
func (u *v0Usage) inSelectors(text string) (out []int) {
	for at := 0; at < len(text); {
		i := strings.IndexByte(text[at:], '[')
		if i < 0 {
			return out
		}
		from := at + strings.LastIndexByte(text[at:at+i], '\n') + 1
		at = nextByte(text, at+i, '\n')
		out = append(out, u.line(text[from:at]).selector...)
		at++
	}
	return out
}

// nextByte is where c is next in text, its end where it is not.
func nextByte(text string, at int, c byte) int {
	if i := strings.IndexByte(text[at:], c); i >= 0 {
		return at + i
	}
	return len(text)
}

// nextFrom is nextByte where the place found last is known, which may still be ahead.
func nextFrom(text string, last, at int, c byte) int {
	if last >= at {
		return last
	}
	return nextByte(text, at, c)
}

// keySet is a set of keys.
type keySet []bool

func newKeySet(u *v0Usage) keySet { return make(keySet, len(u.keys)) }

func (s keySet) add(numbers []int) {
	for _, n := range numbers {
		s[n] = true
	}
}

func (s keySet) remove(numbers []int) {
	for _, n := range numbers {
		s[n] = false
	}
}

func (s keySet) numbers() (out []int) {
	for n, yes := range s {
		if yes {
			out = append(out, n)
		}
	}
	return out
}

// names are the keys of the set, in order.
func (u *v0Usage) names(s keySet) []string {
	count := 0
	for _, yes := range s {
		if yes {
			count++
		}
	}
	out := make([]string, 0, count)
	for n, yes := range s {
		if yes {
			out = append(out, u.keys[n])
		}
	}
	return out
}

// line reads a line with a bracket or brace.
func (u *v0Usage) line(line string) lineUse {
	if use, ok := u.lines[line]; ok {
		return use
	}
	s := &lineScan{v0Usage: u}
	s.selector(line)
	s.cdt(line)
	use := lineUse{selector: s.found[:len(s.found):len(s.found)]}
	s.expressions(line)
	s.found = append(s.found, s.requirement(line)...)
	s.statements(line)
	use.all = s.found
	u.lines[line] = use
	return use
}

// lineScan collects the keys of one line.
type lineScan struct {
	*v0Usage
	found []int
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// prefixes adds the keys that s begins with and that end at the end of a word; with after, some
// character has to follow.
func (s *lineScan) prefixes(text string, after bool, ok func(end int) bool) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if !isWord(c) && c != '-' && c != '.' {
			return
		}
		last := i+1 == len(text)
		if !isWord(c) || !last && isWord(text[i+1]) || last && after {
			continue
		}
		if n, is := s.number[text[:i+1]]; is && (ok == nil || ok(i+1)) {
			s.found = append(s.found, n)
		}
	}
}

// selector finds
//
//	^[^#\[]*?#?\s\[(?:[^\]]*?\s)?KEY\b[^\]]*?\]
func (s *lineScan) selector(line string) {
	open := strings.IndexByte(line, '[')
	if open < 1 || !isBlank(line[open-1]) {
		return
	}
	end := strings.IndexByte(line[open:], ']')
	if hash := strings.IndexByte(line[:open], '#'); end < 0 || hash >= 0 && hash != open-2 {
		return
	}
	for _, word := range strings.Fields(line[open+1 : open+end]) {
		s.prefixes(word, false, nil)
	}
}

// cdt finds the function, which reads two keys.
func (s *lineScan) cdt(line string) {
	if !strings.Contains(line, "cdt(") {
		return
	}
	s.braces(line, func(rest string) {
		if strings.HasPrefix(rest, "cdt('") || strings.HasPrefix(rest, `cdt("`) {
			s.add("cdt_name", "cdt_arch")
		}
	})
}

func (s *lineScan) add(keys ...string) {
	for _, k := range keys {
		if n, ok := s.number[k]; ok {
			s.found = append(s.found, n)
		}
	}
}

// braces calls f with what follows each { and blanks.
func (s *lineScan) braces(line string, f func(rest string)) {
	for i := strings.IndexByte(line, '{'); i >= 0; {
		rest := line[i+1:]
		f(afterBlanks(rest))
		next := strings.IndexByte(rest, '{')
		if next < 0 {
			return
		}
		i += 1 + next
	}
}

// expressions finds
//
//	\{\s*(?:pin_[a-z]+\(\s*?['"])?KEY[^_0-9a-zA-Z].*?\}\}
//	\{\s*(?:compiler|stdlib)\(['"]LANG['"][^{]*?\}
func (s *lineScan) expressions(line string) {
	last := strings.LastIndex(line, "}}")
	s.braces(line, func(rest string) {
		closed := func(end int) bool { return last >= len(line)-len(rest)+end+1 }
		s.prefixes(rest, true, closed)
		if call, ok := strings.CutPrefix(rest, "pin_"); ok {
			call = strings.TrimLeft(call, "abcdefghijklmnopqrstuvwxyz")
			if call, ok = strings.CutPrefix(call, "("); ok {
				call = afterBlanks(call)
				if call != "" && (call[0] == '\'' || call[0] == '"') {
					s.prefixes(call[1:], true, func(end int) bool { return last >= len(line)-len(call)+end+2 })
				}
			}
		}
		s.tools(rest)
	})
}

func (s *lineScan) tools(rest string) {
	for _, kind := range []string{"compiler", "stdlib"} {
		call, ok := strings.CutPrefix(rest, kind+"(")
		if !ok || call == "" || call[0] != '\'' && call[0] != '"' {
			continue
		}
		end := strings.IndexAny(call[1:], `'"`)
		if end < 0 {
			continue
		}
		if next := strings.IndexAny(call[end+2:], "{}"); next >= 0 && call[end+2+next] == '}' {
			lang := call[1 : end+1]
			for _, k := range toolKeys(kind, lang) {
				if k != sysrootKey { // conda-build counts it for C and C++ alone: see usedKeys
					s.add(k)
				}
			}
		}
	}
}

// requirement finds a name without a version, in which - and _ are the same:
//
//	^\s+-\s+KEY(?:\s+x\.x)?\s*(?:\s[\[#]|$)
func (u *v0Usage) requirement(line string) []int {
	rest := afterBlanks(line)
	if len(rest) == len(line) || len(rest) < 3 || rest[0] != '-' || !isBlank(rest[1]) {
		return nil
	}
	rest = afterBlanks(rest[1:])
	i := 0
	for i < len(rest) && rest[i] != ' ' && rest[i] != '\t' {
		i++
	}
	name, after := rest[:i], strings.TrimSpace(rest[i:])
	if more, ok := strings.CutPrefix(after, "x.x"); ok && (more == "" || isBlank(more[0])) {
		after = strings.TrimSpace(more)
	}
	if after != "" && after[0] != '[' && after[0] != '#' {
		return nil
	}
	var buffer [64]byte
	if len(name) > len(buffer) {
		return u.flat[strings.ReplaceAll(name, "-", "_")]
	}
	flat := buffer[:copy(buffer[:], name)]
	for i, c := range flat {
		if c == '-' {
			flat[i] = '_'
		}
	}
	return u.flat[string(flat)]
}

// statements finds
//
//	(?:^|[^\{])\{%\s*(?:el)?if\s*.*KEY\s*(?:[^%]*?)?%\}
//	(?:^|[^\{])\{%\s*(?:for|set)\s.*\bKEY\b(?:[^%]*?)?%\}
//
// Either reaches to the end of the line, so the first of each kind tells all.
func (s *lineScan) statements(line string) {
	ifs, sets := false, false
	for at := 0; !ifs || !sets; at += 2 {
		i := strings.Index(line[at:], "{%")
		if i < 0 {
			return
		}
		at += i
		if at > 0 && line[at-1] == '{' {
			continue
		}
		rest := afterBlanks(line[at+2:])
		switch {
		case !ifs && (strings.HasPrefix(rest, "if") || strings.HasPrefix(rest, "elif")):
			ifs = true
			for _, part := range closedParts(rest[2:]) {
				s.anywhere(part)
			}
		case !sets && len(rest) > 4 && (strings.HasPrefix(rest, "for") || strings.HasPrefix(rest, "set")) && isBlank(rest[3]):
			sets = true
			for _, part := range closedParts(rest[4:]) {
				s.words(part)
			}
		}
	}
}

// closedParts are the pieces of text whose next % closes a statement.
func closedParts(text string) (parts []string) {
	for {
		part, rest, ok := strings.Cut(text, "%")
		if !ok {
			return parts
		}
		if strings.HasPrefix(rest, "}") {
			parts = append(parts, part)
		}
		text = rest
	}
}

func (s *lineScan) anywhere(part string) {
	for n, key := range s.keys {
		if strings.Contains(part, key) {
			s.found = append(s.found, n)
		}
	}
}

func (s *lineScan) words(part string) {
	for i := 0; i < len(part); i++ {
		if isWord(part[i]) && (i == 0 || !isWord(part[i-1])) {
			s.prefixes(part[i:], false, nil)
		}
	}
}

// inShell lists the keys that a shell script uses: the first variable of a line, followed by white
// space, a bar or a brace. That is
//
//	(?ms)^[^$]*?\$\{?\s*KEY\s*[\s|\}]
func (u *v0Usage) inShell(text string) []int {
	const space = " \t\n\f\r"
	found := newKeySet(u)
	for at := 0; at < len(text); {
		dollar := nextByte(text, at, '$')
		if dollar == len(text) {
			break
		}
		rest := strings.TrimLeft(strings.TrimPrefix(text[dollar+1:], "{"), space)
		if end := strings.IndexAny(rest, space+"|}"); end >= 0 {
			if n, ok := u.number[rest[:end]]; ok {
				found[n] = true
			}
		}
		at = nextByte(text, dollar, '\n') + 1
	}
	return found.numbers()
}

// inBatch lists the keys that a batch script uses as %key%.
func (u *v0Usage) inBatch(text string) []int {
	found := newKeySet(u)
	for _, after, ok := strings.Cut(text, "%"); ok; {
		var word string
		if word, after, ok = strings.Cut(after, "%"); ok {
			if n, is := u.number[word]; is {
				found[n] = true
			}
		}
	}
	return found.numbers()
}
