package output

// outputDSML is the format of V3.2 and V4: tags that say which parameters are
// text and which JSON. V3.2 calls a section function_calls, V4 tool_calls, V4.1
// calls, with a space before each name of a tag.
func outputDSML() *outputFormat {
	return &outputFormat{
		reasons: true,
		section: []string{"<｜DSML｜function_calls>", "<｜DSML｜tool_calls>", "<｜DSML｜ calls>"},
		call:    []string{"<｜DSML｜invoke", "<｜DSML｜ invoke"},
		closers: []string{
			"</｜DSML｜invoke>", "</｜DSML｜ invoke>",
			"</｜DSML｜function_calls>", "</｜DSML｜tool_calls>", "</｜DSML｜ calls>",
		},
		ends:   []string{"</｜DSML｜function_calls>", "</｜DSML｜tool_calls>", "</｜DSML｜ calls>"},
		params: []string{"<｜DSML｜parameter", "<｜DSML｜ parameter"},
		start:  outputStart,
		begin:  outputInvoke,
		open:   outputParameter,
		direct: true,
		next:   outputText,
		failed: outputText,
	}
}

// outputInvoke reads the tag that begins a call. The name counts once its
// quote is closed.
func outputInvoke(p *Parser, c string) {
	if c == "" {
		if !p.started {
			p.failCall()
		}
		return
	}
	a := &p.param.attribute
	done, end, ok := a.step(c)
	if !ok {
		p.breakCall(c)
		return
	}
	p.record(c)
	switch {
	case done && string(a.name) == "name" && len(a.value) > 0 && !p.started:
		p.function = string(a.value)
		p.startCall(p.function, "")
	case end && p.started:
		p.to(outputParams)
	case end:
		p.failCall()
	}
}

// outputParameter reads the tag that begins a parameter.
func outputParameter(p *Parser, c string) {
	if c == "" {
		return
	}
	v := &p.param
	done, end, ok := v.attribute.step(c)
	switch {
	case !ok || end && !v.named:
		p.unread(c)
		p.endCall(false)
	case done && string(v.attribute.name) == "name":
		v.key, v.named = string(v.attribute.value), true
	case done && string(v.attribute.name) == "string":
		v.typed = string(v.attribute.value)
	case end:
		v.closing = "</" + v.tag[len("<"):] + ">"
		switch v.typed {
		case "true":
			p.beginValue(paramText)
		case "false":
			p.beginValue(paramAny)
		default:
			p.beginValue(p.tools[p.function][v.key])
		}
	}
}

// outputAttribute reads the attributes of a tag, name="value".
type outputAttribute struct {
	name, value []byte
	part        attributePart
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
func (a *outputAttribute) step(c string) (done, end, ok bool) {
	switch {
	case a.part == attributeValue && c == `"`:
		a.part = attributeEnd
		return true, false, true
	case a.part == attributeValue:
		a.value = append(a.value, c...)
	case outputSpace(c):
		if a.part == attributeEnd {
			a.part = attributeGap
		}
	case c == ">":
		return false, true, a.part <= attributeGap
	case a.part == attributeOpen:
		a.part, a.value = attributeValue, a.value[:0]
		return false, false, c == `"`
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
