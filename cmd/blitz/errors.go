package main

import (
	"github.com/blitz-r1/blitz/internal/fault"
)

// Exit codes; see CLI.md.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitNoRoom      = 5
	exitInterrupted = 130
)

// exitCodes are the exit codes of the kinds of errors.
var exitCodes = map[fault.Kind]int{
	fault.Failed: exitFailed, fault.Usage: exitUsage, fault.NotFound: exitNotFound,
	fault.Refused: exitRefused, fault.NoRoom: exitNoRoom, fault.Interrupted: exitInterrupted,
}

func exitCode(err error) int { return exitCodes[fault.Of(err)] }

// explain returns what is said of an error on one line of a terminal, and the hint.
func explain(err error) (message, hint string) {
	message, hint = fault.Explain(err)
	return printable(message), hint
}
