package grammar

import (
	"fmt"
	"strings"
)

// leftCalls returns, for each rule, the rules that it may begin with.
func (g *graph) leftCalls() [][]int32 {
	calls := make([][]int32, len(g.rules))
	reached := make([]bool, len(g.first)) // from the start of their rule, by nothing
	empty := make([]bool, len(g.rules))
	waiting := make([][]int32, len(g.rules)) // states behind a rule, if that may be empty
	var queue []int32
	reach := func(q int32) {
		if !reached[q] {
			reached[q] = true
			queue = append(queue, q)
		}
	}
	behind := func(r, q int32) {
		if empty[r] {
			reach(q)
		} else {
			waiting[r] = append(waiting[r], q)
		}
	}
	for _, r := range g.rules {
		reach(r.start)
	}
	for len(queue) > 0 {
		q := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		r := g.owner[q]
		if q == g.rules[r].final && !empty[r] {
			empty[r] = true
			for _, to := range waiting[r] {
				reach(to)
			}
		}
		g.each(q, func(e *edge) {
			switch e.kind {
			case edgeEmpty:
				reach(e.to)
			case edgeCall:
				calls[r] = append(calls[r], e.arg)
				behind(e.arg, e.to)
			case edgeLoop:
				l := &g.loops[e.arg]
				calls[r] = append(calls[r], l.body)
				if behind(l.body, e.to); l.min == 0 {
					reach(e.to)
				}
			}
		})
	}
	return calls
}

// leftRecursion returns an error that names rules which begin with themselves, so that
// no step would ever end.
func (g *graph) leftRecursion() error {
	calls := g.leftCalls()
	const (
		fresh = iota
		open
		done
	)
	state := make([]uint8, len(calls))
	type visit struct{ rule, next int32 }
	for r := range calls {
		if state[r] != fresh {
			continue
		}
		state[r] = open
		path := []visit{{rule: int32(r)}}
		for len(path) > 0 {
			top := &path[len(path)-1]
			if int(top.next) == len(calls[top.rule]) {
				state[top.rule] = done
				path = path[:len(path)-1]
				continue
			}
			to := calls[top.rule][top.next]
			top.next++
			switch state[to] {
			case fresh:
				state[to] = open
				path = append(path, visit{rule: to})
			case open:
				ring := make([]int32, 0, len(path))
				for i := len(path) - 1; i >= 0; i-- {
					ring = append(ring, path[i].rule)
					if path[i].rule == to {
						break
					}
				}
				return g.ringError(ring)
			}
		}
	}
	return nil
}

// ringError names the rules of a ring, which is given backwards.
func (g *graph) ringError(ring []int32) error {
	var names []string
	for i := len(ring) - 1; i >= 0 && len(names) < 8; i-- {
		if name := g.rules[ring[i]].name; name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 1 {
		return fmt.Errorf("grammar: rule %q begins with itself (left recursion): %w", names[0], ErrUnsupported)
	}
	return fmt.Errorf("grammar: rules %q begin with one another (left recursion): %w", strings.Join(names, " "), ErrUnsupported)
}

// alive finds the states from which a text can come to its end.
func (g *graph) alive() []bool {
	alive := make([]bool, len(g.first))
	before := make([]int32, len(g.first)) // the newest edge into a state, by its number plus one
	older := make([]int32, len(g.edges))
	from := make([]int32, len(g.edges))
	callers := make([][]int32, len(g.rules)) // edges that wait for a rule
	var queue []int32
	mark := func(q int32) {
		if !alive[q] {
			alive[q] = true
			queue = append(queue, q)
		}
	}
	for q := range g.first {
		for i := g.first[q]; i >= 0; i = g.next[i] {
			from[i] = int32(q)
			older[i] = before[g.edges[i].to]
			before[g.edges[i].to] = i + 1
		}
	}
	ruleOf := map[int32]int32{}
	for i, r := range g.rules {
		ruleOf[r.start] = int32(i)
		mark(r.final)
	}
	// pass marks the begin of an edge, whose end is alive, where what it takes can be.
	pass := func(i int32) {
		e, r := &g.edges[i], int32(-1)
		switch e.kind {
		case edgeCall:
			r = e.arg
		case edgeLoop:
			if g.loops[e.arg].min > 0 {
				r = g.loops[e.arg].body
			}
		}
		if r >= 0 && !alive[g.rules[r].start] {
			callers[r] = append(callers[r], i)
			return
		}
		mark(from[i])
	}
	for len(queue) > 0 {
		q := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for i := before[q]; i > 0; i = older[i-1] {
			pass(i - 1)
		}
		if r, ok := ruleOf[q]; ok {
			for _, i := range callers[r] {
				mark(from[i])
			}
			callers[r] = nil
		}
	}
	return alive
}
