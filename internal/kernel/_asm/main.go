// Command _asm writes the amd64 assembly of the packages kernel and quant, and the Go
// declarations of its routines. Run it with `go run .` in this folder; CI runs
// it and wants no difference.
package main

import (
	"fmt"
	"os"
	"strings"
)

// family is one file of routines for each register width.
type family struct {
	name string
	doc  string // what the registers hold, for readers of the assembly
	emit func(*gen)
}

var families = []family{
	{"gemv", `One vector times packed rows, decoded in registers (product_amd64.go).
AX arguments, SI integers, R8 scales or their factors, R9 minima, R10 and R11 the bytes
that multiply them, DX activations, BX their scales, CX and DI their sums, R13 groups left.`, gemvs},
	{"gemm", `Decoded tiles times several vectors (product_amd64.go).
AX arguments, SI integers, R8 scales, R9 minima, DX activations, BX their scales, CX and DI
their sums, R13 groups left.`, gemms},
	{"direct", `Packed rows, or tiles, times one, two or four vectors at a time (product_amd64.go).
AX arguments, SI integers, R8 scales or their factors, R9 minima, R10 and R11 the bytes that
multiply them, DX activations, BX their scales, CX and DI their sums or the bytes to the next
row block, R12 bytes of a float32 a vector, R13 groups left, R14 accumulators, R15 the first
vector.`, directs},
	{"quad", `One vector times packed rows, four row blocks at a time (product_amd64.go).
AX arguments, SI integers, R8 scales or their factors, R9 minima, R10 and R11 the bytes that
multiply them, DX activations, BX their scales, CX and DI their sums, R12 bytes to the next
row block, R15 three times as many, R13 groups left, R14 accumulators.`, quads},
	{"float", `Float weights times vectors (product_amd64.go).
AX arguments, SI weights, DX activations, R8 bytes from one row block to the next, R9, R10
and R11 three, five and seven times that, DI scales, R13 columns left. MXFP4 on AVX2: CX decoded
columns, R11 the room that they are in.`, floats},
	{"unpack", `Packed integers into tiles of bytes, stored scales into float32 (product_amd64.go).
AX arguments, SI source, DI destination, R13 groups or blocks left.`, unpacks},
	{"vector", `Operations along vectors, and sums of sixteen lanes (vector.go).
AX arguments, DI, SI, DX and CX the vectors, R8 the table of constants, R13 elements left.`, vectorRoutines},
	{"attention", `The softmax of a split, tiles of keys turned into tiles of values (attention.go).
AX arguments, SI scores, R8 the table of constants, R13 registers or tiles left.`, attentionRoutines},
	{"q8", `A vector into eight bits, in groups of 32 (q8.go).
AX arguments, SI numbers, DI integers, R8 scales, R9, R10, R11 and DX sums, R13 groups left.`, q8Routines},
	{"delta", `The gated delta rule (delta.go).
AX arguments, R8 the state, R9 a row of it, R11 bytes of a row, SI and DX keys and queries,
BX and DI columns of what is taken in and of sums, R12 columns left, R13 rows left.`, deltas},
	{"sparse", `Rows from anywhere into blocks (rows.go), scores of the indexer (indexer.go), and
which of them are large (choose.go).
AX arguments, SI source, DI destination, R13 what is left.`, sparseRoutines},
}

func main() {
	var decls []string
	for _, i := range []isa{avx2, avx512} {
		for _, f := range families {
			g := newFile(i, f.doc)
			f.emit(g)
			if len(g.decls) == 0 { // groups of 32 are too short for wide registers to help
				continue
			}
			g.write(fmt.Sprintf("../%s_%s_amd64.s", f.name, strings.ToLower(i.suffix)))
			decls = append(decls, g.decls...)
		}
	}
	a := newFile(amx, `Products of row blocks with tiles of many vectors (amx_amd64.go).
AX arguments.`)
	amxRoutines(a)
	a.write("../gemm_amx_amd64.s")
	decls = append(decls, a.decls...)
	writeDecls("../routines_amd64.go", "kernel", append(decls, vectorDispatch()))

	peak := newFile(amx, "The peak of the tile unit (peak.go).\nAX arguments, CX times left.")
	peak.amxPeak()
	peak.write("../../machine/peak_amx_amd64.s")
	writeDecls("../../machine/routines_amd64.go", "machine", peak.decls)

	g := newFile(avx2, `Encoders of block formats (panel.go).
AX arguments, SI numbers, DX their weights, R13 rows of eight left.`)
	encoders(g)
	g.write("../../quant/panel_avx2_amd64.s")
	writeDecls("../../quant/routines_amd64.go", "quant", g.decls)
}

func gemvs(g *gen) {
	g.laneMasks()
	g.pointMasks()
	g.permuteTables()
	fetches := []string{"PREFETCHT0", "PREFETCHT1"}
	if !g.wide() { // which asks for nothing ahead
		fetches = fetches[:1]
	}
	for _, g.fetch = range fetches {
		for _, f := range fused {
			l := layoutNamed(f.layout)
			if !g.wide() && !l.table {
				continue // direct_avx2.go
			}
			g.gemv(l, f.form)
			if l.points() && g.wide() {
				g.vbmi = true
				g.gemv(l, f.form)
				g.vbmi = false
			}
		}
	}
}

func gemms(g *gen) {
	if !g.wide() {
		return // direct_avx2.go
	}
	for _, t := range tiles {
		for _, n := range []int{1, 4, 8, 12, 16} {
			g.gemm(t, n)
		}
	}
}

func floats(g *gen) {
	g.laneMasks()
	g.fourTables()
	g.curveTables()
	for _, f := range floatTypes {
		if !g.wide() {
			for _, nr := range [][2]int{{1, 4}, {1, 1}, {4, 1}, {8, 1}, {12, 1}, {16, 1}} {
				g.floatGemmAVX2(f.name, f.bytes, nr[0], nr[1])
			}
			if scaleColumns[f.name] > 0 {
				g.floatExpand(f.name, f.bytes)
			}
			continue
		}
		for _, nr := range [][2]int{{1, 8}, {4, 4}, {8, 2}, {1, 1}, {4, 1}, {8, 1}, {12, 1}, {16, 1}} {
			g.floatGemm(f.name, f.bytes, nr[0], nr[1])
		}
	}
}

func unpacks(g *gen) {
	g.pointMasks()
	g.permuteTables()
	for _, l := range layouts {
		g.unpack(l, true)
		if l.points() && g.wide() {
			g.vbmi = true
			g.unpack(l, true)
			g.vbmi = false
		}
		if (l.bits == 2 || l.bits == 4 || l.bits == 5) && !l.table {
			g.unpack(l, false)
		}
	}
	g.expand()
	g.expandOdd()
}

func vectorRoutines(g *gen) {
	g.expTable()
	g.vectors()
	g.laneSums()
}

func attentionRoutines(g *gen) {
	g.expTable()
	g.laneIndex()
	g.splitSoftmax()
	if !g.wide() { // tiles are quads of 16 bytes: wider registers do not help
		g.turnQuad()
		g.turnTiles()
	}
}

func q8Routines(g *gen) {
	if !g.wide() {
		g.packOrder()
		g.q8row()
	}
}

func layoutNamed(name string) layout {
	for _, l := range layouts {
		if l.name == name {
			return l
		}
	}
	fmt.Fprintln(os.Stderr, "no layout", name)
	os.Exit(1)
	return layout{}
}

func writeDecls(path, pkg string, decls []string) {
	text := "// Code generated by internal/kernel/_asm. DO NOT EDIT.\n\n//go:build amd64 && !purego\n\npackage " + pkg + "\n\n"
	must(os.WriteFile(path, []byte(text+strings.Join(decls, "\n")), 0o644))
}

// vectorOps are the names of ../vector.go, in order, each with its routine.
var vectorOps = []string{
	"Exp", "Sigmoid", "Tanh", "Silu", "Gelu", "SiluMul", "GeluMul", "Add", "Scale", "Div", "Fma", "Norm",
	"Layernorm", "Combine", "MulF16", "RopeHalves", "RopePairs", "Sum", "Dot", "Variance", "Max", "ExpSum",
}

// vectorDispatch returns the switch from an operation to its routine. Direct
// calls keep the arguments off the heap, which calls through a table would not.
func vectorDispatch() string {
	var b strings.Builder
	b.WriteString("// vectorAsm runs the routine of an operation.\nfunc vectorAsm(op vectorOp, a *vectorArgs) {\n\twide := impl >= AVX512\n\tswitch op {\n")
	for _, op := range vectorOps {
		name := "v" + strings.ToLower(op[:1]) + op[1:]
		fmt.Fprintf(&b, "\tcase op%s:\n\t\tif wide {\n\t\t\t%sAVX512(a)\n\t\t} else {\n\t\t\t%sAVX2(a)\n\t\t}\n", op, name, name)
	}
	b.WriteString("\t}\n}\n")
	return b.String()
}
