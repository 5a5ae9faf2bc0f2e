package main

import "os"

// readerVerb is the verb of the child process that reads a PDF for the server. It stands
// before all others, since a child has no settings and no home, and is shown to nobody.
const readerVerb = "read-document"

// isReader reports whether this process is such a child.
func isReader(args []string) bool { return len(args) > 1 && args[1] == readerVerb }

// documentReader returns the command of such a child; nil where this program cannot be run
// again.
func documentReader() []string {
	program, err := os.Executable()
	if err != nil {
		return nil
	}
	return []string{program, readerVerb}
}
