package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"forge/internal/diag"
	"forge/recipes"
)

// printList writes diagnostics with their snippets. What many recipes have alike is written out a few times,
// then the other places are named; -v writes all.
func (a *app) printList(list diag.List) {
	paint := a.painter(a.stderr)
	if a.stdinFile != "" {
		list = slices.Clone(list)
		recipes.QuoteLines(list) // while the file has its own name
		for i := range list {
			if list[i].Pos.File == a.stdinFile {
				list[i].Pos.File = "<stdin>"
			}
		}
	}
	if a.forPrograms() {
		for _, d := range list {
			fmt.Fprint(a.stderr, diagnosticEvent(d))
		}
		return
	}
	for _, group := range alike(list) {
		show := group
		if len(group) > alikeShown+1 && a.global.verbose == 0 {
			show = group[:alikeShown]
		}
		recipes.QuoteLines(show) // of what the planner found, too
		for _, d := range show {
			fmt.Fprintln(a.stderr, d.Paint(paint))
			a.ci(nil).diagnostic(d)
		}
		if rest := group[len(show):]; len(rest) > 0 {
			fmt.Fprintln(a.stderr, restOf(rest).Paint(paint))
		}
	}
	if text := countedErrors(list); text != "" {
		fmt.Fprintln(a.stderr, text)
	}
}

// countedErrors counts many errors by their codes, the most frequent first.
func countedErrors(list diag.List) string {
	const many = 20
	counts, total := map[string]int{}, 0
	for _, d := range list {
		if d.Severity == diag.Error {
			counts[d.Code]++
			total++
		}
	}
	if total < many {
		return ""
	}
	codes := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for i, c := range codes {
		codes[i] = fmt.Sprintf("%d %s", counts[c], c)
	}
	return fmt.Sprintf("%d errors: %s", total, strings.Join(codes, ", "))
}

// alikeShown is how many of the same are written out.
const alikeShown = 2

// alike groups what says the same of different places, each group where its first is.
func alike(list diag.List) []diag.List {
	type what struct {
		severity      diag.Severity
		code, summary string
	}
	var groups []diag.List
	at := map[what]int{}
	for _, d := range list {
		key := what{d.Severity, d.Code, d.Summary}
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], d)
	}
	return groups
}

// restOf says where else the same is.
func restOf(rest diag.List) diag.Diagnostic {
	const most = 10
	var files []string
	for _, d := range rest {
		if !slices.Contains(files, d.Pos.File) {
			files = append(files, d.Pos.File)
		}
	}
	places := strings.Join(files[:min(len(files), most)], "\n")
	if len(files) > most {
		places += fmt.Sprintf("\nand %d more files; -v shows all", len(files)-most)
	}
	d := diag.Diagnostic{Severity: rest[0].Severity, Code: rest[0].Code, Detail: places,
		Summary: fmt.Sprintf("%s: at %d more places", rest[0].Summary, len(rest))}
	return d
}
