package course

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/blitz-r1/blitz/internal/dataset"
)

// prompt is what a model is asked during a run.
type prompt struct {
	ids    []int32
	wanted string
}

// Bounds on what is asked and answered, in tokens.
const (
	maxAnswer  = 128
	textPrompt = 16 // of a text, of which everything is learned
)

// choosePrompts takes the prompts of the first samples: of those that are not trained on, if
// there are such.
func (r *Course) choosePrompts() (list []prompt) {
	from := &r.Plan.set.Validation
	if from.Len() == 0 {
		from = &r.Plan.set.Train
	}
	for i := 0; i < from.Len() && len(list) < r.Settings.Samples; i++ {
		s := from.At(i)
		if s.Role == dataset.Rejected || s.Role == dataset.Mismatched {
			continue // its prompt is that of the sample before
		}
		if p, ok := r.promptOf(s); ok {
			list = append(list, p)
		}
	}
	return list
}

// promptOf cuts a sample where the model's first turn begins.
func (r *Course) promptOf(s dataset.Sample) (p prompt, ok bool) {
	from := 0
	for from < len(s.IDs) && !s.Learned[from] {
		from++
	}
	if from == 0 {
		from = min(textPrompt, len(s.IDs)/2)
	}
	if from == 0 || from == len(s.IDs) {
		return p, false
	}
	to := from
	for to < len(s.IDs) && s.Learned[to] {
		to++
	}
	return prompt{s.IDs[:from], r.Decode(s.IDs[from:min(to, from+maxAnswer)])}, true
}

// answers has the model answer, and writes that down.
func (r *Course) answers(ctx context.Context) error {
	for i, p := range r.prompts {
		ids, err := r.Model.Answer(ctx, p.ids, maxAnswer)
		if err != nil {
			return err
		}
		s := &Sample{Step: r.step, Prompt: r.Decode(p.ids), Answer: r.Decode(ids), Wanted: p.wanted}
		if err := r.samples.write(s); err != nil {
			return err
		}
		if err := r.events.Sample(seconds(r.Now()), i, s); err != nil {
			return err
		}
		r.Watch(&Report{Sample: s})
	}
	return nil
}

// unmarshal reads a line of a journal.
func unmarshal(line []byte, v any) error {
	if err := json.Unmarshal(line, v); err != nil {
		return fmt.Errorf("%w: %w", err, ErrState)
	}
	return nil
}
