package main

import "fmt"

// Fields of amxArgs (../amx_amd64.go), which begins with productArgs: y, rows, tokens, bias
// and m, the sums of the minima, are those of the outputs; y is 0 where more groups follow.
const (
	amConfig    = "amxArgs_config"    // shapes of the tiles
	amSums      = "amxArgs_sums"      // room for five tiles of sums, 64 bytes in front of it
	amW         = "amxArgs_w"         // signed integers, row block after row block
	amD         = "amxArgs_d"         // scales of a block of columns, 16 rows
	amDSkip     = "amxArgs_dSkip"     // bytes from the last scale used to the next row block's
	amQ         = "amxArgs_q"         // integers of the vectors
	amQTile     = "amxArgs_qTile"     // bytes from one tile of vectors to the next
	amQStep     = "amxArgs_qStep"     // bytes from one group to the next
	amScale     = "amxArgs_scale"     // their scales
	amScaleTile = "amxArgs_scaleTile" //
	amScaleStep = "amxArgs_scaleStep" //
	amYTile     = "amxArgs_yTile"     // bytes from the outputs of a tile of vectors to the next one's
	amAcc       = "amxArgs_acc"       // accumulators [tiles][blocks][16 vectors][16 rows]
	amQRest     = "amxArgs_qRest"     // the groups behind the last four blocks of columns
	amWRest     = "amxArgs_wRest"     //
	amWSkip     = "amxArgs_wSkip"     // bytes of them in w
	amFresh     = "amxArgs_fresh"     // not 0: accumulators start at 0
	amQuads     = "amxArgs_quads"     // four blocks of columns each
	amRest      = "amxArgs_rest"      // groups behind them
	amBlocks    = "amxArgs_blocks"    // row blocks
	amTiles     = "amxArgs_tiles"     // tiles of vectors
)

// Tiles of amxGemm: the sums of four blocks of columns in 0 to 3.
const (
	amA        = 4
	amB        = 5
	amRestTile = 6
	amOffset   = 15 // register of -1.5 * 2^23
)

// amxRoutines emits what the products with AMX run.
func amxRoutines(g *gen) {
	g.amxGemm(32)
	g.amxGemm(16)
	g.amxMinima()
	g.amxFlip()
}

// amxGemm emits the product of row blocks with tiles of sixteen vectors, in blocks of 32
// or 16 columns.
//
// A tile of sums starts at the bits of the float32 1.5 * 2^23: with the sum of a block of
// columns added to them they are that number plus the sum, from which a float addition takes
// it again. That is what a conversion would give, but while the tile unit works, and for
// some 250 cycles after it, the processor converts and multiplies 512 bits on one port
// alone and adds on two. The product of the scales and the fused one fill that port, if
// tiles and floats never wait for each other. So the tiles are four blocks of columns
// ahead, into the next row block and the next tile of vectors.
//
// AX args, DI q, SI w, DX d, BX scale, R8 sums, R9 32, R10 and R11 bytes of a group in q
// and scale, CX acc, R12 tiles left, R13 row blocks left, R15 quads left.
func (g *gen) amxGemm(block int) {
	g.routine(fmt.Sprintf("amxGemm%d", block), "amxArgs",
		fmt.Sprintf("multiplies row blocks with tiles of vectors, scales in blocks of %d.", block))
	g.p("MOVQ", m(amConfig, "AX"), "R8")
	g.emit(tileConfig("R8"))
	g.p("MOVQ", m(amSums, "AX"), "R8")
	g.constant(0x4b400000, g.r(amOffset))
	g.store(g.r(amOffset), m(-64, "R8"))
	g.constant(0xcb400000, g.r(amOffset))
	g.p("MOVQ", "$32", "R9")
	g.p("MOVQ", m(amQStep, "AX"), "R10")
	g.p("MOVQ", m(amScaleStep, "AX"), "R11")
	g.p("MOVQ", m(amAcc, "AX"), "CX")
	g.p("MOVQ", m(amTiles, "AX"), "R12")
	g.p("MOVQ", m(amQ, "AX"), "DI")
	g.p("MOVQ", m(amW, "AX"), "SI")
	for u := range 4 {
		g.amxDot(block, u, u)
	}
	g.amxNext(block, 4)
	tile, next, quad, body := g.label("tile"), g.label("rows"), g.label("quad"), g.label("body")
	g.at(tile)
	g.p("MOVQ", m(amD, "AX"), "DX")
	g.p("MOVQ", m(amBlocks, "AX"), "R13")
	g.at(next)
	g.amxAccumulators()
	g.amxAsk()
	g.p("MOVQ", m(amScale, "AX"), "BX")
	g.p("MOVQ", m(amQuads, "AX"), "R15")
	g.at(quad)
	g.p("CMPQ", "R15", "$1")
	g.p("JNE", body)
	g.amxTurn()
	g.at(body)
	for u := range 4 {
		g.emit(tileStore(u, rows{1024 * u, "R8", "R9", 2}))
		g.amxDot(block, u, u)
		g.amxStep(block, u, u)
	}
	g.amxNext(block, 4)
	g.p("ADDQ", "$256", "DX")
	g.p("SUBQ", "$1", "R15")
	g.p("JNE", quad)
	g.amxRest(block)
	g.amxStore()
	g.p("ADDQ", "$1024", "CX")
	g.p("ADDQ", m(amDSkip, "AX"), "DX")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", next)
	g.amxNextTile()
	g.p("SUBQ", "$1", "R12")
	g.p("JNE", tile)
	g.emit(tileRelease())
	g.ret()
}

// amxAccumulators loads the accumulators, or clears them.
func (g *gen) amxAccumulators() {
	fresh, start := g.label("fresh"), g.label("start")
	g.p("CMPQ", m(amFresh, "AX"), "$0")
	g.p("JNE", fresh)
	for i := range 16 {
		g.load(m(64*i, "CX"), g.r(mAcc+i))
	}
	g.p("JMP", start)
	g.at(fresh)
	for i := range 16 {
		g.zero(g.r(mAcc + i))
	}
	g.at(start)
}

// amxAsk asks for the lines of the outputs, where they are written behind these groups.
func (g *gen) amxAsk() {
	later := g.label("later")
	g.p("MOVQ", m(argY, "AX"), "R14")
	g.p("TESTQ", "R14", "R14")
	g.p("JEQ", later)
	g.p("MOVQ", m(argYStride, "AX"), "BX")
	for range 16 {
		g.emit(prefetchWrite("R14"))
		g.p("ADDQ", "BX", "R14")
	}
	g.at(later)
}

// amxStore keeps the accumulators for more groups, or writes y = acc - accm + bias for the
// vectors and rows that exist. It clobbers R14, R15 and BX.
func (g *gen) amxStore() {
	last, done, minima, bias, whole, full := g.label("last"), g.label("done"), g.label("minima"), g.label("bias"), g.label("whole"), g.label("full")
	g.p("MOVQ", m(argY, "AX"), "R14")
	g.p("TESTQ", "R14", "R14")
	g.p("JNE", last)
	for i := range 16 {
		g.store(g.r(mAcc+i), m(64*i, "CX"))
	}
	g.p("JMP", done)
	g.at(last)
	g.p("MOVQ", m(argM, "AX"), "BX")
	g.p("TESTQ", "BX", "BX")
	g.p("JEQ", minima)
	for i := range 16 {
		g.p("VSUBPS", m(64*i, "BX"), g.r(mAcc+i), g.r(mAcc+i))
	}
	g.p("ADDQ", "$1024", m(argM, "AX"))
	g.at(minima)
	g.p("MOVQ", m(argBias, "AX"), "BX")
	g.p("TESTQ", "BX", "BX")
	g.p("JEQ", bias)
	g.load(m(0, "BX"), g.r(0))
	for i := range 16 {
		g.p("VADDPS", g.r(0), g.r(mAcc+i), g.r(mAcc+i))
	}
	g.p("ADDQ", "$64", m(argBias, "AX"))
	g.at(bias)
	g.p("MOVL", "$0xffff", "BX")
	g.p("CMPQ", m(argRows, "AX"), "$16")
	g.p("JGE", full)
	g.p("MOVQ", m(argRows, "AX"), "R15")
	g.p("MOVL", "$-1", "BX")
	g.p("SHLXL", "R15", "BX", "BX")
	g.p("NOTL", "BX")
	g.at(full)
	g.p("KMOVW", "BX", "K1")
	g.p("MOVQ", m(argYStride, "AX"), "BX")
	g.p("MOVQ", m(argTokens, "AX"), "R15")
	for i := range 16 {
		g.p("VMOVUPS", g.r(mAcc+i), "K1", m(0, "R14"))
		if i < 15 {
			g.p("CMPQ", "R15", fmt.Sprintf("$%d", i+1))
			g.p("JEQ", whole)
			g.p("ADDQ", "BX", "R14")
		}
	}
	g.at(whole)
	g.p("ADDQ", "$64", m(argY, "AX"))
	g.p("SUBQ", "$16", m(argRows, "AX"))
	g.at(done)
}

// amxNextTile moves on to the next tile of vectors.
func (g *gen) amxNextTile() {
	skip := g.label("nobias")
	g.p("MOVQ", m(amScaleTile, "AX"), "R15")
	g.p("ADDQ", "R15", m(amScale, "AX"))
	g.p("MOVQ", m(amYTile, "AX"), "R15")
	g.p("ADDQ", "R15", m(argY, "AX"))
	g.p("MOVQ", m(amBlocks, "AX"), "R15")
	g.p("SHLQ", "$4", "R15")
	g.p("ADDQ", "R15", m(argRows, "AX"))
	g.p("SHLQ", "$2", "R15")
	g.p("CMPQ", m(argBias, "AX"), "$0")
	g.p("JEQ", skip)
	g.p("SUBQ", "R15", m(argBias, "AX"))
	g.at(skip)
}

// amxTurn moves the pointers of the tiles to the next row block, or the next tile of
// vectors; behind the last one to the first row block, whose sums nobody reads.
func (g *gen) amxTurn() {
	turned := g.label("turned")
	g.p("MOVQ", "DI", m(amQRest, "AX"))
	g.p("MOVQ", "SI", m(amWRest, "AX"))
	g.p("ADDQ", m(amWSkip, "AX"), "SI")
	g.p("CMPQ", "R13", "$1")
	g.p("JNE", turned)
	g.p("MOVQ", m(amW, "AX"), "SI")
	g.p("CMPQ", "R12", "$1")
	g.p("JEQ", turned)
	g.p("MOVQ", m(amQTile, "AX"), "DI")
	g.p("ADDQ", "DI", m(amQ, "AX"))
	g.at(turned)
	g.p("MOVQ", m(amQ, "AX"), "DI")
}

// amxRest emits the groups behind the last four blocks of columns.
func (g *gen) amxRest(block int) {
	rest, loop := g.label("rest"), g.label("group")
	g.p("MOVQ", m(amRest, "AX"), "R15")
	g.p("TESTQ", "R15", "R15")
	g.p("JEQ", rest)
	// DI and SI are ahead: they come back behind these groups.
	g.p("XCHGQ", "DI", m(amQRest, "AX"))
	g.p("XCHGQ", "SI", m(amWRest, "AX"))
	g.at(loop)
	halves := 32 / block
	for u := range halves {
		g.amxDot(block, u, amRestTile)
		g.emit(tileStore(amRestTile, rows{4096, "R8", "R9", 2}))
		g.amxStep(block, u, 4)
	}
	g.amxNext(block, halves)
	g.p("ADDQ", fmt.Sprintf("$%d", 64*halves), "DX")
	g.p("SUBQ", "$1", "R15")
	g.p("JNE", loop)
	g.p("MOVQ", m(amQRest, "AX"), "DI")
	g.p("MOVQ", m(amWRest, "AX"), "SI")
	g.at(rest)
}

// amxDot emits the sums of block u of columns into a tile.
func (g *gen) amxDot(block, u, tile int) {
	halves := 32 / block
	g.emit(tileLoad(rows{-64, "R8", "", 0}, tile))
	g.emit(tileLoad(rows{block * (u % halves), "DI", "R9", 1}, amA))
	g.emit(tileStream(rows{16 * block * u, "SI", "R9", 2}, amB))
	g.emit(tileDot(amB, amA, tile))
	if u%halves == halves-1 {
		g.p("ADDQ", "R10", "DI")
	}
}

// amxNext walks on by n blocks of columns in the weights.
func (g *gen) amxNext(block, n int) { g.p("ADDQ", fmt.Sprintf("$%d", 16*block*n), "SI") }

// amxStep adds the sums of block u of columns, which were stored in a slot, to the
// accumulators of sixteen vectors.
func (g *gen) amxStep(block, u, slot int) {
	halves := 32 / block
	g.load(m(64*u, "DX"), g.r(0))
	for i := range 16 {
		scale, sum := g.r(1+2*(i%7)), g.r(2+2*(i%7))
		g.p("VMULPS.BCST", m(4*i, "BX"), g.r(0), scale)
		g.p("VADDPS", m(1024*slot+64*i, "R8"), g.r(amOffset), sum)
		g.p("VFMADD231PS", scale, sum, g.r(mAcc+i))
	}
	if u%halves == halves-1 {
		g.p("ADDQ", "R11", "BX")
	}
}

// Fields of amxMinimaArgs.
const (
	anM        = "amxMinimaArgs_m"
	anMStep    = "amxMinimaArgs_mStep" // bytes of a row block
	anXSum     = "amxMinimaArgs_xsum"
	anXSumTile = "amxMinimaArgs_xsumTile"
	anXSumStep = "amxMinimaArgs_xsumStep" // of a block of columns
	anAcc      = "amxMinimaArgs_acc"
	anCount    = "amxMinimaArgs_count" // blocks of columns
	anBlocks   = "amxMinimaArgs_blocks"
	anTiles    = "amxMinimaArgs_tiles"
)

// amxMinima emits the chain of the minima, which needs no tiles: where the tile unit rests,
// two ports multiply.
func (g *gen) amxMinima() {
	g.routine("amxMinima", "amxMinimaArgs", "adds up minima times sums of vectors.")
	g.p("MOVQ", m(anXSumStep, "AX"), "R11")
	g.p("MOVQ", m(anAcc, "AX"), "CX")
	g.p("MOVQ", m(anTiles, "AX"), "R12")
	tile, rows, loop := g.label("tile"), g.label("rows"), g.label("loop")
	g.at(tile)
	g.p("MOVQ", m(anM, "AX"), "R9")
	g.p("MOVQ", m(anBlocks, "AX"), "R13")
	g.at(rows)
	g.p("MOVQ", m(anXSum, "AX"), "BX")
	g.p("MOVQ", "R9", "DX")
	g.p("MOVQ", m(anCount, "AX"), "R15")
	for i := range 16 {
		g.zero(g.r(mAcc + i))
	}
	g.at(loop)
	g.load(m(0, "DX"), g.r(0))
	for i := range 16 {
		g.p("VFMADD231PS.BCST", m(4*i, "BX"), g.r(0), g.r(mAcc+i))
	}
	g.p("ADDQ", "$64", "DX")
	g.p("ADDQ", "R11", "BX")
	g.p("SUBQ", "$1", "R15")
	g.p("JNE", loop)
	for i := range 16 {
		g.store(g.r(mAcc+i), m(64*i, "CX"))
	}
	g.p("ADDQ", "$1024", "CX")
	g.p("ADDQ", m(anMStep, "AX"), "R9")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", rows)
	g.p("MOVQ", m(anXSumTile, "AX"), "R15")
	g.p("ADDQ", "R15", m(anXSum, "AX"))
	g.p("SUBQ", "$1", "R12")
	g.p("JNE", tile)
	g.ret()
}

// Fields of flipArgs.
const (
	flSrc    = "flipArgs_src"
	flDst    = "flipArgs_dst"
	flGroups = "flipArgs_groups"
)

// amxFlip emits the way from bytes that are 128 above what they mean to signed ones.
func (g *gen) amxFlip() {
	g.routine("amxFlip", "flipArgs", "takes 128 from the bytes of tiles.")
	g.p("MOVQ", m(flSrc, "AX"), "SI")
	g.p("MOVQ", m(flDst, "AX"), "DI")
	g.p("MOVQ", m(flGroups, "AX"), "R13")
	g.constant(0x80808080, g.r(0))
	loop := g.label("group")
	g.at(loop)
	for s := range 8 {
		g.p("VPXORD", m(64*s, "SI"), g.r(0), g.r(1+s))
		g.store(g.r(1+s), m(64*s, "DI"))
	}
	g.p("ADDQ", "$512", "SI")
	g.p("ADDQ", "$512", "DI")
	g.p("SUBQ", "$1", "R13")
	g.p("JNE", loop)
	g.ret()
}

// amxPeak emits a loop of tile products without memory, in six chains: what the unit can do
// at most, with tiles of 64 columns.
func (g *gen) amxPeak() {
	g.routine("int8", "tileShapes", "multiplies six times 16 x 16 x 64 integers, times times.")
	g.emit(tileConfig("AX"))
	for t := range 6 {
		g.emit(tileZero(t))
	}
	// Tiles without a value would be slow.
	for t := 6; t < 8; t++ {
		g.emit(tileLoad(rows{0, "AX", "", 0}, t))
	}
	g.p("MOVQ", m("tileShapes_times", "AX"), "CX")
	loop := g.label("loop")
	g.at(loop)
	for t := range 6 {
		g.emit(tileDot(7, 6, t))
	}
	g.p("SUBQ", "$1", "CX")
	g.p("JNE", loop)
	g.emit(tileRelease())
	g.ret()
}
