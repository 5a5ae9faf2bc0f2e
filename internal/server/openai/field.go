package openai

import (
	"strings"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// get returns a field that is given: there, and neither null nor empty.
func get(o *wire.Object, name string) (wire.Value, bool) {
	v, ok := o.Get(name)
	return v, ok && !isEmpty(v)
}

// isEmpty says whether a value is "", [] or {}.
func isEmpty(v wire.Value) bool {
	switch raw := v.Raw(); {
	case len(raw) < 2:
		return false
	case raw[0] == '"':
		return raw[1] == '"'
	case raw[0] == '[' || raw[0] == '{':
		return len(strings.Trim(string(raw[1:len(raw)-1]), " \t\r\n")) == 0
	}
	return false
}

// object returns a field that has to be an object, nil where it is not given.
func object(o *wire.Object, name string) *wire.Object {
	if v, ok := get(o, name); ok {
		return v.Object()
	}
	return nil
}

// array returns a field that has to be a list, nil where it is not given.
func array(o *wire.Object, name string, most int) []wire.Value {
	if v, ok := get(o, name); ok {
		return v.Array(most)
	}
	return nil
}

// need notes that a field is missing, and says whether it is there.
func need(o *wire.Object, name string) bool {
	if !o.Has(name) {
		o.Refuse(name, "%s is missing", o.Path(name))
		return false
	}
	return true
}

// readModel returns the name of the model, which has to be given.
func readModel(o *wire.Object) string {
	if !need(o, "model") {
		return ""
	}
	name := o.Text("model")
	if name == "" {
		o.Refuse("model", "model is empty")
	}
	return name
}

// readMaxTokens reads how many tokens an answer may have: from 0, and -1 for as many as
// there is room for.
func readMaxTokens(o *wire.Object, name string, r *inference.Request) {
	n := o.Int(name, -1, inference.MaxTokens)
	switch {
	case n == nil:
	case *n == 0:
		r.NoTokens, r.MaxTokens = true, 0
	default:
		r.NoTokens, r.MaxTokens = false, int(max(*n, 0))
	}
}

// neutral says of fields that are known elsewhere, and cannot be honoured, with which
// values they change nothing.
var neutral = map[string]func(v wire.Value) bool{
	"best_of":                    among("1"),
	"use_beam_search":            among("false"),
	"min_tokens":                 among("0"),
	"stop_token_ids":             nil,
	"bad_words":                  nil,
	"allowed_token_ids":          nil,
	"logits_processors":          nil,
	"include_stop_str_in_output": among("false"),
	"prompt_logprobs":            nil,
	"truncate_prompt_tokens":     nil,
	"chat_template":              nil,
	"audio":                      nil,
	"web_search_options":         nil,
	"functions":                  nil,
	"function_call":              among(`"auto"`, `"none"`),
	"documents":                  nil,
	"mirostat":                   among("0"),
	"dynatemp_range":             among("0", "0.0"),
	"typical_p":                  among("1", "1.0"),
	"tfs_z":                      among("1", "1.0"),
	"top_n_sigma":                among("-1", "-1.0", "0", "0.0"),
	"xtc_probability":            among("0", "0.0"),
	"dry_multiplier":             among("0", "0.0"),
	"structural_tag":             nil,
}

// among returns what says whether a value is written as one of these.
func among(texts ...string) func(v wire.Value) bool {
	return func(v wire.Value) bool {
		for _, text := range texts {
			if string(v.Raw()) == text {
				return true
			}
		}
		return false
	}
}

// refuseUnheld refuses what would change the answer and cannot be honoured.
func refuseUnheld(o *wire.Object) {
	for _, name := range o.Names() {
		changesNothing, known := neutral[name]
		if v, given := get(o, name); known && given && (changesNothing == nil || !changesNothing(v)) {
			v.Refuse("%s is not supported", name)
		}
	}
	for _, v := range array(o, "modalities", 16) {
		if kind := v.Text(); kind != "" && kind != "text" {
			v.Refuse("%s is %s, the models here give text only", v.Path(), wire.Quote(kind))
		}
	}
}
