package wire

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// Stack returns where a panic came from, for a deferred function that recovered it:
// functions and lines. The runtime's own text has the values of arguments, and what
// panicked may have words of a prompt in it.
func Stack() string {
	var text strings.Builder
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&text, "%s %s:%d\n", frame.Function, filepath.Base(frame.File), frame.Line)
		if !more {
			return text.String()
		}
	}
}
