package parquet

import "github.com/blitz-r1/blitz/internal/message"

// The physical types of leaves.
const (
	physicalBool = iota
	physicalInt32
	physicalInt64
	physicalInt96
	physicalFloat
	physicalDouble
	physicalBytes
	physicalFixed
)

// How often a node may be there.
const (
	required = iota
	optional
	repeated
)

// convertedList marks a group as a list.
const convertedList = 3

// element is a node of a schema as the footer has it.
type element struct {
	name             string
	physical         int // -1: a group
	repetition       int
	children, listed int
}

// node is a node of a schema.
type node struct {
	element
	nodes          []*node // of a group
	leaf           int     // of a leaf: which one of the file
	maxDef, maxRep int     // the levels of a value that is there
	isList         bool
	column         *column // of a leaf that is read
	first          *node   // the first leaf under it
}

func (t *thrift) element() element {
	e := element{physical: -1}
	t.structure(func(id, kind int) bool {
		switch {
		case id == 1 && kind == typeI32:
			e.physical = int(t.int())
		case id == 3 && kind == typeI32:
			e.repetition = int(t.int())
		case id == 4 && kind == typeBinary:
			e.name = t.string()
		case id == 5 && kind == typeI32:
			e.children = int(t.int())
		case id == 6 && kind == typeI32:
			e.listed = int(t.int())
		case id == 10 && kind == typeStruct: // LogicalType, of which field 3 is LIST
			t.structure(func(id, kind int) bool {
				if id == 3 {
					e.listed = convertedList
				}
				return false
			})
		default:
			return false
		}
		return true
	})
	return e
}

// tree makes the nodes of a schema, which are there in depth-first order.
type tree struct {
	elements []element
	leaves   []*node
}

func (s *tree) grow(def, rep, depth int) (*node, error) {
	if len(s.elements) == 0 || depth > maxDepth {
		return nil, wrong("schema: %d elements too few, or nested more than %d deep", 1, maxDepth)
	}
	n := &node{element: s.elements[0]}
	s.elements = s.elements[1:]
	if depth > 0 {
		switch n.repetition {
		case required:
		case repeated:
			rep++
			def++
		case optional:
			def++
		default:
			return nil, wrong("schema: %s: repetition %d", message.Clean(n.name), n.repetition)
		}
	}
	n.maxDef, n.maxRep = def, rep
	if n.children == 0 && depth > 0 {
		if n.physical < 0 || n.physical > physicalFixed {
			return nil, wrong("schema: %s: has neither a type nor children", message.Clean(n.name))
		}
		n.leaf, n.first = len(s.leaves), n
		s.leaves = append(s.leaves, n)
		return n, nil
	}
	if n.children < 1 || n.children > len(s.elements) {
		return nil, wrong("schema: %s: %d children, %d elements are left", message.Clean(n.name), n.children, len(s.elements))
	}
	n.physical, n.isList = -1, n.listed == convertedList
	for range n.children {
		c, err := s.grow(def, rep, depth+1)
		if err != nil {
			return nil, err
		}
		n.nodes = append(n.nodes, c)
	}
	n.first = n.nodes[0].first
	return n, nil
}

// wraps says whether a repeated group stands between a list and its elements only, and is
// none itself: the rules of LogicalTypes.md, "Lists".
func (n *node) wraps(list string) bool {
	return n.repetition == repeated && len(n.nodes) == 1 && n.name != "array" && n.name != list+"_tuple"
}
