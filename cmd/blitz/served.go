package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/cluster"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/kernel"
)

// servedFlags are the flags of verbs that compute jobs.
type servedFlags struct {
	names          []string
	cpu            string
	threads, slots count
	context        count
}

func (f *servedFlags) add(cmd *cobra.Command) {
	f.threads, f.slots, f.context = count{min: 1, max: maxThreads}, count{min: 1, max: 1024, v: 4}, count{min: 1, max: maxPositions}
	cmd.Flags().StringArrayVar(&f.names, "model", nil, "`MODEL` that computes jobs; may be given several times")
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation` that computes: portable, avx2, avx512, amx … (default the best there is)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` that compute (default all)")
	cmd.Flags().Var(&f.slots, "slots", "`jobs` that are computed at once")
	cmd.Flags().Var(&f.context, "ctx", "`positions` of a job's prompt and answer, at most (default 8192, or the model's)")
}

// check checks the flags, and selects the implementation.
func (f *servedFlags) check(cmd *cobra.Command) error {
	if len(f.names) == 0 {
		return fault.Misuse(fmt.Errorf("%s: --model MODEL is missing", strings.TrimPrefix(cmd.CommandPath(), "blitz ")))
	}
	if f.cpu == "" {
		return nil
	}
	if err := kernel.Use(strings.ToLower(f.cpu)); err != nil {
		return fmt.Errorf("--cpu: %w", err)
	}
	return nil
}

// open opens the models, whose receipts are signed with the key of a file; "": none are made.
func (f *servedFlags) open(cmd *cobra.Command, keyFile string) (m *cluster.Models, closeModels func(), err error) {
	var n *attest.Notary
	if keyFile != "" {
		if n, _, err = openNotary(cmd.Context(), keyFile, ""); err != nil {
			return nil, nil, err
		}
	}
	threads, err := blitz.NewThreads(f.threads.v)
	if err != nil {
		return nil, nil, err
	}
	m = &cluster.Models{Notary: n}
	var all []*servedModel
	closeModels = func() {
		m.Close()
		for _, s := range all {
			s.close()
		}
		threads.Close()
	}
	for _, name := range f.names {
		s := &servedModel{cmd: cmd, name: name, threads: threads, forms: map[string]*blitz.Model{}, positions: f.context.v}
		all = append(all, s)
		served, err := s.serve(cmd.Context())
		if err != nil {
			closeModels()
			return nil, nil, err
		}
		m.Served = append(m.Served, served)
	}
	return m, closeModels, nil
}

// servedModel is a model of which jobs are computed, in each form of attention that they ask
// for.
type servedModel struct {
	cmd       *cobra.Command
	name      string
	threads   *blitz.Threads
	positions int // 0: 8192, or the model's
	root      string
	location  hub.Location

	mu    sync.Mutex
	forms map[string]*blitz.Model
}

// defaultPositions is how long a job may be where nobody says it.
const defaultPositions = 8192

// serve opens the model in its own form.
func (s *servedModel) serve(ctx context.Context) (*cluster.Served, error) {
	m, err := s.load(ctx, "")
	if err != nil {
		return nil, err
	}
	if s.root, err = m.Root(ctx, digestMemory()); err != nil {
		return nil, err
	}
	if s.positions == 0 {
		s.positions = min(defaultPositions, m.MaxContext())
	}
	if s.positions > m.MaxContext() {
		return nil, fault.Misuse(fmt.Errorf("--ctx %d: %s was made for %d", s.positions, s.name, m.MaxContext()))
	}
	return &cluster.Served{Root: s.root, Context: s.positions, Open: s.start}, nil
}

// load opens the model in a form; "": its own.
func (s *servedModel) load(ctx context.Context, form string) (*blitz.Model, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.forms[form]; m != nil {
		return m, nil
	}
	l, err := locateModel(ctx, s.cmd, s.name)
	if err != nil {
		return nil, err
	}
	files, err := openLocated(l)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	s.location = l
	m, err := loadModel(s.cmd, files, s.name, &blitz.Options{MemoryLimit: fit.MemoryLimit(), MLA: form, Packed: openPacked(packedLimit), Interrupted: ctx.Err})
	if err != nil {
		return nil, err
	}
	if form != "" {
		root, err := m.Root(ctx, digestMemory())
		if err == nil && root != s.root {
			err = fault.Refusal(fmt.Errorf("%s: its files changed: it was %s, and is %s", s.name, s.root, root))
		}
		if err != nil {
			m.Close()
			return nil, err
		}
	}
	s.forms[form] = m
	if s.forms[m.Form()] == nil {
		s.forms[m.Form()] = m
	}
	return m, nil
}

// start starts an engine.
func (s *servedModel) start(ctx context.Context, form, cache string) (*blitz.Engine, *attest.Subject, error) {
	m, err := s.load(ctx, form)
	if err != nil {
		return nil, nil, err
	}
	template, err := templateText(s.name, s.location, m)
	if err != nil {
		return nil, nil, err
	}
	subject, err := attest.NewSubject(ctx, m, s.root[:16], template, digestMemory()) // a name that is the same on all nodes
	if err != nil {
		return nil, nil, err
	}
	limit := fit.MemoryLimit()
	if limit > 0 {
		limit = max(1, limit-m.MappedBytes())
	}
	e, err := blitz.NewEngine(m, &blitz.EngineOptions{Shared: s.threads, Cache: cache, Context: s.positions, MemoryLimit: limit})
	return e, subject, err
}

// close closes the model in all forms.
func (s *servedModel) close() {
	closed := map[*blitz.Model]bool{}
	for _, m := range s.forms {
		if !closed[m] {
			closed[m] = true
			m.Close()
		}
	}
}

// templateText returns the text of the template that a model renders conversations by; "":
// it has none.
func templateText(name string, l hub.Location, m *blitz.Model) (string, error) {
	o := &running{name: name, model: m}
	if l.Model != nil {
		o.variant = l.Model.Variant
	}
	if err := o.readTemplate(); err != nil {
		return "", err
	}
	t, err := o.chatTemplate()
	if err != nil {
		return "", nil // a template that cannot be used is none
	}
	return t.Source(), nil
}

// weights returns the files of the models, for peers.
func (f *servedFlags) weights(cmd *cobra.Command) (*cluster.Weights, error) {
	w := cluster.NewWeights()
	for _, name := range f.names {
		l, err := locateModel(cmd.Context(), cmd, name)
		if err != nil {
			return nil, err
		}
		if l.Model != nil && l.Model.IsWithin() { // peers carry it, too
			continue
		}
		list, err := checkpoint.List(cmd.Context(), l.Path, true, nil)
		if err == nil && l.Model != nil {
			list, err = storedListing(l)
		}
		if err != nil {
			return nil, err
		}
		files, err := list.Digest(cmd.Context(), digestMemory())
		if err != nil {
			return nil, err
		}
		path := func(name string) string {
			if name == "." {
				name = list.Names[0]
			}
			return list.Path(name)
		}
		if err := w.Add(checkpoint.Root(files).String(), files, path); err != nil {
			return nil, err
		}
	}
	return w, nil
}
