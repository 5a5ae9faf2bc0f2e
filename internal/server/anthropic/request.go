package anthropic

import (
	"bytes"
	"net/http"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// ask is a request as it was read.
type ask struct {
	inference.Request
	stream bool
	hidden bool // reasoning is not shown
}

// readAsk reads the body of a request; counting says that its tokens are counted only.
// The error is a *wire.Error.
func readAsk(r *http.Request, counting bool) (*ask, error) {
	o, err := wire.ReadObject(r)
	if err != nil {
		return nil, err
	}
	return decode(o, counting)
}

// decode takes all known fields out of a request.
func decode(o *wire.Object, counting bool) (*ask, error) {
	if o.Has("thread") {
		return nil, &wire.Error{
			Kind: wire.Invalid, Param: "thread", Code: threadUnsupported,
			Message: "thread: conversations are not kept here, send all messages",
		}
	}
	refuseHosted(o)
	a := &ask{}
	if need(o, "model") {
		if a.Model = o.Text("model"); a.Model == "" {
			o.Refuse("model", "model is empty")
		}
	}
	readLength(o, a, counting)
	readTalk(o, a)
	readTools(o, a)
	readSampling(o, a)
	readThinking(o, a)
	readOutputConfig(o, a)
	a.stream = o.True("stream")
	if metadata := o.Object("metadata"); metadata != nil {
		metadata.Text("user_id") // whose it is, is for the key to say
	}
	o.Text("service_tier")
	return a, o.Err()
}

// need notes that a field is missing.
func need(o *wire.Object, name string) bool {
	if !o.Has(name) {
		o.Refuse(name, "%s is missing", o.Path(name))
		return false
	}
	return true
}

// refuseHosted refuses what happens on the vendor's servers and changes the answer. What
// thins out long conversations there (context_management) is not missed: all of it is
// read.
func refuseHosted(o *wire.Object) {
	for _, name := range []string{"container", "mcp_servers", "skills"} {
		v, ok := o.Get(name)
		if ok && !isEmpty(v) {
			v.Refuse("%s is not supported: it lives on its vendor's servers", name)
		}
	}
}

// isEmpty says whether a value stands for nothing: "", [] or {}.
func isEmpty(v wire.Value) bool {
	switch {
	case v.IsText():
		return v.Text() == ""
	case v.IsArray():
		return len(bytes.TrimSpace(v.Raw()[1:len(v.Raw())-1])) == 0
	case v.IsObject():
		return len(v.Object().Names()) == 0
	}
	return false
}

// readLength reads how long an answer may be, and what ends it.
func readLength(o *wire.Object, a *ask, counting bool) {
	if !counting {
		need(o, "max_tokens")
	}
	if n := o.Int("max_tokens", 1, inference.MaxTokens); n != nil {
		a.MaxTokens = int(*n)
	}
	v, ok := o.Get("stop_sequences")
	switch {
	case !ok:
	case !v.IsArray():
		v.Refuse("stop_sequences is no list")
	default:
		a.Stop = inference.ReadStops(o, "stop_sequences")
	}
}

func readSampling(o *wire.Object, a *ask) {
	a.Sampling = inference.Sampling{
		Temperature: o.Number("temperature", 0, 1),
		TopP:        o.Number("top_p", 0, 1),
		TopK:        o.Int("top_k", 0, 1<<31-1),
	}
}

// readThinking reads how much the model may reason. Without a word of it that is the
// model's own choice.
func readThinking(o *wire.Object, a *ask) {
	v, ok := o.Get("thinking")
	if !ok || isEmpty(v) {
		return
	}
	t := v.Object()
	if t == nil {
		return
	}
	need(t, "type")
	switch kind := t.OneOf("type", "enabled", "adaptive", "disabled"); kind {
	case "disabled":
		a.Think.Mode = blitz.ThinkOff
	case "adaptive":
		a.Think.Mode = blitz.ThinkOn
	case "enabled":
		a.Think.Mode = blitz.ThinkOn
		readBudget(t, a)
	}
	a.hidden = t.OneOf("display", "summarized", "omitted") == "omitted"
}

// minBudget is the API's own least budget.
const minBudget = 1024

func readBudget(t *wire.Object, a *ask) {
	need(t, "budget_tokens")
	n := t.Int("budget_tokens", minBudget, inference.MaxTokens)
	if n == nil {
		return
	}
	if a.MaxTokens > 0 && *n >= int64(a.MaxTokens) {
		t.Refuse("budget_tokens", "thinking.budget_tokens is %d, want less than max_tokens, which is %d", *n, a.MaxTokens)
	}
	a.Think.Budget = int(*n)
}

// readOutputConfig reads what form the answer has, and how much effort it is worth.
func readOutputConfig(o *wire.Object, a *ask) {
	if c := o.Object("output_config"); c != nil {
		effort := c.OneOf("effort", inference.Efforts...)
		a.TellEffort(effort)
		if a.Think.Mode != blitz.ThinkOff && a.Think.Budget == 0 {
			a.Think.Budget = inference.Effort(effort).Budget
		}
		readFormat(c, "format", a)
	}
	readFormat(o, "output_format", a) // where it was before it had a name in output_config
}

func readFormat(o *wire.Object, name string, a *ask) {
	v, ok := o.Get(name)
	if !ok || isEmpty(v) {
		return
	}
	f := v.Object()
	if f == nil {
		return
	}
	need(f, "type")
	f.OneOf("type", "json_schema")
	if need(f, "schema") && f.Object("schema") != nil {
		schema, _ := f.Get("schema")
		a.Format = inference.Format{Schema: schema.Raw(), Param: schema.Path()}
	}
}
