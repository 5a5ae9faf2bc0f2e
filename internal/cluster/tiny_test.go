package cluster

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// writeModel writes a tiny model in which every byte is a token.
func writeModel(t testing.TB, folder string) {
	t.Helper()
	golden, err := tiny.Load(filepath.Join("..", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
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
		"tokenizer_config.json": map[string]any{"bos_token": "<s>", "eos_token": "</s>"},
	} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// openTiny opens a model that writeModel wrote, to be served by a key.
func openTiny(folder string, key *signed.PrivateKey) (*Models, error) {
	m, err := blitz.Open(folder, nil)
	if err != nil {
		return nil, err
	}
	root, err := m.Root(context.Background(), "")
	if err != nil {
		return nil, err
	}
	s := &Served{Root: root, Context: 512, Open: func(ctx context.Context, _, cache string) (*blitz.Engine, *attest.Subject, error) {
		subject, err := attest.NewSubject(ctx, m, "tiny", "", "")
		if err != nil {
			return nil, nil, err
		}
		e, err := blitz.NewEngine(m, &blitz.EngineOptions{Threads: 1, Cache: cache, Context: 512, Sequences: 8})
		return e, subject, err
	}}
	return &Models{Notary: &attest.Notary{Key: key, Program: receipt.Program{Version: "test", SHA256: root}}, Served: []*Served{s}}, nil
}

func newKey(t testing.TB) *signed.PrivateKey {
	t.Helper()
	k, err := signed.Generate(signed.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// alone is one node with a tiny model.
type alone struct {
	models *Models
	root   string
	id     string
	peers  *Peers
}

func newAlone(t testing.TB) *alone {
	t.Helper()
	folder := t.TempDir()
	writeModel(t, folder)
	key := newKey(t)
	m, err := openTiny(folder, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	peers, err := NewPeers(&Peer{Name: "self", Key: key.Public(), Roles: []Role{Work}})
	if err != nil {
		t.Fatal(err)
	}
	return &alone{m, m.Served[0].Root, key.Public().ID(), peers}
}

// object returns a job as JSON, changed as wanted: nil takes a field away.
func object(rng *rand.Rand, root string, tokens int, changes map[string]any) map[string]any {
	salt := make([]byte, 32)
	for i := range salt {
		salt[i] = byte(rng.Uint32())
	}
	ids := []int{256}
	for range 1 + rng.IntN(12) {
		ids = append(ids, rng.IntN(256))
	}
	o := map[string]any{
		"version": 1, "kind": "rollout", "model": root, "adapter": "", "profile": map[string]any{"name": "canon-1", "mla": "none", "cache": "f32"},
		"prompt_ids": ids, "constraints": nil, "sample": rng.IntN(9), "salt": hex.EncodeToString(salt),
		"parameters": map[string]any{
			"temperature": "1", "top_k": 0, "top_p": "1", "min_p": "0", "repeat_penalty": "1", "frequency_penalty": "0", "presence_penalty": "0",
			"seed": fmt.Sprint(rng.Uint64()), "max_tokens": tokens, "think": "auto",
		},
	}
	for k, v := range changes {
		if o[k] = v; v == gone {
			delete(o, k)
		}
	}
	return o
}

// gone is what takes a field away.
const gone = "\x00gone"

func jobOf(t testing.TB, o map[string]any) *Job {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	j, err := ParseJob(text)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// newJobs returns jobs of 1 to most tokens.
func newJobs(t testing.TB, rng *rand.Rand, root string, n, most int) []*Job {
	t.Helper()
	all := make([]*Job, n)
	for i := range all {
		all[i] = jobOf(t, object(rng, root, 1+rng.IntN(most), nil))
	}
	return all
}

// forge returns a result signed by another key, in which the last token is another, or which
// bears another time.
func forge(j *Job, r *Result, key *signed.PrivateKey, lie bool, change func(s *receipt.Statement)) (*Result, error) {
	s, err := r.Receipt.Statement()
	if err != nil {
		return nil, err
	}
	o := *r.Receipt.Opening
	out := append([]uint32(nil), r.Output...)
	if lie {
		out[len(out)-1] = (out[len(out)-1] + 1) % 256
	}
	o.Output = &receipt.Tokens{Salt: o.Output.Salt, IDs: out}
	s.Output = receipt.CommitIDs("output", o.Output)
	if change != nil {
		change(s)
	}
	signedAgain, err := receipt.Sign(s, key, &o)
	if err != nil {
		return nil, err
	}
	return newResult(j, key.Public().ID(), out, signedAgain)
}
