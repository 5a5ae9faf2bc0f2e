package model

import "github.com/blitz-r1/blitz/internal/kernel"

// product is one matrix product: y [T, ldy] = x [T, in] times m.
type product struct {
	y     []float32
	ldy   int
	q8    *kernel.Q8
	f32   *kernel.F32
	m     *kernel.Matrix
	chunk int // row blocks of an item
	first int // number of the first item
}

// rows returns how many rows are multiplied.
func (x *product) rows() int {
	if x.m.IsFloat() {
		return x.f32.T
	}
	return x.q8.T
}

// productItems runs independent products, cut into runs of row blocks.
type productItems struct {
	products []product
	items    int
}

func (p *productItems) begin() { p.products, p.items = p.products[:0], 0 }

func (p *productItems) add(x product) { p.products = append(p.products, x) }

// The work of an item: enough to be worth handing out, and for memory to be read in
// long runs; little enough to share out evenly.
const (
	minItemBytes = 16 << 10 // of weights, where few tokens are multiplied
	maxItemBytes = 512 << 10
	threadItems  = 4       // of each thread, between these bounds
	itemMACs     = 4 << 20 // where many tokens are
)

// runProducts runs the products that were added.
func (s *Step) runProducts(o Op) {
	p, bytes := &s.product, 0
	for i := range p.products {
		bytes += p.products[i].m.Bytes()
	}
	size := max(minItemBytes, min(maxItemBytes, bytes/(threadItems*s.Workers.Threads())))
	for i := range p.products {
		x := &p.products[i]
		macs := x.m.Cols * kernel.RowBlock * x.rows()
		x.chunk = max(1, min(max(size/x.m.BlockBytes(), 1), itemMACs/max(macs, 1)))
		x.first = p.items
		p.items += (x.m.Blocks() + x.chunk - 1) / x.chunk
	}
	if s.Meter != nil {
		s.countProducts(o)
	}
	s.run(o, p, p.items)
}

// Do does one item.
func (p *productItems) Do(item int, th *kernel.Thread) {
	i := len(p.products) - 1
	for p.products[i].first > item {
		i--
	}
	x := &p.products[i]
	b0 := (item - x.first) * x.chunk
	b1 := min(b0+x.chunk, x.m.Blocks())
	if x.m.IsFloat() {
		kernel.FloatProduct(x.y, x.ldy, x.f32, x.m, b0, b1, &th.Scratch)
	} else {
		kernel.Product(x.y, x.ldy, x.q8, x.m, b0, b1, &th.Scratch)
	}
}
