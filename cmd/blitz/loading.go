package main

import (
	"path/filepath"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
)

// loadModel opens a model, and says how far that is.
func loadModel(cmd *cobra.Command, files *blitz.Files, name string, o *blitz.Options) (*blitz.Model, error) {
	var done, total atomic.Int64
	what := "loading " + printable(filepath.Base(name))
	s := startStatus(cmd.ErrOrStderr(), func() work {
		return work{what: what, done: done.Load(), total: total.Load(), bytes: true}
	})
	defer s.end()
	with := *o
	with.Progress = func(bytes, all int64) {
		total.Store(all)
		raise(&done, bytes)
	}
	return files.Open(&with)
}

// raise makes a number at least v: reports of several goroutines may overtake each
// other.
func raise(n *atomic.Int64, v int64) {
	for old := n.Load(); v > old && !n.CompareAndSwap(old, v); old = n.Load() {
	}
}
