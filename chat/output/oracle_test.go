package output

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/chat"
)

// oracle reads whole texts by looking at them as often as it likes. It follows
// the rules as they are written at Parser and the formats, and shares no state
// with it, so that the two can be compared on any text.
type oracle struct {
	format string
	tools  map[string]map[string]outputKinds
	s      string

	reasoning string
	pieces    []oraclePiece // of the text since the last edge
	content   []string
	edged     bool // whitespace is dropped at the start of the pieces
	after     bool
	inside    bool
	counted   bool
	calls     []chat.ToolCall
}

// oraclePiece is text, or the begin of a section, which a call takes away.
type oraclePiece struct {
	text    string
	section bool
}

func oracleParse(format, s string, o Options) Output {
	tools, err := outputTools(o.Tools)
	if err != nil {
		panic(err)
	}
	r := &oracle{format: format, tools: tools, s: s}
	if format == "llama-3.1" {
		r.llama()
	} else {
		r.text(r.think(o.Open))
	}
	var out Output
	if r.reasoning != "" {
		out.ReasoningContent = &r.reasoning
	}
	if c := strings.Join(r.content, "\n"); c != "" {
		out.Content = &c
	}
	out.ToolCalls = r.calls
	return out
}

// oracleMarkers of a format: of sections, calls, and what ends them.
func (r *oracle) markers() (section, call, closers, ends []string) {
	switch r.format {
	case "deepseek-r1", "deepseek-r1-0528":
		closers = []string{"<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"}
		return []string{"<｜tool▁calls▁begin｜>"}, []string{"<｜tool▁call▁begin｜>function<｜tool▁sep｜>"}, closers, closers[1:]
	case "deepseek-v3.1":
		closers = []string{"<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"}
		return []string{"<｜tool▁calls▁begin｜>"}, []string{"<｜tool▁call▁begin｜>"}, closers, closers[1:]
	case "deepseek-v3.2":
		for _, n := range []string{"function_calls>", "tool_calls>", " calls>"} {
			section = append(section, "<｜DSML｜"+n)
			ends = append(ends, "</｜DSML｜"+n)
		}
		closers = append([]string{"</｜DSML｜invoke>", "</｜DSML｜ invoke>"}, ends...)
		return section, []string{"<｜DSML｜invoke", "<｜DSML｜ invoke"}, closers, ends
	case "kimi-k2":
		closers = []string{"<|tool_call_end|>", "<|tool_calls_section_end|>"}
		return []string{"<|tool_calls_section_begin|>"}, []string{"<|tool_call_begin|>"}, closers, closers[1:]
	}
	return nil, []string{"<tool_call>"}, []string{"</tool_call>"}, nil
}

func oracleTrim(s string) string { return strings.TrimFunc(s, outputSpaceRune) }

func oracleTrimLeft(s string) string { return strings.TrimLeftFunc(s, outputSpaceRune) }

// think takes the reasoning off and returns where the text goes on.
func (r *oracle) think(open bool) int {
	rest := r.s
	for strings.HasPrefix(oracleTrimLeft(rest), "<think>") {
		rest, open = oracleTrimLeft(rest)[len("<think>"):], true
	}
	if !open {
		return 0
	}
	r.edged = true
	section, _, _, _ := r.markers()
	end, length := len(rest), 0
	if i := strings.Index(rest, "</think>"); i >= 0 {
		end, length = i, len("</think>")
	}
	for _, m := range section {
		if i := strings.Index(rest, m); i >= 0 && i < end {
			end, length = i, 0
		}
	}
	r.reasoning = oracleTrim(rest[:end])
	return len(r.s) - len(rest) + end + length
}

// text reads from i to the end.
func (r *oracle) text(i int) {
	section, call, closers, ends := r.markers()
	for i < len(r.s) {
		marker, live := "", slices.Clone(section)
		if r.inside || section == nil {
			live = append(live, call...)
		}
		closing := r.after || r.inside && r.counted
		if closing {
			live = append(live, closers...)
		}
		for _, m := range live {
			if strings.HasPrefix(r.s[i:], m) {
				marker = m
			}
		}
		switch {
		case slices.Contains(call, marker):
			i = r.tryCall(i, i+len(marker))
		case slices.Contains(section, marker):
			r.pieces = append(r.pieces, oraclePiece{marker, true})
			r.inside, r.counted = true, false
			i += len(marker)
		case marker != "":
			r.inside = r.inside && !slices.Contains(ends, marker)
			r.edge(false)
			i += len(marker)
		case r.after && r.s[i] == '<' && slices.ContainsFunc(closers, func(m string) bool { return strings.HasPrefix(m, r.s[i:]) }):
			i = len(r.s)
		default:
			_, n := utf8.DecodeRuneInString(r.s[i:])
			r.add(r.s[i : i+n])
			i += n
		}
	}
	r.finish()
}

func (r *oracle) finish() {
	s := ""
	for _, p := range r.pieces {
		s += p.text
	}
	if r.edged {
		s = oracleTrimLeft(s)
	}
	if s != "" {
		r.content = append(r.content, s)
	}
}

func (r *oracle) add(s string) {
	r.pieces = append(r.pieces, oraclePiece{s, false})
	if oracleTrim(s) != "" {
		r.after = false
	}
}

// edge ends the text before a call or a closing tag.
func (r *oracle) edge(call bool) {
	for n := len(r.pieces) - 1; call && n >= 0 && (r.pieces[n].section || oracleTrim(r.pieces[n].text) == ""); n-- {
		r.pieces = r.pieces[:n]
	}
	s := ""
	for _, p := range r.pieces {
		s += p.text
	}
	s = strings.TrimRightFunc(s, outputSpaceRune)
	if r.edged {
		s = oracleTrimLeft(s)
	}
	if s != "" {
		r.content = append(r.content, s)
	}
	r.pieces, r.edged, r.after = nil, true, true
}

// start counts a call, and end ends it.
func (r *oracle) start(name, id string) {
	r.edge(true)
	r.calls = append(r.calls, chat.ToolCall{Name: name, ID: id})
}

func (r *oracle) end(whole bool, arguments string) {
	if whole && arguments == "" {
		arguments = "{}"
	}
	r.calls[len(r.calls)-1].Arguments = arguments
	r.counted = true
	r.after, r.edged = true, true
}

// tryCall reads a call whose marker stands at i and returns where the text goes
// on. What is no call is text up to there.
func (r *oracle) tryCall(i, j int) int {
	calls, next := len(r.calls), 0
	switch r.format {
	case "qwen3", "qwq", "hermes":
		j = r.skip(j)
		if next = j; j < len(r.s) && r.s[j] == '{' {
			next = r.object(j+1, false)
		}
	case "glm-4.5", "glm-4.7":
		next = r.glm(j)
	case "deepseek-v3.2":
		next = r.dsml(j)
	default:
		next = r.marked(j)
	}
	if len(r.calls) == calls {
		r.add(r.s[i:next])
		if strings.TrimRightFunc(r.s[i:next], outputSpaceRune) != r.s[i:next] {
			last := &r.pieces[len(r.pieces)-1]
			text := strings.TrimRightFunc(last.text, outputSpaceRune)
			space := last.text[len(text):]
			last.text = text
			r.pieces = append(r.pieces, oraclePiece{space, false})
		}
	}
	return next
}

func (r *oracle) skip(i int) int { return len(r.s) - len(oracleTrimLeft(r.s[i:])) }

var (
	oracleV31  = regexp.MustCompile(`^([^<]*)(<｜tool▁sep｜>|<｜tool▁call▁end｜>)`)
	oracleR1   = regexp.MustCompile(`^[\s\x{85}\x{a0}\x1c-\x1f\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]*([^<\n]*)(<｜tool▁call▁end｜>|\n)`)
	oracleKimi = regexp.MustCompile(`^([^<]*)(<\|tool_call_argument_begin\|>|<\|tool_call_end\|>)`)
)

// marked reads a call between tokens.
func (r *oracle) marked(i int) int {
	re := map[string]*regexp.Regexp{"deepseek-v3.1": oracleV31, "kimi-k2": oracleKimi}[r.format]
	if re == nil {
		re = oracleR1
	}
	// Names do not span lines: where other text follows a line's end, it is over.
	name := r.s[r.skip(i):]
	if n := strings.IndexByte(name, '<'); n >= 0 {
		name = name[:n]
	}
	if line, more, ok := strings.Cut(name, "\n"); ok && re != oracleR1 {
		if rest := oracleTrimLeft(more); rest != "" {
			return r.skip(i) + len(line) + 1 + len(more) - len(rest)
		}
	}
	m := re.FindStringSubmatch(r.s[i:])
	if m == nil {
		if n := strings.IndexByte(r.s[i:], '<'); n >= 0 {
			for _, end := range []string{"<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"} {
				if re.MatchString(end+"\n") && strings.HasPrefix(end, r.s[i+n:]) && (end != "<｜tool▁sep｜>" || re != oracleR1) {
					return len(r.s)
				}
			}
			return i + n
		}
		return len(r.s)
	}
	j := i + len(m[0])
	id := oracleTrim(m[1])
	n := id
	if re == oracleKimi {
		n = strings.TrimPrefix(n, "functions.")
		if k := strings.LastIndex(n, ":"); k >= 0 {
			n = n[:k]
		}
		n = oracleTrim(n)
	} else {
		id = ""
	}
	if n == "" {
		return j
	}
	r.start(n, id)
	if strings.HasSuffix(m[2], "call▁end｜>") || strings.HasSuffix(m[2], "call_end|>") {
		r.end(true, "")
		return j
	}
	return r.value(j, re == oracleR1)
}

var oracleFence = regexp.MustCompile("^`[`a-zA-Z]*")

// value reads the arguments of a call that has been counted.
func (r *oracle) value(i int, fence bool) int {
	fenced := false
	i = r.skip(i)
	if fence && i < len(r.s) && r.s[i] == '`' {
		fenced = true
		i = r.skip(i + len(oracleFence.FindString(r.s[i:])))
	}
	if i == len(r.s) {
		r.end(false, "")
		return i
	}
	_, call, closers, _ := r.markers()
	switch rest := r.s[i:]; {
	case rest[0] == '<':
		r.end(slices.ContainsFunc(slices.Concat(call, closers), func(m string) bool { return strings.HasPrefix(rest, m) }) ||
			slices.ContainsFunc(closers, func(m string) bool { return strings.HasPrefix(m, rest) }), "")
		if slices.ContainsFunc(call, func(m string) bool { return strings.HasPrefix(m, rest) && m != rest }) {
			return len(r.s)
		}
		return i
	case rest[0] == '`':
		r.end(fenced, "")
	default:
		text, next, whole := r.json(i)
		r.end(whole, text)
		i = next
	}
	if fence {
		if j := r.skip(i); j < len(r.s) && r.s[j] == '`' {
			for i = j; i < len(r.s) && i < j+3 && r.s[i] == '`'; {
				i++
			}
		}
	}
	return i
}

// json reads a value at i, the value of a string. whole: it has an end.
func (r *oracle) json(i int) (text string, next int, whole bool) {
	if r.s[i] == '"' {
		raw, next, whole := oracleString(r.s, i+1)
		return oracleUnquote(raw, whole), next, whole
	}
	next, whole = oracleValue(r.s, i)
	return r.s[i:next], next, whole
}

// oracleString finds the end of a string whose quote stands before i.
func oracleString(s string, i int) (raw string, next int, whole bool) {
	for j := i; j < len(s); j++ {
		switch s[j] {
		case '\\':
			j++
		case '"':
			return s[i:j], j + 1, true
		}
	}
	return s[i:], len(s), false
}

// oracleValue finds the end of any other value. Where it is broken off it is not
// whole.
func oracleValue(s string, i int) (next int, whole bool) {
	if c := s[i]; c != '{' && c != '[' {
		if strings.IndexByte("}],:<`", c) >= 0 {
			return i, false
		}
		j := i
		for j < len(s) {
			r, n := utf8.DecodeRuneInString(s[j:])
			if strings.ContainsRune("{}[],:\"<`", r) || outputSpaceRune(r) {
				return j, true
			}
			j += n
		}
		return j, false
	}
	depth := 0
	for j := i; j < len(s); j++ {
		switch s[j] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return j + 1, true
			}
		case '"':
			_, end, whole := oracleString(s, j+1)
			if !whole {
				return len(s), false
			}
			j = end - 1
		case '<', '`':
			return j, false
		}
	}
	return len(s), false
}

var oracleEscape = regexp.MustCompile(`(?s)^\\(u[0-9a-fA-F]{0,4}|.|$)`)

// oracleUnquote is the value of the inside of a string. Escapes that are none
// stay as they are; one that is cut off is left away.
func oracleUnquote(raw string, whole bool) string {
	var b strings.Builder
	high := rune(0)
	flush := func() {
		if high != 0 {
			b.WriteRune(utf8.RuneError)
		}
		high = 0
	}
	for raw != "" {
		e := oracleEscape.FindString(raw)
		if !whole && e == raw && len(e) < 6 && (len(e) < 2 || e[1] == 'u') {
			return b.String()
		}
		if len(e) == 6 && e[1] == 'u' {
			n, _ := strconv.ParseUint(e[2:], 16, 32)
			pair := utf16.DecodeRune(high, rune(n))
			switch {
			case pair != utf8.RuneError:
				b.WriteRune(pair)
				high = 0
			case 0xd800 <= n && n < 0xdc00:
				flush()
				high = rune(n)
			default:
				flush()
				b.WriteRune(rune(n))
			}
			raw = raw[6:]
			continue
		}
		if e == "" {
			e = raw[:1]
		}
		raw = raw[len(e):]
		var s string
		if len(e) == 2 && json.Unmarshal([]byte(`"`+e+`"`), &s) == nil {
			e = s
		}
		flush()
		b.WriteString(e)
	}
	if whole {
		flush()
	}
	return b.String()
}

// object reads a call that is an object, after its brace. bare: it has no tag.
func (r *oracle) object(i int, bare bool) int {
	var name, arguments string
	var named, given, foreign, started bool
	start := func() {
		if !started && named && (given || !bare) {
			r.start(name, "")
			started = true
		}
	}
	stop := func(whole bool, next int) int {
		if started {
			r.end(whole, arguments)
		}
		return next
	}
	cut := func(may bool) int {
		if !started && named && !foreign && may && bare {
			r.start(name, "")
			started = true
		}
		return stop(false, len(r.s))
	}
	for {
		for i = r.skip(i); i < len(r.s) && r.s[i] == ','; {
			i = r.skip(i + 1)
		}
		if i == len(r.s) {
			return cut(true)
		}
		if r.s[i] == '}' {
			return stop(true, i+1)
		}
		if r.s[i] != '"' {
			return stop(false, i)
		}
		raw, next, whole := oracleString(r.s, i+1)
		key := oracleUnquote(raw, whole)
		if !whole {
			return cut(strings.HasPrefix("parameters", key) || strings.HasPrefix("arguments", key))
		}
		isArguments := key == "parameters" || key == "arguments"
		foreign = foreign || key != "name" && key != "type" && !isArguments
		if i = r.skip(next); i == len(r.s) {
			return cut(isArguments)
		}
		if r.s[i] != ':' {
			return stop(false, i)
		}
		into := isArguments && !given
		if into {
			given = true
			start()
		}
		if i = r.skip(i + 1); i == len(r.s) {
			return cut(false)
		}
		if key == "name" && !named {
			if r.s[i] != '"' {
				return stop(false, i)
			}
			raw, next, whole := oracleString(r.s, i+1)
			if !whole {
				return cut(false)
			}
			if name = oracleUnquote(raw, true); name == "" {
				return next
			}
			named, i = true, next
			start()
			continue
		}
		var text string
		if into {
			text, next, whole = r.json(i)
			arguments = text
		} else if r.s[i] == '"' {
			_, next, whole = oracleString(r.s, i+1)
		} else {
			next, whole = oracleValue(r.s, i)
		}
		if !whole {
			if next == len(r.s) {
				return cut(false)
			}
			return stop(false, next)
		}
		i = next
	}
}

// parameters reads what follows the tag of a call that has been counted, from
// one parameter to the next.
func (r *oracle) parameters(i int, function string) int {
	arguments := ""
	next := func(whole bool, i int) int {
		if whole && arguments != "" {
			arguments += "}"
		}
		r.end(whole, arguments)
		return i
	}
	_, call, closers, _ := r.markers()
	param := map[bool][]string{true: {"<｜DSML｜parameter", "<｜DSML｜ parameter"}, false: {"<arg_key>"}}[r.format == "deepseek-v3.2"]
outer:
	for {
		i = r.skip(i)
		rest := r.s[i:]
		if rest == "" {
			return next(false, i)
		}
		for _, m := range slices.Concat(closers, call) {
			if strings.HasPrefix(rest, m) {
				return next(true, i)
			}
			if strings.HasPrefix(m, rest) && slices.Contains(closers, m) {
				return next(true, i)
			}
		}
		if r.format == "deepseek-v3.2" && rest[0] == '{' && arguments == "" {
			text, j, whole := r.json(i)
			arguments = text
			r.end(whole, arguments)
			return j
		}
		for _, m := range param {
			if strings.HasPrefix(rest, m) {
				key, value, j, ok := r.parameter(i+len(m), m, function)
				if !ok {
					return next(false, j)
				}
				if arguments += ", "; arguments == ", " {
					arguments = "{"
				}
				arguments += outputQuote(key) + ": " + value
				i = j
				continue outer
			}
			if strings.HasPrefix(m, rest) {
				return next(false, len(r.s))
			}
		}
		for _, m := range call {
			if strings.HasPrefix(m, rest) {
				return next(false, len(r.s))
			}
		}
		return next(false, i)
	}
}

// parameter reads one parameter after its marker. Where there is none it returns
// where it broke off.
func (r *oracle) parameter(i int, marker, function string) (key, value string, next int, ok bool) {
	closing, kinds := "</arg_value>", paramAny
	if marker == "<arg_key>" {
		j := strings.Index(r.s[i:], "</arg_key>")
		if j < 0 {
			return "", "", len(r.s), false
		}
		key = oracleTrim(r.s[i : i+j])
		i = r.skip(i + j + len("</arg_key>"))
		if !strings.HasPrefix(r.s[i:], "<arg_value>") {
			if strings.HasPrefix("<arg_value>", r.s[i:]) {
				i = len(r.s)
			}
			return "", "", i, false
		}
		i += len("<arg_value>")
		kinds = r.tools[function][key]
	} else {
		attributes, j, ok := r.attributes(i)
		if !ok {
			return "", "", j, false
		}
		name, named := attributes["name"]
		if !named {
			return "", "", j - 1, false
		}
		key, i = name, j
		closing = "</" + marker[1:] + ">"
		switch attributes["string"] {
		case "true":
			kinds = paramText
		case "false":
		default:
			kinds = r.tools[function][key]
		}
	}
	first := strings.Index(r.s[i:], closing)
	if first < 0 {
		return "", "", len(r.s), false
	}
	if kinds != paramText {
		for end := first; end >= 0 && end < 4000; { // the first closing tag before which there is JSON
			v := strings.Trim(r.s[i:i+end], " \t\r\n")
			if json.Valid([]byte(v)) && oracleDepth(v) <= maxOutputDepth {
				if end > first && v[0] != '{' && v[0] != '[' {
					break
				}
				if kinds.allow(v) {
					return key, v, i + end + len(closing), true
				}
				break
			}
			more := strings.Index(r.s[i+end+1:], closing)
			if more < 0 {
				break
			}
			end += 1 + more
		}
	}
	return key, outputQuote(r.s[i : i+first]), i + first + len(closing), true
}

func oracleDepth(v string) int {
	depth, most := 0, 0
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '"':
			_, next, _ := oracleString(v, i+1)
			i = next - 1
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most
}

// attributes reads a tag after its name: the first attribute of each name, but
// the last of those of a parameter.
func (r *oracle) attributes(i int) (map[string]string, int, bool) {
	all := map[string]string{}
	for {
		j := r.skip(i)
		if j < len(r.s) && r.s[j] == '>' {
			return all, j + 1, true
		}
		if j == i || j == len(r.s) {
			return all, j, false
		}
		name, value, next, ok := r.attribute(j)
		if !ok {
			return all, next, false
		}
		all[name] = value
		i = next
	}
}

// attribute reads name="value", with whitespace anywhere but in the value.
func (r *oracle) attribute(i int) (name, value string, next int, ok bool) {
	for ; i < len(r.s) && r.s[i] != '='; i++ {
		c := r.s[i]
		if 'a' <= c && c <= 'z' {
			name += string(c)
			continue
		}
		if r.skip(i) == i || name == "" {
			return "", "", i, false
		}
		i = r.skip(i) - 1
	}
	if i == len(r.s) || name == "" {
		return "", "", i, false
	}
	i = r.skip(i + 1)
	if i == len(r.s) || r.s[i] != '"' {
		return "", "", i, false
	}
	end := strings.IndexByte(r.s[i+1:], '"')
	if end < 0 {
		return "", "", len(r.s), false
	}
	return name, r.s[i+1 : i+1+end], i + end + 2, true
}

// dsml reads a call after <｜DSML｜invoke.
func (r *oracle) dsml(i int) int {
	function := ""
	for {
		j := r.skip(i)
		if j < len(r.s) && r.s[j] == '>' {
			if function == "" {
				return j + 1
			}
			return r.parameters(j+1, function)
		}
		if j == i || j == len(r.s) {
			if function != "" {
				r.end(false, "")
			}
			return j
		}
		name, value, next, ok := r.attribute(j)
		if !ok {
			if function != "" {
				r.end(false, "")
			}
			return next
		}
		if name == "name" && value != "" && function == "" {
			function = value
			r.start(function, "")
		}
		i = next
	}
}

// glm reads a call after <tool_call>.
func (r *oracle) glm(i int) int {
	for i < len(r.s) && (r.s[i] == '\n' || r.s[i] == '\r') {
		i++
	}
	j := i
	for j < len(r.s) {
		c, n := utf8.DecodeRuneInString(r.s[j:])
		if outputSpaceRune(c) || c == '<' {
			break
		}
		if j == i && c != '_' && !unicode.IsLetter(c) && !unicode.IsDigit(c) || !unicode.IsPrint(c) || strings.ContainsRune(">(){}[]\"'`,;=", c) {
			return j
		}
		j += n
	}
	name, k := r.s[i:j], r.skip(j)
	if name == "" {
		if rest := r.s[j:]; strings.HasPrefix(rest, "<arg_key>") {
			return j + len("<arg_key>")
		} else if strings.HasPrefix(rest, "</tool_call>") {
			return j + len("</tool_call>")
		} else if strings.HasPrefix("<arg_key>", rest) || strings.HasPrefix("</tool_call>", rest) {
			return len(r.s)
		}
		return j
	}
	rest, lined := r.s[k:], strings.Contains(r.s[j:k], "\n")
	switch {
	case strings.HasPrefix(rest, "<arg_key>"), strings.HasPrefix(rest, "</tool_call>"),
		lined && (strings.HasPrefix("<arg_key>", rest) || strings.HasPrefix("</tool_call>", rest)):
		r.start(name, "")
		return r.parameters(k, name)
	case strings.HasPrefix("<arg_key>", rest) || strings.HasPrefix("</tool_call>", rest):
		return len(r.s)
	}
	return k
}

// llama reads a text whose calls have no tags.
func (r *oracle) llama() {
	i := 0
	for {
		calls := len(r.calls)
		next := r.bare(r.skip(i))
		if len(r.calls) == calls {
			r.add(r.s[i:])
			break
		}
		i = r.skip(next)
		if i == len(r.s) || r.s[i] != ';' {
			r.add(r.s[i:])
			break
		}
		i++
	}
	r.finish()
}

var oraclePython = regexp.MustCompile(`^([\pL\p{Nd}_.-]+)\.call\(`)

// bare tries to read a call at i.
func (r *oracle) bare(i int) int {
	rest, tagged := strings.CutPrefix(r.s[i:], "<|python_tag|>")
	if tagged {
		i = r.skip(i + len("<|python_tag|>"))
		rest = r.s[i:]
	}
	if strings.HasPrefix(rest, "{") {
		return r.object(i+1, true)
	}
	m := oraclePython.FindStringSubmatch(rest)
	if !tagged || m == nil {
		return i
	}
	return r.python(i+len(m[0]), m[1])
}

var (
	oraclePythonKey     = regexp.MustCompile(`^[\pL\p{Nd}_.-]*`)
	oraclePythonLiteral = regexp.MustCompile(`^[^,)\s\x{85}\x{a0}\x1c-\x1f\v\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+`)
)

// python reads the arguments of a call after its parenthesis.
func (r *oracle) python(i int, name string) int {
	started, arguments := false, ""
	start := func() {
		if !started {
			r.start(name, "")
			started = true
		}
	}
	stop := func(whole bool, next int) int {
		if whole && arguments != "" {
			arguments += "}"
		}
		if started {
			r.end(whole, arguments)
		}
		return next
	}
	for {
		i = r.skip(i)
		key := oraclePythonKey.FindString(r.s[i:])
		i = r.skip(i + len(key))
		if i == len(r.s) {
			start()
			return stop(false, i)
		}
		if r.s[i] == ')' && key == "" {
			start()
			return stop(true, i+1)
		}
		if r.s[i] != '=' || key == "" {
			return stop(false, i)
		}
		start()
		if i = r.skip(i + 1); i == len(r.s) {
			return stop(false, i)
		}
		before := ", "
		if arguments == "" {
			before = "{"
		}
		before += outputQuote(key) + ": "
		switch c := r.s[i]; c {
		case ',', ')':
			return stop(false, i)
		case '"', '\'':
			text, next, whole := oraclePythonString(r.s, i)
			arguments += before + text
			if !whole {
				return stop(false, next)
			}
			i = next
		case '{', '[':
			next, whole := oracleValue(r.s, i)
			arguments += before + r.s[i:next]
			if !whole {
				return stop(false, next)
			}
			i = next
		default:
			literal := oraclePythonLiteral.FindString(r.s[i:])
			if i += len(literal); i == len(r.s) {
				return stop(false, i)
			}
			if v, ok := map[string]string{"True": "true", "False": "false", "None": "null"}[literal]; ok {
				literal = v
			} else if !json.Valid([]byte(literal)) {
				literal = outputQuote(literal)
			}
			arguments += before + literal
		}
		i = r.skip(i)
		switch {
		case i == len(r.s):
			return stop(false, i)
		case r.s[i] == ')':
			return stop(true, i+1)
		case r.s[i] != ',':
			return stop(false, i)
		}
		i++
	}
}

// oraclePythonString writes the string at i, which may be cut, as JSON.
func oraclePythonString(s string, i int) (text string, next int, whole bool) {
	quote := s[i]
	text = `"`
	for i++; i < len(s); i++ {
		switch c := s[i]; {
		case c == quote:
			return text + `"`, i + 1, true
		case c == '\\' && i+1 == len(s):
			return text, len(s), false
		case c == '\\' && s[i+1] == '\'':
			text += `'`
			i++
		case c == '\\' && strings.IndexByte(`"\/bfnrtu`, s[i+1]) >= 0:
			text += s[i : i+2]
			i++
		case c == '\\':
			text += `\\`
			if s[i+1] < ' ' {
				text += strings.Trim(outputQuote(s[i+1:i+2]), `"`)
				i++
			}
		case c == '"':
			text += `\"`
		case c < ' ':
			text += strings.Trim(outputQuote(string(c)), `"`)
		default:
			text += string([]byte{c})
		}
	}
	return text, len(s), false
}
