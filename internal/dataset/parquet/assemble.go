package parquet

import (
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/jinja"
)

// Row is the values of a row: a list as a list, a group as a dict, what is not there as
// None.
type Row struct {
	Values *jinja.Dict

	items, bytes int
}

// assemble reads a row: Melnik and others, "Dremel", 2010, section 4.
func (f *File) assemble() (*Row, error) {
	r := &Row{Values: &jinja.Dict{}}
	for _, c := range f.columns {
		if !c.first.column.more() || c.first.column.rep != 0 {
			return nil, c.first.column.wrong("ends before its group, or begins in a row")
		}
		v, err := r.node(c)
		if err != nil {
			return nil, err
		}
		r.Values.Set(c.name, v)
	}
	return r, nil
}

// node reads what a node holds where the columns stand.
func (r *Row) node(n *node) (jinja.Value, error) {
	first := n.first.column
	if !first.more() {
		return jinja.Value{}, first.wrong("ends in a row")
	}
	if n.repetition != repeated {
		if n.repetition == optional && first.def < n.maxDef {
			return jinja.Value{}, r.absent(n)
		}
		return r.content(n)
	}
	if first.def < n.maxDef {
		return jinja.List(), r.absent(n)
	}
	var list []jinja.Value
	for {
		v, err := r.content(n)
		if err != nil {
			return jinja.Value{}, err
		}
		list = append(list, v)
		if !first.more() || first.rep < n.maxRep {
			return jinja.List(list...), nil
		}
		if first.rep > n.maxRep {
			return jinja.Value{}, first.wrong("goes on inside of what is not there")
		}
	}
}

// content reads a node that is there, once.
func (r *Row) content(n *node) (jinja.Value, error) {
	if n.physical >= 0 {
		c := n.column
		v := c.value
		text, _ := v.Text()
		if r.items, r.bytes = r.items+1, r.bytes+len(text); r.items > maxRowItems || r.bytes > maxRowBytes {
			return v, wrong("has more than %d values or %d bytes", maxRowItems, maxRowBytes)
		}
		if c.def != n.maxDef {
			return v, c.wrong("has no value where its group has one")
		}
		return v, c.advance()
	}
	if n.isList && len(n.nodes) == 1 && n.nodes[0].repetition == repeated {
		return r.list(n)
	}
	d := &jinja.Dict{}
	for _, c := range n.nodes {
		v, err := r.node(c)
		if err != nil {
			return jinja.Value{}, err
		}
		d.Set(c.name, v)
	}
	return d.Value(), nil
}

// list reads a list, without the group that stands around each of its elements.
func (r *Row) list(n *node) (jinja.Value, error) {
	inner := n.nodes[0]
	v, err := r.node(inner)
	if err != nil || !inner.wraps(n.name) {
		return v, err
	}
	list, _ := v.List()
	for i, x := range list {
		d, ok := x.Dict()
		if !ok {
			return v, wrong("list %s: an element is no group", message.Clean(n.name))
		}
		list[i], _ = d.Get(inner.nodes[0].name)
	}
	return jinja.List(list...), nil
}

// absent passes over the entry that each column under a node that is not there has.
func (r *Row) absent(n *node) error {
	if r.items++; r.items > maxRowItems {
		return wrong("has more than %d values", maxRowItems)
	}
	if n.physical >= 0 {
		if !n.column.more() {
			return n.column.wrong("ends in a row")
		}
		return n.column.advance()
	}
	for _, c := range n.nodes {
		if err := r.absent(c); err != nil {
			return err
		}
	}
	return nil
}
