package output

// builder makes the JSON of a value that a model writes in another form, element by
// element.
type builder struct {
	open []byte // brackets that are not closed
	text []byte
}

func (b *builder) reset() { b.open, b.text = b.open[:0], b.text[:0] }

// part writes what stands before the next element of the innermost bracket.
func (b *builder) part() {
	if n := len(b.text); n > 0 && b.text[n-1] != '{' && b.text[n-1] != '[' {
		b.text = append(b.text, ", "...)
	}
}

// inObject reports whether the innermost bracket is that of an object.
func (b *builder) inObject() bool { return len(b.open) > 0 && b.open[len(b.open)-1] == '{' }

// key writes the key of the next member.
func (b *builder) key(key string) {
	b.part()
	b.text = append(b.text, quoted(key)+": "...)
}

// value writes a value: that of a key, or the next one of a list.
func (b *builder) value(json string) {
	if !b.inObject() {
		b.part()
	}
	b.text = append(b.text, json...)
}

// begin opens a bracket, and reports whether there may be one more.
func (b *builder) begin(bracket string) bool {
	b.value(bracket)
	b.open = append(b.open, bracket[0])
	return len(b.open) <= maxDepth
}

// end closes the innermost bracket, and reports whether it is of that kind.
func (b *builder) end(bracket string) bool {
	n := len(b.open) - 1
	if n < 0 || b.open[n] != bracket[0]-2 { // ASCII has both closing ones two behind
		return false
	}
	b.open, b.text = b.open[:n], append(b.text, bracket...)
	return true
}

// wantsKey reports whether a key has to come next: the innermost bracket is an object's, and
// no key waits for its value.
func (b *builder) wantsKey() bool {
	return b.inObject() && b.text[len(b.text)-1] != ' '
}

// mayEnd reports whether the innermost bracket may be closed before another element.
func (b *builder) mayEnd() bool { return len(b.open) > 0 && (!b.inObject() || b.wantsKey()) }
