package output

// DeltaKind says what a Delta adds to.
type DeltaKind uint8

// The kinds of Delta.
const (
	DeltaReasoning DeltaKind = iota + 1 // Text belongs to the reasoning
	DeltaContent                        // Text belongs to the answer
	DeltaCall                           // call number Index begins; Name and ID are set
	DeltaArguments                      // Text belongs to the arguments of call number Index
)

// Delta is an increment of the output. Calls are numbered from 0 in the order
// of the text, and the arguments of a call come after its DeltaCall and before
// the next one. Text holds whole characters, unless the model wrote broken
// UTF-8.
type Delta struct {
	Kind  DeltaKind
	Index int    // number of the call
	Name  string // of the function that is called
	ID    string // of the call, as the model wrote it (only kimi-k2 does), or ""
	Text  string
}

// deltas gathers increments: text of one kind in a row is one of them.
type deltas struct {
	list  []Delta
	kind  DeltaKind // of run
	run   []byte    // text that is still growing
	calls int       // so far
}

// text adds text of a kind; arguments are those of the last call.
func (d *deltas) text(kind DeltaKind, s string) {
	if d.kind != kind {
		d.cut()
		d.kind = kind
	}
	d.run = append(d.run, s...)
}

// call begins the next call.
func (d *deltas) call(name, id string) {
	d.cut()
	d.list = append(d.list, Delta{Kind: DeltaCall, Index: d.calls, Name: name, ID: id})
	d.calls++
}

// cut ends the text that is growing.
func (d *deltas) cut() {
	if len(d.run) > 0 {
		one := Delta{Kind: d.kind, Text: string(d.run)}
		if d.kind == DeltaArguments {
			one.Index = d.calls - 1
		}
		d.list = append(d.list, one)
	}
	d.kind, d.run = 0, d.run[:0]
}

// take returns what was gathered since it was last called.
func (d *deltas) take() []Delta {
	d.cut()
	list := d.list
	d.list = nil
	return list
}
