package model

import (
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// product is one matrix product, y = W x + b.
//
//	x [T, in]   w [out, in] → y [T, out]
type product struct {
	y, x  *Act
	w     *Linear
	m     *kernel.Matrix // of w, where it lies at this moment
	chunk int            // row blocks of an item
	rows  int            // rows of x of an item
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
	s.adapted(y, x, w, owners)
	p.add(y, x, w, m)
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

// Float products of many rows are cut both ways: weights of an item, or what they are
// multiplied with, stay in a processor's second cache, and what streams through it is read
// once for all of them.
const (
	cachedBytes = 128 << 10
	cachedRows  = 8 * kernel.Tile // at least, for which weights are read once
)

// cachedBlocks returns how many row blocks of so many columns of float32 stay in a cache.
func cachedBlocks(cols int) int { return max(1, cachedBytes/(4*kernel.RowBlock*max(cols, 1))) }

// cachedRun returns how many rows an item of so many multiply-adds a row does.
func cachedRun(macs int) int {
	return max(cachedRows, (itemMACs/max(macs, 1)+kernel.Tile-1)/kernel.Tile*kernel.Tile)
}

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
		x.rows = max(x.x.T, 1)
		if x.w.IsFloat() && x.x.T > cachedRows {
			x.chunk = min(cachedBlocks(x.w.Cols), x.w.Blocks())
			x.rows = cachedRun(x.w.Cols * kernel.RowBlock * x.chunk)
		}
		x.first = p.items
		p.items += x.chunks() * ((x.x.T + x.rows - 1) / x.rows)
	}
	s.run(kind, p, p.items)
}

// chunks returns how many runs of row blocks there are.
func (x *product) chunks() int { return (x.w.Blocks() + x.chunk - 1) / x.chunk }

// Do does one item.
func (p *products) Do(item int, th *kernel.Thread) {
	i := len(p.list) - 1
	for p.list[i].first > item {
		i--
	}
	x := &p.list[i]
	item -= x.first
	b0 := item % x.chunks() * x.chunk
	b1 := min(b0+x.chunk, x.w.Blocks())
	if x.w.IsFloat() {
		from, ld := item/x.chunks()*x.rows, x.y.D+x.y.gap
		rows := x.x.f32.Part(from, min(from+x.rows, x.x.T))
		kernel.FloatProduct(x.y.X[from*ld:], ld, &rows, x.m, b0, b1, &th.Scratch)
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

// productBackward is what the backward of products lays out anew of their operands.
type productBackward struct {
	list   []productBack
	inputs []inputBack
	items  []backItem
	f32s   pool[kernel.F32]
	rows   []backItem // runs of rows that are laid out
	held   [][]float32
}

// productBack is a product whose output has a gradient.
type productBack struct {
	p     *product
	dy    *Act
	dw    *Gradient     // nil: the weight is not trained
	db    *Gradient     // of the bias, likewise
	rows  *kernel.F32   // dy, for dx
	turns kernel.Matrix // dy^T [out, T], for dw
	input int           // its place in inputs
	fresh bool          // dw has nothing in it
	next  int           // the next product with the same weight; 0: there is none
	later bool          // there is one with the same weight before it
}

// inputBack is an input of products.
type inputBack struct {
	x, dx   *Act
	columns []*kernel.F32 // x^T of runs of rows, for dw; none: no weight that reads it is trained
	users   []int         // of list
	fresh   bool          // dx has nothing in it
}

// backItem is a piece of work: of an input or a product, from some column group, row block
// or row on; and of those rows of an input, or columns of a weight.
type backItem struct{ of, from, to, first, last int }

// backRows is how many rows an item lays out.
const backRows = 4 * kernel.Tile

// The work of an item of a weight's gradient: what dy is multiplied with of one run of rows
// stays in a processor's second cache for all row blocks.
const (
	backColumns = cachedBytes / (4 * weightRows)
	backBlocks  = 8
)

// weightRows is how many rows a weight's gradient is a product over at once; the products of
// such runs are added up in order. So what is multiplied stays in a processor's caches, and
// rounding grows with the root of the rows.
const weightRows = 512

func (p *products) backward(t *Tape) {
	if len(p.list) > 1 && !slices.ContainsFunc(p.list, func(x product) bool { return t.gradient(&x.w.Param) != nil }) {
		for i := range p.list { // the forms of one gradient at a time are in memory
			one := products{list: p.list[i : i+1]}
			one.backward(t)
		}
		return
	}
	b := &t.product
	b.collect(p, t)
	if len(b.list) == 0 {
		return
	}
	b.layOut(t)
	b.items = b.items[:0]
	for i := range b.inputs {
		b.cutInput(i)
	}
	inputs := len(b.items)
	for i := range b.list {
		if w := b.list[i].p; b.list[i].dw != nil && !b.list[i].later {
			b.cut(i, w.w.Blocks(), backBlocks, w.w.Cols, backColumns)
		}
	}
	t.run(len(b.items), func(i int, th *kernel.Thread) {
		if x := b.items[i]; i < inputs {
			b.inputRows(x, th)
		} else {
			b.weightBlocks(x, th)
		}
	})
	for _, memory := range b.held {
		t.give(memory)
	}
	b.held = b.held[:0]
}

// cut adds items of n pieces and m numbers, so many of each at a time.
func (b *productBackward) cut(of, n, run, m, numbers int) {
	for from := 0; from < n; from += run {
		for first := 0; first < m; first += numbers {
			b.items = append(b.items, backItem{of, from, min(from+run, n), first, min(first+numbers, m)})
		}
	}
}

// cutInput adds the items of an input: column groups that are turned at once, and runs of
// rows where turning costs little beside multiplying with them.
func (b *productBackward) cutInput(of int) {
	x, out, float := &b.inputs[of], 0, true
	for _, u := range x.users {
		m := b.list[u].p.m
		out, float = max(out, m.Rows), float && m.Float == tensor.F32
	}
	groups, rows := turnedGroups(out, x.x.D), max(x.x.T, 1)
	if float {
		rows = weightRows
	}
	b.cut(of, kernel.WholeGroups(x.x.D)/kernel.Group, groups, x.x.T, rows)
}

// turnedGroups returns how many column groups of a matrix are turned at once.
func turnedGroups(rows, cols int) int {
	return min(max(1, cachedBytes/(4*kernel.Group*max(rows, 1))), kernel.WholeGroups(cols)/kernel.Group)
}

// collect finds the products whose outputs have gradients, and their inputs.
func (b *productBackward) collect(p *products, t *Tape) {
	b.list, b.inputs, b.f32s.used = b.list[:0], b.inputs[:0], 0
	for i := range p.list {
		x := &p.list[i]
		dy := t.have(x.y)
		if dy == nil {
			continue
		}
		back := productBack{p: x, dy: dy, dw: t.gradient(&x.w.Param)}
		if x.w.Bias != nil {
			back.db = t.gradient(&x.w.BiasParam)
		}
		back.input = -1
		for k := range b.inputs {
			if b.inputs[k].x == x.x {
				back.input = k
			}
		}
		if back.input < 0 {
			back.input = len(b.inputs)
			dx, fresh := t.fresh(x.x)
			b.inputs = append(b.inputs, inputBack{x: x.x, dx: dx, fresh: fresh})
		}
		in := &b.inputs[back.input]
		in.users = append(in.users, len(b.list))
		back.rows = b.form(t, dy.T, dy.D)
		if back.dw != nil {
			back.fresh, back.dw.Touched = !back.dw.Touched, true
			for k := len(b.list) - 1; k >= 0 && !back.later; k-- {
				if b.list[k].dw == back.dw { // adapters have one A for all parts of a module
					b.list[k].next, back.later = len(b.list), true
				}
			}
			back.turns = kernel.NewFloatMatrix(dy.D, dy.T, tensor.F32, nil)
			memory := t.room(back.turns.Bytes() / 4)
			back.turns.Data, b.held = kernel.BytesOf(memory), append(b.held, memory)
			for from := len(in.columns) * weightRows; from < x.x.T; from += weightRows {
				in.columns = append(in.columns, b.form(t, x.x.D, min(weightRows, x.x.T-from)))
			}
		}
		b.list = append(b.list, back)
	}
}

// form returns T vectors of K elements in memory that is given back behind the record.
func (b *productBackward) form(t *Tape, T, K int) *kernel.F32 {
	f, memory := b.f32s.next(), t.room(kernel.F32Len(T, K))
	f.Place(T, K, memory)
	b.held = append(b.held, memory)
	return f
}

// layOut brings the rows of all gradients and inputs into the forms that the products read.
func (b *productBackward) layOut(t *Tape) {
	b.rows = b.rows[:0]
	runs := func(of, T int) {
		for from := 0; from < T; from += backRows {
			b.rows = append(b.rows, backItem{of: of, from: from, to: min(from+backRows, T)})
		}
	}
	for i := range b.list {
		runs(i, b.list[i].dy.T)
	}
	outputs := len(b.rows)
	for i := range b.inputs {
		if b.inputs[i].columns != nil {
			runs(i, b.inputs[i].x.T)
		}
	}
	t.run(len(b.rows), func(i int, th *kernel.Thread) {
		run := b.rows[i]
		if i >= outputs {
			in := &b.inputs[run.of]
			ld := in.x.D + in.x.gap
			in.columns[run.from/weightRows].SetElements(run.from%weightRows, in.x.X[run.from*ld:], ld, run.to-run.from)
			return
		}
		x := &b.list[run.of]
		for tile := run.from / kernel.Tile; tile*kernel.Tile < run.to; tile++ {
			x.rows.SetTile(tile, x.dy.X, x.dy.D+x.dy.gap, &th.BackScratch)
		}
		if x.dw != nil {
			ld := x.dy.D + x.dy.gap
			x.turns.SetColumns(run.from, x.dy.X[run.from*ld:], ld, run.to-run.from)
		}
	})
	for i := range b.list {
		if x := &b.list[i]; x.db != nil {
			t.sumRows(x.db, x.dy.T, func(r int, sum []float32, _ *kernel.Thread) { kernel.Add(sum, sum, x.dy.Row(r)) })
		}
	}
}

// inputRows adds W^T dy to groups of columns of some rows of an input's gradient, product
// by product.
func (b *productBackward) inputRows(item backItem, th *kernel.Thread) {
	in := &b.inputs[item.of]
	ld, c0 := in.dx.D+in.dx.gap, item.from*kernel.Group
	dx := in.dx.X[item.first*ld+c0:]
	for k, u := range in.users {
		x := &b.list[u]
		w, dy := th.Turned(x.p.m, c0, item.to-item.from), x.rows.Part(item.first, item.last)
		if in.fresh && k == 0 {
			kernel.FloatProduct(dx, ld, &dy, &w, 0, w.Blocks(), &th.Scratch)
		} else {
			kernel.AddFloatProduct(dx, ld, &dy, &w, 0, w.Blocks(), &th.Scratch)
		}
	}
}

// weightBlocks adds dy^T x to some columns of row blocks of a weight's gradient, for one
// product with that weight after the other.
func (b *productBackward) weightBlocks(item backItem, th *kernel.Thread) {
	for {
		b.addBlocks(item, th)
		if item.of = b.list[item.of].next; item.of == 0 {
			return
		}
	}
}

// addBlocks is weightBlocks of one product, run by run of the rows.
func (b *productBackward) addBlocks(item backItem, th *kernel.Thread) {
	x := &b.list[item.of]
	for run, columns := range b.inputs[x.input].columns {
		part := columns.Part(item.first, item.last)
		for i := item.from; i < item.to; i++ {
			dy, dw := x.turns.Block(i), x.dw.block(i)[item.first*kernel.RowBlock:item.last*kernel.RowBlock]
			dy.Data, dy.Cols = dy.Data[4*run*weightRows*kernel.RowBlock:], columns.K
			if x.fresh && run == 0 {
				kernel.FloatProduct(dw, kernel.RowBlock, &part, &dy, 0, 1, &th.Scratch)
				clearLanes(dw, dy.Rows)
				continue
			}
			kernel.AddFloatProduct(dw, kernel.RowBlock, &part, &dy, 0, 1, &th.Scratch)
		}
	}
}

// clearLanes clears what stands behind the last row of a row block.
func clearLanes(x []float32, rows int) {
	for ; len(x) > 0 && rows < kernel.RowBlock; x = x[kernel.RowBlock:] {
		clear(x[rows:kernel.RowBlock])
	}
}
