package grammar

import (
	"fmt"
	"slices"
)

// anchored returns an expression without ^ and $, and with pad wherever there is none
// of them at the begin or the end.
func anchored(e, pad Expr) (Expr, error) {
	for _, anchor := range []op{opBegin, opEnd} {
		var ok bool
		if e, ok = side(e.n, anchor, pad); !ok || holdsAnchor(e.n, anchor) {
			return Expr{}, fmt.Errorf("grammar: pattern: %s where the text cannot %s: %w", anchor, sides[anchor], ErrUnsupported)
		}
	}
	return e, nil
}

var sides = map[op]string{opBegin: "begin", opEnd: "end"}

// holdsAnchor says whether an expression has ^ or $ in it.
func holdsAnchor(n *node, anchor op) bool {
	return n != nil && (anchor == opBegin && n.begins || anchor == opEnd && n.ends)
}

// side takes the anchors of one side out of an expression. It says whether it could.
func side(n *node, anchor op, pad Expr) (Expr, bool) {
	begins := anchor == opBegin
	switch {
	case !holdsAnchor(n, anchor):
		if begins {
			return Seq(pad, Expr{n}), true
		}
		return Seq(Expr{n}, pad), true
	case n.op == anchor:
		return Expr{}, true
	case n.op == opOr:
		all := make([]Expr, len(n.subs))
		for i, s := range n.subs {
			var ok bool
			if all[i], ok = side(s, anchor, pad); !ok {
				return Expr{}, false
			}
		}
		return Or(all...), true
	case n.op != opSeq:
		return Expr{}, false
	}
	row := make([]Expr, len(n.subs))
	for i, s := range n.subs {
		row[i] = Expr{s}
	}
	outer, inner := row[0], row[1:]
	if !begins {
		outer, inner = row[len(row)-1], row[:len(row)-1]
	}
	if outer.n.op == anchor { // one behind the other: the same
		return side(Seq(inner...).n, anchor, Expr{})
	}
	outer, ok := side(outer.n, anchor, pad)
	if begins {
		return Seq(outer, Seq(inner...)), ok && !slices.ContainsFunc(inner, func(e Expr) bool { return holdsAnchor(e.n, anchor) })
	}
	return Seq(Seq(inner...), outer), ok
}
