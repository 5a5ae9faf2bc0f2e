// Package importance reads and writes importance matrices: for each weight matrix of a
// model the mean square of what its columns were multiplied by, over some text. An
// encoder that knows them errs where it matters least.
//
// Both files of llama.cpp are read and written. The older one (.dat, without a magic
// number) holds mean squares times a number of calls, the GGUF one sums of squares and
// how many rows went in, expert by expert, so that an expert that was never chosen can
// be told from one that saw zeros.
package importance

import (
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/message"
)

// ErrFormat is wrapped by every error that is about what a file contains.
var ErrFormat = errors.New("refused importance matrix")

// Error says what is wrong in which file. It wraps [ErrFormat].
type Error struct {
	File   string // base name
	Entry  string // the tensor; empty for the file as a whole
	Reason string
}

func (e *Error) Error() string {
	if e.Entry == "" {
		return fmt.Sprintf("importance matrix %s: %s", message.Clean(e.File), e.Reason)
	}
	return fmt.Sprintf("importance matrix %s: %s: %s", message.Clean(e.File), message.Clean(e.Entry), e.Reason)
}

// Unwrap returns [ErrFormat].
func (e *Error) Unwrap() error { return ErrFormat }

// Matrix is an importance matrix in memory: what is gathered, and what is written.
type Matrix struct {
	Entries   []Entry
	Datasets  []string // names of the texts
	Chunks    int      // pieces of text that were computed
	ChunkSize int      // tokens of a piece
}

// Entry is what one weight matrix saw.
type Entry struct {
	Name   string    // of the weight: blk.0.attn_q.weight
	Sums   []float32 // [experts, columns]: sums of squares of the inputs
	Counts []float32 // [experts]: rows that went in; one expert where there are none
}

// Weights returns the mean squares, [experts, columns]: ones for an expert that saw
// nothing.
func (e *Entry) Weights() []float32 {
	w := make([]float32, len(e.Sums))
	columns := len(e.Sums) / max(len(e.Counts), 1)
	for i, count := range e.Counts {
		sums, means := e.Sums[i*columns:][:columns], w[i*columns:][:columns]
		for j := range means {
			means[j] = 1
			if count > 0 {
				means[j] = sums[j] / count
			}
		}
	}
	return w
}
