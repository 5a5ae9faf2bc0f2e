package task

import (
	"fmt"
	"strings"
)

// Sizes of the sudoku.
const (
	sudokuSide  = 4
	sudokuBlock = 2
	sudokuCells = sudokuSide * sudokuSide
)

// Sudoku asks for a square of 4×4 that has 1 to 4 once in each row, column and block of 2×2.
type Sudoku struct {
	Cells [sudokuCells]byte // row by row: 1 to 4, 0 where one is to be found
}

// Short is the square, a row a line, with dots where numbers are to be found.
func (s *Sudoku) Short() string {
	var b strings.Builder
	for i, c := range s.Cells {
		if i > 0 && i%sudokuSide == 0 {
			b.WriteByte('\n')
		}
		if c == 0 {
			b.WriteByte('.')
		} else {
			b.WriteByte('0' + c)
		}
	}
	return b.String()
}

// Question is the problem in words.
func (s *Sudoku) Question() string {
	return fmt.Sprintf("Fill the dots of this 4×4 sudoku so that each row, each column and each 2×2 block has the numbers 1 to 4:\n\n%s\n\n"+
		"Write the whole square, its four rows, between <answer> and </answer>.", s.Short())
}

// Check says whether an answer is sixteen numbers from 1 to 4, with blanks, commas and bars
// between or not, and whether they are a solution.
func (s *Sudoku) Check(answer string) (formed, right bool) {
	var cells [sudokuCells]byte
	n := 0
	for i := range len(answer) {
		c := answer[i]
		if strings.IndexByte(Blanks+",|", c) >= 0 {
			continue
		}
		if c < '1' || c > '0'+sudokuSide || n == sudokuCells {
			return false, false
		}
		cells[n] = c - '0'
		n++
	}
	if n < sudokuCells {
		return false, false
	}
	for i, c := range cells {
		if s.Cells[i] != 0 && s.Cells[i] != c || !fitsSudoku(&cells, i, c) {
			return true, false
		}
	}
	return true, true
}

// fitsSudoku says that no other cell that sees cell i has the number c.
func fitsSudoku(cells *[sudokuCells]byte, i int, c byte) bool {
	row, column := i/sudokuSide, i%sudokuSide
	for j, other := range cells {
		r, k := j/sudokuSide, j%sudokuSide
		seen := r == row || k == column || r/sudokuBlock == row/sudokuBlock && k/sudokuBlock == column/sudokuBlock
		if j != i && other == c && seen {
			return false
		}
	}
	return true
}

// solutions counts the ways to fill the empty cells from i on, up to most.
func solutions(cells *[sudokuCells]byte, i, most int) int {
	for ; i < sudokuCells && cells[i] != 0; i++ {
	}
	if i == sudokuCells {
		return 1
	}
	n := 0
	for c := byte(1); c <= sudokuSide && n < most; c++ {
		if fitsSudoku(cells, i, c) {
			cells[i] = c
			n += solutions(cells, i+1, most-n)
		}
	}
	cells[i] = 0
	return n
}

// generateSudoku fills a square and empties so many cells that one solution is left. An
// order of cells that leaves more is given up for another.
func generateSudoku(s *source, holes int) Problem {
	for {
		var x Sudoku
		s.fill(&x.Cells, 0)
		order := make([]int, sudokuCells)
		for i := range order {
			order[i] = i
		}
		shuffle(s, order)
		left := holes
		for _, i := range order {
			if left == 0 {
				break
			}
			c := x.Cells[i]
			x.Cells[i] = 0
			if copied := x.Cells; solutions(&copied, 0, 2) > 1 {
				x.Cells[i] = c
				continue
			}
			left--
		}
		if left == 0 {
			return &x
		}
	}
}

// fill fills the cells from i on with numbers in random order.
func (s *source) fill(cells *[sudokuCells]byte, i int) bool {
	if i == sudokuCells {
		return true
	}
	numbers := []byte{1, 2, 3, 4}
	shuffle(s, numbers)
	for _, c := range numbers {
		if fitsSudoku(cells, i, c) {
			cells[i] = c
			if s.fill(cells, i+1) {
				return true
			}
		}
	}
	cells[i] = 0
	return false
}
