package inference

import (
	"github.com/blitz-r1/blitz/grammar"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Format is what an answer's content has to be. At most one of its fields is set.
type Format struct {
	JSON    bool     // any JSON object
	Schema  []byte   // what this JSON Schema describes
	Regex   string   // what this pattern matches
	Choice  []string // one of these texts
	Grammar string   // what this GBNF grammar describes
	Param   string   // where it stands in the request, for errors
}

// IsFree says whether the content may be anything.
func (f *Format) IsFree() bool {
	return !f.JSON && f.Schema == nil && f.Regex == "" && f.Choice == nil && f.Grammar == ""
}

// grammars keeps what was compiled: clients ask with the same schema again and again.
var grammars = grammar.NewCache(grammarBytes)

// grammarBytes is the memory that compiled grammars may take.
const grammarBytes = 256 << 20

// grammar compiles the format; nil where it is free. The error is a *wire.Error.
func (f *Format) grammar() (*grammar.Grammar, error) {
	var g *grammar.Grammar
	var err error
	switch {
	case f.IsFree():
		return nil, nil
	case f.JSON:
		return grammar.JSON(), nil
	case f.Schema != nil:
		g, err = grammars.Get("schema "+string(f.Schema), func() (*grammar.Grammar, error) { return grammar.Schema(f.Schema, nil) })
	case f.Regex != "":
		g, err = grammars.Get("regex "+f.Regex, func() (*grammar.Grammar, error) { return grammar.Regex(f.Regex, nil) })
	case f.Choice != nil:
		g, err = grammar.Choice(f.Choice, nil)
	default:
		g, err = grammars.Get("gbnf "+f.Grammar, func() (*grammar.Grammar, error) { return grammar.GBNF(f.Grammar, nil) })
	}
	if err != nil {
		return nil, &wire.Error{Kind: wire.Invalid, Param: f.Param, Message: f.Param + ": " + message(err), Err: err}
	}
	return g, nil
}
