package blitz

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/pagestore"
)

// Prefixes is a folder in which engines keep what they computed of prompts and answers, so
// that after a restart nobody waits for it again. Several engines, models and processes
// may share one. What is found there gives the same bits as what is computed: a page is
// one of the same model (by the digest of its files), profile, cache, form and tenant, and
// all of it is checked before it is used.
//
// Keys and values tell the text to who has the model. The folder is for its user alone
// (0700). Requests of another Tenant find nothing, however fast they ask.
type Prefixes struct {
	folder  string
	store   *pagestore.Store
	unnamed atomic.Int64
}

// PrefixStats counts what Prefixes hold and did, in this process. A page is 256 tokens.
type PrefixStats struct {
	Pages, Bytes, Limit        int64 // on disk, as far as is known
	ReadPages, ReadBytes       int64 // checked and used
	WrittenPages, WrittenBytes int64
	RefusedPages               int64 // damaged, or not what they were named; removed
	EvictedPages               int64 // that were used longest ago, and made way
	SkippedPages               int64 // not written: the disk is full, or enough was written in the hour
	Failures                   int64 // errors of the file system
	Unnamed                    int64 // engines whose model has no root, so that nothing of them is kept
}

// OpenPrefixes opens a folder for pages that take at most limit bytes, and makes it where
// it is missing. Nothing in it is waited for. The error says what is wrong with the folder
// or the limit; it wraps that of the file system.
func OpenPrefixes(folder string, limit int64) (*Prefixes, error) {
	s, err := pagestore.Open(pagestore.Options{Folder: folder, Limit: limit, Free: machine.FreeDisk})
	if err != nil {
		return nil, fmt.Errorf("blitz: %w", err)
	}
	return &Prefixes{folder: folder, store: s}, nil
}

// Stats returns the counts. Any goroutine may ask.
func (p *Prefixes) Stats() PrefixStats {
	s := p.store.Stats()
	return PrefixStats{
		Pages: s.Pages, Bytes: s.Bytes, Limit: s.Limit,
		ReadPages: s.ReadPages, ReadBytes: s.ReadBytes, WrittenPages: s.WrittenPages, WrittenBytes: s.WrittenBytes,
		RefusedPages: s.RefusedPages, EvictedPages: s.EvictedPages, SkippedPages: s.SkippedPages, Failures: s.Failures,
		Unnamed: p.unnamed.Load(),
	}
}

// keep makes an engine use p, once its model has a name. All of its files may have to be
// read for that; ctx ends it.
func (e *Engine) keep(ctx context.Context, p *Prefixes) {
	root, err := e.model.Root(ctx, p.folder)
	if err != nil {
		if ctx.Err() == nil {
			p.unnamed.Add(1)
		}
		return
	}
	kind := *e.run.Options().Cache
	m := pagestore.Make{Model: root, Profile: Profile, Cache: kind.String(), Form: e.model.Form(), Rope: e.Rope(), Layout: kernel.CacheLayout}
	for _, l := range e.model.net.CacheLayers(kind) {
		m.Layers = append(m.Layers, pagestore.Layer{Bytes: l.Bytes, Window: l.Window})
	}
	_ = e.run.Keep(ctx, p.store.Shelf(m)) // it fails only where the engine is closed
}
