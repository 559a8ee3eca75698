package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLiveViewLines(t *testing.T) {
	v := liveView{ended: 3, total: 24, waiting: 19, failed: 1, elapsed: 63, left: 240, cpu: 1.9, memory: 512e6, keys: true, logs: true,
		paint: func(_, s string) string { return s }}
	for _, name := range []string{"libpng-1.6.40-h0f53e1b_0", "日本語のパッケージ-1-0", strings.Repeat("long-", 40)} {
		v.rows = append(v.rows, liveRow{name: name, phase: "environment of it all", elapsed: 12, expected: 45, cpu: 1.82, memory: 340e6,
			log: []string{"checking for gcc... gcc", "\x1b[31mcoloured\x1b[0m and long " + strings.Repeat("x", 300), "bell \a\ttab"}})
	}
	for columns := 1; columns < 200; columns++ {
		for _, rows := range []int{1, 2, 3, 5, 24, 60} {
			lines := v.lines(columns, rows)
			if rows > 3 && len(lines) >= rows {
				t.Fatalf("%d lines on a terminal of %d", len(lines), rows)
			}
			for _, l := range lines {
				if columnsOf(l) > columns || strings.ContainsAny(l, "\a\n\t\x1b") {
					t.Fatalf("%dx%d: %d columns: %q", columns, rows, columnsOf(l), l)
				}
			}
		}
	}
	wide := strings.Join(v.lines(110, 24), "\n")
	for _, want := range []string{"environmen…  libpng-1.6.40-h0f53e1b_0 ", " 12s of 45s   182%   340 MB", "| checking for gcc... gcc", "| coloured and long xxx", `bell \a`,
		"3 of 24 · 1 failed · 19 waiting · 1m03s · about 4m00s left · 190% CPU, 512 MB · l hides logs"} {
		if !strings.Contains(wide, want) {
			t.Errorf("no %q in\n%s", want, wide)
		}
	}
}

func TestNarrowed(t *testing.T) {
	table := []string{
		"PACKAGE  VERSION  BUILD       STATUS  SECONDS  ISOLATION  CONTENT       SIGNED BY",
		"zlib     1.3      hb0f4dca_0  built   4.5      full       b46221081245  7c5c195a7d83",
		"b-ü      1        hb0f4dca_0  failed  0.1      -          -             -",
	}
	for columns, want := range map[int][]string{
		0: table, 100: table,
		70: {"PACKAGE  VERSION  BUILD       STATUS  SECONDS  ISOLATION  CONTENT", "zlib     1.3      hb0f4dca_0  built   4.5      full       b46221081245", "b-ü      1        hb0f4dca_0  failed  0.1      -          -"},
		40: {"PACKAGE  VERSION  BUILD       STATUS", "zlib     1.3      hb0f4dca_0  built", "b-ü      1        hb0f4dca_0  failed"},
		10: {"PACKAGE  STATUS", "zlib     built", "b-ü      failed"},
	} {
		if d := cmp.Diff(want, narrowed(table, columns)); d != "" {
			t.Errorf("%d columns (-want +got)\n%s", columns, d)
		}
	}
}

func TestWrap(t *testing.T) {
	if got := wrap("  | "+strings.Repeat("a", 40), 24); got != "  | "+strings.Repeat("a", 20)+"\n  | "+strings.Repeat("a", 20) {
		t.Errorf("%q", got)
	}
	if got := wrap("short", 24); got != "short" {
		t.Errorf("%q", got)
	}
}
