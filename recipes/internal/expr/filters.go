package expr

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// tables fills the dialect's filters and tests.
func (d *Dialect) tables() {
	d.filters, d.tests = d.Filters, d.Tests
	if d.filters == nil {
		d.filters = AllFilters()
		delete(d.filters, "split")
		delete(d.filters, "bool")
	}
	if d.tests == nil {
		d.tests = AllTests()
		delete(d.tests, "startingwith")
		delete(d.tests, "endingwith")
	}
}

// filter finds a filter of the dialect.
func (d *Dialect) filter(name string) (Filter, bool) {
	d.once.Do(d.tables)
	f, ok := d.filters[name]
	return f, ok
}

func (d *Dialect) test(name string) (Test, bool) {
	d.once.Do(d.tables)
	f, ok := d.tests[name]
	return f, ok
}

// AllFilters returns a new map of Jinja2's filters and minijinja's split and bool.
func AllFilters() map[string]Filter {
	m := stdFilters()
	for name, f := range seqFilters() {
		m[name] = f
	}
	return m
}

// bound makes a filter of a function over bound arguments.
func bound(name string, params []string, f func(c *Context, in Value, v []Value) (Value, error)) Filter {
	return func(c *Context, in Value, a Args) (Value, error) {
		v, err := a.Bind(name, params...)
		if err != nil {
			return nil, err
		}
		return f(c, in, v)
	}
}

// onText makes a filter of a method of strings.
func onText(methodName string, params ...string) Filter {
	return func(c *Context, in Value, a Args) (Value, error) {
		s, err := c.Str(in)
		if err != nil {
			return nil, err
		}
		return stringMethod(methodName)(c.st, 0, s, a)
	}
}

func orAbsent(v Value, def Value) Value {
	if _, ok := v.(Absent); ok {
		return def
	}
	return v
}

func stdFilters() map[string]Filter {
	return map[string]Filter{
		"lower":          onText("lower"),
		"upper":          onText("upper"),
		"capitalize":     onText("capitalize"),
		"title":          filterTitle,
		"trim":           onText("strip"),
		"replace":        onText("replace"),
		"center":         bound("center", []string{"width?"}, filterCenter),
		"string":         func(c *Context, in Value, _ Args) (Value, error) { return c.Str(in) },
		"safe":           func(c *Context, in Value, _ Args) (Value, error) { return in, nil },
		"int":            bound("int", []string{"default?", "base?"}, filterInt),
		"float":          bound("float", []string{"default?"}, filterFloat),
		"abs":            filterAbs,
		"round":          bound("round", []string{"precision?", "method?"}, filterRound),
		"default":        bound("default", []string{"default_value?", "boolean?"}, filterDefault),
		"d":              bound("default", []string{"default_value?", "boolean?"}, filterDefault),
		"bool":           func(c *Context, in Value, _ Args) (Value, error) { return Truth(in), nil },
		"format":         filterFormat,
		"e":              filterEscape,
		"escape":         filterEscape,
		"forceescape":    filterEscape,
		"indent":         bound("indent", []string{"width?", "first?", "blank?"}, filterIndent),
		"truncate":       bound("truncate", []string{"length?", "killwords?", "end?", "leeway?"}, filterTruncate),
		"wordcount":      filterWordcount,
		"tojson":         bound("tojson", []string{"indent?"}, filterJSON),
		"urlencode":      filterURL,
		"pprint":         func(c *Context, in Value, _ Args) (Value, error) { return Repr(in), nil },
		"striptags":      filterStripTags,
		"filesizeformat": bound("filesizeformat", []string{"binary?"}, filterFileSize),
	}
}

func filterTitle(c *Context, in Value, _ Args) (Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	start := true
	for _, r := range s {
		if start {
			b.WriteString(strings.ToUpper(string(r)))
		} else {
			b.WriteString(lower(string(r)))
		}
		start = strings.ContainsRune("-({[<", r) || strings.ContainsRune(pySpace, r)
	}
	return b.String(), nil
}

func filterCenter(c *Context, in Value, v []Value) (Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	return stringMethod("center")(c.st, 0, s, Args{Pos: []Value{orAbsent(v[0], int64(80))}})
}

func filterInt(c *Context, in Value, v []Value) (Value, error) {
	def := orAbsent(v[0], int64(0))
	base, _ := toInt(orAbsent(v[1], int64(10)))
	switch x := in.(type) {
	case int64:
		return x, nil
	case bool:
		return boolInt(x), nil
	case float64:
		if math.IsNaN(x) || math.Abs(x) >= 1<<63 {
			return def, nil
		}
		return int64(x), nil
	case *Missing:
		if c.st.policy == Strict {
			return nil, x.err()
		}
		return def, nil
	case string:
		if n, ok := parseInt(x, int(base)); ok {
			return n, nil
		}
		if f, ok := parseFloat(x); ok && math.Abs(f) < 1<<63 {
			return int64(f), nil
		}
	}
	return def, nil
}

func parseInt(s string, base int) (int64, bool) {
	s = strings.Trim(s, pySpace)
	neg := false
	if s != "" && (s[0] == '-' || s[0] == '+') {
		neg, s = s[0] == '-', s[1:]
	}
	if len(s) > 2 && s[0] == '0' {
		if map[byte]int{'x': 16, 'o': 8, 'b': 2}[s[1]|0x20] == base {
			s = s[2:]
		}
	}
	if s == "" || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") || s[0] == '+' || s[0] == '-' || base < 2 || base > 36 {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), base, 64)
	if neg {
		n = -n
	}
	return n, err == nil
}

func parseFloat(s string) (float64, bool) {
	s = strings.Trim(s, pySpace)
	if strings.ContainsAny(s, "xXpP") {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil || math.IsInf(f, 0)
}

func filterFloat(c *Context, in Value, v []Value) (Value, error) {
	def := orAbsent(v[0], float64(0))
	switch x := in.(type) {
	case int64, bool, float64:
		return toFloat(x), nil
	case *Missing:
		if c.st.policy == Strict {
			return nil, x.err()
		}
	case string:
		if f, ok := parseFloat(x); ok {
			return f, nil
		}
	}
	return def, nil
}

func filterAbs(c *Context, in Value, _ Args) (Value, error) {
	switch x := in.(type) {
	case int64:
		if x < 0 {
			return -x, nil
		}
		return x, nil
	case bool:
		return boolInt(x), nil
	case float64:
		return math.Abs(x), nil
	}
	return nil, fmt.Errorf("abs needs a number, not %s", TypeName(in))
}

func filterRound(c *Context, in Value, v []Value) (Value, error) {
	if !isNumber(in) {
		return nil, fmt.Errorf("round needs a number, not %s", TypeName(in))
	}
	p, _ := toInt(orAbsent(v[0], int64(0)))
	m, _ := orAbsent(v[1], "common").(string)
	k := math.Pow(10, float64(max(-300, min(p, 300))))
	x := toFloat(in)
	i, isInt := toInt(in)
	switch m {
	case "common":
		if isInt {
			return roundInt(i, p), nil
		}
		if p > 15 {
			return x, nil
		}
		r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'f', int(max(p, 0)), 64), 64)
		if p < 0 || err != nil {
			r = math.RoundToEven(x*k) / k
		}
		return r, nil
	case "ceil":
		return math.Ceil(x*k) / k, nil
	case "floor":
		return math.Floor(x*k) / k, nil
	}
	return nil, fmt.Errorf("round: method is common, ceil or floor, not %q", m)
}

// roundInt is Python's round of an integer, half to even.
func roundInt(n, digits int64) int64 {
	if digits >= 0 {
		return n
	}
	unit := int64(1)
	for ; digits < 0; digits++ {
		if unit > math.MaxInt64/10 {
			return 0
		}
		unit *= 10
	}
	return int64(math.RoundToEven(float64(n)/float64(unit))) * unit
}

func filterDefault(c *Context, in Value, v []Value) (Value, error) {
	if _, missing := in.(*Missing); missing || Truth(orAbsent(v[1], false)) && !Truth(in) {
		return orAbsent(v[0], ""), nil
	}
	return in, nil
}

func filterFormat(c *Context, in Value, a Args) (Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	if len(a.Names) > 0 {
		d := NewDict()
		for i, k := range a.Names {
			d.Set(k, a.Named[i])
		}
		return c.st.percent(0, s, d), nil
	}
	return c.st.percent(0, s, Tuple(a.Pos)), nil
}

func filterEscape(c *Context, in Value, _ Args) (Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	r := strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", "\"", "&#34;").Replace(s)
	return r, c.Charge(len(r))
}

func filterIndent(c *Context, in Value, v []Value) (Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	pad, ok := orAbsent(v[0], int64(4)).(string)
	if !ok {
		n, _ := toInt(orAbsent(v[0], int64(4)))
		if n > maxWidth {
			return nil, fmt.Errorf("indent is too large")
		}
		pad = strings.Repeat(" ", int(max(n, 0)))
	}
	lines := strings.Split(s, "\n")
	if err := c.Charge(len(s) + len(pad)*len(lines)); err != nil {
		return nil, err
	}
	for i, l := range lines {
		if i == 0 && !Truth(orAbsent(v[1], false)) || i > 0 && l == "" && !Truth(orAbsent(v[2], false)) {
			continue
		}
		lines[i] = pad + l
	}
	return strings.Join(lines, "\n"), nil
}

func filterTruncate(c *Context, in Value, v []Value) (Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	n, _ := toInt(orAbsent(v[0], int64(255)))
	end := Str(orAbsent(v[2], "..."))
	leeway, _ := toInt(orAbsent(v[3], int64(5)))
	r := []rune(s)
	if int64(len(r)) <= n+leeway {
		return s, nil
	}
	cut := string(r[:max(0, min(int(n)-len([]rune(end)), len(r)))])
	if !Truth(orAbsent(v[1], false)) {
		if i := strings.LastIndexByte(cut, ' '); i >= 0 {
			cut = cut[:i]
		}
	}
	return cut + end, nil
}

func filterWordcount(c *Context, in Value, _ Args) (Value, error) {
	s, err := c.Str(in)
	return int64(len(strings.Fields(s))), err
}

func filterJSON(c *Context, in Value, v []Value) (Value, error) {
	if m, ok := in.(*Missing); ok && c.st.policy == Strict {
		return nil, m.err()
	}
	var b strings.Builder
	if err := writeJSON(c, &b, in, 0); err != nil {
		return nil, err
	}
	return b.String(), c.Charge(b.Len())
}

func writeJSON(c *Context, b *strings.Builder, v Value, depth int) error {
	if depth > maxPrint {
		return fmt.Errorf("tojson: nested too deep")
	}
	if err := c.Charge(8); err != nil {
		return err
	}
	list := func(items []Value) error {
		b.WriteByte('[')
		for i, it := range items {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := writeJSON(c, b, it, depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	switch x := v.(type) {
	case *List:
		return list(x.Items)
	case Tuple:
		return list(x)
	case *Dict:
		b.WriteByte('{')
		for i, k := range x.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := writeJSON(c, b, Str(k), depth+1); err != nil {
				return err
			}
			b.WriteString(": ")
			if err := writeJSON(c, b, x.vals[i], depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case float64:
		b.WriteString(floatText(x))
		return nil
	case nil, bool, int64, string:
		data, err := json.Marshal(x)
		b.WriteString(strings.ReplaceAll(string(data), "'", `\u0027`))
		return err
	}
	return fmt.Errorf("tojson: a %s has no JSON form", TypeName(v))
}

func filterURL(c *Context, in Value, _ Args) (Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	return strings.NewReplacer("+", "%20", "%2F", "/", "%7E", "~").Replace(url.QueryEscape(s)), c.Charge(3 * len(s))
}

func filterStripTags(c *Context, in Value, _ Args) (Value, error) {
	s, err := c.Str(in)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '<')
		j := -1
		if i >= 0 {
			j = strings.IndexByte(s[i:], '>')
		}
		if j < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		s = s[i+j+1:]
	}
	return strings.Join(strings.Fields(b.String()), " "), nil
}

func filterFileSize(c *Context, in Value, v []Value) (Value, error) {
	n := toFloat(in)
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if Truth(orAbsent(v[0], false)) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	if n == 1 {
		return "1 Byte", nil
	}
	if n < base {
		return fmt.Sprintf("%d Bytes", int64(n)), nil
	}
	for i, u := range units {
		if unit := math.Pow(base, float64(i+2)); n < unit || i == len(units)-1 {
			return fmt.Sprintf("%.1f %s", base*n/unit, u), nil
		}
	}
	return "", nil
}
