package compressed

// awqPlace is which four bits of a word of AWQ each of eight neighbours has: the even ones
// come first.
var awqPlace = [8]int{0, 4, 1, 5, 2, 6, 3, 7}

// zero returns a zero point.
func (m *Matrix) zero(row, group int) int {
	mask := uint32(1)<<m.bits - 1
	if m.method == awq { // [groups, Rows/8]
		word := le.Uint32(m.zeros[4*(group*(m.Rows/8)+row/8):])
		return int(word >> (4 * awqPlace[row%8]) & mask)
	}
	at, stride := group*m.zeroWords(), 1 // [groups, words]
	if m.method == ct {
		at, stride = group, m.groups // [words, groups]
	}
	bit := row * m.bits
	at += bit / 32 * stride
	x := uint64(le.Uint32(m.zeros[4*at:]))
	if bit%32+m.bits > 32 {
		x |= uint64(le.Uint32(m.zeros[4*(at+stride):])) << 32
	}
	return int(uint32(x>>(bit%32))&mask) + m.offset
}

// zeroWords returns how many words hold the zero points of a group, a stream of bits.
func (m *Matrix) zeroWords() int { return (m.Rows*m.bits + 31) / 32 }

// unpack returns integers as they are stored, without their zero points.
//
//	w [n, Cols], of rows first …
func (m *Matrix) unpack(w []uint8, first, n int) {
	switch m.method {
	case gptq: // [Cols·bits/32, Rows]: a stream of bits along the columns, 32 integers in bits words
		for k := 0; k < m.Cols; k += block {
			for r := range n {
				m.stream(w[r*m.Cols+k:][:block], 4*(k/block*m.bits*m.Rows+first+r), 4*m.Rows)
			}
		}
	case ct: // [Rows, Cols·bits/32]
		for r := range n {
			for k := 0; k < m.Cols; k += block {
				m.stream(w[r*m.Cols+k:][:block], ((first+r)*m.Cols+k)*m.bits/8, 4)
			}
		}
	case awq: // [Cols, Rows/8]
		for k := range m.Cols {
			for r := range n {
				word := le.Uint32(m.values[4*(k*(m.Rows/8)+(first+r)/8):])
				w[r*m.Cols+k] = uint8(word >> (4 * awqPlace[(first+r)%8]) & 15)
			}
		}
	}
}

// stream reads integers out of words that stand stride bytes apart.
func (m *Matrix) stream(w []uint8, at, stride int) {
	var bits uint64
	have, mask := 0, uint64(1)<<m.bits-1
	for i := range w {
		if have < m.bits {
			bits |= uint64(le.Uint32(m.values[at:])) << have
			at, have = at+stride, have+32
		}
		w[i] = uint8(bits & mask)
		bits, have = bits>>m.bits, have-m.bits
	}
}
