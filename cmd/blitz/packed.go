package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/settings"
)

// packedLimit is how many bytes of disk packed weights take at most, unless the user says
// otherwise.
const packedLimit = 32 << 30

// packedFlag is the flag of what packed weights take.
const packedFlag = "packed-cache"

func addPacked(cmd *cobra.Command, v *size) {
	v.v = packedLimit
	cmd.Flags().Var(v, packedFlag, "`bytes` of disk for packed weights, from which a model starts in a moment the next time; 0: none")
}

func addExpertMemory(cmd *cobra.Command, v *size) {
	cmd.Flags().Var(v, "expert-memory", "`bytes` of memory for the experts of a mixture of experts: the others are read from the packed weights when they are needed (default all where they fit, else what is free less a reserve)")
}

// packedFolder returns where packed weights are kept: in the folder of the store where the
// user chose that, else among the caches of the user.
func packedFolder() (string, error) {
	home, from, err := homeFolder(os.Getenv)
	if err == nil && from != settings.Default {
		return filepath.Join(home, "packed"), nil
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(caches, "blitz", "packed"), nil
}

// openPacked returns the packed weights of at most limit bytes; nil where there are to be
// none, or there is no place for them.
func openPacked(limit int64) *blitz.Packed {
	if limit == 0 {
		return nil
	}
	folder, err := packedFolder()
	if err != nil {
		return nil
	}
	digests, _, err := homeFolder(os.Getenv)
	if err != nil {
		digests = folder
	}
	return blitz.NewPacked(folder, digests, limit)
}

// keeper writes a model's packed weights down for the next start. The zero value keeps
// nothing.
type keeper struct {
	cmd         *cobra.Command
	model       *blitz.Model
	name        string
	kept        chan error // nil: it has not begun
	hurry       atomic.Bool
	done, total atomic.Int64
}

// keeperOf returns the keeper of a model that was opened by that name.
func keeperOf(cmd *cobra.Command, m *blitz.Model, name string) *keeper {
	return &keeper{cmd: cmd, model: m, name: name}
}

// begin begins, in the background, out of the way of what else is done.
func (k *keeper) begin(ctx context.Context) {
	if k.kept != nil || !k.model.IsUnkept() {
		return
	}
	k.kept = make(chan error, 1)
	go func() {
		k.kept <- k.model.KeepPacked(ctx, &blitz.KeepOptions{
			Quiet: func() bool { return !k.hurry.Load() },
			Progress: func(done, total int64) {
				k.total.Store(total)
				k.done.Store(done)
			},
		})
	}()
}

// end waits until the weights are kept, and says so. That they cannot be kept is no error:
// the next start takes as long as this one.
func (k *keeper) end(ctx context.Context) {
	k.hurry.Store(true)
	if k.begin(ctx); k.kept == nil {
		return
	}
	what := "keeping the packed weights for the next start (Ctrl-C leaves that)"
	s := startStatus(k.cmd.ErrOrStderr(), func() work {
		return work{what: what, done: k.done.Load(), total: k.total.Load(), bytes: true}
	})
	err := <-k.kept
	s.end()
	if err != nil && !errors.Is(err, context.Canceled) {
		message, _ := explain(err)
		fmt.Fprintf(k.cmd.ErrOrStderr(), "blitz: note: %s: the packed weights are not kept for the next start: %s (--%s 0 does without)\n",
			printable(filepath.Base(k.name)), message, packedFlag)
	}
}
