package main

import (
	"fmt"
	"strings"

	"forge/engine"
)

// summaryText says in one line where the time of a run went; empty where none did.
func summaryText(s engine.Summary) string {
	var parts []string
	if len(s.Path) > 0 {
		parts = append(parts, fmt.Sprintf("%.1f s, %.0f%% of %s used", s.Seconds, 100*s.Utilisation, counted(s.Jobs, "job")))
	}
	if len(s.Path) > 1 {
		parts = append(parts, fmt.Sprintf("critical path %.1f s: %s", s.PathSeconds, pathText(s.Path)))
	}
	if s.Held > 0 {
		parts = append(parts, fmt.Sprintf("%d %s waited for memory, of which %s was in use at most", s.Held, plural("build", s.Held), megabytes(s.Memory)))
	}
	if s.Saved >= 1 {
		parts = append(parts, fmt.Sprintf("the cache saved %.0f s", s.Saved))
	}
	return strings.Join(parts, "; ")
}

// pathText names the steps, of a long path those that take longest.
func pathText(path []engine.Step) string {
	const most = 6
	total := 0.0
	for _, s := range path {
		total += s.Seconds
	}
	least := 0.0
	if len(path) > most {
		least = total / 20
	}
	var names []string
	left := 0
	for _, s := range path {
		if s.Seconds < least {
			left++
			continue
		}
		names = append(names, fmt.Sprintf("%s %.1f s", s.Name, s.Seconds))
	}
	text := strings.Join(names, " → ")
	if left > 0 {
		text += fmt.Sprintf(" (and %d short ones)", left)
	}
	return text
}
