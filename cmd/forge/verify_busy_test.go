package main

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"forge/channels"
)

// TestVerifyBesideBuild verifies all of a channel again and again while another puts new packages into it, replaces
// one, and indexes: nothing that is seen is ever refused.
func TestVerifyBesideBuild(t *testing.T) {
	c := newSignedChannel(t)
	formats, err := readFormats()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	index := func() {
		if err := channels.IndexFolder(ctx, c.dir, opener(formats), "linux-64"); err != nil {
			t.Error(err)
		}
	}
	index()
	public, err := c.keys.Public()
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 40
	done := make(chan bool)
	go func() {
		defer close(done)
		for i := range rounds {
			c.publish(t, fmt.Sprintf("new%d-1-0", i), "new")
			c.publish(t, "a-1-0", fmt.Sprintf("of a %d", i)) // b is made with it
			if i%10 == 9 {
				index()
			}
		}
	}()
	looks := 0
	for busy := true; busy; looks++ {
		select {
		case <-done:
			busy = false
		default:
		}
		files, err := filepath.Glob(filepath.Join(c.dir, "linux-64", "*.conda"))
		if err != nil {
			t.Fatal(err)
		}
		chain := newChain(public, opener(formats), time.Now())
		for _, file := range files {
			if one := chain.check(ctx, file); !one.Good {
				t.Errorf("%s: %s", filepath.Base(file), one.Reason)
			}
		}
	}
	t.Logf("%d looks", looks)
}
