// Package puppet makes a model for tests of whatever stands around a model: a GGUF file
// of two megabytes whose every answer is known before it is asked.
//
// It is a plain llama of one layer. Attention and feed-forward are zero, embeddings are
// orthogonal, and the output matrix is a table from the last token to the next. So a
// script is a chain of tokens, each in one place of it, and the model says its script
// whether it is drawn from or not. The chat template looks for "play NAME" in the last
// message of the user, and ends the prompt with the token that begins the script of that
// name; behind a tool's result it plays "after", and without such words "hello". The last
// byte of a prompt that is no conversation begins a script as well; see ByByte.
//
// The script "dice" is three throws of eight words each, all alike: each has the
// log-probability -ln 8. "loop" and "ponder" never end. The model speaks as Qwen3 does,
// with <think> and calls in Hermes' form. Under a grammar it goes any way that the
// grammar allows, since all tokens but the next of its script are alike to it.
package puppet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
)

// The kinds of tokens, by GGUF's numbers.
const (
	normal  = 1
	control = 3
	user    = 4
	unused  = 5
)

// Puppet is the model before it is written. A test may give it further tokens and
// metadata.
type Puppet struct {
	// Keys are further metadata of the file.
	Keys []gguf.KeyValue
	// Template is the chat template.
	Template string
	// Context is how many positions the model is made for; 0: 8192.
	Context int

	texts []string
	kinds []int32
	ids   map[string]int32
	next  map[int32][]int32 // the tokens that come next, all alike; none: the end
	end   int32
}

// New returns the puppet.
func New() *Puppet {
	p := &Puppet{ids: map[string]int32{}, next: map[int32][]int32{}}
	for b := range 256 {
		p.token(string([]byte{byte(b)}), normal)
	}
	p.token("\x00\x01", normal) // the one merge that there is
	p.end = p.token(End, control)
	p.token("<|im_start|>", control)
	p.token("<think>", user)
	p.token("</think>", user)
	for _, s := range scripts {
		do, say := p.token(begins("do", s.name), control), p.token(begins("say", s.name), control)
		first := p.chain(s)
		p.next[do], p.next[say] = first, first
		if i := slices.Index(s.pieces, "</think>"); i >= 0 { // asked not to think: the answer alone
			p.next[say] = []int32{p.token(s.pieces[i+2], normal)}
		}
	}
	do, say := p.token(begins("do", "dice"), control), p.token(begins("say", "dice"), control)
	p.next[do] = p.throw(0)
	p.next[say] = p.next[do]
	for _, x := range ByByte {
		if at := p.ids[x.Byte]; isScript(x.Leads) {
			p.next[at] = p.next[p.ids[begins("do", x.Leads)]]
		} else {
			p.next[at] = []int32{p.token(x.Leads, normal)}
		}
	}
	// An end of thoughts that a budget put there, however it was tokenized, leads to the
	// answer of "think".
	p.next[p.token(">", normal)] = p.next[p.ids["</think>"]]
	p.next[p.token("\n", normal)] = p.next[p.ids[begins("say", "think")]]
	p.Template = strings.ReplaceAll(template, "NAMES", names())
	return p
}

// begins returns the control token that begins a script, with thoughts ("do") or without
// ("say").
func begins(how, name string) string { return "<|" + how + ":" + name + "|>" }

// WithTools returns a puppet that has scripts of MCP tools, too: "mcp" calls
// fake__get_weather for Kyiv, "hostilemcp" calls fake__hostile.
func WithTools() *Puppet {
	p := New()
	for _, s := range toolScripts {
		p.add(s)
	}
	return p
}

// Add gives the model a further script: pieces, and then a loop for ever, or the end where
// there is none. Each piece stands in one place only.
func (p *Puppet) Add(name string, pieces, loop []string) { p.add(script{name, pieces, loop}) }

func (p *Puppet) add(s script) {
	do, say := p.token(begins("do", s.name), control), p.token(begins("say", s.name), control)
	p.next[do] = p.chain(s)
	p.next[say] = p.next[do]
	p.Template = strings.Replace(p.Template, `"] %}{%- if ('play '`, `", "`+s.name+`"] %}{%- if ('play '`, 1)
}

// isScript says whether a script has that name.
func isScript(name string) bool {
	return name == "dice" || slices.ContainsFunc(scripts, func(s script) bool { return s.name == name })
}

// names returns the names of all scripts as a list of the template, short ones first, so
// that the longest that is asked for counts.
func names() string {
	var list []string
	for _, s := range scripts {
		list = append(list, s.name)
	}
	list = append(list, "dice")
	slices.SortStableFunc(list, func(a, b string) int { return len(a) - len(b) })
	return `["` + strings.Join(list, `", "`) + `"]`
}

// token returns the id of a text, which is made where it is not there.
func (p *Puppet) token(text string, kind int32) int32 {
	if id, ok := p.ids[text]; ok {
		return id
	}
	id := int32(len(p.texts))
	p.ids[text] = id
	p.texts, p.kinds = append(p.texts, text), append(p.kinds, kind)
	return id
}

// throw links the throws of the dice from a stage on, and returns the words of the first.
func (p *Puppet) throw(stage int) []int32 {
	if stage == len(Dice) {
		return []int32{p.end}
	}
	var ids []int32
	for _, word := range Dice[stage] {
		ids = append(ids, p.token(word, normal))
	}
	after := p.throw(stage + 1)
	for _, id := range ids {
		p.next[id] = after
	}
	return ids
}

// chain links the pieces of a script, and returns what begins it.
func (p *Puppet) chain(s script) []int32 {
	var ids, ring []int32
	for _, piece := range s.pieces {
		ids = append(ids, p.token(piece, normal))
	}
	for _, piece := range s.loop {
		ring = append(ring, p.token(piece, normal))
	}
	for i, id := range ring {
		p.link(id, ring[(i+1)%len(ring)])
	}
	last := p.end
	if len(ring) > 0 {
		last = ring[0]
	}
	for i, id := range ids {
		if i+1 < len(ids) {
			p.link(id, ids[i+1])
		} else {
			p.link(id, last)
		}
	}
	if len(ids) > 0 {
		return ids[:1]
	}
	return []int32{last}
}

// link has b come behind a. Two ways on from one token are a fault of the scripts.
func (p *Puppet) link(a, b int32) {
	if is := p.next[a]; is != nil && is[0] != b {
		panic(fmt.Sprintf("puppet: token %q stands in two places", p.texts[a]))
	}
	p.next[a] = []int32{b}
}

// AddControl gives the model a further control token, behind which it says a script.
func (p *Puppet) AddControl(text, script string) int32 {
	id := p.token(text, control)
	p.next[id] = p.next[p.ids[begins("do", script)]]
	return id
}

// ID returns the id of a token; a text that is none is a fault of the test.
func (p *Puppet) ID(text string) int32 {
	id, ok := p.ids[text]
	if !ok {
		panic(fmt.Sprintf("puppet: no token is %q", text))
	}
	return id
}

// Tokens returns the tokens of a script that ends by itself, without the end token.
func Tokens(name string) []string {
	i := slices.IndexFunc(scripts, func(s script) bool { return s.name == name && s.loop == nil })
	if i < 0 {
		panic(fmt.Sprintf("puppet: no script that ends is called %q", name))
	}
	return scripts[i].pieces
}

// Text returns what the model writes when it plays a script that ends by itself, thoughts
// and calls as it writes them.
func Text(name string) string { return strings.Join(Tokens(name), "") }
