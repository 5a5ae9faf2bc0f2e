package output

import "strings"

// outputObject is a call written as an object, {"name": …, "arguments": {…}},
// with its keys in any order and perhaps others. Of a key that comes twice the
// first counts, for what was given out cannot be taken back.
type outputObject struct {
	key     []byte
	name    []byte
	early   []byte // arguments that came before the name
	named   bool
	given   bool // there are arguments
	foreign bool // a key was none that calls have
	into    bool // the value being read is the arguments
}

// beginObject starts reading an object after its opening brace.
func (p *Parser) beginObject() {
	o := &p.object
	*o = outputObject{key: o.key[:0], name: o.name[:0], early: o.early[:0]}
	p.to(outputMember)
}

// outputMember waits for the next key or the end of the object.
func outputMember(p *Parser, c string) {
	switch {
	case c == "":
		p.cutObject(true)
	case outputSpace(c) || c == ",":
		p.record(c)
	case c == `"`:
		p.record(c)
		p.object.key = p.object.key[:0]
		p.unq.reset()
		p.to(outputKey)
	case c == "}":
		p.record(c)
		if p.started {
			p.endCall(true)
		} else {
			p.failCall()
		}
	default:
		p.breakCall(c)
	}
}

func outputKey(p *Parser, c string) {
	if c == "" {
		p.cutObject(argumentsKey(string(p.object.key), true))
		return
	}
	p.record(c)
	s, end := p.unq.step(c)
	p.object.key = append(p.object.key, s...)
	if !end {
		return
	}
	if k := string(p.object.key); k != "name" && k != "type" && !argumentsKey(k, false) {
		p.object.foreign = true
	}
	p.to(outputColon)
}

// argumentsKey reports whether key is, or begins, a key of arguments: models of
// either spelling write the other now and then.
func argumentsKey(key string, begins bool) bool {
	if begins {
		return strings.HasPrefix("arguments", key) || strings.HasPrefix("parameters", key)
	}
	return key == "arguments" || key == "parameters"
}

func outputColon(p *Parser, c string) {
	o := &p.object
	switch {
	case c == "":
		p.cutObject(argumentsKey(string(o.key), false))
	case outputSpace(c):
		p.record(c)
	case c == ":":
		p.record(c)
		if o.into = argumentsKey(string(o.key), false) && !o.given; o.into {
			o.given = true
			p.startObject()
		}
		p.to(outputMemberValue)
	default:
		p.breakCall(c)
	}
}

// outputMemberValue waits for the value of a key.
func outputMemberValue(p *Parser, c string) {
	o := &p.object
	name := string(o.key) == "name" && !o.named
	switch {
	case c == "":
		p.cutObject(false)
	case outputSpace(c):
		p.record(c)
	case name && c == `"`:
		p.record(c)
		p.unq.reset()
		p.to(outputNameValue)
	case name:
		p.breakCall(c)
	case o.into && c == `"`:
		p.record(c)
		p.unq.reset()
		p.to(outputMemberText)
	default:
		p.scan.reset()
		p.unread(c)
		p.to(outputMemberJSON)
	}
}

func outputNameValue(p *Parser, c string) {
	o := &p.object
	if c == "" {
		p.cutObject(false)
		return
	}
	p.record(c)
	s, end := p.unq.step(c)
	o.name = append(o.name, s...)
	if !end {
		return
	}
	if len(o.name) == 0 {
		p.failCall()
		return
	}
	o.named = true
	p.startObject()
	p.to(outputMember)
}

// startObject counts the call once its name is complete. Without a tag around
// it an object with a name alone is no call: there it takes arguments, too.
func (p *Parser) startObject() {
	o := &p.object
	if p.started || !o.named || p.format.bare && !o.given {
		return
	}
	p.startCall(string(o.name), "")
	p.give(string(o.early))
}

// outputMemberText reads arguments that are a JSON string: its value is taken.
func outputMemberText(p *Parser, c string) {
	if c == "" {
		p.cutObject(false)
		return
	}
	p.record(c)
	s, end := p.unq.step(c)
	p.giveMember(s)
	if end {
		p.to(outputMember)
	}
}

// outputMemberJSON reads any other value, and gives it out if it is the
// arguments.
func outputMemberJSON(p *Parser, c string) {
	if c == "" {
		p.cutObject(false)
		return
	}
	switch r := p.scan.step(c); r {
	case scanMore, scanLast:
		p.record(c)
		if p.object.into {
			p.giveMember(c)
		}
		if r == scanLast {
			p.to(outputMember)
		}
	case scanOver:
		p.unread(c)
		p.to(outputMember)
	case scanBroken:
		p.breakCall(c)
	}
}

func (p *Parser) giveMember(s string) {
	if p.started {
		p.give(s)
	} else {
		p.object.early = append(p.object.early, s...)
	}
}

// cutObject ends an object at the end of the text. Without a tag around it, one
// whose name is complete counts if its arguments may come next.
func (p *Parser) cutObject(mayCome bool) {
	o := &p.object
	if !p.started && o.named && !o.foreign && mayCome {
		p.startCall(string(o.name), "")
	}
	if !p.started {
		p.failCall()
	}
}
