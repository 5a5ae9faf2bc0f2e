package openai

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/tokenizer"
)

// modelOf returns the model that a request about tokens means; such requests need not
// name one.
func (d *dialect) modelOf(ctx context.Context, o *wire.Object) (string, error) {
	if name := o.Text("model"); name != "" || o.Err() != nil {
		return name, o.Err()
	}
	return d.service.OnlyModel(ctx)
}

// use has f use the tokenizer of a model.
func (d *dialect) use(ctx context.Context, model string, f func(e *blitz.Engine, t *tokenizer.Tokenizer) error) error {
	return d.service.Use(ctx, model, func(e *blitz.Engine, name string) error {
		t := e.Model().Tokenizer()
		if t == nil {
			return wire.Refuse("model", "the model %s has no tokenizer", wire.Quote(name))
		}
		return f(e, t)
	})
}

// tokenizeAsk is what tokens are asked for: a text in vLLM's way (prompt) or
// llama-server's (content), or a conversation.
type tokenizeAsk struct {
	inference.Request
	text   string
	chat   bool
	flags  tokenizer.Flags
	pieces bool // llama-server's list of ids with their texts
	texts  bool // vLLM's list of texts beside the ids
}

func readTokenize(o *wire.Object) (*tokenizeAsk, error) {
	a := &tokenizeAsk{}
	special := false
	switch {
	case o.Has("messages"):
		a.chat = true
		readMessages(o, &a.Request)
		if o.Err() == nil {
			readTools(o, &a.Request)
			readThinking(o, &a.Request)
		}
	case o.Has("prompt"):
		a.text, special = o.Text("prompt"), true
	case o.Has("content"):
		a.text = o.Text("content")
	default:
		o.Refuse("prompt", "prompt is missing, and so are content and messages")
	}
	for _, name := range []string{"add_special_tokens", "add_special"} { // vLLM's and llama-server's
		if add := o.Bool(name); add != nil {
			special = *add
		}
	}
	if special {
		a.flags |= tokenizer.AddSpecial
	}
	if parse := o.Bool("parse_special"); parse != nil && !*parse {
		a.flags |= tokenizer.Plain
	}
	a.pieces, a.texts = o.True("with_pieces"), o.True("return_token_strs")
	refuseUnheld(o)
	return a, o.Err()
}

// tokens are the answer.
type tokens struct {
	Tokens  any      `json:"tokens"` // []int32, or []piece
	Count   int      `json:"count"`
	Context int      `json:"max_model_len"`
	Texts   []string `json:"token_strs"`
}

// piece is a token with its text, or its bytes where they are none.
type piece struct {
	ID    int32 `json:"id"`
	Piece any   `json:"piece"`
}

// tokenize returns the tokens of a text or a conversation.
func (d *dialect) tokenize(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	a, err := readTokenize(o)
	if err != nil {
		return err
	}
	model, err := d.modelOf(r.Context(), o)
	if err != nil {
		return err
	}
	var x tokens
	err = d.use(r.Context(), model, func(e *blitz.Engine, t *tokenizer.Tokenizer) error {
		ids, err := a.encode(r.Context(), e, t)
		x = tokens{Tokens: ids, Count: len(ids), Context: e.Context()}
		if a.pieces {
			x.Tokens = piecesOf(t, ids)
		}
		for _, id := range ids {
			if a.texts {
				x.Texts = append(x.Texts, shown(bytesOf(t, id)))
			}
		}
		return err
	})
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, x)
	}
	return err
}

func (a *tokenizeAsk) encode(ctx context.Context, e *blitz.Engine, t *tokenizer.Tokenizer) ([]int32, error) {
	if !a.chat {
		ids, err := t.Encode(a.text, a.flags)
		if err != nil {
			return nil, wire.Refuse("prompt", "the text cannot be taken apart: %v", err)
		}
		return ids, nil
	}
	r := blitz.Request{Messages: a.Messages, Continue: a.Continue, Variables: a.Variables, Think: a.Think, Plain: true}
	if !a.Calls.None {
		r.Tools = a.Tools
	}
	return e.PromptIDs(ctx, r)
}

func piecesOf(t *tokenizer.Tokenizer, ids []int32) []piece {
	list := []piece{}
	for _, id := range ids {
		raw := bytesOf(t, id)
		p := piece{id, string(raw)}
		if !utf8.Valid(raw) {
			p.Piece = numbers(raw)
		}
		list = append(list, p)
	}
	return list
}

// detokenize returns the text of tokens, in vLLM's way and in llama-server's.
func (d *dialect) detokenize(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	var ids []int32
	if need(o, "tokens") {
		v, _ := o.Get("tokens")
		ids = v.IDs(inference.MaxIDs)
	}
	if o.Err() != nil {
		return o.Err()
	}
	model, err := d.modelOf(r.Context(), o)
	if err != nil {
		return err
	}
	var text string
	err = d.use(r.Context(), model, func(_ *blitz.Engine, t *tokenizer.Tokenizer) (err error) {
		if text, err = t.Decode(ids); errors.Is(err, tokenizer.ErrID) {
			return wire.Refuse("tokens", "tokens has one that the model does not have, want 0 to %d", t.VocabSize()-1)
		}
		return err
	})
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, map[string]string{"prompt": text, "content": text})
	}
	return err
}

// tokenizerInfo is what clients read of a tokenizer in place of its files.
type tokenizerInfo struct {
	Template *string `json:"chat_template"`
	BOS      *string `json:"bos_token"`
	EOS      *string `json:"eos_token"`
	Unknown  *string `json:"unk_token"`
	Pad      *string `json:"pad_token"`
	AddsBOS  bool    `json:"add_bos_token"`
	AddsEOS  bool    `json:"add_eos_token"`
	Context  int     `json:"model_max_length"`
	Vocab    int     `json:"vocab_size"`
}

// tokenizerInfo tells of a tokenizer.
func (d *dialect) tokenizerInfo(w http.ResponseWriter, r *http.Request) error {
	model := r.URL.Query().Get("model")
	if model == "" {
		var err error
		if model, err = d.service.OnlyModel(r.Context()); err != nil {
			return err
		}
	}
	var x tokenizerInfo
	err := d.use(r.Context(), model, func(e *blitz.Engine, t *tokenizer.Tokenizer) error {
		text := func(id int32) *string {
			if piece, ok := t.Token(id); ok && id >= 0 {
				return &piece
			}
			return nil
		}
		x = tokenizerInfo{
			BOS: text(t.BOS()), EOS: text(t.EOS()), Unknown: text(t.Unknown()), Pad: text(t.Pad()),
			AddsBOS: t.AddsBOS(), AddsEOS: t.AddsEOS(), Context: e.Context(), Vocab: t.VocabSize(),
		}
		if template, err := e.Model().Template(); err == nil {
			x.Template = new(template.Source())
		}
		return nil
	})
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, x)
	}
	return err
}
