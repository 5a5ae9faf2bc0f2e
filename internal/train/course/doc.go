// Package course is a run of training around its steps: what is trained on, for how long, what
// is written down on the way, and how it goes on after it was stopped.
//
// A run has a folder. In it stand run.toml, which has every setting; examples.tokens,
// the examples as tokens; metrics.jsonl and samples.jsonl, a line a step and an answer;
// events.out.tfevents.…, the same for TensorBoard; report.html; state, from which the run
// goes on to the same bits; and at its end the model.
//
// What a step does to a model is a Model's; package train has one.
package course

import "errors"

// Errors of this package.
var (
	// ErrSetting: a setting that is not possible, or not with another.
	ErrSetting = errors.New("refused setting")
	// ErrOther: the folder has a run with other settings or other examples.
	ErrOther = errors.New("the folder has another run")
	// ErrDoomed: a run that cannot come to anything.
	ErrDoomed = errors.New("the run would be in vain")
	// ErrDiverged: a loss or a norm that is no number.
	ErrDiverged = errors.New("training has diverged")
	// ErrState: the state of a run is damaged.
	ErrState = errors.New("damaged state of a run")
)
