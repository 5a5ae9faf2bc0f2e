//go:build amd64 && !purego

package kernel

import (
	"runtime"
	"unsafe"
)

// Products of many vectors on the tiles of AMX: one instruction has the integer sums of a
// block of columns for sixteen vectors and sixteen rows. Groups of a row block and of a tile
// of vectors are tiles as they lie in memory, where weights are signed.

// amxSumBytes is the size of a tile of sums.
const amxSumBytes = 4 * Tile * RowBlock

// amxArgs is what amxGemm reads and advances; see _asm.
type amxArgs struct {
	out                        productArgs // y, yStride, rows, tokens, bias and m
	yTile                      int
	config, sums               uintptr
	w, d                       uintptr
	dSkip                      int
	q                          uintptr
	qTile, qStep               int
	scale                      uintptr
	scaleTile, scaleStep       int
	acc                        uintptr
	qRest, wRest               uintptr
	wSkip                      int
	fresh                      int
	quads, rest, blocks, tiles int
}

// The routine keeps these for itself.
var _ = [...]uintptr{amxArgs{}.qRest, amxArgs{}.wRest}

// amxMinimaArgs is what amxMinima reads and advances.
type amxMinimaArgs struct {
	m                    uintptr
	mStep                int
	xsum                 uintptr
	xsumTile, xsumStep   int
	acc                  uintptr
	count, blocks, tiles int
}

// flipArgs is what amxFlip reads.
type flipArgs struct {
	src, dst unsafe.Pointer
	groups   int
}

// tileShapes is what LDTILECFG reads: palette 1, then bytes of a row of each tile, then
// rows of each.
type tileShapes struct {
	palette, start byte
	_              [14]byte
	rowBytes       [16]uint16
	rows           [16]byte
}

// amxShapes are the shapes for blocks of 32 columns and of 16: tiles of vectors and of
// weights, four columns of sixteen rows in a row of theirs; the others are sums.
var amxShapes = [2]tileShapes{newTileShapes(Group), newTileShapes(Group / 2)}

func newTileShapes(block int) tileShapes {
	s := tileShapes{palette: 1}
	for t := range 7 {
		s.rows[t], s.rowBytes[t] = 16, 64
	}
	s.rowBytes[4] = uint16(block)
	s.rows[5] = byte(block / 4)
	return s
}

// usesTiles says whether vectors are multiplied with weights of a format on tiles.
func usesTiles(x *Q8, f *Format) bool {
	return impl == AMX && x.T >= amxLeast && x.groups >= 4 && f.Scales != ScalesOne
}

// amxScratch is what a thread keeps for products on tiles.
type amxScratch struct {
	gemm   amxArgs
	minima amxMinimaArgs
	flip   flipArgs
}

// amxWork is the memory of one product, and what of x and m it multiplies: row blocks from block on
// with count vectors from first on, a multiple of Tile.
type amxWork struct {
	block, blocks int
	first, count  int
	scales        int    // bytes of the scales of a row block
	sums          []byte // of four blocks of columns
	d, min, tiles []byte // of all row blocks
	acc, accm     []byte // of all vectors and row blocks
}

// amxMemory cuts the memory of a thread.
func (s *Scratch) amxMemory(w *amxWork, x *Q8, m *Matrix) {
	w.scales = m.Cols / m.Format.Block * RowBlock * 4
	acc, chunks := tiles(w.count)*w.blocks*amxSumBytes, 1
	if x.groups >= amxChunk+4 {
		chunks = 2
	}
	parts := [...]struct {
		b *[]byte
		n int
	}{
		{&w.sums, 64 + 5*amxSumBytes},
		{&w.d, w.blocks * w.scales},
		{&w.tiles, w.blocks * (amxChunk + 3) * tileBytes},
		{&w.acc, acc * (chunks - 1)},
		{&w.min, w.blocks * w.scales},
		{&w.accm, acc},
	}
	list := parts[:]
	if !m.Format.Scales.HasMin() {
		list = parts[:4]
	}
	total := 0
	for _, p := range list {
		total += p.n
	}
	mem := s.tileMemory(total)
	for _, p := range list {
		*p.b, mem = mem[:p.n], mem[p.n:]
	}
}

// gemmAMX multiplies row blocks with all vectors, which usesTiles is true of.
func gemmAMX(y []float32, ldy int, x *Q8, m *Matrix, b0, b1 int, s *Scratch) {
	n := (b1 - b0 + amxBlocks - 1) / amxBlocks // runs of row blocks, about as long as each other
	for i := range n {
		from, to := b0+(b1-b0)*i/n, b0+(b1-b0)*(i+1)/n
		for first := 0; first < x.T; first += amxVectors {
			s.multiplyTiles(y, ldy, x, m, amxWork{
				block: from, blocks: to - from, first: first, count: min(amxVectors, x.T-first),
			})
		}
	}
	runtime.KeepAlive(x)
}

func (s *Scratch) multiplyTiles(y []float32, ldy int, x *Q8, m *Matrix, w amxWork) {
	s.amxMemory(&w, x, m)
	s.holdAll(y, s.arena, x.q, m)
	minima := m.Format.Scales.HasMin()
	for i := range w.blocks {
		block, r := m.block(w.block+i), &m.reg
		s.expand(m, w.d[i*w.scales:], block, r.d, r.sc, true)
		if minima {
			s.expand(m, w.min[i*w.scales:], block, r.m, r.mn, false)
		}
	}
	if minima {
		s.multiplyMinima(&w, x, m)
	}
	for g, groups := 0, 0; g < x.groups; g += groups {
		groups = x.groups - g
		if groups >= amxChunk+4 {
			groups = amxChunk
		}
		for i := range w.blocks {
			s.decodeSigned(&w, m, i, g, groups)
		}
		s.multiplyChunk(&w, x, m, y, ldy, g, groups)
	}
}

// vectorRun is a run of tiles of the same width.
type vectorRun struct{ first, tiles, width int }

// runs cuts the vectors into whole tiles and a narrower one; a run may have none.
func (w *amxWork) runs() [2]vectorRun {
	whole, rest := w.count/Tile, w.count%Tile
	list := [2]vectorRun{{w.first, whole, Tile}, {w.first + whole*Tile, 0, tileWidth(rest)}}
	if rest > 0 {
		list[1].tiles = 1
	}
	return list
}

// sumsOf returns the accumulators of a run of tiles among all.
func (w *amxWork) sumsOf(all []byte, r vectorRun) []byte {
	if len(all) == 0 {
		return nil
	}
	return all[(r.first-w.first)/Tile*w.blocks*amxSumBytes:]
}

// multiplyChunk multiplies groups g … g+groups-1 and adds to the accumulators, or, where
// they are the last ones, writes the outputs.
func (s *Scratch) multiplyChunk(w *amxWork, x *Q8, m *Matrix, y []float32, ldy, g, groups int) {
	block := m.Format.Block
	columns := Group / block // blocks of a group
	for _, r := range w.runs() {
		if r.tiles == 0 {
			continue
		}
		at := r.first*x.groups + g*r.width
		a := &s.amx.gemm
		*a = amxArgs{
			config: uintptr(unsafe.Pointer(&amxShapes[columns-1])), sums: addr(w.sums[64:]),
			w: addr(w.tiles), d: addr(w.d[g*columns*scaleBytes:]), dSkip: w.scales - groups*columns*scaleBytes,
			q: addr(x.q[at*Group:]), qTile: Tile * x.groups * Group, qStep: r.width * Group,
			scale: addr(x.scale[at:]), scaleTile: 4 * Tile * x.groups, scaleStep: 4 * r.width,
			acc: addr(w.sumsOf(w.acc, r)), quads: groups * columns / 4, rest: groups % (4 / columns),
			blocks: w.blocks, tiles: r.tiles, wSkip: groups % (4 / columns) * tileBytes,
		}
		if g == 0 {
			a.fresh = 1
		}
		if g+groups == x.groups {
			s.setOutputs(a, w, m, r, y, ldy)
		}
		if block == Group {
			amxGemm32AMX(a)
		} else {
			amxGemm16AMX(a)
		}
	}
}

// multiplyMinima sets the accumulators of the minima.
func (s *Scratch) multiplyMinima(w *amxWork, x *Q8, m *Matrix) {
	columns := Group / m.Format.Block
	for _, r := range w.runs() {
		if r.tiles == 0 {
			continue
		}
		at, xsum := r.first*x.groups, x.xsum
		if columns == 2 {
			xsum = x.xsum16
		}
		s.amx.minima = amxMinimaArgs{
			m: addr(w.min), mStep: w.scales,
			xsum: addr(xsum[at*columns:]), xsumTile: 4 * Tile * x.groups * columns, xsumStep: 4 * r.width,
			acc: addr(w.sumsOf(w.accm, r)), count: x.groups * columns, blocks: w.blocks, tiles: r.tiles,
		}
		amxMinimaAMX(&s.amx.minima)
	}
}

// setOutputs has a run of tiles write its outputs.
func (s *Scratch) setOutputs(a *amxArgs, w *amxWork, m *Matrix, r vectorRun, y []float32, ldy int) {
	a.out = productArgs{
		y: addr(y[r.first*ldy+w.block*RowBlock:]), yStride: 4 * ldy, rows: m.Rows - w.block*RowBlock,
		tokens: min(Tile, w.first+w.count-r.first), bias: biasAddr(m, w.block),
	}
	a.yTile = 4 * (Tile*ldy - w.blocks*RowBlock)
	if m.Format.Scales.HasMin() {
		a.out.m = addr(w.sumsOf(w.accm, r))
	}
}

// scaleBytes is the size of a block of scales.
const scaleBytes = 4 * RowBlock

// decodeSigned decodes groups g … g+groups-1 of row block i to signed integers.
func (s *Scratch) decodeSigned(w *amxWork, m *Matrix, i, g, groups int) {
	f := &m.Format
	src := m.block(w.block + i)[g*f.Layout.GroupBytes():]
	dst := w.tiles[i*groups*tileBytes:]
	if f.Layout != Bits8 {
		s.unpack(f, dst, src, groups)
		if f.Scales.HasMin() {
			return // they are small and as they are
		}
		src = dst
	}
	s.amx.flip = flipArgs{src: ptr(src), dst: ptr(dst), groups: groups}
	amxFlipAMX(&s.amx.flip)
}
