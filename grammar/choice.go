package grammar

import "fmt"

// Choice compiles a choice of texts: one of them is the whole text. l may be nil. The
// error wraps ErrTooLarge, or ErrEmpty where there is none to choose.
func Choice(texts []string, l *Limits) (*Grammar, error) {
	limits, size := l.withDefaults(), 0
	all := make([]Expr, len(texts))
	for i, t := range texts {
		all[i] = Literal(t)
		size += len(t)
	}
	switch {
	case len(texts) == 0:
		return nil, fmt.Errorf("grammar: a choice of no texts: %w", ErrEmpty)
	case size > limits.Source:
		return nil, sourceError("choice", size, limits.Source)
	}
	return CompileExpr(Or(all...), l)
}
