package attest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/receipt"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Log is where receipts are written down for good.
type Log interface {
	// Origin returns the log's name.
	Origin() string
	// Append writes a receipt down, and returns the proof that it stands there, once that
	// is durable.
	Append(ctx context.Context, r *receipt.Receipt) (proof string, err error)
}

// Notary signs receipts of answers. Any goroutine may use it.
type Notary struct {
	Key     *receipt.PrivateKey
	Program receipt.Program
	Log     Log    // nil: none
	Digests string // a folder in which digests of files are remembered; "": nowhere
}

// NewProgram returns what this program is, its executable file read.
func NewProgram(ctx context.Context, version, executable, digests string) (receipt.Program, error) {
	l, err := checkpoint.List(ctx, executable, true, nil)
	if err != nil {
		return receipt.Program{}, err
	}
	files, err := l.Digest(ctx, digests)
	if err != nil {
		return receipt.Program{}, err
	}
	return receipt.Program{Version: version, SHA256: files[0].Digest.String()}, nil
}

// Subject is what answers, as receipts name it.
type Subject struct {
	Model     receipt.Model
	Adapter   string // root of its folder; "": none
	Tokenizer string
	Template  string
}

// Subject returns what a model is in receipts: named so, with the template that it
// renders conversations by; "" where it has none. Files are read for it, unless their
// digests are remembered in the folder digests.
func NewSubject(ctx context.Context, m *blitz.Model, name, template, digests string) (*Subject, error) {
	root, err := m.Root(ctx, digests)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	text, err := m.TokenizerDigest(ctx, digests)
	if errors.Is(err, tokenizer.ErrNoTokenizer) {
		text, err = sumOf(""), nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Subject{Model: receipt.Model{Name: clip(name), Root: root}, Tokenizer: text, Template: sumOf(template)}, nil
}

// sumOf returns the SHA-256 sum of a text.
func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// clip returns a name as a receipt may have it.
func clip(name string) string {
	const most = 255
	clean := make([]rune, 0, len(name))
	n := 0
	for _, r := range name {
		if r < ' ' || r == 0x7f {
			r = '_'
		}
		if n += len(string(r)); n > most {
			break
		}
		clean = append(clean, r)
	}
	if len(clean) == 0 {
		return "model"
	}
	return string(clean)
}

// AdapterRoot returns the root of an adapter's folder.
func AdapterRoot(ctx context.Context, folder, digests string) (string, error) {
	l, err := checkpoint.List(ctx, folder, false, nil)
	if err != nil {
		return "", err
	}
	files, err := l.Digest(ctx, digests)
	if err != nil {
		return "", err
	}
	return checkpoint.Root(files).String(), nil
}

// NewRequestID returns a name for a request that no other has, and that says nothing.
func NewRequestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // which never fails
	return hex.EncodeToString(b[:])
}

// Certify returns the receipt of an answer that is over, of which all logits were
// recorded, signed and written down in the log.
func (n *Notary) Certify(ctx context.Context, s *Subject, a *blitz.Answer, rec *Recording, constraints any, request string) (*receipt.Receipt, error) {
	if n.Log != nil {
		ctx = context.WithoutCancel(ctx) // a cancelled answer has a receipt, too
	}
	r, err := n.sign(s, a, rec, constraints, request)
	if err != nil || n.Log == nil {
		return r, err
	}
	if r.Proof, err = n.Log.Append(ctx, r); err != nil {
		return nil, fmt.Errorf("the receipt of %s is not in the log: %w", request, err)
	}
	return r, nil
}

// sign makes and signs the statement.
func (n *Notary) sign(s *Subject, a *blitz.Answer, rec *Recording, constraints any, request string) (*receipt.Receipt, error) {
	ids, record := a.IDs(), a.Record()
	hashes := rec.finish(len(ids))
	o := &receipt.Opening{
		Prompt: &receipt.Tokens{Salt: rec.salt, IDs: unsigned(a.PromptIDs())},
		Output: &receipt.Tokens{Salt: receipt.NewSalt(), IDs: unsigned(ids)},
	}
	if rec.outputSalt != nil {
		o.Output.Salt = *rec.outputSalt
	}
	o.Constraints = constraints
	st := &receipt.Statement{
		Output: receipt.CommitIDs("output", o.Output), Model: s.Model, Adapter: s.Adapter, Tokenizer: s.Tokenizer, Template: s.Template,
		Profile: receipt.Profile{Name: record.Profile, MLA: record.Form, Cache: record.Cache, Rope: record.Rope}, Program: n.Program,
		Prompt: receipt.CommitIDs("prompt", o.Prompt), Constraints: receipt.CommitConstraints(rec.salt, constraints),
		Parameters: ParametersOf(&record.Settings, rec.room(len(a.PromptIDs()))), Finish: record.Finish.String(),
		Vocabulary: int64(rec.vocabulary), Hashes: hashes,
		Usage: receipt.Usage{
			PromptTokens: int64(len(a.PromptIDs())), CachedTokens: int64(min(record.Usage.CachedTokens, len(a.PromptIDs()))),
			OutputTokens: int64(len(ids)), ReasoningTokens: int64(min(max(record.Usage.ReasoningTokens, 0), len(ids))),
		},
		Request: request, Started: record.Started, Finished: record.Finished,
	}
	if n.Log != nil {
		st.Log = n.Log.Origin()
	}
	if st.Finished.IsZero() {
		st.Finished = time.Now()
	}
	return receipt.Sign(st, n.Key, o)
}

func unsigned(ids []int32) []uint32 {
	out := make([]uint32, len(ids))
	for i, id := range ids {
		out[i] = uint32(id)
	}
	return out
}

// ParametersOf returns settings as a receipt has them. An answer that may be as long as
// the context allows has the number of tokens that this is.
func ParametersOf(s *blitz.Settings, room int) receipt.Parameters {
	p := receipt.Parameters{
		Temperature: s.Temperature, TopP: s.TopP, MinP: s.MinP, RepeatPenalty: s.RepeatPenalty, FrequencyPenalty: s.FrequencyPenalty,
		PresencePenalty: s.PresencePenalty, TopK: int64(s.TopK), MaxTokens: int64(s.MaxTokens), Seed: s.Seed, Think: s.Think.Mode.String(),
	}
	if s.MaxTokens == 0 || s.MaxTokens > room {
		p.MaxTokens = int64(room)
	}
	if s.Think.Budget > 0 {
		p.Think = strconv.Itoa(s.Think.Budget)
	}
	return p
}
