package grammar

// edgeKind is what an edge of the automaton takes.
type edgeKind uint8

const (
	edgeEmpty   edgeKind = iota // nothing
	edgeByte                    // a byte from lo to hi
	edgeCall                    // what rule arg matches
	edgeLoop                    // what loop arg matches; it goes on at the loop's own end
	edgeSpecial                 // the special token names[arg]
	edgeOther                   // a special token in free text whose stops are others[arg]
)

// edge is an edge of the automaton to a state.
type edge struct {
	kind   edgeKind
	lo, hi byte // bytes; in a finished automaton their classes
	arg    int32
	to     int32
}

// consumes says whether an edge takes a byte or a token.
func (e *edge) consumes() bool {
	return e.kind == edgeByte || e.kind == edgeSpecial || e.kind == edgeOther
}

// rule is a part of the automaton that is entered from several places: a rule of the
// grammar, or the body of a loop, which has no name.
type rule struct {
	name         string
	start, final int32
}

// loop is a body that is counted.
type loop struct {
	body     int32 // its rule
	start    int32 // of the body
	to       int32 // where it goes on
	min, max int32 // max -1: any
	step     int32 // bytes that a round takes at least
}

// graph is an automaton that is being built: states with lists of edges.
type graph struct {
	first []int32 // of a state: the newest of its edges, -1: none
	next  []int32 // of an edge: the next older one of its state
	edges []edge
	owner []int32 // of a state: its rule
	rules []rule
	loops []loop

	names  []string   // of special tokens
	others [][]string // of edgeOther
}

// state adds a state of a rule.
func (g *graph) state(owner int32) int32 {
	g.first = append(g.first, -1)
	g.owner = append(g.owner, owner)
	return int32(len(g.first) - 1)
}

// connect adds an edge.
func (g *graph) connect(from int32, e edge) {
	g.edges = append(g.edges, e)
	g.next = append(g.next, g.first[from])
	g.first[from] = int32(len(g.edges) - 1)
}

// each calls f with the edges of a state, the newest first.
func (g *graph) each(state int32, f func(e *edge)) {
	for i := g.first[state]; i >= 0; i = g.next[i] {
		f(&g.edges[i])
	}
}

// rule adds a rule with its first and its final state.
func (g *graph) rule(name string) int32 {
	r := int32(len(g.rules))
	g.rules = append(g.rules, rule{name: name, start: g.state(r), final: g.state(r)})
	return r
}
