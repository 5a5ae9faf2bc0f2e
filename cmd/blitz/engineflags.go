package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// engineFlags are the flags of every verb that computes.
type engineFlags struct {
	cpu, cache, mla string
	threads         int
	set             *cobra.Command
}

func (f *engineFlags) add(cmd *cobra.Command) {
	f.set = cmd
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "implementation: portable, avx2, avx512 … (default the best there is)")
	cmd.Flags().IntVarP(&f.threads, "threads", "t", 0, "processors to use (default all)")
	cmd.Flags().StringVar(&f.cache, "cache", "", "cache kind: f32, f16, bf16 or q8 (default by the model's weights)")
	cmd.Flags().StringVar(&f.mla, "mla", "", "form of latent attention: absorbed or expanded")
}

// maxThreads bounds --threads.
const maxThreads = 1024

// check checks the values and selects the implementation.
func (f *engineFlags) check() error {
	if f.set.Flags().Changed("threads") && (f.threads < 1 || f.threads > maxThreads) {
		return usageError{fmt.Errorf("--threads is %d, want 1 to %d", f.threads, maxThreads)}
	}
	if f.cache != "" {
		if _, err := kernel.ParseCacheKind(f.cache); err != nil {
			return usageError{fmt.Errorf("--cache: %w", err)}
		}
	}
	switch f.mla {
	case "", "absorbed", "expanded":
	default:
		return usageError{fmt.Errorf("--mla is %q, want absorbed or expanded", f.mla)}
	}
	if f.cpu != "" {
		return kernel.Use(strings.ToLower(f.cpu))
	}
	return nil
}

// openModel opens the weights of a model.
func (f *engineFlags) openModel(ctx context.Context, name string) (*model.Model, error) {
	path, err := locate(ctx, f.set, name)
	if err != nil {
		return nil, err
	}
	return model.Open(path, model.Options{})
}

// engineOptions returns what the flags say.
func (f *engineFlags) engineOptions(m *model.Model) (engine.Options, error) {
	o := engine.Options{Threads: f.threads}
	if f.cache != "" {
		kind, err := kernel.ParseCacheKind(f.cache)
		if err != nil {
			return o, usageError{err}
		}
		o.Cache = &kind
	}
	return o, nil
}
