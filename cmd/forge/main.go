// Command forge turns recipes into packages and can say where every byte came from.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"forge/sandbox"
)

func main() {
	// A sandbox starts this program again as the first process inside; that comes before all else.
	if sandbox.IsChild(os.Args) {
		os.Exit(sandbox.Child(os.Args))
	}
	calmCollector(os.LookupEnv)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.LookupEnv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
