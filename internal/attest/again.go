package attest

import (
	"context"
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// ErrRedacted is a receipt without the parts that an engine needs.
var ErrRedacted = errors.New("the receipt is redacted")

// CheckOpened says whether a receipt has what an engine needs. The error wraps
// ErrRedacted.
func CheckOpened(s *receipt.Statement, o *receipt.Opening) error {
	missing := func(part string) error {
		return fmt.Errorf("%w: without the %s it cannot be decided whether the model gives this answer", ErrRedacted, part)
	}
	switch {
	case o == nil || o.Prompt == nil:
		return missing("prompt")
	case o.Output == nil:
		return missing("output")
	case s.Constraints != "" && o.Constraints == nil:
		return missing("constraints")
	}
	return nil
}

// CompareSubject compares what a receipt says of the model with a model. The error is a
// Refusal.
func CompareSubject(s *receipt.Statement, with *Subject) error {
	switch {
	case s.Model.Root != with.Model.Root:
		return signed.Refuse(signed.Model, "the receipt is of the model %s, this one is %s", s.Model.Root, with.Model.Root)
	case s.Adapter != with.Adapter:
		return signed.Refuse(signed.Model, "the receipt is of the adapter %q, given is %q", s.Adapter, with.Adapter)
	case s.Tokenizer != with.Tokenizer:
		return signed.Refuse(signed.Tokenizer, "the receipt is of the tokenizer %s, the model has %s", s.Tokenizer, with.Tokenizer)
	case s.Template != with.Template:
		return signed.Refuse(signed.Template, "the receipt is of the template %s, the model has %s", s.Template, with.Template)
	}
	return nil
}

// Again computes an answer again, in one prefill over prompt and output: each token has to
// be what is drawn from its row, the answer has to end where it ended, and the logits have
// to be those of the chain. The opening has what CheckOpened wants, and meets its
// commitments. The error is a Refusal with Output or Chain where it is another answer.
func Again(ctx context.Context, e *blitz.Engine, adapter *blitz.Adapter, s *receipt.Statement, o *receipt.Opening) error {
	request, err := RequestOf(&s.Parameters, o.Prompt.IDs, o.Constraints)
	if err != nil {
		return err
	}
	request.Adapter = adapter
	request.NoCalls = request.NoCalls && s.Finish != blitz.FinishToolCalls.String()
	err = replay(ctx, e, request, s, o)
	// A receipt does not say whether its prompt is a conversation, which matters where
	// something holds the content of the answer alone.
	if signed.ReasonOf(err) == signed.Output && (o.Constraints != nil || s.Parameters.Thinking() > 0) {
		request.Rendered, request.Said, request.Calls, request.Tools = false, "", output.Calls{}, nil
		if replay(ctx, e, request, s, o) == nil {
			return nil
		}
	}
	return err
}

// RequestOf returns the request that has parameters, a prompt and constraints as receipts
// have them; nil: no constraints. What of them cannot be held here is a Refusal with Form.
func RequestOf(p *receipt.Parameters, prompt []uint32, constraints any) (blitz.Request, error) {
	r := blitz.Request{
		Tokens: signedIDs(prompt), Rendered: true, MaxTokens: int(min(p.MaxTokens, 1<<31-1)),
		Sampling: &blitz.Sampling{
			Temperature: p.Temperature, TopK: int(min(p.TopK, 1<<30)), TopP: new(p.TopP), MinP: p.MinP, RepeatPenalty: p.RepeatPenalty,
			FrequencyPenalty: p.FrequencyPenalty, PresencePenalty: p.PresencePenalty, Seed: new(p.Seed),
		},
	}
	switch p.Think {
	case "auto":
	case "on":
		r.Think.Mode = blitz.ThinkOn
	case "off":
		r.Think.Mode = blitz.ThinkOff
	default:
		r.Think.Mode, r.Think.Budget = blitz.ThinkOn, p.Thinking()
	}
	if constraints != nil {
		if err := constrain(&r, constraints); err != nil {
			return r, err
		}
	}
	r.NoCalls = len(r.Tools) == 0 // who has no tools calls nothing, whatever its text looks like
	return r, nil
}

func signedIDs(ids []uint32) []int32 {
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = int32(id)
	}
	return out
}

// replay asks a request again, and compares.
func replay(ctx context.Context, e *blitz.Engine, r blitz.Request, s *receipt.Statement, o *receipt.Opening) error {
	ids := signedIDs(o.Output.IDs)
	rec := newRereading(o.Prompt.Salt, e.Model().VocabSize()) // beside the products of the next rows
	defer rec.Close()
	drawn, seen := int32(-1), 0
	again, err := e.Replay(ctx, r, ids, func(i int, id int32, logits []float32) {
		drawn, seen = id, seen+1
		rec.Observe(ids[i], logits)
	})
	if err != nil {
		return err
	}
	n := len(ids)
	switch i := again.First; {
	case i >= 0 && i < seen && drawn != ids[i]:
		return differs(i, fmt.Sprintf("token %d is %d, the model gives %d", i, ids[i], drawn))
	case i >= 0:
		return differs(i, fmt.Sprintf("token %d: the answer ends before it", i))
	}
	if want, got := s.Finish, again.Finish.String(); want != "cancelled" && want != "error" && want != got {
		if got == "" {
			got = "goes on"
		}
		return differs(n, fmt.Sprintf("token %d: the receipt says that the answer ends before it (%s), the model's: %s", n, want, got))
	}
	if int64(e.Model().VocabSize()) != s.Vocabulary {
		return signed.Refuse(signed.Chain, "rows of %d logits, the model's have %d", s.Vocabulary, e.Model().VocabSize())
	}
	for k, h := range rec.finish(n) {
		if h != s.Hashes[k] {
			return &signed.Refusal{Reason: signed.Chain, Detail: fmt.Sprintf("block %d: other logits, from token %d on", k, receipt.Every*k), Block: &k}
		}
	}
	return nil
}

func differs(i int, detail string) error {
	return &signed.Refusal{Reason: signed.Output, Detail: detail, First: &i}
}
