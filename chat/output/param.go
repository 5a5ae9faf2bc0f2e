package output

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// outputParam is a parameter of a call in a format that has no JSON for its
// arguments.
type outputParam struct {
	tag       string          // that began it
	attribute outputAttribute // of the tag
	named     bool            // the parameter has a key
	key       string
	typed     string // what the tag says of the type
	closing   string // ends the value
	kinds     outputKinds
	value     []byte // so far
	first     int    // length of value at the first closing tag that stands in a string of its JSON, or -1
}

func (v *outputParam) reset(tag string) {
	*v = outputParam{tag: tag, attribute: outputAttribute{name: v.attribute.name[:0], value: v.attribute.value[:0]}, value: v.value[:0], first: -1}
}

// outputParams reads what stands between the parameters of a call.
func outputParams(p *Parser, c string) {
	switch {
	case c == "":
		if p.closing() {
			p.endParams()
		}
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match(p.within, c)
		switch {
		case slices.Contains(p.format.params, marker):
			p.param.reset(marker)
			p.to(p.format.open)
		case marker != "": // of this call, or of the next one
			p.endParams()
			p.marker(marker)
		case !more:
			p.untag(c)
			p.endCall(false)
		}
	case outputSpace(c):
	case c == "{" && p.format.direct && !p.given:
		p.unread(c)
		p.to(outputValue)
	default:
		p.unread(c)
		p.endCall(false)
	}
}

// endParams ends a call all of whose parameters were given out.
func (p *Parser) endParams() {
	if p.given {
		p.give("}")
	}
	p.endCall(true)
}

// beginValue starts reading the value of a parameter, which is of one of the
// kinds.
func (p *Parser) beginValue(kinds outputKinds) {
	p.param.kinds = kinds
	p.scan.reset()
	p.to(outputParamValue)
}

// outputParamValue reads a value up to its closing tag. In a JSON object or
// array a closing tag may stand in a string; whether it does shows when the
// JSON goes on well. If it does not, the value was text that ended there.
func outputParamValue(p *Parser, c string) {
	v := &p.param
	switch {
	case c == "":
		if v.first >= 0 {
			p.endValueAtFirst(string(p.tag))
		}
	case len(p.tag) > 0 || c == "<":
		marker, more := p.match([]string{v.closing}, c)
		switch {
		case marker == "" && !more:
			s := string(p.tag)
			p.tag = p.tag[:0]
			p.unread(c)
			p.extendValue(s)
		case marker == "":
		case v.kinds != paramText && p.scan.inNestedString() && !p.scan.bad:
			if v.first < 0 {
				v.first = len(v.value)
			}
			p.extendValue(marker)
		default:
			p.endValue()
		}
	default:
		p.extendValue(c)
	}
}

// extendValue adds s to the value.
func (p *Parser) extendValue(s string) {
	v := &p.param
	v.value = append(v.value, s...)
	if v.kinds == paramText {
		return
	}
	for s != "" && !p.scan.bad {
		_, n := utf8.DecodeRuneInString(s)
		if p.scan.step(s[:n]) == scanOver {
			p.scan.step(s[:n])
		}
		s = s[n:]
	}
	if p.scan.bad && v.first >= 0 {
		p.endValueAtFirst("")
	}
}

// endValue ends the value at its closing tag.
func (p *Parser) endValue() {
	v := &p.param
	text := string(v.value)
	if v.kinds != paramText && p.scan.complete() {
		if value := strings.Trim(text, " \t\r\n"); v.kinds.allow(value) {
			p.giveParam(value)
			return
		}
	}
	if v.first >= 0 {
		p.endValueAtFirst(v.closing)
		return
	}
	p.giveParam(outputQuote(text))
}

// endValueAtFirst ends the value, which is text, at the first closing tag and
// puts back what came after that: the rest of value, then more.
func (p *Parser) endValueAtFirst(more string) {
	v := &p.param
	p.unread(more)
	p.unread(string(v.value[v.first+len(v.closing):]))
	p.giveParam(outputQuote(string(v.value[:v.first])))
}

// giveParam gives out a parameter, whose value is JSON.
func (p *Parser) giveParam(value string) {
	p.giveKey(p.param.key)
	p.give(value)
	p.to(outputParams)
}

// giveKey gives out the key of the next argument.
func (p *Parser) giveKey(key string) {
	before := ", "
	if !p.given {
		before = "{"
	}
	p.give(before + outputQuote(key) + ": ")
}

// outputQuote writes s as a JSON string.
func outputQuote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}
