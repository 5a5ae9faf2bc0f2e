// Package train changes the weights of a model by the gradients of its losses: batches,
// losses, the optimizer and its schedules, steps, and what a run needs to go on.
//
// A Trainer takes packed batches: Gradients computes losses and gradients of some of them,
// Step changes the weights by those. What is to be learned is in the weights of a batch's
// tokens, so that fine-tuning, distillation and reinforcement learning are the same step.
// How a batch is packed, how many threads there are and whether layers are computed again
// changes no bit of a token's log-probability; the first two none of a gradient either.
//
// Adding a loss on log-probabilities: the weight of a token is minus the derivative of the
// loss by its log-probability, and Divisor is 1. Adding a schedule: a case in Schedule.Rate
// and its settings in Schedule.Check.
package train

import "errors"

// What the errors of this package wrap.
var (
	ErrBatch    = errors.New("refused batch")
	ErrSettings = errors.New("refused setting")
	ErrDiverged = errors.New("training has diverged")
	ErrState    = errors.New("refused state of a run")
)
