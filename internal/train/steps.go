package train

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/safetensors"
)

// Steps is a run of one step a batch.
type Steps struct {
	Trainer  *Trainer
	Settings *Settings
	Batches  []*Batch
	Save     []int   // the weights behind so many steps are wanted
	Folder   *Folder // where its states go, nil: nowhere

	log  stepLog
	kept map[int][][]float32 // the trainer's weights, in their order
}

// stepLog is what is written of each step.
type stepLog struct {
	Loss     []float64 `json:"loss"`
	GradNorm []float64 `json:"grad_norm"`
	LR       []float64 `json:"lr"`
	Seconds  []float64 `json:"seconds"`
}

// Identity returns a digest of what the run computes.
func (s *Steps) Identity() (string, error) {
	settings, err := json.Marshal(s.Settings)
	if err != nil {
		return "", err
	}
	parts := [][]byte{settings, fmt.Append(nil, s.Save)}
	for _, b := range s.Batches {
		parts = append(parts, fmt.Append(nil, b.Rows, b.Cols, b.Divisor), integers(b.IDs), integers(b.Segments), floats(b.Weights))
	}
	return s.Trainer.Identity(parts...), nil
}

// Check returns an error where the run cannot be.
func (s *Steps) Check() error {
	for _, k := range s.Save {
		if k < 1 || k > len(s.Batches) {
			return wrongSetting("save", k, fmt.Sprintf("1 to the %d steps of the batches", len(s.Batches)))
		}
	}
	for i, b := range s.Batches {
		if err := s.Trainer.Check(b); err != nil {
			return fmt.Errorf("batch %d: %w", i, err)
		}
	}
	return nil
}

// Run makes all steps that were not made yet.
func (s *Steps) Run(ctx context.Context) error {
	if err := s.resume(); err != nil {
		return err
	}
	t := s.Trainer
	for t.done < len(s.Batches) {
		x, err := t.Step(ctx, s.Settings, s.Batches[t.done])
		if err != nil {
			return err
		}
		s.log.Loss, s.log.GradNorm = append(s.log.Loss, x.Loss), append(s.log.GradNorm, x.GradNorm)
		s.log.LR, s.log.Seconds = append(s.log.LR, x.LR), append(s.log.Seconds, x.Duration.Seconds())
		if slices.Contains(s.Save, t.done) {
			for _, w := range t.weights {
				s.kept[t.done] = append(s.kept[t.done], slices.Clone(w.Values()))
			}
			if s.Folder != nil {
				if err := s.Folder.Keep(keptName(t.done), t); err != nil {
					return err
				}
			}
		}
		if s.Folder != nil {
			if err := s.Folder.Save(t, &s.log); err != nil {
				return err
			}
		}
	}
	return nil
}

// keptName is the name of the weights behind k steps.
func keptName(k int) string { return fmt.Sprintf("weights-%d", k) }

// resume goes on from the last state.
func (s *Steps) resume() error {
	s.kept = map[int][][]float32{}
	if s.Folder == nil {
		return nil
	}
	if err := s.Folder.Restore(s.Trainer); err != nil {
		return err
	}
	if err := s.Folder.Notes(&s.log); err != nil {
		return err
	}
	done := s.Trainer.done
	if len(s.log.Loss) != done || len(s.log.GradNorm) != done || len(s.log.LR) != done || len(s.log.Seconds) != done {
		return s.Folder.wrong(manifestName, fmt.Sprintf("notes of %d steps, want %d", len(s.log.Loss), done))
	}
	for _, k := range s.Save {
		if k > done {
			continue
		}
		values, err := s.Folder.Kept(keptName(k), s.Trainer)
		if err != nil {
			return err
		}
		s.kept[k] = values
	}
	return nil
}

// Write writes the logs and the weights that were wanted, and closes the file.
func (s *Steps) Write(w *safetensors.Writer) error {
	var list []output
	for _, x := range []struct {
		name   string
		values []float64
	}{{"loss", s.log.Loss}, {"grad_norm", s.log.GradNorm}, {"lr", s.log.LR}, {"seconds", s.log.Seconds}} {
		list = append(list, output{x.name, safetensors.F64, []int{len(x.values)}, func() []byte { return doubles(x.values...) }})
	}
	weights := s.Trainer.weights
	place := map[*model.Weight]int{}
	for i, w := range weights {
		place[w] = i
	}
	for _, k := range slices.Compact(slices.Sorted(slices.Values(s.Save))) {
		for _, x := range Tensors(weights) {
			list = append(list, output{fmt.Sprintf("%d.%s", k, x.Name), safetensors.F32, x.Shape, func() []byte {
				return x.Values(func(w *model.Weight) []float32 { return stored(w, s.kept[k][place[w]]) })
			}})
		}
	}
	return writeAll(w, list)
}
