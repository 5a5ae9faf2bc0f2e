package attest

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/receipt"
)

// Constraints are what an answer was held to, as it was asked for; zero fields are left
// out.
type Constraints struct {
	Schema         []byte // JSON
	Grammar, Regex string
	JSON           bool     // any JSON object
	Choice         []string // one of these
	Stop           []string
	Bias           map[int32]float32
	Tools          []jinja.Value
	Calls          output.Calls
	Begun          string // what the content says already, where something holds it
}

// Members of calls.
const (
	callsRequired = "required"
	callsOnly     = "only"
	callsSingle   = "single"
	callsStrict   = "strict"
	callsTools    = "strict_tools"
)

// Value returns the constraints as a receipt commits to them; nil where there are none.
// The error says what of them a receipt cannot have.
func (c *Constraints) Value() (any, error) {
	var o signed.Object
	add := func(name string, v any) { o = append(o, signed.Member{Name: name, Value: v}) }
	if c.Schema != nil {
		v, err := parseFor("schema", c.Schema)
		if err != nil {
			return nil, err
		}
		add("schema", v)
	}
	if c.Grammar != "" {
		add("grammar", c.Grammar)
	}
	if c.Regex != "" {
		add("regex", c.Regex)
	}
	if c.JSON {
		add("json", true)
	}
	if len(c.Choice) > 0 {
		add("choice", listOf(c.Choice))
	}
	if len(c.Stop) > 0 {
		add("stop", listOf(c.Stop))
	}
	if len(c.Bias) > 0 {
		var bias signed.Object
		for id, b := range c.Bias {
			bias = append(bias, signed.Member{Name: strconv.Itoa(int(id)), Value: signed.Number(strconv.FormatFloat(float64(b), 'g', -1, 32))})
		}
		add("logit_bias", bias)
	}
	if len(c.Tools) > 0 {
		list := signed.List{}
		for _, t := range c.Tools {
			text, err := json.Marshal(t)
			if err != nil {
				return nil, err
			}
			v, err := parseFor("tool", text)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		add("tools", list)
	}
	if !c.Calls.IsZero() {
		add("calls", callsValue(&c.Calls))
	}
	if c.Begun != "" {
		add("begun", c.Begun)
	}
	if o == nil {
		return nil, nil
	}
	return o, nil
}

func parseFor(what string, text []byte) (any, error) {
	v, err := signed.Parse(text, receipt.MaxSize)
	if err != nil {
		return nil, fmt.Errorf("a receipt cannot have this %s: %w", what, err)
	}
	return v, nil
}

func listOf(texts []string) signed.List {
	list := signed.List{}
	for _, s := range texts {
		list = append(list, s)
	}
	return list
}

// callsValue returns what is asked of calls; what is not is left out.
func callsValue(c *output.Calls) signed.Object {
	var o signed.Object
	for _, m := range []struct {
		name string
		is   bool
	}{{callsRequired, c.Required}, {callsSingle, c.Single}, {callsStrict, c.Strict}} {
		if m.is {
			o = append(o, signed.Member{Name: m.name, Value: true})
		}
	}
	if c.Only != "" {
		o = append(o, signed.Member{Name: callsOnly, Value: c.Only})
	}
	if len(c.StrictTools) > 0 {
		o = append(o, signed.Member{Name: callsTools, Value: listOf(c.StrictTools)})
	}
	return o
}

// constrain puts constraints into a request. What of them cannot be held here is a Refusal
// with Form.
func constrain(r *blitz.Request, constraints any) error {
	o, _ := constraints.(signed.Object)
	for _, m := range o {
		if err := constrainBy(r, m); err != nil {
			return signed.Refuse(signed.Form, "opening.constraints.%.40s: %v", m.Name, err)
		}
	}
	return nil
}

// constrainBy puts one of them into a request.
func constrainBy(r *blitz.Request, m signed.Member) (err error) {
	text, isText := m.Value.(string)
	list, isList := m.Value.(signed.List)
	object, isObject := m.Value.(signed.Object)
	var texts []string
	switch {
	case m.Name == "grammar" && isText:
		r.Grammar, err = grammar.GBNF(text, nil)
	case m.Name == "regex" && isText:
		r.Grammar, err = grammar.Regex(text, nil)
	case m.Name == "json" && m.Value == true:
		r.Grammar = grammar.JSON()
	case m.Name == "choice" && isList:
		if texts, err = readTexts(list); err == nil {
			r.Grammar, err = grammar.Choice(texts, nil)
		}
	case m.Name == "schema" && (isObject || m.Value == true || m.Value == false):
		r.Schema = json.RawMessage(signed.Text(m.Value))
	case m.Name == "stop" && isList:
		r.Stop, err = readTexts(list)
	case m.Name == "logit_bias" && isObject:
		r.Sampling.LogitBias, err = readBias(object)
	case m.Name == "tools" && isList:
		r.Tools, err = readTools(list)
	case m.Name == "calls" && isObject:
		r.Calls, err = readCalls(object)
	case m.Name == "begun" && isText:
		r.Said = text
	default:
		err = fmt.Errorf("unknown")
	}
	return err
}

func readTexts(list signed.List) ([]string, error) {
	var all []string
	for _, v := range list {
		s, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("want texts")
		}
		all = append(all, s)
	}
	return all, nil
}

func readTools(list signed.List) ([]jinja.Value, error) {
	var all []jinja.Value
	for _, t := range list {
		tool, err := jinja.ParseJSON(signed.Text(t))
		if err != nil {
			return nil, err
		}
		all = append(all, tool)
	}
	return all, nil
}

func readCalls(o signed.Object) (c output.Calls, err error) {
	for _, m := range o {
		list, isList := m.Value.(signed.List)
		only, isText := m.Value.(string)
		switch {
		case m.Name == callsRequired && m.Value == true:
			c.Required = true
		case m.Name == callsSingle && m.Value == true:
			c.Single = true
		case m.Name == callsStrict && m.Value == true:
			c.Strict = true
		case m.Name == callsOnly && isText:
			c.Only = only
		case m.Name == callsTools && isList:
			if c.StrictTools, err = readTexts(list); err != nil {
				return c, err
			}
		default:
			return c, fmt.Errorf("%.40s: unknown", m.Name)
		}
	}
	return c, nil
}

func readBias(o signed.Object) (map[int32]float32, error) {
	bias := map[int32]float32{}
	for _, m := range o {
		id, err := strconv.ParseInt(m.Name, 10, 32)
		n, ok := m.Value.(signed.Number)
		if err != nil || !ok {
			return nil, fmt.Errorf("want numbers by token")
		}
		v, err := strconv.ParseFloat(string(n), 32)
		if err != nil {
			return nil, err
		}
		bias[int32(id)] = float32(v)
	}
	return bias, nil
}
