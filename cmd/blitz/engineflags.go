package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/spelling"
)

// engineFlags are the flags of every verb that computes.
type engineFlags struct {
	ropeFlags
	cpu        string
	cache, mla choice
	threads    count
	packed     size
	experts    size
	set        *cobra.Command

	drafts *blitz.Files // of the model's draft layers, where they stand in a file of their own
}

// maxThreads bounds --threads.
const maxThreads = 1024

func (f *engineFlags) add(cmd *cobra.Command) {
	f.set = cmd
	f.cache = choice{from: []string{kernel.CacheF32.String(), kernel.CacheF16.String(), kernel.CacheBF16.String(), kernel.CacheQ8.String()}}
	f.mla = newMLA()
	f.threads = count{min: 1, max: maxThreads}
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation`: portable, avx2, avx512, amx … (default the best there is)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` to use; where it is not given, one for each fast core, and fewer for decoding where that is faster (default all)")
	cmd.Flags().Var(&f.cache, "cache", "`kind` of cache: "+spelling.OneOf(f.cache.from)+" (default by the model's weights)")
	addPacked(cmd, &f.packed)
	addExpertMemory(cmd, &f.experts)
	cmd.Flags().Var(&f.mla, "mla", "`form` of latent attention: "+spelling.OneOf(f.mla.from)+" (default absorbed)")
	f.ropeFlags.add(cmd)
}

// processors returns how many threads compute.
func (f *engineFlags) processors() int {
	if f.threads.v > 0 {
		return f.threads.v
	}
	return engine.DefaultThreads()
}

// check checks what flags say of each other, and selects the implementation.
func (f *engineFlags) check() error {
	if f.experts.v > 0 && f.packed.v == 0 {
		return fault.Misuse(fmt.Errorf("--expert-memory: experts that are not in memory are read from packed weights, and --%s 0 keeps none", packedFlag))
	}
	if f.cpu == "" {
		return nil
	}
	if err := kernel.Use(strings.ToLower(f.cpu)); err != nil {
		return fmt.Errorf("--cpu: %w", err)
	}
	return nil
}

// openModel opens a model that takes and gives token ids, with its module of
// multi-token prediction if that is wanted.
func (f *engineFlags) openModel(ctx context.Context, name string, mtp bool) (*blitz.Model, error) {
	files, err := openFiles(f.set, name)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return f.openTokens(ctx, files, name, mtp)
}

// openTokens is openModel where the files are open.
func (f *engineFlags) openTokens(ctx context.Context, files *blitz.Files, name string, mtp bool) (*blitz.Model, error) {
	o := &blitz.Options{MemoryLimit: fit.MemoryLimit(), MLA: f.mla.v, Rope: f.rope(), TokensOnly: true, MTP: mtp || f.drafts != nil, Drafts: f.drafts, Packed: openPacked(f.packed.v), Interrupted: ctx.Err}
	o.ExpertMemory = f.experts.v
	n, err := fit.Of(files, o, 0)
	if err != nil {
		return nil, err
	}
	if err := f.bound(n); err != nil {
		return nil, err
	}
	o.ExpertMemory = n.ExpertMemory
	if err := n.CheckWeights(); err != nil { // the engine checks the cache, whose length the verb knows
		return nil, err
	}
	m, err := loadModel(f.set, files, name, o)
	if err != nil {
		return nil, err
	}
	noteAssumed(f.set, name, m.Assumed())
	return m, nil
}

// bound bounds the memory of experts that do not fit, unless the user said how much that is
// or there is no room for packed weights to read them from.
func (f *engineFlags) bound(n *fit.Needs) error {
	if f.experts.set || f.packed.v < n.Weights {
		return nil
	}
	return n.Bound(f.cache.v)
}

// noteAssumed says on stderr what a model's file does not tell and was taken for
// granted.
func noteAssumed(cmd *cobra.Command, name string, assumed []string) {
	for _, a := range assumed {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s: %s\n", printable(filepath.Base(name)), printable(a))
	}
}

// newMLA returns the choice of --mla.
func newMLA() choice {
	return choice{from: []string{model.Absorbed.String(), model.Expanded.String()}}
}

// engineOptions returns what the flags say of an engine of a model. What the system has
// to give is not what the model has mapped.
func (f *engineFlags) engineOptions(m *blitz.Model) blitz.EngineOptions {
	limit := fit.MemoryLimit()
	if limit > 0 {
		limit = max(1, limit-m.MappedBytes())
	}
	return blitz.EngineOptions{Threads: f.threads.v, Cache: f.cache.v, MemoryLimit: limit}
}
