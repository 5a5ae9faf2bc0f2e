package grammar

import (
	"fmt"
	"unicode/utf8"
)

// builder makes an automaton of expressions. Each part is built between two states
// that are there: it adds no edges into the first and none out of the second, so that
// parts may share them.
type builder struct {
	graph
	limits  Limits
	rules   *Rules
	index   map[string]int32 // of the rules that are used
	queue   []ruleBody       // what is still to be built
	empty   *empties         // made when it is first asked for
	filled  map[*node]Expr
	special map[string]int32
	work    int  // steps left
	flat    bool // for what is regular: counts are written out
	err     error
}

// ruleBody is a rule that is to be built.
type ruleBody struct {
	rule int32
	body *node
}

// maxNesting bounds expressions in one another.
const maxNesting = 10_000

func newBuilder(rules *Rules, limits Limits) *builder {
	return &builder{
		limits: limits, rules: rules, index: map[string]int32{}, special: map[string]int32{}, filled: map[*node]Expr{}, work: limits.Work,
	}
}

// fail notes the first error, which ends all building.
func (b *builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// spend counts a step. It returns false when building has to end.
func (b *builder) spend(n int) bool {
	if b.work -= n; b.work < 0 {
		b.fail(fmt.Errorf("grammar: compiling takes more than %d steps: %w", b.limits.Work, ErrTooLarge))
	}
	if len(b.first) > b.limits.States || len(b.edges) > 8*b.limits.States {
		b.fail(fmt.Errorf("grammar: the automaton takes more than %d states: %w", b.limits.States, ErrTooLarge))
	}
	return b.err == nil
}

// node builds what n matches between two states.
func (b *builder) node(n *node, from, to int32) {
	if !b.spend(1) {
		return
	}
	if n == nil {
		b.connect(from, edge{kind: edgeEmpty, to: to})
		return
	}
	if b.flat && (n.op == opRef || n.op == opSpecial || n.op == opFree) {
		b.fail(fmt.Errorf("grammar: And and Without of what is not regular (%s): %w", n.op, ErrUnsupported))
		return
	}
	switch n.op {
	case opLiteral:
		b.literal(n.text, from, to)
	case opClass:
		b.class(n.ranges, from, to)
	case opSeq:
		for i, s := range n.subs {
			next := to
			if i < len(n.subs)-1 {
				next = b.state(b.owner[from])
			}
			b.node(s, from, next)
			from = next
		}
	case opOr:
		b.or(n.subs, from, to)
	case opRepeat:
		b.repeat(n, from, to)
	case opRef:
		b.connect(from, edge{kind: edgeCall, arg: b.ref(n.text), to: to})
	case opSpecial:
		b.connect(from, edge{kind: edgeSpecial, arg: b.name(n.text), to: to})
		b.literal(n.text, from, to)
	case opFree:
		b.free(n.texts, from, to)
	case opAnd, opWithout:
		b.regular(n, from, to)
	}
}

// String names an operation as its constructor is called.
func (o op) String() string {
	return [...]string{"", "Literal", "Class", "Seq", "Or", "Repeat", "Ref", "Special", "Free", "And", "Without", "^", "$"}[o]
}

func (b *builder) literal(text string, from, to int32) {
	for i := range len(text) {
		next := to
		if i < len(text)-1 {
			next = b.state(b.owner[from])
		}
		if !b.spend(1) {
			return
		}
		b.connect(from, edge{kind: edgeByte, lo: text[i], hi: text[i], to: next})
		from = next
	}
}

// class builds a character. Rows of bytes that end alike share their ends.
func (b *builder) class(ranges []Range, from, to int32) {
	type tail struct {
		r  byteRange
		to int32
	}
	tails := map[tail]int32{}
	for _, r := range ranges {
		eachSequence(r.Lo, r.Hi, func(row []byteRange) {
			at := to
			for i := len(row) - 1; i > 0; i-- {
				key := tail{row[i], at}
				state, ok := tails[key]
				if !ok {
					state = b.state(b.owner[from])
					b.connect(state, edge{kind: edgeByte, lo: row[i].lo, hi: row[i].hi, to: at})
					tails[key] = state
				}
				at = state
			}
			b.connect(from, edge{kind: edgeByte, lo: row[0].lo, hi: row[0].hi, to: at})
		})
		if !b.spend(len(tails) + 1) {
			return
		}
	}
}

// or builds alternatives. Those that begin with literals share their beginnings, as in
// a trie.
func (b *builder) or(subs []*node, from, to int32) {
	type branch struct {
		state int32
		c     byte
	}
	trie := map[branch]int32{}
	for _, s := range subs {
		text, rest := cutLiteral(s)
		at := from
		for i := range len(text) {
			key := branch{at, text[i]}
			next, ok := trie[key]
			if !ok {
				next = b.state(b.owner[from])
				b.connect(at, edge{kind: edgeByte, lo: text[i], hi: text[i], to: next})
				trie[key] = next
			}
			at = next
			if !b.spend(1) {
				return
			}
		}
		switch {
		case len(rest) == 0:
			b.node(nil, at, to)
		case len(rest) == 1:
			b.node(rest[0], at, to)
		default:
			b.node(&node{op: opSeq, subs: rest}, at, to)
		}
		if b.err != nil {
			return
		}
	}
}

// cutLiteral takes an expression apart into the literal that it begins with, if it
// does, and what follows.
func cutLiteral(n *node) (text string, rest []*node) {
	switch {
	case n == nil:
		return "", nil
	case n.op == opLiteral:
		return n.text, nil
	case n.op == opSeq && n.subs[0].op == opLiteral:
		return n.subs[0].text, n.subs[1:]
	}
	return "", []*node{n}
}

// repeat builds a repetition: written out where that is short, counted elsewhere.
func (b *builder) repeat(n *node, from, to int32) {
	body := n.subs[0]
	if !b.flat && n.copies() > 1 && product(body.size, n.copies()) > b.limits.written {
		b.counted(n, from, to)
		return
	}
	for range n.min {
		next := b.state(b.owner[from])
		b.node(body, from, next)
		if from = next; b.err != nil {
			return
		}
	}
	if n.max == Unbounded {
		again := b.state(b.owner[from])
		b.connect(from, edge{kind: edgeEmpty, to: again})
		b.node(body, again, again)
		b.connect(again, edge{kind: edgeEmpty, to: to})
		return
	}
	b.connect(from, edge{kind: edgeEmpty, to: to})
	for range n.max - n.min {
		next := b.state(b.owner[from])
		b.node(body, from, next)
		b.connect(next, edge{kind: edgeEmpty, to: to})
		if from = next; b.err != nil {
			return
		}
	}
}

// maxRounds bounds counts: what is beyond is no count that a text could come to.
const maxRounds = 1 << 30

// counted builds a repetition as a loop, whose body takes at least a byte: one that may
// be empty is as good without that, and needs no least number.
func (b *builder) counted(n *node, from, to int32) {
	body, low := n.subs[0], n.min
	if b.matchesEmpty(body) {
		body, low = b.withoutEmpty(body).n, 0
		if body != nil && body.op == opOr && len(body.subs) == 0 {
			b.connect(from, edge{kind: edgeEmpty, to: to})
			return
		}
	}
	l := loop{to: to, min: int32(min(low, maxRounds)), max: Unbounded, step: int32(max(1, b.least(body)))}
	if n.max != Unbounded && n.max <= maxRounds {
		l.max = int32(n.max)
	}
	l.body = b.rule("")
	l.start = b.graph.rules[l.body].start
	b.loops = append(b.loops, l)
	b.connect(from, edge{kind: edgeLoop, arg: int32(len(b.loops) - 1), to: to})
	b.node(body, l.start, b.graph.rules[l.body].final)
}

// ref returns the rule of a name, which is built when its turn comes.
func (b *builder) ref(name string) int32 {
	if r, ok := b.index[name]; ok {
		return r
	}
	i, ok := b.rules.index[name]
	if !ok {
		b.fail(fmt.Errorf("grammar: there is no rule %q: %w", name, ErrSyntax))
		return 0
	}
	r := b.rule(name)
	b.index[name] = r
	b.queue = append(b.queue, ruleBody{r, b.rules.bodies[i].n})
	return r
}

// name returns the number of a special token.
func (b *builder) name(text string) int32 {
	i, ok := b.special[text]
	if !ok {
		i = int32(len(b.names))
		b.names = append(b.names, text)
		b.special[text] = i
	}
	return i
}

// all builds a rule and those that it refers to. It returns the first one's number.
func (b *builder) all(start string) int32 {
	first := b.ref(start)
	for len(b.queue) > 0 && b.err == nil {
		next := b.queue[len(b.queue)-1]
		b.queue = b.queue[:len(b.queue)-1]
		if next.body != nil && next.body.depth > maxNesting {
			b.fail(fmt.Errorf("grammar: rule %q nests %d expressions, want at most %d: %w", b.graph.rules[next.rule].name, next.body.depth, maxNesting, ErrTooLarge))
			break
		}
		r := b.graph.rules[next.rule]
		b.node(next.body, r.start, r.final)
	}
	return first
}

// least returns bytes that what n matches has at least. It looks only so far.
func (b *builder) least(n *node) int {
	fuel := 2000
	return b.leastOf(n, &fuel)
}

func (b *builder) leastOf(n *node, fuel *int) int {
	if *fuel--; n == nil || *fuel < 0 {
		return 0
	}
	switch n.op {
	case opLiteral, opSpecial:
		return len(n.text)
	case opClass:
		if len(n.ranges) > 0 {
			return utf8.RuneLen(n.ranges[0].Lo)
		}
	case opSeq:
		sum := 0
		for _, s := range n.subs {
			sum = min(sum+b.leastOf(s, fuel), maxSize)
		}
		return sum
	case opOr:
		least := maxSize
		for _, s := range n.subs {
			least = min(least, b.leastOf(s, fuel))
		}
		return least
	case opRepeat:
		return product(b.leastOf(n.subs[0], fuel), n.min)
	case opRef:
		if i, ok := b.rules.index[n.text]; ok && *fuel > 0 {
			*fuel -= *fuel / 4 // rules in a ring come to an end
			return b.leastOf(b.rules.bodies[i].n, fuel)
		}
	case opAnd:
		most := 0
		for _, s := range n.subs {
			most = max(most, b.leastOf(s, fuel))
		}
		return most
	case opWithout:
		return b.leastOf(n.subs[0], fuel)
	}
	return 0
}
