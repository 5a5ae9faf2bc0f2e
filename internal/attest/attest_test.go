package attest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// tinyModel opens a tiny model in which every byte is a token.
func tinyModel(t *testing.T) *blitz.Model {
	t.Helper()
	golden, err := tiny.Load(filepath.Join("..", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := golden.WriteSafetensors(folder); err != nil {
		t.Fatal(err)
	}
	vocab := map[string]int{}
	next := rune(256)
	for b := range rune(256) {
		c := b
		if b < '!' || b > '~' && b < 0xa1 || b == 0xad {
			c = next
			next++
		}
		vocab[string(c)] = int(b)
	}
	level := map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}
	special := func(id int, s string) any {
		return map[string]any{"id": id, "content": s, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
	}
	for name, v := range map[string]any{
		"tokenizer.json": map[string]any{
			"version": "1.0", "added_tokens": []any{special(256, "<s>"), special(257, "</s>")}, "normalizer": nil, "pre_tokenizer": level, "post_processor": nil, "decoder": level,
			"model": map[string]any{"type": "BPE", "unk_token": nil, "byte_fallback": false, "vocab": vocab, "merges": []any{}},
		},
		"tokenizer_config.json": map[string]any{"bos_token": "<s>", "eos_token": "</s>", "chat_template": "{% for m in messages %}{{ m.content }}\n{% endfor %}"},
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := blitz.Open(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func engine(t *testing.T, m *blitz.Model, o *blitz.EngineOptions) *blitz.Engine {
	t.Helper()
	e, err := blitz.NewEngine(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// paper is a log that writes nothing down.
type paper struct{ leaves int }

func (*paper) Origin() string { return "example.org/paper" }

func (p *paper) Append(context.Context, *receipt.Receipt) (string, error) {
	p.leaves++
	return "a proof", nil
}

// TestCertify: answers of all kinds, several at once, have receipts that hold with the
// engine, whatever computed them; and a lie is found where it begins.
func TestCertify(t *testing.T) {
	m := tinyModel(t)
	ctx := t.Context()
	subject, err := NewSubject(ctx, m, "tiny\n", "a template", "")
	if err != nil || subject.Model.Name != "tiny_" {
		t.Fatalf("%+v, %v", subject, err)
	}
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	program, err := NewProgram(ctx, "1", os.Args[0], "")
	if err != nil {
		t.Fatal(err)
	}
	log := &paper{}
	n := &Notary{Key: key, Program: program, Log: log}
	again := engine(t, m, &blitz.EngineOptions{Threads: 2, Chunk: 7, Speculate: "off"})
	e := engine(t, m, &blitz.EngineOptions{Threads: 1, Speculate: "ngram"})
	made := 0
	for name, r := range map[string]blitz.Request{
		"greedy":    {Prompt: "abcabcabcabc", MaxTokens: 70, Sampling: &blitz.Sampling{}},
		"stop text": {Prompt: "Once", MaxTokens: 60, Sampling: &blitz.Sampling{Temperature: 1}, Stop: []string{"a", "e", "\x00"}},
		"bias":      {Messages: []chat.Message{chat.User("Q")}, MaxTokens: 20, Sampling: &blitz.Sampling{Temperature: 1, RepeatPenalty: 1.1, LogitBias: map[int32]float32{65: 0.1}}},
		"held":      {Messages: []chat.Message{chat.User("Q")}, MaxTokens: 64, Sampling: &blitz.Sampling{Temperature: 1}, Schema: json.RawMessage(`{"type": "object", "properties": {"b": {"type": "boolean"}, "a": {"type": "boolean"}}, "required": ["b", "a"], "additionalProperties": false}`)},
	} {
		c := Constraints{Schema: r.Schema, Stop: r.Stop, Bias: r.Sampling.LogitBias}
		constraints, err := c.Value()
		if err != nil {
			t.Fatal(err)
		}
		var recs []*Recording
		r.ObserveOf = func(int) func(int32, []float32) {
			recs = append(recs, NewRecording(m.VocabSize(), e.Context()))
			return recs[len(recs)-1].Observe
		}
		all, err := e.GenerateAll(ctx, r, 3)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range all {
			if err := a.Wait(); err != nil {
				t.Fatal(err)
			}
			one, err := n.Certify(ctx, subject, a, recs[i], constraints, NewRequestID())
			if err != nil {
				t.Fatalf("%s %d: %v", name, i, err)
			}
			made++
			one, err = receipt.Parse(one.Text())
			if err != nil {
				t.Fatal(err)
			}
			v, err := one.Verify(receipt.Check{Keys: []*receipt.PublicKey{key.Public()}})
			if err != nil {
				t.Fatalf("%s %d: %v", name, i, err)
			}
			if v.Statement.Log != log.Origin() || one.Proof == "" || CompareSubject(v.Statement, subject) != nil {
				t.Errorf("%s %d: %+v", name, i, v.Statement)
			}
			if err := Again(ctx, again, nil, v.Statement, one.Opening); err != nil {
				t.Errorf("%s %d: %v", name, i, err)
			}
			holdLies(t, again, name, v.Statement, one.Opening)
		}
	}
	if log.leaves != made {
		t.Errorf("%d receipts in the log, want %d", log.leaves, made)
	}
}

// holdLies: a changed token and changed logits are found where they are.
func holdLies(t *testing.T, e *blitz.Engine, name string, s *receipt.Statement, o *receipt.Opening) {
	t.Helper()
	ids := o.Output.IDs
	for _, i := range []int{0, len(ids) - 1} {
		lie := *o
		lie.Output = &receipt.Tokens{IDs: slices.Clone(ids)}
		lie.Output.IDs[i] = (lie.Output.IDs[i] + 1) % 256
		var r *signed.Refusal
		err := Again(t.Context(), e, nil, s, &lie)
		if r, _ = err.(*signed.Refusal); r == nil || r.Reason != signed.Output || *r.First != i {
			t.Errorf("%s: token %d changed: %v", name, i, err)
		}
	}
	lie := *s
	lie.Hashes = slices.Clone(s.Hashes)
	k := len(lie.Hashes) - 1
	lie.Hashes[k] = lie.Model.Root
	err := Again(t.Context(), e, nil, &lie, o)
	if r, _ := err.(*signed.Refusal); r == nil || r.Reason != signed.Chain || *r.Block != k {
		t.Errorf("%s: block %d changed: %v", name, k, err)
	}
	if err := CheckOpened(s, &receipt.Opening{Prompt: o.Prompt}); err == nil {
		t.Errorf("%s: a redacted receipt passes", name)
	}
}

// endless draws no token that ends an answer.
func endless(m *blitz.Model) *blitz.Sampling {
	bias := map[int32]float32{}
	for _, id := range m.StopTokens() {
		bias[id] = -100
	}
	return &blitz.Sampling{Temperature: 1, LogitBias: bias}
}

// TestCancelled: an answer that was given up has a receipt of what came of it.
func TestCancelled(t *testing.T) {
	m := tinyModel(t)
	e := engine(t, m, &blitz.EngineOptions{Threads: 1})
	key, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	subject, err := NewSubject(t.Context(), m, "tiny", "", "")
	if err != nil {
		t.Fatal(err)
	}
	n := &Notary{Key: key, Program: receipt.Program{Version: "1", SHA256: subject.Model.Root}}
	sampling := endless(m)
	constraints, err := (&Constraints{Bias: sampling.LogitBias}).Value()
	if err != nil {
		t.Fatal(err)
	}
	for _, tokens := range []int{0, 1, 40} {
		rec := NewRecording(m.VocabSize(), e.Context())
		seen, given := 0, make(chan struct{}) // the engine waits there, however late this test is
		a, err := e.Generate(t.Context(), blitz.Request{Prompt: "Once", Sampling: sampling, Observe: func(id int32, logits []float32) {
			rec.Observe(id, logits)
			if seen++; seen == tokens+100 {
				<-given
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		came := 0
		for range a.Tokens() {
			if came++; came >= tokens {
				break
			}
		}
		close(given)
		a.Close()
		one, err := n.Certify(t.Context(), subject, a, rec, constraints, NewRequestID())
		if err != nil {
			t.Fatalf("%d tokens: %v", tokens, err)
		}
		s, err := one.Statement()
		if err != nil || s.Finish != "cancelled" {
			t.Fatalf("%d tokens: finish %q, %v", tokens, s.Finish, err)
		}
		if err := Again(t.Context(), e, nil, s, one.Opening); err != nil {
			t.Errorf("%d tokens: %v", tokens, err)
		}
	}
}
