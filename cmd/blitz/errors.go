package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/sample"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/safetensors"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Exit codes; see CLI.md.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitNoRoom      = 5
	exitInterrupted = 130
)

// usageError is a wrong use: an unknown flag, a bad value.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// refusedError is input that a verb itself refuses: a file that holds something else
// than it has to.
type refusedError struct{ error }

func (e refusedError) Unwrap() error { return e.error }

// missingError is a part of a file that is not there.
type missingError struct{ error }

func (e missingError) Unwrap() error { return e.error }

// roomError is a model that does not fit into memory, with what would.
type roomError struct {
	error
	needs *needs
}

func (e *roomError) Unwrap() error { return e.error }

// hinted is an error with something that can be done about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// withHint adds a hint to an error.
func withHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// exitCodes maps the sentinels of the packages to exit codes; the first that an
// error wraps decides.
var exitCodes = []struct {
	err  error
	code int
}{
	{context.Canceled, exitInterrupted},
	{hub.ErrSyntax, exitUsage},
	{hub.ErrDigest, exitRefused},
	{hub.ErrFormat, exitRefused},
	{hub.ErrNoSpace, exitNoRoom},
	{hub.ErrOffline, exitNotFound},
	{hub.ErrNotFound, exitNotFound},
	{kernel.ErrUnknownImpl, exitUsage},
	{kernel.ErrNoImpl, exitNoRoom},
	{blitz.ErrOption, exitUsage},
	{engine.ErrContext, exitNoRoom},
	{engine.ErrNoRoom, exitNoRoom},
	{kvcache.ErrNoRoom, exitNoRoom},
	{model.ErrNoRoom, exitNoRoom},
	{tensor.ErrNoMemory, exitNoRoom},
	{model.ErrConfig, exitRefused},
	{model.ErrTensor, exitRefused},
	{model.ErrArch, exitRefused},
	{model.ErrTokens, exitRefused},
	{gguf.ErrFormat, exitRefused},
	{safetensors.ErrFormat, exitRefused},
	{tokenizer.ErrUnsupported, exitRefused},
	{tokenizer.ErrDamaged, exitRefused},
	{tokenizer.ErrID, exitRefused},
	{tokenizer.ErrTimeLimit, exitRefused},
	{tokenizer.ErrTooLong, exitRefused},
	{tokenizer.ErrNoTokenizer, exitNotFound},
	{output.ErrUnknownFormat, exitUsage},
	{output.ErrTools, exitRefused},
	{jinja.ErrSyntax, exitRefused},
	{jinja.ErrRefused, exitRefused},
	{jinja.ErrJSON, exitRefused},
	{jinja.ErrLimit, exitRefused},
	{blitz.ErrNoTemplate, exitNotFound},
	{blitz.ErrNoModel, exitNotFound},
	{blitz.ErrFiles, exitRefused},
	{blitz.ErrNoWeights, exitRefused},
	{fs.ErrNotExist, exitNotFound},
	{golden.ErrFormat, exitRefused},
	{golden.ErrUnsupported, exitRefused},
	{golden.ErrTooLarge, exitRefused},
	{sample.ErrLogits, exitRefused},
	{syscall.ENOMEM, exitNoRoom},  // a file that cannot be mapped
	{syscall.ENOSPC, exitNoRoom},  // a full disk
	{syscall.EISDIR, exitRefused}, // a folder where a file has to be
	{syscall.ENOTDIR, exitNotFound},
	{syscall.ELOOP, exitNotFound},
	{syscall.ENAMETOOLONG, exitNotFound},
}

func exitCode(err error) int {
	var usage usageError
	var refused refusedError
	var missing missingError
	switch {
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &refused):
		return exitRefused
	case errors.As(err, &missing):
		return exitNotFound
	}
	for _, e := range exitCodes {
		if errors.Is(err, e.err) {
			return e.code
		}
	}
	var template *jinja.Error
	if errors.As(err, &template) { // whatever it stumbled on, the template or the conversation is wrong
		return exitRefused
	}
	return exitFailed
}

// hints say what can be done about an error that does not say so itself; the first
// that an error wraps counts.
var hints = []struct {
	err  error
	hint string
}{
	{hub.ErrOffline, "without --offline it is fetched"},
	{hub.ErrNoSpace, "blitz rm NAME frees space; BLITZ_HOME moves the store to another disk"},
	{hub.ErrUnreachable, "nothing was kept of what may have come; the same command tries again"},
	{hub.ErrUnsupported, "blitz import PATH NAME takes a model file from the disk"},
	{engine.ErrContext, "--ctx N makes the context larger, up to the model's own"},
	{engine.ErrNoRoom, "--ctx N makes the context smaller, --cache q8 its positions"},
	{model.ErrNoRoom, hintSmaller},
	{sample.ErrLogits, "the weights hold numbers that are too large or none at all: the file is damaged, or was made wrongly"},
}

const hintSmaller = "a smaller quantisation of the model takes less; blitz doctor shows what there is"

// explain returns what is said of an error on one line, and the hint.
func explain(err error) (message, hint string) {
	if exitCode(err) == exitInterrupted {
		return "interrupted", ""
	}
	var h hinted
	var missing *hub.NotFoundError
	var unfinished *hub.UnfinishedError
	switch {
	case errors.As(err, &h):
		hint = h.hint
	case errors.As(err, &unfinished):
		hint = fmt.Sprintf("%d of %d files came whole and are kept: the same command fetches the rest", unfinished.Kept, unfinished.Of)
	case errors.As(err, &missing) && !missing.Path && len(missing.Suggestions) > 0:
		hint = "did you mean " + oneOf(missing.Suggestions) + "?"
	case errors.As(err, &missing) && !missing.Path:
		hint = "blitz list shows what is stored, blitz pull SOURCE fetches a model"
	default:
		for _, k := range hints {
			if errors.Is(err, k.err) {
				hint = k.hint
				break
			}
		}
	}
	return printable(shortenMessage(strings.Join(strings.Fields(err.Error()), " "))), hint
}

// A message longer than both is shown by its first and its last bytes: names and
// values in it come from files, where nothing bounds them.
const (
	messageHead = 1200
	messageTail = 400
)

// shortenMessage leaves out the middle of a long message.
func shortenMessage(s string) string {
	if len(s) <= messageHead+messageTail {
		return s
	}
	return strings.ToValidUTF8(s[:messageHead], "") + " … " + strings.ToValidUTF8(s[len(s)-messageTail:], "")
}
