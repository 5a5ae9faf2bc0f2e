package parquet

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/blitz-r1/blitz/internal/message"
)

// File is a Parquet file of which some columns are read.
type File struct {
	in      io.ReaderAt
	size    int64
	root    *node
	leaves  []*node
	groups  []group
	columns []*node // of the root, that are read
	growth  int64   // bytes of values that may still come
}

// group is rows whose columns lie together.
type group struct {
	rows   int64
	chunks []chunk // one a leaf
}

// chunk is where a column of a group lies.
type chunk struct {
	codec, physical int
	values          int64
	offset, size    int64
}

// The words around a file.
const mark = "PAR1"

// Open reads the footer of a file. Columns are those of the root that are read; those that
// the file has not are left out.
func Open(in io.ReaderAt, size int64, columns []string) (*File, error) {
	f := &File{in: in, size: size, growth: spareGrowth + maxGrowth*min(size, 1<<50)}
	var tail [8]byte
	if size < int64(len(mark)+len(tail)) {
		return nil, wrong("%d bytes, too few", size)
	}
	if _, err := in.ReadAt(tail[:], size-int64(len(tail))); err != nil {
		return nil, err
	}
	if string(tail[4:]) != mark {
		return nil, wrong("does not end in %s", mark)
	}
	n := int64(binary.LittleEndian.Uint32(tail[:]))
	if n > maxFooter || n > size-int64(len(tail)+len(mark)) {
		return nil, wrong("the footer has %d bytes, want at most %d of a file of %d", n, maxFooter, size)
	}
	footer := make([]byte, n)
	if _, err := in.ReadAt(footer, size-int64(len(tail))-n); err != nil {
		return nil, err
	}
	if err := f.footer(footer); err != nil {
		return nil, err
	}
	for _, c := range f.root.nodes {
		if slices.Contains(columns, c.name) {
			f.columns = append(f.columns, c)
		}
	}
	return f, nil
}

// Names returns the names of the columns that the file has.
func (f *File) Names() (names []string) {
	for _, c := range f.root.nodes {
		names = append(names, c.name)
	}
	return names
}

func (f *File) footer(b []byte) error {
	t := &thrift{in: bufio.NewReader(bytes.NewReader(b)), left: len(b)}
	var s tree
	t.structure(func(id, kind int) bool {
		switch {
		case id == 2 && kind == typeList && s.elements == nil:
			t.list(func(int) {
				if s.elements = append(s.elements, t.element()); len(s.elements) > maxElements {
					t.fail("schema: more than %d elements", maxElements)
				}
			})
			f.root, f.leaves = f.schema(t, &s)
		case id == 4 && kind == typeList && f.groups == nil:
			if f.root == nil {
				t.fail("the groups of rows come before the schema")
			}
			t.list(func(int) { f.groups = append(f.groups, f.group(t)) })
		default:
			return false
		}
		return true
	})
	if t.err == nil && f.root == nil {
		t.fail("has no schema")
	}
	return t.err
}

// schema makes the tree of the elements that were read.
func (f *File) schema(t *thrift, s *tree) (*node, []*node) {
	if t.err != nil {
		return nil, nil
	}
	root, err := s.grow(0, 0, 0)
	if err == nil && len(s.elements) > 0 {
		err = wrong("schema: %d elements belong to nothing", len(s.elements))
	}
	if t.err = err; err != nil {
		return nil, nil
	}
	return root, s.leaves
}

func (f *File) group(t *thrift) (g group) {
	g.rows = -1
	t.structure(func(id, kind int) bool {
		switch {
		case id == 1 && kind == typeList:
			t.list(func(int) {
				if c := f.chunk(t, len(g.chunks)); len(g.chunks) < len(f.leaves) {
					g.chunks = append(g.chunks, c)
				} else {
					t.fail("a group has more than the %d columns of the schema", len(f.leaves))
				}
			})
		case id == 3 && kind == typeI64:
			g.rows = t.int()
		default:
			return false
		}
		return true
	})
	if len(g.chunks) != len(f.leaves) || g.rows < 0 {
		t.fail("a group has %d columns and %d rows, want %d columns", len(g.chunks), g.rows, len(f.leaves))
	}
	return g
}

// chunk reads where a column lies.
func (f *File) chunk(t *thrift, leaf int) (c chunk) {
	data, dictionary := int64(-1), int64(-1)
	c.physical = -1
	t.structure(func(id, kind int) bool {
		switch {
		case id == 1 && kind == typeBinary:
			t.fail("column %d lies in another file", leaf)
		case id == 3 && kind == typeStruct:
			t.structure(func(id, kind int) bool {
				switch {
				case id == 1 && kind == typeI32:
					c.physical = int(t.int())
				case id == 4 && kind == typeI32:
					c.codec = int(t.int())
				case id == 5 && kind == typeI64:
					c.values = t.int()
				case id == 7 && kind == typeI64:
					c.size = t.int()
				case id == 9 && kind == typeI64:
					data = t.int()
				case id == 11 && kind == typeI64:
					dictionary = t.int()
				default:
					return false
				}
				return true
			})
		default:
			return false
		}
		return true
	})
	c.offset = data
	if dictionary > 0 && dictionary < data {
		c.offset = dictionary
	}
	if c.offset < 0 || c.size < 0 || c.offset > f.size || c.size > f.size-c.offset || c.values < 0 {
		t.fail("column %d: %d values in bytes %d to %d of a file of %d", leaf, c.values, c.offset, c.offset+c.size, f.size)
	}
	if leaf < len(f.leaves) && c.physical != f.leaves[leaf].physical {
		t.fail("column %d: type %d, the schema says %d", leaf, c.physical, f.leaves[leaf].physical)
	}
	return c
}

// Rows calls take with each row of the file, from 0: a value for each column that is read.
// An error of take ends it.
func (f *File) Rows(take func(row int, r *Row) error) error {
	row := 0
	for i := range f.groups {
		g := &f.groups[i]
		for _, n := range f.leaves {
			n.column = nil
		}
		for _, c := range f.columns {
			if err := f.start(c, g); err != nil {
				return err
			}
		}
		for k := int64(0); k < g.rows && len(f.columns) > 0; k++ {
			r, err := f.assemble()
			if err == nil {
				err = take(row, r)
			}
			if err != nil {
				return fmt.Errorf("row %d: %w", row+1, err)
			}
			row++
		}
		for _, n := range f.leaves {
			if n.column != nil && n.column.more() {
				return wrong("column %s: has values behind the last row of its group", message.Clean(n.name))
			}
		}
	}
	return nil
}

// start makes the columns under a node those of a group.
func (f *File) start(n *node, g *group) error {
	for _, c := range n.nodes {
		if err := f.start(c, g); err != nil {
			return err
		}
	}
	if n.physical < 0 {
		return nil
	}
	if n.physical == physicalInt96 || n.physical == physicalFixed {
		return wrong("column %s: values of type %d are not read", message.Clean(n.name), n.physical)
	}
	c := g.chunks[n.leaf]
	n.column = &column{file: f, node: n, chunk: c, left: c.values, in: bufio.NewReaderSize(io.NewSectionReader(f.in, c.offset, c.size), 64<<10), unread: int(min(c.size, 1<<62))}
	return n.column.advance()
}
