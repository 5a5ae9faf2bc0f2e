package output

import (
	"strings"

	"github.com/blitz-r1/blitz/grammar"
)

// graniteCall is a token of Granite's vocabulary.
const graniteCall = "<|tool_call|>"

// releaseGranite3 is the release that writes lists.
const releaseGranite3 = "granite-3.3"

// graniteTurn stands before each turn in Granite's templates.
const graniteTurn = "<|start_of_role|>"

// granite is the format of Granite 3: a list of objects behind a token. Granite 4 writes as
// Hermes does.
//
//	<|tool_call|>[{"name": "NAME", "arguments": {…}}, …]
var granite = format{
	releases: []release{{releaseGranite3, Reasoning{}}},
	detect: func(template string) string {
		if strings.Contains(template, graniteCall) && strings.Contains(template, graniteTurn) {
			return releaseGranite3
		}
		return ""
	},
	reasons: true,
	tokens:  true,
	calls:   []string{graniteCall},
	start:   readText,
	begin:   readTagged,
	after:   readText,
	plain:   readText,
	hold:    holdGranite,
}

// holdGranite is what calls are held to.
func holdGranite(h *holder) (grammar.Expr, error) {
	object, err := h.each(func(t heldTool) (grammar.Expr, error) { return h.object(t, "arguments") })
	list := grammar.Seq(grammar.Literal("["), h.several(object, grammar.Seq(grammar.Literal(","), blanks(1))), grammar.Literal("]"))
	return h.behind(grammar.Seq(grammar.Special(graniteCall), list)), err
}
