package recipes

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"text/tabwriter"

	"forge/platforms"
)

// conformanceFields are what the table counts for each line of an oracle; the last is which outputs there are.
var conformanceFields = [...]string{"name", "version", "build", "variant", "requirements", "skip"}

// originRow is what one origin of the corpus comes to in one format.
type originRow struct {
	recipes, read, rendered      int // files; with no mistake of form; rendered for one platform or more
	lines, equal, meant, refused int // of the oracle; refused are those that the oracle refuses: Forge refuses them, too, or does better
	fields                       [len(conformanceFields)]int
}

// conformanceReport gathers rows and the reasons of what is not equal.
type conformanceReport struct {
	t       *testing.T
	dir     string
	rows    map[[2]string]*originRow // format and origin
	unequal []string
	meant   map[string]int // reason → lines
	unread  []string
	tried   map[string]bool // recipe → it rendered for a line of an oracle
}

// TestConformanceReport reads the whole corpus, renders every line of the recorded oracles (rattler-build
// 0.73 for recipe.yaml, conda-build 26.7 for meta.yaml) and prints what is equal, by origin.
func TestConformanceReport(t *testing.T) {
	if os.Getenv("FORGE_CONFORMANCE") == "" {
		t.Skip("`make conformance` runs it (FORGE_CONFORMANCE=1)")
	}
	r := &conformanceReport{t: t, dir: shared(t), rows: map[[2]string]*originRow{}, meant: map[string]int{}, tried: map[string]bool{}}
	for _, origin := range []string{"rattler-build", "others", "cdt-builds", "feedstocks", "emscripten-forge"} {
		eachLine(t, filepath.Join(r.dir, "vectors/rattler-build/render", origin+".jsonl"), r.v1Line)
	}
	for _, origin := range []string{"conda-build", "feedstocks"} {
		eachLine(t, filepath.Join(r.dir, "vectors/conda-build-render", origin+".jsonl"), func(line []byte) { r.v0Line(origin, line) })
	}
	eachCorpusRecipe(t, r.file)
	r.print(t.Output())
	for key, row := range r.rows {
		if row.equal+row.meant+row.refused != row.lines {
			t.Errorf("%s of %s: %d lines are not equal", key[0], key[1], row.lines-row.equal-row.meant-row.refused)
		}
	}
}

func (r *conformanceReport) row(recipe string) *originRow {
	origin, _, _ := strings.Cut(recipe, "/")
	key := [2]string{formatOf(recipe), origin}
	if r.rows[key] == nil {
		r.rows[key] = &originRow{}
	}
	return r.rows[key]
}

func (r *conformanceReport) v1Line(line []byte) {
	var want wantRender
	if err := json.Unmarshal(line, &want); err != nil {
		r.t.Fatal(err)
	}
	row := r.row(want.Recipe)
	row.lines++
	got := renderWant(r.t, r.dir, &want)
	r.tried[want.Recipe] = r.tried[want.Recipe] || !got.Diagnostics.HasErrors()
	diff := compareRender(r.t, r.dir, &want)
	switch {
	case diff != "":
		r.differs(want.Recipe, want.Target, strings.Join(want.VariantFiles, " "), diff)
	case !want.OK:
		row.refused++
		return
	default:
		row.equal++
	}
	var mine, theirs [][5]string
	for _, o := range got.Outputs {
		if !o.Staging && !o.Skip {
			req, _ := json.Marshal(plainJSON(o.Requirements.recipeView()))
			mine = append(mine, [5]string{o.Name, o.Version, o.BuildString, string(o.HashInput), strings.ToLower(string(req))})
		}
	}
	for _, o := range want.Outputs {
		if o.Skip {
			continue
		}
		if o.Requirements == nil {
			o.Requirements = map[string]any{}
		}
		req, _ := json.Marshal(o.Requirements)
		theirs = append(theirs, [5]string{strings.ToLower(o.Name), o.Version, o.Build, string(hashInput(wholeNumbers(o.Variant))), strings.ToLower(string(req))})
	}
	for i, same := range sameFields(mine, theirs) {
		if same {
			row.fields[i]++
		}
	}
}

// sameFields compares outputs field by field, in any order; the last verdict is on their number. Outputs
// that the peer's command line merges count once.
func sameFields(mine, theirs [][5]string) (same [len(conformanceFields)]bool) {
	mine, theirs = distinct(mine), distinct(theirs)
	for i := range 5 {
		same[i] = column(mine, i) == column(theirs, i)
	}
	same[5] = len(mine) == len(theirs)
	return same
}

func distinct(list [][5]string) (out [][5]string) {
	seen := map[string]bool{}
	for _, o := range list {
		if key := strings.Join(o[:4], "\n"); !seen[key] {
			seen[key] = true
			out = append(out, o)
		}
	}
	return out
}

func column(list [][5]string, i int) string {
	var out []string
	for _, o := range list {
		out = append(out, o[0]+" "+o[i])
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

func (r *conformanceReport) v0Line(origin string, line []byte) {
	var want v0Want
	if err := json.Unmarshal(line, &want); err != nil {
		r.t.Fatal(err)
	}
	recipe := want.Recipe + "/meta.yaml"
	row := r.row(recipe)
	row.lines++
	diff := compareV0(r.t, r.dir, origin, &want)
	r.tried[recipe] = r.tried[recipe] || !strings.HasPrefix(diff, "error:")
	switch why := v0Deliberate(want.Recipe); {
	case want.Error != nil:
		row.refused++
	case diff == "":
		row.equal++
		for i := range row.fields {
			row.fields[i]++
		}
	case why != "":
		row.meant++
		r.meant[recipe+": "+why]++
	default:
		kinds, _, _ := strings.Cut(diff, ":")
		for i, same := range v0SameFields(kinds) {
			if same {
				row.fields[i]++
			}
		}
		r.differs(recipe, want.Platform, want.VariantFile, diff)
	}
}

// v0SameFields reads the kinds of differences that compareV0 names.
func v0SameFields(kinds string) (same [len(conformanceFields)]bool) {
	if kinds == "error" || strings.HasSuffix(kinds, " output") {
		return same
	}
	for i := range same {
		same[i] = true
	}
	for kind := range strings.SplitSeq(kinds, "+") {
		switch kind {
		case "version":
			same[1] = false
		case "build string":
			same[2] = false
		case "hash input", "used":
			same[3] = false
		case "build", "host", "run", "run_constrained", "run_exports":
			same[4] = false
		}
	}
	return same
}

func (r *conformanceReport) differs(recipe, platform, variants, diff string) {
	diff, _, _ = strings.Cut(diff, "\n")
	r.unequal = append(r.unequal, strings.TrimSpace(fmt.Sprintf("%s %s %s", recipe, platform, variants))+": "+diff)
}

// file reads a recipe of the corpus, with an oracle or without.
func (r *conformanceReport) file(path string, data []byte) {
	rel, err := filepath.Rel(filepath.Join(r.dir, "corpus"), path)
	if err != nil || strings.HasPrefix(rel, "..") {
		rel = "this-repository/" + filepath.ToSlash(path)
	}
	rel = filepath.ToSlash(rel)
	if strings.Contains(rel, "testdata/mistakes/") {
		return
	}
	row := r.row(rel)
	row.recipes++
	rendered, reason := r.tried[rel], ""
	if !rendered {
		rendered, reason = r.renders(path)
	}
	if !formMistake.MatchString(reason) {
		row.read++
	}
	if rendered {
		row.rendered++
		return
	}
	r.unread = append(r.unread, rel+": "+reason)
}

// formMistake ends the reason of a file that cannot be read, whatever its expressions come to.
var formMistake = regexp.MustCompile(`\[(unknown-key|wrong-type|missing-key|duplicate-key|bad-value|yaml-[a-z]+)\]$`)

// renders tries a recipe on three platforms with conda-forge's pinning, and says why none will do.
func (r *conformanceReport) renders(path string) (bool, string) {
	pinning := filepath.Join(r.dir, "corpus/conda-forge-pinning/recipe/conda_build_config.yaml")
	data, err := os.ReadFile(pinning)
	if err != nil {
		r.t.Fatal(err)
	}
	reason := ""
	for _, subdir := range []string{"linux-64", "osx-arm64", "win-64"} {
		p, _ := platforms.Parse(subdir)
		o := RenderOptions{BuildPlatform: p, HostPlatform: p, TargetPlatform: p, AllowUnhashed: true, Experimental: true, RepodataV3: true,
			Variants: []VariantFile{{Path: pinning, Data: data}}, noScripts: true, keepPins: true}
		list := RenderFile(path, o).Diagnostics
		first := firstError(list)
		if first == nil {
			return true, ""
		}
		if reason == "" {
			reason = fmt.Sprintf("%d:%d %s [%s]", first.Pos.Line, first.Pos.Column, first.Summary, first.Code)
		}
	}
	return false, reason
}

func (r *conformanceReport) print(w io.Writer) {
	r.printMistakes(w)
	printList(w, "Not equal, with the first difference", r.unequal)
	printList(w, "Not rendered on any platform, with the first mistake", r.unread)
	var meant []string
	for _, why := range sortedNames(r.meant) {
		meant = append(meant, fmt.Sprintf("%s (%d lines)", why, r.meant[why]))
	}
	for name, why := range otherwise() {
		meant = append(meant, "mistakes/"+name+": "+why)
	}
	different := differentKeys()
	for _, key := range sortedNames(different) {
		meant = append(meant, "keys/"+key+": "+different[key])
	}
	printList(w, "Different on purpose", meant)
	fmt.Fprintf(w, "\nRecipes by origin. Lines: one recipe, platform and variants file of the oracle (rattler-build 0.73, conda-build 26.7); refused: by the oracle, and by Forge if it cannot do better\n")
	table := tabwriter.NewWriter(w, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "format\torigin\trecipes\tread\trendered\tlines\tequal\t%s\ton purpose\trefused\tunequal\t\n", strings.Join(conformanceFields[:], "\t"))
	keys := make([][2]string, 0, len(r.rows))
	for k := range r.rows {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool { return keys[i][0]+keys[i][1] < keys[j][0]+keys[j][1] })
	for _, k := range keys {
		row := r.rows[k]
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%d\t%d\t%d", k[0], k[1], row.recipes, row.read, row.rendered, row.lines, row.equal)
		for _, n := range row.fields {
			fmt.Fprintf(table, "\t%d", n)
		}
		fmt.Fprintf(table, "\t%d\t%d\t%d\t\n", row.meant, row.refused, row.lines-row.equal-row.meant-row.refused)
	}
	table.Flush()
}

func printList(w io.Writer, title string, lines []string) {
	sort.Strings(lines)
	fmt.Fprintf(w, "\n%s: %d\n", title, len(lines))
	for _, l := range lines {
		fmt.Fprintf(w, "  %s\n", l)
	}
}

// printMistakes prints the verdict on each mistake that rattler-build judged, and the line.
func (r *conformanceReport) printMistakes(w io.Writer) {
	cases := judgedMistakes(r.t)
	fmt.Fprintf(w, "\nMistakes that rattler-build 0.73 judged (verdict theirs/ours, line theirs/ours; * differs, and why)\n")
	table := tabwriter.NewWriter(w, 2, 0, 2, ' ', 0)
	for _, c := range cases {
		mark := ""
		if c.wantRefused != (c.got != nil) || c.got != nil && c.wantLine != 0 && c.wantLine != c.got.Pos.Line {
			mark = "* " + otherwise()[c.name]
		}
		line := "-"
		if c.got != nil {
			line = fmt.Sprintf("%d", c.got.Pos.Line)
		}
		fmt.Fprintf(table, "  %s\t%s/%s\t%d/%s\t%s\n", c.name, takenOrRefused(c.wantRefused), takenOrRefused(c.got != nil), c.wantLine, line, mark)
	}
	table.Flush()
}

func takenOrRefused(refused bool) string {
	if refused {
		return "refused"
	}
	return "taken"
}
