// Package blitz runs reasoning models on ordinary processors, in pure Go.
//
// A Model is opened from a GGUF file or a Hugging Face folder, an Engine runs it,
// and a Session is a conversation on an engine:
//
//	m, err := blitz.Open("smollm2.gguf", nil)
//	…
//	e, err := blitz.NewEngine(m, nil)
//	…
//	greedy := &blitz.Request{Sampling: &blitz.Sampling{}}
//	answer, err := e.NewSession(greedy).Ask(ctx, "Name the capital of France.")
//	for t, err := range answer.Tokens() {
//		if err != nil {
//			return err
//		}
//		fmt.Print(t.Content())
//	}
//
// The same model, prompt, settings and seed give the same bits on every
// processor, at any batch size, thread count and cache state; docs/CANON.md says
// how.
package blitz

import (
	"errors"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
)

// Errors that callers act on. Refused files wrap ErrArch, ErrConfig, ErrTensor,
// gguf.ErrFormat or safetensors.ErrFormat; missing ones fs.ErrNotExist.
var (
	// ErrContext is a prompt that leaves no room for an answer in the context.
	ErrContext = engine.ErrContext
	// ErrOption is an option or a setting that is out of range, or one that cannot go
	// with another.
	ErrOption = engine.ErrOption
	// ErrPrompt is a request without a token to go on from.
	ErrPrompt = engine.ErrPrompt
	// ErrClosed is the use of a model, an engine or threads that were closed.
	ErrClosed = engine.ErrClosed
	// ErrTokens is a token id that the model's vocabulary does not have.
	ErrTokens = model.ErrTokens
	// ErrLogits is a model whose numbers are not finite, so that nothing can be drawn.
	ErrLogits = sample.ErrLogits
	// ErrMask is a Guide, or several together, that let no token pass.
	ErrMask = sample.ErrMask
	// ErrGuide is a Guide that returned an error, or forced what is no token.
	ErrGuide = engine.ErrGuide
	// ErrNoRoom is a model or a context that does not fit into memory.
	ErrNoRoom = model.ErrNoRoom
	// ErrArch is a model of an architecture that is not built.
	ErrArch = model.ErrArch
	// ErrConfig and ErrTensor are models whose parts do not fit together.
	ErrConfig = model.ErrConfig
	ErrTensor = model.ErrTensor
	// ErrNoMTP is a model without a module of multi-token prediction.
	ErrNoMTP = model.ErrNoMTP
	// ErrVocabulary is a draft model whose tokens are others than the model's.
	ErrVocabulary = engine.ErrVocabulary
	// ErrNoTurn is a Session that is asked to repeat, or go on with, what it does not
	// have.
	ErrNoTurn = errors.New("the conversation has no such turn")
	// ErrNoTemplate is a conversation with a model that has no chat template.
	ErrNoTemplate = checkpoint.ErrNoTemplate
	// ErrNoModel is a folder in which nothing of a model is.
	ErrNoModel = checkpoint.ErrNoModel
	// ErrNotFound is a name or a source that no model has.
	ErrNotFound = hub.ErrNotFound
	// ErrOffline is a source whose model the store does not have, where nothing may be
	// fetched.
	ErrOffline = hub.ErrOffline
	// ErrFiles is a folder that does not hold one whole model.
	ErrFiles = checkpoint.ErrFiles
	// ErrNoWeights is a tokenizer, or a GGUF file without tensors, where a model is wanted.
	ErrNoWeights = checkpoint.ErrNoWeights
)

// ContextError is a prompt that leaves no room for an answer, with the length of both in
// tokens. It wraps ErrContext.
type ContextError = engine.ContextError
