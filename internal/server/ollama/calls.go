package ollama

import (
	"encoding/json"

	"github.com/blitz-r1/blitz/chat/output"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// call is a call of a tool.
type call struct {
	ID       string   `json:"id"`
	Function function `json:"function"`
}

type function struct {
	Index     int             `json:"index"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// calls reads the calls of an answer, each of which is told once it is whole.
type calls struct {
	open      bool // one has begun
	name      string
	arguments []byte
	told      int
}

// read returns the calls that ended with these increments.
func (c *calls) read(deltas []output.Delta) (whole []call) {
	for _, d := range deltas {
		switch d.Kind {
		case output.DeltaCall:
			whole = append(whole, c.finish(false)...)
			c.open, c.name, c.arguments = true, d.Name, nil
		case output.DeltaArguments:
			c.arguments = append(c.arguments, d.Text...)
		}
	}
	return whole
}

// finish returns the call that is open; cut: the answer was cut off. A call that was cut
// short, so that its arguments are no object, is none.
func (c *calls) finish(cut bool) []call {
	if !c.open {
		return nil
	}
	c.open = false
	if len(c.arguments) == 0 && !cut {
		c.arguments = []byte("{}")
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(c.arguments, &object) != nil || object == nil {
		return nil
	}
	c.told++
	return []call{{wire.NewID("call_"), function{c.told - 1, c.name, c.arguments}}}
}
