package inference

import (
	"errors"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// hold adds what has to be called to a request.
func (c *Calls) hold(out *blitz.Request) error {
	out.NoCalls = c.None || out.Tools == nil && out.Messages != nil
	switch {
	case c.None:
	case out.Tools != nil:
		out.Calls = output.Calls{Required: c.Required, Only: c.Name, Single: c.Single || c.Name != "", Strict: c.Required, StrictTools: c.Strict}
	case c.Required:
		return wire.Refuse(c.Param, "%s asks for a call, and there are no tools", c.Param)
	}
	return nil
}

// isGrammar says whether an error is about what an answer has to be.
func isGrammar(err error) bool {
	for _, e := range []error{grammar.ErrSyntax, grammar.ErrUnsupported, grammar.ErrTooLarge, grammar.ErrEmpty} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
