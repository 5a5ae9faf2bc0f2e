package chat

import "github.com/blitz-r1/blitz/jinja"

// ToolCall is one call of a function, as the model wrote it.
type ToolCall struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // JSON, unless the text was cut short or the model wrote none
	ID        string `json:"-"`         // as the model wrote it (only kimi-k2 does), or ""
}

// Tool is a function that a model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  []Parameter

	// Schema is the JSON Schema of the parameters where the list of them cannot say
	// it; it takes their place. See jinja.ValueOf and jinja.ParseJSON.
	Schema jinja.Value
}

// Parameter is a parameter of a tool.
type Parameter struct {
	Name        string
	Type        string // of JSON Schema: string, integer, number, boolean, array, object
	Description string
	Enum        []string // the values that may be; none: any
	Optional    bool
}

// Tools returns tools as Chat wants them.
func Tools(tools ...Tool) []jinja.Value {
	out := make([]jinja.Value, len(tools))
	for i, t := range tools {
		out[i] = t.Value()
	}
	return out
}

// Value returns the tool in the form of the OpenAI API.
func (t Tool) Value() jinja.Value {
	f := &jinja.Dict{}
	f.Set("name", jinja.String(t.Name))
	if t.Description != "" {
		f.Set("description", jinja.String(t.Description))
	}
	switch {
	case !t.Schema.IsNone():
		f.Set("parameters", t.Schema)
	case len(t.Parameters) > 0:
		f.Set("parameters", schema(t.Parameters))
	}
	d := &jinja.Dict{}
	d.Set("type", jinja.String("function"))
	d.Set("function", f.Value())
	return d.Value()
}

// schema is the JSON Schema of parameters.
func schema(parameters []Parameter) jinja.Value {
	properties := &jinja.Dict{}
	var required []jinja.Value
	for _, p := range parameters {
		d := &jinja.Dict{}
		if p.Type != "" {
			d.Set("type", jinja.String(p.Type))
		}
		if p.Description != "" {
			d.Set("description", jinja.String(p.Description))
		}
		if len(p.Enum) > 0 {
			d.Set("enum", texts(p.Enum))
		}
		properties.Set(p.Name, d.Value())
		if !p.Optional {
			required = append(required, jinja.String(p.Name))
		}
	}
	d := &jinja.Dict{}
	d.Set("type", jinja.String("object"))
	d.Set("properties", properties.Value())
	if len(required) > 0 {
		d.Set("required", jinja.List(required...))
	}
	return d.Value()
}

func texts(in []string) jinja.Value {
	out := make([]jinja.Value, len(in))
	for i, s := range in {
		out[i] = jinja.String(s)
	}
	return jinja.List(out...)
}
