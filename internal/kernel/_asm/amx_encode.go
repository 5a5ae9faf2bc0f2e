package main

import (
	"fmt"
	"strings"
)

// Go's assembler does not know the tile instructions of AMX; they are written as the
// bytes of Intel's manual, volume 2: a VEX prefix of three bytes, the operation, a
// ModRM byte and, for memory, an index byte and a distance.

// The prefixes that VEX folds into two bits.
const (
	vexNone = iota
	vex66
	vexF3
	vexF2
)

// vex returns prefix and operation of the map 0F38 with 128 bits and W = 0. The bits of
// high registers and the second source stand inverted in it.
func vex(prefix, source int, x, b bool, op byte) []byte {
	first := byte(0xe2) // R, X and B of low registers, map 2
	if x {
		first &^= 0x40
	}
	if b {
		first &^= 0x20
	}
	return []byte{0xc4, first, byte(^source&15)<<3 | byte(prefix), op}
}

// generalRegisters are the numbers of those that addresses are made of.
var generalRegisters = map[string]int{
	"AX": 0, "CX": 1, "DX": 2, "BX": 3, "SI": 6, "DI": 7, "R8": 8, "R9": 9, "R10": 10, "R11": 11, "R14": 14,
}

// rows is memory whose rows lie so many times the bytes of a register apart; without one
// all rows are the same.
type rows struct {
	distance int
	base     string
	stride   string
	times    int // 1 or 2
}

func (r rows) String() string {
	if r.stride == "" {
		return fmt.Sprintf("%d(%s)", r.distance, r.base)
	}
	return fmt.Sprintf("%d(%s)(%s*%d)", r.distance, r.base, r.stride, r.times)
}

// encode encodes an operation of a tile on the rows.
func (r rows) encode(prefix int, op byte, tile int) []byte {
	b, i := generalRegisters[r.base], 4 // no index
	if r.stride != "" {
		i = generalRegisters[r.stride]
	}
	code := vex(prefix, 0, i > 7, b > 7, op)
	mod, tail := byte(0x80), []byte{byte(r.distance), byte(r.distance >> 8), byte(r.distance >> 16), byte(r.distance >> 24)}
	switch {
	case r.distance == 0:
		mod, tail = 0, nil
	case r.distance >= -128 && r.distance < 128:
		mod, tail = 0x40, tail[:1]
	}
	code = append(code, mod|byte(tile)<<3|4, byte(r.times>>1)<<6|byte(i&7)<<3|byte(b&7))
	return append(code, tail...)
}

// tileLoad and tileStore move a tile. What is loaded as a stream is not kept in the first
// cache at the cost of what is.
func tileLoad(r rows, tile int) instruction {
	return instruction{fmt.Sprintf("TILELOADD %v, TMM%d", r, tile), r.encode(vexF2, 0x4b, tile)}
}

func tileStream(r rows, tile int) instruction {
	return instruction{fmt.Sprintf("TILELOADDT1 %v, TMM%d", r, tile), r.encode(vex66, 0x4b, tile)}
}

func tileStore(tile int, r rows) instruction {
	return instruction{fmt.Sprintf("TILESTORED TMM%d, %v", tile, r), r.encode(vexF3, 0x4b, tile)}
}

// tileZero clears a tile.
func tileZero(tile int) instruction {
	return instruction{fmt.Sprintf("TILEZERO TMM%d", tile), append(vex(vexF2, 0, false, false, 0x49), 0xc0|byte(tile)<<3)}
}

// tileDot adds the products of the signed bytes of a and b to dst, int32.
func tileDot(b, a, dst int) instruction {
	return instruction{fmt.Sprintf("TDPBSSD TMM%d, TMM%d, TMM%d", b, a, dst), append(vex(vexF2, b, false, false, 0x5e), 0xc0|byte(dst)<<3|byte(a))}
}

// tileConfig reads the shapes of tiles, 64 bytes behind a register.
func tileConfig(base string) instruction {
	r := generalRegisters[base]
	return instruction{fmt.Sprintf("LDTILECFG (%s)", base), append(vex(vexNone, 0, false, r > 7, 0x49), byte(r&7))}
}

// tileRelease forgets tiles and shapes, so that nothing of them has to be saved.
func tileRelease() instruction {
	return instruction{"TILERELEASE", append(vex(vexNone, 0, false, false, 0x49), 0xc0)}
}

// prefetchWrite asks for a line that will be written.
func prefetchWrite(base string) instruction {
	r := generalRegisters[base]
	code := []byte{0x0f, 0x0d, 0x08 | byte(r&7)}
	if r > 7 {
		code = append([]byte{0x41}, code...)
	}
	return instruction{fmt.Sprintf("PREFETCHW (%s)", base), code}
}

// instruction is one that the assembler does not know: its text for readers, and its bytes.
type instruction struct {
	text string
	code []byte
}

// emit writes an instruction as bytes.
func (g *gen) emit(i instruction) {
	parts := make([]string, len(i.code))
	for k, b := range i.code {
		parts[k] = fmt.Sprintf("BYTE $0x%02x", b)
	}
	fmt.Fprintf(&g.out, "\t%s // %s\n", strings.Join(parts, "; "), i.text)
}
