package output

import (
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// dsmlMark is a token of the vocabulary of V3.2 and V4.
const dsmlMark = "｜DSML｜"

// deepseekV4 is the release whose sections have another name.
const deepseekV4 = "deepseek-v4"

// dsml is the format of V3.2 and V4: tags that say which parameters are text and
// which JSON. V3.2 calls a section function_calls, V4 tool_calls, V4.1 calls, with a
// space before each name of a tag.
//
//	<｜DSML｜function_calls>⏎<｜DSML｜invoke name="NAME">⏎
//	<｜DSML｜parameter name="KEY" string="true">VALUE</｜DSML｜parameter>⏎
//	</｜DSML｜invoke>⏎</｜DSML｜function_calls>
//
// Models misspell a section's name, forget the mark or the type of a parameter, close
// the tag of a call that has none, or put an object in the place of all of them.
var dsml = format{
	releases: []release{{"deepseek-v3.2", Reasoning{}}, {deepseekV4, Reasoning{}}},
	detect:   detectDSML,
	reasons:  true,
	asks:     true,
	tokens:   true,
	sections: []string{"<｜DSML｜function_calls>", "<｜DSML｜tool_calls>", "<｜DSML｜toolcalls>", "<｜DSML｜ calls>"},
	calls:    []string{"<｜DSML｜invoke", "<｜DSML｜ invoke"},
	closers: []string{
		"</｜DSML｜invoke>", "</｜DSML｜ invoke>",
		"</｜DSML｜function_calls>", "</｜DSML｜tool_calls>", "</｜DSML｜toolcalls>", "</｜DSML｜ calls>",
	},
	ends:   []string{"</｜DSML｜function_calls>", "</｜DSML｜tool_calls>", "</｜DSML｜toolcalls>", "</｜DSML｜ calls>"},
	params: []string{"<｜DSML｜parameter", "<｜DSML｜ parameter", "<parameter"},
	start:  readText,
	begin:  readInvoke,
	param:  readParameter,
	direct: true,
	after:  readText,
	plain:  readText,
	hold:   holdDSML,
}

// holdDSML is what calls are held to, as V3.2 and V4 write them. Parameters come in the order
// of the schema.
func holdDSML(h *holder) (grammar.Expr, error) {
	tag := func(begin, rest string) grammar.Expr {
		return grammar.Seq(grammar.Literal(begin), grammar.Special(dsmlMark), grammar.Literal(rest))
	}
	const closing = "</" + dsmlMark + "parameter>"
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		if _, err := plainName(t); err != nil {
			return grammar.Expr{}, err
		}
		params, err := h.params(t, closing)
		row := func(key grammar.Expr, typed string, value grammar.Expr) grammar.Expr {
			return grammar.Seq(tag("<", `parameter name="`), key, grammar.Literal(`" string="`+typed+`">`), value, tag("</", "parameter>\n"))
		}
		rows := t.rows(params, row(anyKey(), "true", textWithout(closing)), func(p heldParam) grammar.Expr {
			return row(grammar.Literal(p.key), strconv.FormatBool(p.text), p.value)
		})
		return grammar.Seq(tag("<", `invoke name="`+t.name+"\">\n"), rows, tag("</", "invoke>\n")), err
	})
	name := "function_calls>"
	if h.release == deepseekV4 {
		name = "tool_calls>"
	}
	section := grammar.Seq(tag("<", name+"\n"), h.several(call, grammar.Expr{}), tag("</", name))
	return h.behind(section), err
}

func detectDSML(template string) string {
	if strings.Contains(template, dsmlMark+"tool_calls") {
		return deepseekV4
	}
	if strings.Contains(template, dsmlMark) {
		return "deepseek-v3.2"
	}
	return ""
}

// readInvoke reads the tag that begins a call. The name counts once its quote is
// closed.
func readInvoke(m *machine, c string) {
	if c == "" {
		if !m.call.counted {
			m.failCall()
		}
		return
	}
	a := &m.call.param.attribute
	done, end, ok := a.step(c)
	if !ok {
		m.breakCall(c)
		return
	}
	m.record(c)
	switch {
	case done && string(a.name) == "name" && len(a.value) > 0 && !m.call.counted:
		m.count(string(a.value), "")
	case end && !m.call.counted:
		m.failCall()
	case end && a.closed:
		m.endCall(true)
	case end:
		m.to(readParams)
	}
}

// readParameter reads the tag that begins a parameter.
func readParameter(m *machine, c string) {
	if c == "" {
		return
	}
	v := &m.call.param
	done, end, ok := v.attribute.step(c)
	switch {
	case !ok || end && !v.named:
		m.unread(c)
		m.endCall(false)
	case done && string(v.attribute.name) == "name":
		v.key, v.named = string(v.attribute.value), true
	case done && string(v.attribute.name) == "string":
		v.typed = string(v.attribute.value)
	case end:
		closing := []string{"</" + v.tag[len("<"):] + ">"}
		if m.format.direct && !strings.Contains(v.tag, dsmlMark) {
			closing = append(closing, "</｜DSML｜parameter>")
		}
		switch v.typed {
		case "true":
			m.beginValue(kindText, closing...)
		case "false":
			m.beginValue(kindAny, closing...)
		default:
			m.beginValue(m.tools[m.call.function][v.key], closing...)
		}
	}
}

// attributes reads the attributes of a tag, name="value". Models put single quotes in the place of
// double ones now and then.
type attributes struct {
	name, value []byte
	quote       string // that ends the value
	part        attributePart
	closed      bool // the tag ends in />
}

type attributePart uint8

const (
	attributeEnd   attributePart = iota // after the tag's name, or a quote
	attributeGap                        // whitespace before a name
	attributeName                       // up to the =
	attributeOpen                       // up to the quote
	attributeValue                      // up to the next quote
)

// step reads the next character after the tag's name. It reports whether an
// attribute is complete by it, whether the tag is, and whether it belongs to a
// tag at all.
func (a *attributes) step(c string) (done, end, ok bool) {
	switch {
	case a.part == attributeValue && c == a.quote:
		a.part = attributeEnd
		return true, false, true
	case a.part == attributeValue:
		a.value = append(a.value, c...)
	case c == ">":
		return false, true, a.part <= attributeGap
	case a.closed:
		return false, false, false
	case space(c):
		if a.part == attributeEnd {
			a.part = attributeGap
		}
	case c == "/" && a.part <= attributeGap:
		a.closed = true
	case a.part == attributeOpen:
		a.part, a.value, a.quote = attributeValue, a.value[:0], c
		return false, false, c == `"` || c == "'"
	case a.part == attributeName && c == "=":
		a.part = attributeOpen
	case a.part == attributeName && attributeLetter(c):
		a.name = append(a.name, c...)
	case a.part == attributeGap && attributeLetter(c):
		a.part, a.name = attributeName, append(a.name[:0], c...)
	default:
		return false, false, false
	}
	return false, false, true
}

func attributeLetter(c string) bool { return len(c) == 1 && c >= "a" && c <= "z" }
