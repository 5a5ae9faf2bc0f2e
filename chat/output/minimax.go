package output

import (
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

const (
	miniMaxOpen  = "<minimax:tool_call>"
	miniMaxClose = "</minimax:tool_call>"
)

// miniMax is the format of MiniMax-M2: calls of DSML's form, all in one tag, their values as
// they are and of the types that the schema tells.
//
//	<minimax:tool_call>⏎<invoke name="NAME">⏎<parameter name="KEY">VALUE</parameter>⏎
//	</invoke>⏎</minimax:tool_call>
var miniMax = format{
	releases: []release{{"minimax-m2", Reasoning{Before: "\n", Behind: "\n\n"}}},
	detect: func(template string) string {
		if strings.Contains(template, miniMaxOpen) {
			return "minimax-m2"
		}
		return ""
	},
	reasons:  true,
	asks:     true,
	sections: []string{miniMaxOpen},
	calls:    []string{"<invoke"},
	closers:  []string{"</invoke>", miniMaxClose},
	ends:     []string{miniMaxClose},
	params:   []string{"<parameter"},
	start:    readText,
	begin:    readInvoke,
	param:    readParameter,
	after:    readText,
	plain:    readText,
	hold:     holdMiniMax,
}

// holdMiniMax is what calls are held to. Parameters come in the order of the schema.
func holdMiniMax(h *holder) (grammar.Expr, error) {
	const closing = "</parameter>"
	call, err := h.each(func(t heldTool) (grammar.Expr, error) {
		if _, err := plainName(t); err != nil {
			return grammar.Expr{}, err
		}
		params, err := h.params(t, closing)
		row := func(key, value grammar.Expr) grammar.Expr {
			return grammar.Seq(grammar.Literal(`<parameter name="`), key, grammar.Literal(`">`), value, grammar.Literal(closing+"\n"))
		}
		rows := t.rows(params, row(anyKey(), textWithout(closing)), func(p heldParam) grammar.Expr { return row(grammar.Literal(p.key), p.value) })
		return grammar.Seq(grammar.Literal(`<invoke name="`+t.name+"\">\n"), rows, grammar.Literal("</invoke>\n")), err
	})
	section := grammar.Seq(grammar.Special(miniMaxOpen), grammar.Literal("\n"), h.several(call, grammar.Expr{}), grammar.Special(miniMaxClose))
	return h.behind(section), err
}
