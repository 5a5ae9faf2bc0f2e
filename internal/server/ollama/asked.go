package ollama

import (
	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// asked is what generate and chat are asked alike.
type asked struct {
	request inference.Request
	model   string // as the client calls it
	stream  bool
}

// readAsked takes what generate and chat have in common.
func readAsked(o *wire.Object) *asked {
	a := &asked{model: readModel(o), stream: readStream(o)}
	r := &a.request
	r.Model, r.KeepAlive = a.model, readKeepAlive(o)
	x := readOptions(o.Object("options"))
	x.apply(r)
	r.Format = readFormat(o)
	readThink(o, r)
	r.Logprobs = o.True("logprobs")
	if top := o.Int("top_logprobs", 0, inference.MaxTopTokens); top != nil && *top > 0 {
		if !r.Logprobs {
			o.Refuse("top_logprobs", "top_logprobs needs logprobs")
		}
		r.TopTokens = int(*top)
	}
	o.Bool("truncate")
	o.Bool("shift")
	return a
}

// readModel takes the name of a model, which older clients call name.
func readModel(o *wire.Object) string {
	name := o.Text("model")
	if name == "" {
		name = o.Text("name")
	}
	if name == "" {
		o.Refuse("model", "model is required")
	}
	return name
}

// readStream says whether an answer comes in pieces, as it does unless that is refused.
func readStream(o *wire.Object) bool {
	stream := o.Bool("stream")
	return stream == nil || *stream
}

// readFormat takes what the answer has to be: "json", or a schema.
func readFormat(o *wire.Object) inference.Format {
	const name = "format"
	f := inference.Format{Param: name}
	v, ok := o.Get(name)
	switch {
	case !ok:
	case v.IsObject():
		if len(v.Object().Names()) > 0 {
			f.Schema = v.Raw()
		}
	case v.IsText():
		switch text := v.Text(); text {
		case "":
		case "json":
			f.JSON = true
		default:
			v.Refuse("format is %s, want json or a JSON schema", wire.Quote(text))
		}
	default:
		v.Refuse("format is neither json nor a JSON schema")
	}
	return f
}

// efforts are the words for how much is to be thought.
var efforts = []string{"low", "medium", "high", "max"}

// readThink takes whether, and how much, the model is to think.
func readThink(o *wire.Object, r *inference.Request) {
	const name = "think"
	v, ok := o.Get(name)
	switch {
	case !ok:
	case v.IsBool():
		r.Think.Mode = blitz.ThinkOff
		if *v.Bool() {
			r.Think.Mode, r.ThinkParam = blitz.ThinkOn, name
		}
	case v.IsText():
		if word := o.OneOf(name, efforts...); word != "" {
			r.Think, r.ThinkParam = inference.Effort(word), name
			r.TellEffort(word)
		}
	default:
		v.Refuse("think is neither true, false, nor one of low, medium, high, max")
	}
}

// refuseImages refuses pictures, which no model of ours sees.
func refuseImages(o *wire.Object) {
	if v, ok := o.Get("images"); ok && (!v.IsArray() || len(v.Array(1<<20)) > 0) {
		v.Refuse("%s: the model cannot see images", v.Path())
	}
}
