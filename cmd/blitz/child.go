package main

import (
	"os"

	"github.com/blitz-r1/blitz/internal/document"
	"github.com/blitz-r1/blitz/internal/reward"
	"github.com/blitz-r1/blitz/internal/sandbox"
)

// The verbs of children of this program: one that reads a PDF, one that confines itself and
// becomes another program, one that runs a reward's script. They stand before all others,
// since a child has no settings and no home, and are shown to nobody.
const (
	readerVerb  = "read-document"
	confineVerb = "confine"
	scriptVerb  = "score-script"
)

// child returns what this process does where it is such a child.
func child(args []string) func() int {
	if len(args) < 2 {
		return nil
	}
	switch args[1] {
	case readerVerb:
		return func() int { return document.Main(args[2:]) }
	case confineVerb:
		return func() int { return sandbox.Main(args[2:]) }
	case scriptVerb:
		return reward.ScriptMain
	}
	return nil
}

// ownCommand returns the command of such a child; nil where this program cannot be run again.
func ownCommand(verb string) []string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{program, verb}
}
