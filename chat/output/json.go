package output

import (
	"encoding/json"
	"slices"
	"strings"
)

// maxDepth is how deep the JSON value of a parameter may be nested. Deeper ones
// are text: few readers of JSON would take them.
const maxDepth = 1000

// jsonResult says what a character is to the value that is being read.
type jsonResult uint8

const (
	jsonMore   jsonResult = iota // part of it
	jsonLast                     // its last
	jsonOver                     // the first after it
	jsonBroken                   // none of it, and no JSON at all: the value is broken off
)

// jsonWant is what the grammar of JSON asks for next.
type jsonWant uint8

const (
	wantValue jsonWant = iota
	wantFirstValue
	wantKey
	wantFirstKey
	wantColon
	wantComma // or the bracket that closes
)

// jsonValue reads a JSON value, character by character, and finds its end. JSON
// comes out to the byte. What is none comes out as it is too, for only brackets and
// strings are followed where the grammar is broken, but for slips whose meaning is
// certain:
//
//   - doubled braces, {{"a": 1}}, are one: prompts written as format strings teach them
//   - strings and constants of Python, {'a': True, "b": None}
//   - a control character inside a string, and a backslash that begins no escape, are
//     escaped
//   - a comma before a closing bracket is dropped
//   - null in place of the whole value is no value
//
// A character that cannot stand outside strings in anything like JSON ends the
// value, for it begins a closing tag or fence.
type jsonValue struct {
	stack   []byte // open brackets, D for a doubled {
	want    jsonWant
	quote   string // that ends the string it is inside; "" outside
	escaped bool   // after a backslash there
	hex     int    // digits of \u to come
	literal []byte // number or name being read
	comma   []byte // a comma and whitespace that nothing followed yet
	surplus bool   // a doubled brace was closed, and once more may be
	doubled bool   // the value itself stands in doubled braces
	missing []byte // closing brackets that would complete a value that broke off
	bad     bool   // this is no JSON
}

func (v *jsonValue) reset() {
	*v = jsonValue{stack: v.stack[:0], literal: v.literal[:0], comma: v.comma[:0]}
}

// step reads the next character, starting with the first of the value, and returns
// what becomes part of the value by it.
func (v *jsonValue) step(c string) (text string, r jsonResult) {
	if v.quote != "" {
		return v.inString(c)
	}
	if len(v.literal) > 0 {
		if literalCharacter(c) {
			v.literal = append(v.literal, c...)
			return "", jsonMore
		}
		text = v.endLiteral()
		if len(v.stack) == 0 {
			return text, jsonOver
		}
	}
	if space(c) {
		v.bad = v.bad || !jsonSpace(c)
		if len(v.comma) > 0 {
			v.comma = append(v.comma, c...)
			return text, jsonMore
		}
		return text + c, jsonMore
	}
	more, r := v.token(c)
	return text + more, r
}

// token reads a character that stands outside strings, literals and whitespace.
func (v *jsonValue) token(c string) (text string, r jsonResult) {
	before, surplus := string(v.comma), v.surplus
	v.comma, v.surplus = v.comma[:0], false
	switch c {
	case "<", "`":
		v.breakOff(before != "")
		return "", jsonBroken
	case "{", "[":
		if n := len(v.stack); c == "{" && v.want == wantFirstKey && v.stack[n-1] == '{' {
			v.stack[n-1], v.bad, v.doubled = 'D', true, v.doubled || n == 1
			return "", jsonMore
		}
		v.bad = v.bad || v.want > wantFirstValue || len(v.stack) >= maxDepth
		v.stack = append(v.stack, c[0])
		v.want = wantFirstKey
		if c == "[" {
			v.want = wantFirstValue
		}
		return before + c, jsonMore
	case "}", "]":
		if surplus && c == "}" {
			return "", jsonMore
		}
		if before != "" {
			before, v.bad = before[1:], true
		}
		text, r := v.closeBracket(c)
		return before + text, r
	case ",", ":":
		text, r := v.separator(c)
		return before + text, r
	case `"`, "'":
		if c == `"` || v.want <= wantFirstKey {
			v.bad = v.bad || v.want > wantFirstKey || c == "'"
			v.quote = c
			return before + `"`, jsonMore
		}
	}
	v.bad = v.bad || v.want > wantFirstValue
	v.literal = append(v.literal, c...)
	return before, jsonMore
}

// cut is what the text has of the value where it ends inside, and step did not
// return yet.
func (v *jsonValue) cut() string {
	text := string(v.comma) + string(v.literal)
	if len(v.stack) == 0 && pythonConstant(text) == "null" {
		return ""
	}
	if v.escaped {
		text += `\`
	}
	return text
}

// complete reports whether a value was read to its end and is JSON.
func (v *jsonValue) complete() bool {
	if len(v.literal) > 0 {
		v.endLiteral()
	}
	return !v.bad && v.quote == "" && len(v.stack) == 0 && v.want == wantComma
}

// breakOff ends a value inside. Where only closing brackets are missing they are
// noted.
func (v *jsonValue) breakOff(comma bool) {
	if !v.bad && (comma || v.want == wantComma || v.want == wantFirstKey || v.want == wantFirstValue) {
		for _, open := range slices.Backward(v.stack) {
			v.missing = append(v.missing, open+2) // ASCII has both closing ones two behind
		}
	}
	v.bad = true
}

// inNestedString reports whether the last character stands in a string of an object
// or array.
func (v *jsonValue) inNestedString() bool { return v.quote != "" && len(v.stack) > 0 }

func (v *jsonValue) inString(c string) (text string, r jsonResult) {
	if v.hex > 0 {
		if len(c) == 1 && isHex(c[0]) {
			v.hex--
			return c, jsonMore
		}
		v.bad, v.hex = true, 0
	}
	switch {
	case v.escaped:
		v.escaped = false
		return v.escape(c), jsonMore
	case c == `\`:
		v.escaped = true
		return "", jsonMore
	case c == v.quote:
		v.quote = ""
		if v.want == wantKey || v.want == wantFirstKey {
			v.want = wantColon
		} else {
			v.want = wantComma
		}
		if len(v.stack) == 0 {
			return `"`, jsonLast
		}
		return `"`, jsonMore
	}
	v.bad = v.bad || c[0] < ' '
	return escaped(c), jsonMore
}

// escape is the escape of a backslash and c.
func (v *jsonValue) escape(c string) string {
	switch c {
	case `"`, `\`, "/", "b", "f", "n", "r", "t":
		return `\` + c
	case "u":
		v.hex = 4
		return `\u`
	case "'":
		v.bad = true
		return c
	}
	v.bad = true
	return `\\` + escaped(c)
}

// escaped is c as it stands in a JSON string.
func escaped(c string) string {
	if c != `"` && c[0] >= ' ' {
		return c
	}
	s := quoted(c)
	return s[1 : len(s)-1]
}

// closeBracket closes the innermost bracket, even by the wrong kind.
func (v *jsonValue) closeBracket(c string) (string, jsonResult) {
	n := len(v.stack) - 1
	if n < 0 {
		v.bad = true
		return "", jsonBroken
	}
	open, first := v.stack[n], wantFirstKey
	if open == '[' {
		first = wantFirstValue
	}
	v.bad = v.bad || open != c[0]-2 || v.want != wantComma && v.want != first
	v.stack, v.want = v.stack[:n], wantComma
	if n == 0 {
		return c, jsonLast
	}
	v.surplus = open == 'D'
	return c, jsonMore
}

func (v *jsonValue) separator(c string) (string, jsonResult) {
	n := len(v.stack) - 1
	if n < 0 {
		v.bad = true
		return "", jsonBroken
	}
	v.bad = v.bad || (c == ",") != (v.want == wantComma) || (c == ":") != (v.want == wantColon)
	v.want = wantValue
	if c == ":" {
		return c, jsonMore
	}
	if v.stack[n] != '[' {
		v.want = wantKey
	}
	v.comma = append(v.comma, c...)
	return "", jsonMore
}

// literalCharacter reports whether c goes on with a number, a name or whatever
// else the model wrote in its place.
func literalCharacter(c string) bool {
	switch c {
	case "{", "}", "[", "]", ",", ":", `"`, "<", "`":
		return false
	}
	return !space(c)
}

// endLiteral ends a literal and returns it as JSON has it.
func (v *jsonValue) endLiteral() string {
	text := pythonConstant(string(v.literal))
	v.bad = v.bad || !json.Valid(v.literal)
	v.literal, v.want = v.literal[:0], wantComma
	if len(v.stack) == 0 && text == "null" {
		return ""
	}
	return text
}

// jsonSpace reports whether c is whitespace of JSON.
func jsonSpace(c string) bool { return c == " " || c == "\n" || c == "\r" || c == "\t" }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// quoted writes s as a JSON string.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}
