package grammar

// Limits bound what a grammar may cost. A field that is 0 has its default; nil Limits are
// the defaults. All are counts, so that a grammar is refused on every machine or on none.
type Limits struct {
	Source int // bytes of a grammar's text; 4 MiB
	States int // states of the automaton; 1 << 20
	Depth  int // rules that may be open within each other in a text; 4096
	Work   int // steps of compiling; 8 << 20
	Step   int // steps of finding the tokens that may come next, once; 1 << 20
	// Memory is how many bytes a Grammar may remember of what it has found out for a
	// Vocabulary, and how many more one operation may take; 32 MiB.
	Memory int

	written int // size up to which repetitions are written out, not counted; 64
	near    int // open rules that are looked at first; 8 (see machine.allowed)
}

// withDefaults returns the limits, each of which is set.
func (l *Limits) withDefaults() Limits {
	out := Limits{Source: 4 << 20, States: 1 << 20, Depth: 4096, Work: 8 << 20, Step: 1 << 20, Memory: 32 << 20, written: 64, near: 8}
	if l == nil {
		return out
	}
	for _, f := range []struct{ to, from *int }{
		{&out.Source, &l.Source},
		{&out.States, &l.States},
		{&out.Depth, &l.Depth},
		{&out.Work, &l.Work},
		{&out.Step, &l.Step},
		{&out.Memory, &l.Memory},
		{&out.written, &l.written},
		{&out.near, &l.near},
	} {
		if *f.from > 0 {
			*f.to = *f.from
		}
	}
	return out
}
