package document

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz/internal/document/pdf"
)

// childEnv is the environment of a child: one processor at a time, and nothing of ours.
var childEnv = []string{"GOMAXPROCS=1", "GOTRACEBACK=none"}

// arguments returns limits as Main reads them.
func (l Limits) arguments() []string {
	return []string{strconv.FormatInt(l.Memory, 10), strconv.FormatInt(int64(l.Processor/time.Second), 10)}
}

// Main is what a child does: it bounds itself by its arguments, reads a PDF from its input,
// writes the text to its output, and returns its exit code. Nothing is read before the
// bounds hold.
func Main(args []string) int {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "want the bytes of memory and the seconds of processor time")
		return exitReason
	}
	memory, err := strconv.ParseInt(args[0], 10, 64)
	seconds, err2 := strconv.ParseUint(args[1], 10, 32)
	if err != nil || err2 != nil || memory <= 0 || seconds == 0 {
		fmt.Fprintln(os.Stderr, "the bounds are no numbers")
		return exitReason
	}
	debug.SetMemoryLimit(memory * 3 / 4)
	if err := bound(memory, seconds); err != nil {
		fmt.Fprintln(os.Stderr, "it cannot be read within bounds:", err)
		return exitReason
	}
	return read(os.Stdin, os.Stdout, os.Stderr)
}

// read reads a PDF and writes its text, or why there is none.
func read(in io.Reader, out, said io.Writer) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintln(said, "it is damaged in a way that its reader does not expect")
			code = exitReason
		}
	}()
	file, err := io.ReadAll(io.LimitReader(in, MaxFile+1))
	if err == nil && len(file) > MaxFile {
		err = fmt.Errorf("it has more than %d bytes", MaxFile)
	}
	text := ""
	if err == nil {
		text, err = pdf.Text(file, MaxText)
	}
	if err == nil {
		_, err = io.WriteString(out, text)
	}
	if err != nil {
		fmt.Fprintln(said, err)
		return exitReason
	}
	return exitRead
}
