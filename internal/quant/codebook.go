package quant

import (
	"math"
	"slices"
)

// codebook finds the point of a grid that is nearest to some weights. The lattice of
// which a grid holds some points has eight axes of three levels, or four of eight; a
// cell is one of its points, numbered as in the bitmaps of the grids. The cell whose
// every level is the nearest one is often not in the grid. Each cell has a list of the
// points around it with the levels that differ. What those cost more than the nearest
// levels, their penalties, sum to what the point costs.
type codebook struct {
	levels []float32    // in multiples of the scale
	axes   int          // 8 for three levels, 4 for eight
	points [][8]float32 // the levels of each point; four are not used where axes are four
	cells  []uint16     // of each point
	around int          // points in a list
	moves  []uint32     // [cells, around] the slots of four levels, a byte each
	ids    []uint16     // [cells, around] the points
}

const (
	around3  = 32 // points in a list for three levels
	around8  = 16
	maxMoved = 4 // levels in a move
)

// newCodebook builds the lists of a grid: the points nearest to each cell, counted in
// steps between levels, squared; of equals the first.
//
//	grid: a level in each byte   values, levels: what the bytes mean, ascending
func newCodebook(grid []uint64, values []uint8, levels []float32) *codebook {
	c := &codebook{levels: levels, axes: 8, around: around3}
	if len(levels) == 8 {
		c.axes, c.around = 4, around8
	}
	for _, g := range grid {
		var point [8]float32
		cell := 0
		for axis := range c.axes {
			level := slices.Index(values, uint8(g>>(8*axis)))
			point[axis] = levels[level]
			cell += level * power(len(levels), axis)
		}
		c.points, c.cells = append(c.points, point), append(c.cells, uint16(cell))
	}
	c.fill()
	return c
}

func power(base, exponent int) int {
	p := 1
	for range exponent {
		p *= base
	}
	return p
}

// level returns the level of a cell on an axis.
func (c *codebook) level(cell, axis int) int {
	return cell / power(len(c.levels), axis) % len(c.levels)
}

// slot is the place of a level among 32 penalties.
func (c *codebook) slot(axis, level int) uint32 { return uint32(level*c.axes + axis) }

// fill makes the lists. Distances are looked up for halves of the axes.
func (c *codebook) fill() {
	halves := power(len(c.levels), c.axes/2)
	table := make([]distance, halves*halves)
	for i := range table {
		table[i] = c.between(i/halves, i%halves)
	}
	all := make([]distance, len(c.points))
	for cell := range halves * halves {
		low, high := table[cell%halves*halves:][:halves], table[cell/halves*halves:][:halves]
		for id, to := range c.cells {
			a, b := low[int(to)%halves], high[int(to)/halves]
			all[id] = distance{a.steps + b.steps, a.moved + b.moved}
		}
		c.list(cell, all)
	}
}

// distance is how far cells are apart.
type distance struct {
	steps uint8 // the sum of squares of the differences of levels, 4*7*7 at most
	moved uint8 // axes whose level differs
}

func (c *codebook) between(a, b int) (d distance) {
	for axis := range c.axes / 2 {
		if steps := c.level(a, axis) - c.level(b, axis); steps != 0 {
			d.steps += uint8(steps * steps)
			d.moved++
		}
	}
	return d
}

// list appends the list of a cell, given its distance from every point. A list that
// ends early repeats its last point. A cell from which all points differ in more levels
// than a move has lists one of the nearest only.
func (c *codebook) list(cell int, all []distance) {
	var count [256]int
	for _, d := range all {
		if d.moved <= maxMoved {
			count[d.steps]++
		}
	}
	farthest, n := 0, 0
	for ; farthest < len(count)-1 && n+count[farthest] < c.around; farthest++ {
		n += count[farthest]
	}
	var near []int
	nearest := 0
	for id, d := range all {
		if d.moved <= maxMoved && int(d.steps) <= farthest {
			near = append(near, int(d.steps)<<16|id)
		}
		if d.steps < all[nearest].steps {
			nearest = id
		}
	}
	if len(near) == 0 {
		near = append(near, nearest)
	}
	slices.Sort(near)
	for i := range c.around {
		id := near[min(i, len(near)-1)] & 0xffff
		c.ids = append(c.ids, uint16(id))
		c.moves = append(c.moves, c.move(cell, int(c.cells[id])))
	}
}

// move packs the slots of levels of a point that are not those of a cell. Slots that
// are left over name a level of the cell, whose penalty is zero.
func (c *codebook) move(cell, point int) (m uint32) {
	moved := 0
	for axis := range c.axes {
		if level := c.level(point, axis); level != c.level(cell, axis) && moved < maxMoved {
			m |= c.slot(axis, level) << (8 * moved)
			moved++
		}
	}
	for ; moved < maxMoved; moved++ {
		m |= c.slot(0, c.level(cell, 0)) << (8 * moved)
	}
	return m
}

// nearest returns the point with the least penalty, the first of equals, for the cell
// whose levels have none.
func (c *codebook) nearest(cell int, penalty *[32]float32) uint16 {
	moves, ids := c.moves[cell*c.around:][:c.around], c.ids[cell*c.around:][:c.around]
	if int(c.cells[ids[0]]) == cell {
		return ids[0]
	}
	best, least := 0, float32(math.MaxFloat32)
	for i, m := range moves {
		p := (penalty[m&31] + penalty[m>>8&31]) + (penalty[m>>16&31] + penalty[m>>24&31])
		if p < least {
			best, least = i, p
		}
	}
	return ids[best]
}
