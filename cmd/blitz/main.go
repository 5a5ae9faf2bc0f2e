// Command blitz runs reasoning models on ordinary processors. See docs/CLI.md, or
// blitz -h.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/blitz-r1/blitz/internal/fit"
)

func main() {
	if run := child(os.Args); run != nil {
		os.Exit(run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string) int {
	root := newRoot()
	root.SetArgs(joinAlone(root, args))
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitDone
	}
	err = withOrigin(cmd, err)
	var room *fit.Error
	if errors.As(err, &room) {
		writeNeeds(os.Stderr, room.Needs) // nothing can be said where that fails
	}
	message, hint := explain(err)
	fmt.Fprintf(os.Stderr, "blitz: error: %s\n", message)
	if hint != "" {
		fmt.Fprintf(os.Stderr, "blitz: hint: %s\n", hint)
	}
	return exitCode(err)
}
