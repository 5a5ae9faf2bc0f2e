package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/tokenizer"
)

// EndTokens returns the tokens that end an answer of a model with that many token ids:
// those that its configuration, its generation_config.json and its tokenizer name, and
// what its template puts behind the model's own turn; without a template the tokens
// that are known to end turns.
func (c *Checkpoint) EndTokens(vocab int) []int32 {
	var ends []int32
	add := func(id int64) {
		if id >= 0 && id < int64(vocab) && !slices.Contains(ends, int32(id)) {
			ends = append(ends, int32(id))
		}
	}
	for _, id := range c.configuredEnds() {
		add(id)
	}
	t, err := c.Tokenizer()
	if err != nil {
		return ends
	}
	for _, id := range []int32{t.EOS(), t.EOT(), t.EOM()} {
		add(int64(id))
	}
	template, _ := c.Template()
	if c.Format() == "gpt-oss" {
		return answerEnds(ends, t)
	}
	if id, ok := t.ID("<|tool_response>"); ok && c.Format() == "gemma4" { // what answers a call is not the model's to write
		add(int64(id))
	}
	if template == nil {
		for _, piece := range knownEnds {
			if id, ok := t.ID(piece); ok {
				add(int64(id))
			}
		}
		return ends
	}
	if id, ok := turnEnd(template, t); ok {
		add(int64(id))
	}
	return ends
}

// answerEnds returns the ends of an answer of several messages, gpt-oss's: not what ends one
// of them, which its template puts behind a turn, but what ends the last, and a call.
func answerEnds(ends []int32, t *tokenizer.Tokenizer) []int32 {
	if id, ok := t.ID("<|end|>"); ok {
		ends = slices.DeleteFunc(ends, func(end int32) bool { return end == id })
	}
	for _, piece := range []string{"<|return|>", "<|call|>"} {
		if id, ok := t.ID(piece); ok && !slices.Contains(ends, id) {
			ends = append(ends, id)
		}
	}
	return ends
}

// configuredEnds returns the ids that the metadata of a GGUF file, config.json and
// generation_config.json name.
func (c *Checkpoint) configuredEnds() (ids []int64) {
	switch c.files.Kind {
	case Safetensors:
		ids = c.endsOfConfig()
	case GGUF:
		for _, role := range []string{"eos", "eot", "eom"} {
			if id, ok := c.gguf.Int("tokenizer.ggml." + role + "_token_id"); ok {
				ids = append(ids, id)
			}
		}
	}
	c.Suggestions()
	if g := c.generation.v; g != nil {
		ids = append(ids, g.ends...)
	}
	return ids
}

func (c *Checkpoint) endsOfConfig() []int64 {
	text, err := c.Config()
	if err != nil {
		return nil // without it there is no model
	}
	d := json.NewDecoder(bytes.NewReader(PlainJSON(text)))
	d.UseNumber()
	var v struct {
		Ends any `json:"eos_token_id"`
		Text struct {
			Ends any `json:"eos_token_id"`
		} `json:"text_config"`
	}
	if d.Decode(&v) != nil {
		return nil
	}
	if v.Text.Ends != nil {
		v.Ends = v.Text.Ends
	}
	return c.endIDs(configName, "eos_token_id", v.Ends)
}

// endIDs returns an id or a list of them. What is no id is passed over with a note.
func (c *Checkpoint) endIDs(file, key string, v any) (ids []int64) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, v := range list {
		if v == nil {
			continue
		}
		x, ok := asNumber(v)
		if !ok || x != math.Trunc(x) || math.Abs(x) > math.MaxInt32 {
			c.note("%s: %s %s is passed over, want a token id", file, key, shown(v))
			continue
		}
		ids = append(ids, int64(x))
	}
	return ids
}

// knownEnds are the pieces that end a turn or a text in the vocabularies of published
// models. llama.cpp ends answers at the same ones.
var knownEnds = []string{
	"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<|eom_id|>", "</s>", "<eos>",
	"<｜end▁of▁sentence｜>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<turn|>", "<end_of_utterance>", "<|return|>", "<|call|>",
}

// turnEnd returns the token that a template puts behind the model's own turn, whatever
// kind of token the file says it is.
func turnEnd(template *chat.Template, t *tokenizer.Tokenizer) (int32, bool) {
	behind := strings.TrimSpace(template.TurnEnd(context.Background(), TemplateVariables(t)))
	if ids, err := t.Encode(behind, 0); err == nil {
		for _, id := range ids {
			if t.IsControl(id) {
				return id, true
			}
			if piece, err := t.Decode([]int32{id}); err != nil || strings.TrimSpace(piece) != "" {
				break
			}
		}
	}
	for end := min(len(behind), maxMarker); end >= minMarker; end-- {
		if piece := behind[:end]; isMarker(piece) {
			if id, ok := t.ID(piece); ok {
				return id, true
			}
		}
	}
	return 0, false
}

// Lengths of the text of a turn's end, in bytes.
const minMarker, maxMarker = 3, 64

// isMarker says whether a piece has the form of a control token.
func isMarker(piece string) bool {
	first, last := piece[0], piece[len(piece)-1]
	return first == '<' && last == '>' || first == '[' && last == ']'
}
