package model

import "github.com/blitz-r1/blitz/internal/kernel"

// product is one matrix product, y = W x + b.
//
//	x [T, in]   w [out, in] → y [T, out]
type product struct {
	y, x  *Act
	w     *Linear
	m     *kernel.Matrix // of w, where it lies at this moment
	chunk int            // row blocks of an item
	first int            // number of the first item
}

// products are independent products that run together, cut into runs of row blocks.
type products struct {
	list  []product
	items int
}

// products returns a record without products.
func (s *Step) products() *products {
	p := record(s, &s.records.products)
	p.list, p.items = p.list[:0], 0
	return p
}

// multiply adds a product to those that are to run together.
func (s *Step) multiply(p *products, y, x *Act, w *Linear) {
	s.multiplyWith(p, y, x, w, &w.Matrix, s.owners)
}

// multiplyWith is multiply with a matrix that lies in other memory for the time of the
// step, for rows of those adapters.
//
//	owners [T], or nil: no row has one
func (s *Step) multiplyWith(p *products, y, x *Act, w *Linear, m *kernel.Matrix, owners []*Adapter) {
	s.prepare(x, w.IsFloat())
	p.add(s.adapted(y, x, w, owners), x, w, m)
}

// add adds a product of rows that are prepared.
func (p *products) add(y, x *Act, w *Linear, m *kernel.Matrix) {
	p.list = append(p.list, product{y: y, x: x, w: w, m: m})
}

func (p *products) Operands() (o Operands) {
	for i := range p.list {
		x := &p.list[i]
		o.In, o.Out, o.Weights = append(o.In, x.x), append(o.Out, x.y), append(o.Weights, &x.w.Param)
		if x.w.Bias != nil {
			o.Weights = append(o.Weights, &x.w.BiasParam)
		}
	}
	return o
}

// Multiplied is a matrix product: the rows of X times what W says.
type Multiplied struct {
	X *Act   // [T, in]
	W *Param // of [out, in]
}

// Products returns the matrix products of an operation; none of one that has none.
func Products(o Operation) []Multiplied {
	p, ok := o.(*products)
	if !ok {
		return nil
	}
	list := make([]Multiplied, len(p.list))
	for i := range p.list {
		list[i] = Multiplied{X: p.list[i].x, W: &p.list[i].w.Param}
	}
	return list
}

// The work of an item: enough to be worth handing out, and for memory to be read in
// long runs; little enough to share out evenly.
const (
	minItemBytes = 16 << 10 // of weights, where few tokens are multiplied
	maxItemBytes = 512 << 10
	threadItems  = 4       // of each thread, between these bounds
	itemMACs     = 4 << 20 // where many tokens are
)

// runProducts runs the products that were added, and adds what adapters do.
func (s *Step) runProducts(kind Op, p *products) {
	s.computeProducts(kind, p)
	s.addLowRanks(kind)
}

// computeProducts runs products.
func (s *Step) computeProducts(kind Op, p *products) {
	bytes := 0
	for i := range p.list {
		bytes += p.list[i].w.Bytes()
	}
	size := max(minItemBytes, min(maxItemBytes, bytes/(threadItems*s.Workers.Threads())))
	for i := range p.list {
		x := &p.list[i]
		macs := x.w.Cols * kernel.RowBlock * x.x.T
		x.chunk = max(1, min(max(size/x.w.BlockBytes(), 1), itemMACs/max(macs, 1)))
		// What a run of row blocks shares is worth more than even pieces, up to where
		// threads would wait for one of them.
		x.chunk = max(x.chunk, min(kernel.Together(x.x.T), x.w.Blocks()/(threadItems*s.Workers.Threads())))
		x.first = p.items
		p.items += (x.w.Blocks() + x.chunk - 1) / x.chunk
	}
	s.run(kind, p, p.items)
}

// Do does one item.
func (p *products) Do(item int, th *kernel.Thread) {
	i := len(p.list) - 1
	for p.list[i].first > item {
		i--
	}
	x := &p.list[i]
	b0 := (item - x.first) * x.chunk
	b1 := min(b0+x.chunk, x.w.Blocks())
	if x.w.IsFloat() {
		kernel.FloatProduct(x.y.X, x.y.D+x.y.gap, x.x.f32, x.m, b0, b1, &th.Scratch)
	} else {
		kernel.Product(x.y.X, x.y.D+x.y.gap, x.x.q8, x.m, b0, b1, &th.Scratch)
	}
}

// work returns the weights that are read, and what is multiplied.
func (p *products) work() (w Work) {
	for i := range p.list {
		x := &p.list[i]
		macs := int64(x.w.Rows) * int64(x.w.Cols) * int64(x.x.T)
		w.ReadBytes += int64(x.w.Bytes())
		if x.w.IsFloat() {
			w.FloatMACs += macs
		} else {
			w.IntMACs += macs
		}
	}
	return w
}
