package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/train"
)

// taken is what a step took and gave.
type taken struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"` // seconds of processors
	Loss    float64 `json:"loss"`
}

// runner makes steps.
type runner interface {
	step(ctx context.Context, i int) (taken, error)
	close() error
}

// own is Blitz.
type own struct {
	m        *model.Model
	t        *train.Trainer
	settings *train.Settings
	batches  []*train.Batch
}

// openOwn opens a model; rank 0: all of its weights are trained, in float32, otherwise an
// adapter of all linear layers of that rank over weights as they are.
func openOwn(path string, threads, rank int, recompute bool, settings *train.Settings, batches []*train.Batch) (*own, error) {
	files, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	o := model.Options{Masters: rank == 0, SharedEnds: true, MTP: settings.MTPWeight > 0}
	m, err := model.Open(files, o)
	if err != nil {
		return nil, err
	}
	x := &own{m: m, settings: settings, batches: batches}
	options, weights := train.Options{Threads: threads, Recompute: recompute}, m.Weights()
	if rank > 0 {
		if options.Adapter, err = newAdapter(m, rank); err != nil {
			m.Close()
			return nil, err
		}
		weights = options.Adapter.Weights()
	}
	if x.t, err = train.New(m, weights, options); err != nil {
		m.Close()
		return nil, err
	}
	return x, nil
}

func newAdapter(m *model.Model, rank int) (*model.Adapter, error) {
	targets, err := adapter.NewTargets(adapter.AllLinear)
	if err != nil {
		return nil, err
	}
	a, err := adapter.New(&adapter.Config{Rank: rank, Alpha: 2 * float64(rank), Targets: targets}, m.Layers(), 1)
	if err != nil {
		return nil, err
	}
	return m.Adapt(a, 0)
}

func (x *own) step(ctx context.Context, i int) (taken, error) {
	before, began := golden.CPUTime(), time.Now()
	s, err := x.t.Step(ctx, x.settings, x.batches[i%len(x.batches)])
	if err != nil {
		return taken{}, err
	}
	return taken{time.Since(began).Seconds(), (golden.CPUTime() - before).Seconds(), s.Loss}, nil
}

func (x *own) close() error {
	x.t.Close()
	x.m.Close()
	return nil
}

// peer is another program: one of the scripts beside this one, which makes a step for each
// line that it is sent and answers with a line.
type peer struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startPeer(ctx context.Context, python string, args ...string) (*peer, error) {
	cmd := exec.CommandContext(ctx, python, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &peer{cmd, in, bufio.NewScanner(out)}, nil
}

func (p *peer) step(_ context.Context, i int) (x taken, err error) {
	if _, err := fmt.Fprintln(p.in, i%steps); err != nil {
		return x, err
	}
	if !p.out.Scan() {
		return x, fmt.Errorf("%s ended: %w", p.cmd.Args[1], p.cmd.Wait())
	}
	return x, json.Unmarshal(p.out.Bytes(), &x)
}

func (p *peer) close() error {
	if err := p.in.Close(); err != nil {
		return err
	}
	return p.cmd.Wait()
}
