//go:build amd64 && !purego

package kernel

import (
	"unsafe"

	"github.com/blitz-r1/blitz/internal/tensor"
)

// productArgs is what a routine of the products reads, and advances from row
// block to row block; the offsets are known to _asm. Float products use it too:
// groups is then the number of columns.
//
// The addresses are no pointers, since they end behind what they walk through,
// where the garbage collector must not see them; Scratch.hold keeps the memory.
type productArgs struct {
	w, d, m, sc, mn              uintptr
	stride, groups, blocks, rows int
	q, scale, nsum, xsum         uintptr
	y                            uintptr
	yStride, tokens              int
	bias, table, tmp             uintptr
	nStride                      int
	ahead                        uintptr
	aheadBy                      int
	add                          int
	unit                         float32
	fetch                        int
}

// hold is what the addresses of productArgs point into. Storing pointers here
// also keeps callers' arrays off the stack, which could move.
type hold struct {
	y, bias, block, q, grid unsafe.Pointer
}

// addr returns the address of a slice's first element.
func addr[E any](s []E) uintptr { return uintptr(ptr(s)) }

// unpackArgs is what a decoding routine reads.
type unpackArgs struct {
	src, dst unsafe.Pointer
	groups   int
	table    unsafe.Pointer
}

// expandArgs is what a conversion of scales reads.
type expandArgs struct {
	src, bytes, dst unsafe.Pointer
	blocks, per     int
	unit            float32
}

// Row blocks that are decoded, and multiplied with all tokens, before the next ones are.
const (
	tileBudget = 512 << 10 // bytes of their tiles: half of a second-level cache
	tileAhead  = 2         // where memory is asked for the next ones meanwhile
)

func productAsm(y []float32, ldy int, x *Q8, m *Matrix, b0, b1 int, s *Scratch) {
	if x.T == 1 {
		if f := gemvRoutine(m.Format); f != nil {
			gemv(f, y, x, m, quads(y, x, m, b0, b1, s), b1, s)
			return
		}
	}
	if impl == AVX2 && (x.T <= directMost || !hasSmallTile(&m.Format)) {
		if r, ok := directRoutines[gemvKey{m.Format.Layout, m.Format.Scales, m.Format.Block}]; ok {
			direct(r, y, ldy, x, m, b0, b1, s)
			return
		}
	}
	if usesTiles(x, &m.Format) {
		gemmAMX(y, ldy, x, m, b0, b1, s)
		return
	}
	if t, ok := packedTile(m.Format); ok {
		gemmPacked(t, y, ldy, x, m, b0, b1, s)
		return
	}
	budget, most := tileBudget, tileAhead
	if impl == AVX2 { // which asks for nothing meanwhile
		budget, most = directBudget, b1-b0
	}
	per := max(1, min(most, budget/(m.Cols*(RowBlock+4))))
	for b := b0; b < b1; b += per {
		next := b + per
		if next >= b1 { // what is behind is another thread's, what follows that may be ours
			next = b1 + b1 - b0
		}
		gemmTiles(y, ldy, x, m, b, min(per, b1-b), next, s)
	}
}

// packedTile says whether a format is a tile as it lies in memory.
func packedTile(f Format) (tileForm, bool) {
	switch {
	case f.Layout != Bits8 || f.Block != Group:
		return 0, false
	case f.Scales == ScalesF16:
		return tileF16, true
	}
	return tileOne, f.Scales == ScalesOne
}

// quads multiplies row blocks with one vector, four at a time, where AVX2 has a routine for
// that, and returns the first that is left.
func quads(y []float32, x *Q8, m *Matrix, b0, b1 int, s *Scratch) int {
	n := (b1 - b0) / 4 * 4
	if impl != AVX2 || n == 0 || ways[impl].Blocks < 4 {
		return b0
	}
	f := quadRoutines[gemvKey{m.Format.Layout, m.Format.Scales, m.Format.Block}]
	if f == nil {
		return b0
	}
	gemv(f, y, x, m, b0, b0+n, s)
	return b0 + n
}

// gemv multiplies row blocks with one vector, decoding in registers.
func gemv(f func(*productArgs), y []float32, x *Q8, m *Matrix, b0, b1 int, s *Scratch) {
	if b0 == b1 {
		return
	}
	s.packedArgs(y, 0, x, m, b0, b1, tilePart{width: 1})
	s.args.tokens, s.args.fetch = 1, ways[impl].Ahead
	f(&s.args)
}

// directBudget is how many bytes of row blocks are multiplied with all vectors before the
// next ones are: half of a second-level cache.
const directBudget = 256 << 10

// directMost is how many vectors integers in planes are decoded for four by four; more have
// a tile of them.
const directMost = 8

// hasSmallTile says whether the integers of a format lie in planes of different bits, and
// AVX2 multiplies tiles of them as small ones.
func hasSmallTile(f *Format) bool {
	switch f.Layout {
	case Bits3, Bits6:
		return f.Block == 16 && !f.Scales.HasMin()
	}
	return f.Layout == Bits5 && f.Scales.HasMin()
}

// direct multiplies row blocks with several vectors, decoding in registers.
func direct(r [2]func(*productArgs), y []float32, ldy int, x *Q8, m *Matrix, b0, b1 int, s *Scratch) {
	per := max(1, directBudget/m.reg.size)
	for b := b0; b < b1; b += per {
		for i := range tiles(x.T) {
			count, width, first := tileAt(x.T, i)
			four := count
			if rest := count % 4; rest == 1 || rest == 2 {
				four -= rest
			}
			for k, part := range [2][2]int{{four, count}, {0, four}} {
				if part[0] == part[1] {
					continue
				}
				s.packedArgs(y, ldy, x, m, b, min(b+per, b1), tilePart{first, width, part[0]})
				s.args.tokens = part[1] - part[0]
				r[k](&s.args)
			}
		}
	}
}

// tilePart is where vectors of a tile begin: the index of its first one, its width, and
// how many are left out.
type tilePart struct{ first, width, skip int }

// packedArgs sets the arguments for row blocks as they are packed and some vectors.
func (s *Scratch) packedArgs(y []float32, ldy int, x *Q8, m *Matrix, b0, b1 int, v tilePart) {
	block, r := m.block(b0), &m.reg
	s.holdAll(y, block, x.q, m)
	p, at := addr(block), v.first*x.groups
	a := &s.args
	*a = productArgs{
		w: p, d: p + uintptr(r.d), m: p + uintptr(r.m), sc: p + uintptr(r.sc), mn: p + uintptr(r.mn),
		stride: r.size, groups: x.groups, blocks: b1 - b0, rows: m.Rows - b0*RowBlock,
		q: addr(x.q[at*Group+v.skip*Group:]), scale: addr(x.scale[at+v.skip:]),
		nsum: addr(x.nsum[at+v.skip:]), xsum: addr(x.xsum[at+v.skip:]),
		y: addr(y[(v.first+v.skip)*ldy+b0*RowBlock:]), yStride: 4 * ldy, nStride: v.width,
		bias: biasAddr(m, b0), table: s.table(&m.Format), tmp: addr(s.tmp[:]), unit: m.Format.Unit, fetch: aheadBytes,
	}
	if m.Format.Block == 16 {
		a.nsum, a.xsum = addr(x.nsum16[2*at+v.skip:]), addr(x.xsum16[2*at+v.skip:])
	}
}

func (s *Scratch) holdAll(y []float32, block []byte, q []int8, m *Matrix) {
	s.hold = hold{ptr(y), ptr(m.Bias), ptr(block), ptr(q), unsafe.Pointer(m.Format.Grid)}
}

// biasAddr returns the address of the bias of row block b, 0 without one.
func biasAddr(m *Matrix, b int) uintptr {
	if m.Bias == nil {
		return 0
	}
	return addr(m.Bias[b*RowBlock:])
}

// table returns the address of what stored integers mean: as they are for AVX2,
// which multiplies signed integers, 128 above for VNNI.
func (s *Scratch) table(f *Format) uintptr {
	switch {
	case f.Layout.HasGrid() && impl == AVX2:
		return addr(f.Grid.signed[:])
	case f.Layout.HasGrid() && permuteBytes:
		return addr(f.Grid.levels.low[:])
	case f.Layout.HasGrid():
		return addr(f.Grid.raised[:])
	case !f.Layout.HasTable():
		return 0
	}
	for i, v := range f.Values {
		s.values[i] = byte(v)
		if impl != AVX2 {
			s.values[i] += 128
		}
	}
	return addr(s.values[:])
}

// gemmTiles decodes n row blocks into tiles, each followed by its scales and
// minima, and multiplies them with all vectors. Meanwhile memory is asked for as many
// row blocks from next on, if there are any.
func gemmTiles(y []float32, ldy int, x *Q8, m *Matrix, b, n, next int, s *Scratch) {
	f := &m.Format
	t, scales := tileF32, 4*m.Cols/f.Block*RowBlock
	d := x.groups * tileBytes
	size := d + scales
	if f.Block == 16 {
		t = tileF3216
	}
	switch {
	case f.Scales.HasMin():
		t, size = t+1, size+scales
	case impl == AVX2 && hasSmallTile(f):
		t = tileF3216Six
	}
	mem := s.tileMemory(n * size)
	for i := range n {
		block, tile := m.block(b+i), mem[i*size:]
		s.unpack(f, tile, block, x.groups)
		s.expand(m, tile[d:], block, m.reg.d, m.reg.sc, true)
		if f.Scales.HasMin() {
			s.expand(m, tile[d+scales:], block, m.reg.m, m.reg.mn, false)
		}
	}
	p := addr(mem)
	s.holdAll(y, mem, x.q, m)
	weights := productArgs{w: p, d: p + uintptr(d), m: p + uintptr(size-scales), stride: size}
	if next < m.Blocks() {
		weights.ahead, weights.aheadBy = addr(m.block(next)), m.reg.size/x.groups
	}
	s.runTiles(t, weights, y, ldy, x, m, b, n)
}

// gemmPacked multiplies row blocks that are tiles as they lie in memory, which is asked
// for a row block ahead.
func gemmPacked(t tileForm, y []float32, ldy int, x *Q8, m *Matrix, b0, b1 int, s *Scratch) {
	block := m.block(b0)
	p := addr(block)
	s.holdAll(y, block, x.q, m)
	weights := productArgs{w: p, d: p + uintptr(m.reg.d), stride: m.reg.size}
	weights.ahead, weights.aheadBy = p+uintptr(m.reg.size), m.reg.size/x.groups
	s.runTiles(t, weights, y, ldy, x, m, b0, b1-b0)
}

// runTiles multiplies n row blocks from b on, whose tiles weights points at, with
// all vectors.
func (s *Scratch) runTiles(t tileForm, weights productArgs, y []float32, ldy int, x *Q8, m *Matrix, b, n int) {
	for i := range tiles(x.T) {
		count, width, first := tileAt(x.T, i)
		at := first * x.groups
		a := &s.args
		*a = weights
		a.groups, a.blocks, a.rows = x.groups, n, m.Rows-b*RowBlock
		a.q, a.scale = addr(x.q[at*Group:]), addr(x.scale[at:])
		a.nsum, a.xsum = addr(x.nsum[at:]), addr(x.xsum[at:])
		if t == tileF3216 || t == tileF32M16 || t == tileF3216Six {
			a.nsum, a.xsum = addr(x.nsum16[2*at:]), addr(x.xsum16[2*at:])
		}
		a.y, a.yStride = addr(y[first*ldy+b*RowBlock:]), 4*ldy
		a.tokens, a.nStride = count, width
		a.tmp, a.bias = addr(s.tmp[:]), biasAddr(m, b)
		gemmRoutine(t, width)(a)
		weights.ahead = 0 // it is asked for
	}
}

// unpack decodes the integers of a row block into a tile.
func (s *Scratch) unpack(f *Format, dst, block []byte, groups int) {
	a := &s.unpacking // calls through a table would have one of the stack escape
	*a = unpackArgs{src: ptr(block), dst: ptr(dst), groups: groups}
	switch {
	case f.Layout.HasGrid() && impl >= AVX512 && permuteBytes:
		a.table = ptr(f.Grid.levels.low[:])
	case f.Layout.HasGrid():
		a.table = ptr(f.Grid.raised[:])
	case f.Layout.HasTable():
		for i, v := range f.Values {
			s.values[i], s.values[RowBlock+i] = byte(v)+128, byte(f.Shift)
		}
		a.table = ptr(s.values[:])
	}
	unpackRoutine(f)(a)
}

// expand converts the scales (or minima) of a row block to float32.
func (s *Scratch) expand(m *Matrix, dst, block []byte, d, bytes int, signed bool) {
	n := m.Cols / m.Format.Block
	a := expandArgs{src: unsafe.Pointer(&block[d]), dst: unsafe.Pointer(&dst[0]), blocks: n}
	switch m.Format.Scales {
	case ScalesF32, ScalesF32M:
		copy(dst, block[d:d+4*n*RowBlock])
	case ScalesF16, ScalesF16M:
		if impl == AVX2 {
			expandF16AVX2(&a)
		} else {
			expandF16AVX512(&a)
		}
	case ScalesOdd:
		a.bytes, a.unit = unsafe.Pointer(&block[bytes]), m.Format.Unit
		if impl == AVX2 {
			expandOddAVX2(&a)
		} else {
			expandOddAVX512(&a)
		}
	default:
		a.bytes, a.per = unsafe.Pointer(&block[bytes]), superBlock/m.Format.Block
		switch {
		case impl == AVX2 && signed:
			expandKAVX2(&a)
		case impl == AVX2:
			expandKUAVX2(&a)
		case signed:
			expandKAVX512(&a)
		default:
			expandKUAVX512(&a)
		}
	}
}

// fourRoom is how many bytes AVX2 decodes a group of four row blocks of MXFP4 into: integers,
// and float32 scales.
const fourRoom = 4 * (tileBytes + 4*RowBlock)

// floatExpanded is floatProductAsm that writes each row block as float32 first, [Cols][16] in the
// scratch, with which all vectors are multiplied.
func (s *Scratch) floatExpanded(expand func(*productArgs), y []float32, ldy int, x *F32, m *Matrix, b0, b1, add int) {
	plain := NewFloatMatrix(RowBlock, m.Cols, tensor.F32, nil)
	plain.Data = s.tileMemory(plain.Bytes())
	for b := b0; b < b1; b++ {
		one := m.Block(b)
		s.holdAll(y, one.Data, nil, &one)
		s.args = productArgs{w: addr(one.Data), d: addr(one.Data) + uintptr(m.reg.d), groups: m.Cols, y: addr(plain.Data)}
		expand(&s.args)
		plain.Rows = one.Rows
		if m.Bias != nil {
			plain.Bias = m.Bias[b*RowBlock:]
		}
		floatProductAsm(y[b*RowBlock:], ldy, x, &plain, 0, 1, add, s)
	}
}

// floatProductAsm multiplies float weights: several row blocks at once where few
// vectors leave room for more chains of additions.
func floatProductAsm(y []float32, ldy int, x *F32, m *Matrix, b0, b1, add int, s *Scratch) {
	if expand := expandRoutine(m.Float, x.T); expand != nil {
		s.floatExpanded(expand, y, ldy, x, m, b0, b1, add)
		return
	}
	tmp := addr(s.tmp[:])
	if m.Float == tensor.MXFP4 {
		tmp = addr(s.tileMemory(fourRoom))
	}
	for i := range tiles(x.T) {
		count, width, first := tileAt(x.T, i)
		for b := b0; b < b1; {
			f, rows := floatRoutine(m.Float, width, b1-b)
			n := (b1 - b) / rows * rows
			block := m.block(b)
			s.holdAll(y, block, nil, m)
			s.args = productArgs{
				w: addr(block), d: addr(block) + uintptr(m.reg.d), stride: m.reg.size, groups: m.Cols, blocks: n, rows: m.Rows - b*RowBlock,
				q: addr(x.x[first*x.K:]), nStride: width,
				y: addr(y[first*ldy+b*RowBlock:]), yStride: 4 * ldy, tokens: count, bias: biasAddr(m, b), add: add, tmp: tmp,
			}
			f(&s.args)
			b += n
		}
	}
}
