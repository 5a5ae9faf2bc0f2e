package model

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestInterrupted ends the opening of a model at once, and between two of its matrices.
func TestInterrupted(t *testing.T) {
	model, err := tiny.Load(filepath.Join("testdata", "deepseek-v3"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := model.Checkpoint(tensor.F32)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := k.Write(folder, 1); err != nil {
		t.Fatal(err)
	}
	for _, after := range []int32{0, 5} {
		var asked atomic.Int32
		_, err := openPath(folder, Options{Interrupted: func() error {
			if asked.Add(1) > after {
				return context.Canceled
			}
			return nil
		}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("interrupted after %d questions: got %v, want %v", after, err, context.Canceled)
		}
	}
	m, err := openPath(folder, Options{Interrupted: t.Context().Err})
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
}

// TestProgress tells of every byte of the weights, the last ones with all of them.
func TestProgress(t *testing.T) {
	model, err := tiny.Load(filepath.Join("testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := model.Checkpoint(tensor.F32)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := k.Write(folder, 1); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var most, all int64
	m, err := openPath(folder, Options{Progress: func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		most, all = max(most, done), total
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if most != all || all == 0 {
		t.Errorf("told of %d bytes of %d", most, all)
	}
}

// openPath opens the model at a path.
func openPath(path string, o Options) (*Model, error) {
	files, err := checkpoint.Open(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	return Open(files, o)
}
