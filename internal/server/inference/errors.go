package inference

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// modelError says why a model cannot be had.
func (s *Service) modelError(name string, err error) error {
	e := &wire.Error{Param: "model", Err: err}
	switch {
	case errors.Is(err, blitz.ErrNotFound), errors.Is(err, host.ErrName), errors.Is(err, blitz.ErrOffline):
		// Ollama's words, which clients of all dialects look for.
		e.Kind, e.Message = wire.NoModel, "model '"+shorten(name)+"' not found"
		if _, hint := fault.Explain(err); hint != "" && !errors.Is(err, host.ErrName) {
			e.Message += "; " + shorten(hint)
		}
	case errors.Is(err, blitz.ErrClosed):
		e.Kind, e.Message = wire.Unavailable, "the server is going down"
	case isContext(err):
		e.Kind, e.Message = wire.Unavailable, "the model was not loaded in time"
	case fault.Of(err) == fault.NoRoom:
		e.Kind, e.Message = wire.Unavailable, message(err)
	default:
		e.Kind, e.Message = wire.Internal, "model '"+shorten(name)+"' cannot be loaded: "+message(err)
	}
	return e
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// shorten cuts a name as a message may repeat it.
func shorten(name string) string {
	const most = 64
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '\ufffd'
		}
		return r
	}, name)
}

// answerError says why a request was refused, or ended, by the engine.
func answerError(err error) error {
	var known *wire.Error
	var long *blitz.ContextError
	var raised *jinja.RaisedError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &long):
		// Clients tell a too long prompt by these words.
		return &wire.Error{
			Kind: wire.Invalid, Code: wire.ContextLength, Err: err,
			Message: fmt.Sprintf("This model's maximum context length is %d tokens. However, your prompt has %d tokens. Please shorten it.", long.Context, long.Prompt),
		}
	case errors.As(err, &raised):
		return &wire.Error{Kind: wire.Invalid, Param: "messages", Message: "the model's template refuses the conversation: " + shorten(raised.Message), Err: err}
	case errors.Is(err, blitz.ErrEncoder), errors.Is(err, blitz.ErrNoRank), errors.Is(err, blitz.ErrRanks):
		return &wire.Error{Kind: wire.Invalid, Param: "model", Message: message(err), Err: err}
	case errors.Is(err, blitz.ErrNoTemplate):
		return &wire.Error{Kind: wire.Invalid, Param: "messages", Message: "the model has no chat template: it can complete text only", Err: err}
	case errors.Is(err, tokenizer.ErrNoTokenizer):
		return &wire.Error{Kind: wire.Invalid, Param: "model", Message: "the model has no tokenizer: it takes token ids only, as prompt of completions", Err: err}
	case errors.Is(err, blitz.ErrPrompt):
		return &wire.Error{Kind: wire.Invalid, Param: "prompt", Message: "the prompt is empty", Err: err}
	case errors.Is(err, output.ErrCalls), errors.Is(err, output.ErrTools):
		return &wire.Error{Kind: wire.Invalid, Param: "tools", Message: message(err), Err: err}
	case errors.Is(err, blitz.ErrTokens), errors.Is(err, blitz.ErrOption), isGrammar(err):
		return &wire.Error{Kind: wire.Invalid, Message: message(err), Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &wire.Error{Kind: wire.Unavailable, Message: "the answer took longer than the server allows", Err: err}
	case errors.Is(err, blitz.ErrClosed):
		return &wire.Error{Kind: wire.Unavailable, Message: "the server is going down", Err: err}
	case errors.Is(err, blitz.ErrNoRoom):
		return &wire.Error{Kind: wire.Overloaded, Message: message(err), RetryAfter: maxWait, Err: err}
	case fault.Of(err) == fault.Refused || fault.Of(err) == fault.Usage:
		return &wire.Error{Kind: wire.Invalid, Message: message(err), Err: err}
	}
	return &wire.Error{Kind: wire.Internal, Message: "the answer failed: " + message(err), Err: err}
}

// about is answerError with the field of the request that the error is about, where it does not
// say one.
func about(err error, param string) error {
	err = answerError(err)
	var known *wire.Error
	if errors.As(err, &known) && known.Param == "" {
		named := *known
		named.Param = param
		return &named
	}
	return err
}

// message returns an error on one line.
func message(err error) string {
	text, _ := fault.Explain(err)
	return text
}
