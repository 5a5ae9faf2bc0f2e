package openai

import (
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Bounds of what an answer has to be.
const (
	maxGrammar = 1 << 20 // bytes of a grammar, a pattern or a schema
	maxChoice  = 10_000  // texts to choose from
)

// readFormat reads what an answer has to be: by OpenAI's response_format, by what vLLM has
// besides, or by llama-server's. There may be one of them.
func readFormat(o *wire.Object, f *inference.Format) {
	readResponseFormat(o, f)
	if s := object(o, "structured_outputs"); s != nil {
		readConstraint(s, "json", "schema", f)
		readConstraint(s, "regex", "regex", f)
		readConstraint(s, "choice", "choice", f)
		readConstraint(s, "grammar", "grammar", f)
		if s.True("json_object") && isFirst(s, "json_object", f) {
			f.JSON, f.Param = true, s.Path("json_object")
		}
		if _, ok := get(s, "structural_tag"); ok {
			s.Refuse("structural_tag", "%s is not supported", s.Path("structural_tag"))
		}
	}
	readConstraint(o, "guided_json", "schema", f)
	readConstraint(o, "guided_regex", "regex", f)
	readConstraint(o, "guided_choice", "choice", f)
	readConstraint(o, "guided_grammar", "grammar", f)
	readConstraint(o, "json_schema", "schema", f)
	readConstraint(o, "grammar", "grammar", f)
}

func readResponseFormat(o *wire.Object, f *inference.Format) {
	r := object(o, "response_format")
	if r == nil {
		return
	}
	need(r, "type")
	switch r.OneOf("type", "text", "json_object", "json_schema") {
	case "json_object":
		f.JSON, f.Param = true, "response_format"
		if r.Has("schema") { // llama-server's
			f.JSON = false
			readConstraint(r, "schema", "schema", f)
		}
	case "json_schema":
		if !need(r, "json_schema") {
			return
		}
		s := r.Object("json_schema")
		if s == nil {
			return
		}
		if s.Has("schema") {
			readConstraint(s, "schema", "schema", f)
		} else {
			f.JSON, f.Param = true, "response_format"
		}
	}
}

// readConstraint reads a field that says what an answer has to be, in one of the ways of
// inference.Format.
func readConstraint(o *wire.Object, name, way string, f *inference.Format) {
	v, ok := o.Get(name)
	if !ok || isEmpty(v) && !(v.IsObject() && way == "schema") || !isFirst(o, name, f) {
		return
	}
	if len(v.Raw()) > maxGrammar {
		v.Refuse("%s has %d bytes, want at most %d", v.Path(), len(v.Raw()), maxGrammar)
		return
	}
	f.Param = v.Path()
	switch way {
	case "schema":
		f.Schema = readSchema(v)
	case "regex":
		f.Regex = v.Text()
	case "grammar":
		f.Grammar = v.Text()
	case "choice":
		for _, text := range v.Array(maxChoice) {
			f.Choice = append(f.Choice, text.Text())
		}
	}
}

// readSchema returns the text of a JSON Schema. vLLM takes one that is written in a string.
func readSchema(v wire.Value) []byte {
	switch {
	case v.IsText():
		text := []byte(v.Text())
		if _, err := wire.Parse(text); err != nil {
			v.Refuse("%s is a string that is no JSON object", v.Path())
			return nil
		}
		return text
	case v.IsObject(), v.IsBool():
		return v.Raw()
	}
	v.Refuse("%s is no JSON Schema: neither an object nor true or false", v.Path())
	return nil
}

// isFirst notes where an answer has to be two things.
func isFirst(o *wire.Object, name string, f *inference.Format) bool {
	if !f.IsFree() {
		o.Refuse(name, "%s and %s both say what the answer has to be", f.Param, o.Path(name))
	}
	return f.IsFree()
}
