// Package fault says what an error of any package means to the one who asked: the kind,
// by which a command chooses its exit code and a server its status, the message on one
// line, and what can be done about it.
package fault

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
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/importance"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/quantize"
	"github.com/blitz-r1/blitz/internal/reward"
	"github.com/blitz-r1/blitz/internal/sample"
	"github.com/blitz-r1/blitz/internal/sandbox"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/spelling"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/safetensors"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Kind is what an error means.
type Kind uint8

// The kinds. Failed is what no other is.
const (
	Failed      Kind = iota
	Usage            // a wrong use: an unknown flag, a bad value
	NotFound         // a model, file or tag that is not there
	Refused          // damaged or hostile input, an architecture that is not built, a wrong digest
	NoRoom           // memory, disk or context
	Interrupted      // by the one who asked
)

// marked is an error whose kind is known where it is made.
type marked struct {
	error
	kind Kind
}

func (e marked) Unwrap() error { return e.error }

// Misuse returns an error of kind Usage.
func Misuse(err error) error { return marked{err, Usage} }

// Refusal returns an error of kind Refused: of input that holds something else than it
// has to.
func Refusal(err error) error { return marked{err, Refused} }

// Missing returns an error of kind NotFound: of a part of a file that is not there.
func Missing(err error) error { return marked{err, NotFound} }

// Lacking marks an error as one of what this program or machine does not have.
func Lacking(err error) error { return marked{err, NoRoom} }

// hinted is an error with something that can be done about it.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// WithHint adds a hint to an error; nil stays nil.
func WithHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{err, hint}
}

// kinds maps the sentinels of the packages to kinds; the first that an error wraps
// decides.
var kinds = []struct {
	err  error
	kind Kind
}{
	{context.Canceled, Interrupted},
	{hub.ErrSyntax, Usage},
	{hub.ErrReserved, Usage},
	{hub.ErrWithin, Usage},
	{hub.ErrDigest, Refused},
	{hub.ErrFormat, Refused},
	{hub.ErrExists, Usage},
	{hub.ErrNoSpace, NoRoom},
	{hub.ErrOffline, NotFound},
	{hub.ErrNotFound, NotFound},
	{catalogue.ErrFormat, Refused},
	{database.ErrDamaged, Refused},
	{database.ErrForeign, Refused},
	{database.ErrNewer, Refused},
	{database.ErrFull, NoRoom},
	{database.ErrExists, Usage},
	{account.ErrUnknown, NotFound},
	{account.ErrTaken, Usage},
	{account.ErrValue, Usage},
	{kernel.ErrUnknownImpl, Usage},
	{kernel.ErrNoImpl, NoRoom},
	{blitz.ErrOption, Usage},
	{engine.ErrContext, NoRoom},
	{engine.ErrNoRoom, NoRoom},
	{kvcache.ErrNoRoom, NoRoom},
	{model.ErrNoRoom, NoRoom},
	{model.ErrNoImage, NoRoom},
	{blitz.ErrPackedFull, NoRoom},
	{tensor.ErrNoMemory, NoRoom},
	{model.ErrConfig, Refused},
	{model.ErrNoBackward, Refused},
	{train.ErrBatch, Refused},
	{train.ErrNoRoom, NoRoom},
	{train.ErrSettings, Usage},
	{train.ErrState, Refused},
	{model.ErrTensor, Refused},
	{model.ErrArch, Refused},
	{blitz.ErrAdapter, Refused},
	{model.ErrTokens, Refused},
	{engine.ErrVocabulary, Refused},
	{engine.ErrEncoder, Refused},
	{blitz.ErrNoRank, Refused},
	{gguf.ErrFormat, Refused},
	{importance.ErrFormat, Refused},
	{dataset.ErrFormat, Refused},
	{dataset.ErrRow, Refused},
	{dataset.ErrTooLong, Refused},
	{dataset.ErrEmpty, Refused},
	{dataset.ErrOption, Usage},
	{dataset.ErrOtherKey, Refused},
	{course.ErrSetting, Usage},
	{reward.ErrConfig, Usage},
	{sandbox.ErrMissing, NoRoom},
	{course.ErrOther, Usage},
	{course.ErrDoomed, Refused},
	{course.ErrState, Refused},
	{quantize.ErrOption, Usage},
	{quantize.ErrRefused, Refused},
	{quantize.ErrNoRoom, NoRoom},
	{safetensors.ErrFormat, Refused},
	{tokenizer.ErrUnsupported, Refused},
	{tokenizer.ErrDamaged, Refused},
	{tokenizer.ErrID, Refused},
	{tokenizer.ErrTimeLimit, Refused},
	{tokenizer.ErrTooLong, Refused},
	{tokenizer.ErrNoTokenizer, NotFound},
	{output.ErrUnknownFormat, Usage},
	{output.ErrTools, Refused},
	{output.ErrCalls, Usage},
	{grammar.ErrSyntax, Refused},
	{grammar.ErrUnsupported, Refused},
	{grammar.ErrTooLarge, Refused},
	{grammar.ErrEmpty, Refused},
	{jinja.ErrSyntax, Refused},
	{jinja.ErrRefused, Refused},
	{jinja.ErrJSON, Refused},
	{jinja.ErrLimit, Refused},
	{blitz.ErrNoTemplate, NotFound},
	{blitz.ErrNoModel, NotFound},
	{blitz.ErrFiles, Refused},
	{blitz.ErrNoWeights, Refused},
	{fs.ErrNotExist, NotFound},
	{golden.ErrFormat, Refused},
	{golden.ErrUnsupported, Refused},
	{golden.ErrTooLarge, Refused},
	{sample.ErrLogits, Refused},
	{syscall.ENOMEM, NoRoom},  // a file that cannot be mapped
	{syscall.ENOSPC, NoRoom},  // a full disk
	{syscall.EISDIR, Refused}, // a folder where a file has to be
	{syscall.ENOTDIR, NotFound},
	{syscall.ELOOP, NotFound},
	{syscall.ENAMETOOLONG, NotFound},
}

// Of returns the kind of an error.
func Of(err error) Kind {
	var m marked
	var setting *settings.Error
	var refusal *signed.Refusal
	switch {
	case errors.As(err, &m):
		return m.kind
	case errors.As(err, &refusal):
		return Refused
	case errors.As(err, &setting):
		return Usage
	}
	for _, e := range kinds {
		if errors.Is(err, e.err) {
			return e.kind
		}
	}
	var template *jinja.Error
	if errors.As(err, &template) { // whatever it stumbled on, the template or the conversation is wrong
		return Refused
	}
	return Failed
}

// hints say what can be done about an error that does not say so itself; the first
// that an error wraps counts.
var hints = []struct {
	err  error
	hint string
}{
	{hub.ErrOffline, "without --offline it is fetched"},
	{hub.ErrNoSpace, "blitz rm NAME frees space; BLITZ_HOME moves the store to another disk"},
	{database.ErrNewer, "a newer blitz wrote it: use that one, or the copy of before that lies beside it"},
	{database.ErrDamaged, "put the last backup in its place, or move it away to begin anew"},
	{database.ErrBusy, "another blitz holds it; try again"},
	{account.ErrTaken, "blitz keys revoke NAME frees it"},
	{account.ErrUnknown, "blitz keys list shows what there is"},
	{hub.ErrUnreachable, "nothing was kept of what may have come; the same command tries again"},
	{hub.ErrUnsupported, "blitz import PATH NAME takes a model file from the disk"},
	{engine.ErrContext, "--ctx N makes the context larger, up to the model's own"},
	{engine.ErrNoRoom, "--ctx N makes the context smaller, --cache q8 its positions"},
	{model.ErrNoRoom, HintSmaller},
	{sample.ErrLogits, "the weights hold numbers that are too large or none at all: the file is damaged, or was made wrongly"},
}

// HintSmaller is said of a model that does not fit.
const HintSmaller = "a smaller quantisation of the model takes less; blitz doctor shows what there is"

// Explain returns what is said of an error on one line, and what can be done about it,
// "" where that is nothing. Names in it come from files as they are.
func Explain(err error) (message, hint string) {
	if Of(err) == Interrupted {
		return "interrupted", ""
	}
	return shorten(strings.Join(strings.Fields(err.Error()), " ")), hintOf(err)
}

func hintOf(err error) string {
	var h hinted
	var missing *hub.NotFoundError
	var unfinished *hub.UnfinishedError
	var hint *hub.HintError
	switch {
	case errors.As(err, &h):
		return h.hint
	case errors.As(err, &hint):
		return hint.Hint
	case errors.As(err, &unfinished) && unfinished.Bytes > 0:
		return hub.FormatBytes(unfinished.Bytes) + " came and are kept: the same command fetches the rest"
	case errors.As(err, &unfinished):
		return fmt.Sprintf("%d of %d files came whole and are kept: the same command fetches the rest", unfinished.Kept, unfinished.Of)
	case errors.As(err, &missing) && !missing.Path && len(missing.Suggestions) > 0:
		return "did you mean " + spelling.OneOf(missing.Suggestions) + "?"
	case errors.As(err, &missing) && !missing.Path:
		return "blitz list shows what is stored, blitz pull SOURCE fetches a model"
	}
	for _, k := range hints {
		if errors.Is(err, k.err) {
			return k.hint
		}
	}
	return ""
}

// A message longer than both is shown by its first and its last bytes: names and
// values in it come from files, where nothing bounds them.
const (
	messageHead = 1200
	messageTail = 400
)

// shorten leaves out the middle of a long message.
func shorten(s string) string {
	if len(s) <= messageHead+messageTail {
		return s
	}
	return strings.ToValidUTF8(s[:messageHead], "") + " … " + strings.ToValidUTF8(s[len(s)-messageTail:], "")
}
