package fetch

import "slices"

// span is a piece of a file: the bytes from the first to before the second.
type span [2]int64

// spans are pieces of a file in their order; no two of them touch.
type spans []span

// add returns the pieces with another one.
func (s spans) add(from, to int64) spans {
	if from >= to {
		return s
	}
	i := 0
	for i < len(s) && s[i][1] < from {
		i++
	}
	j := i
	for j < len(s) && s[j][0] <= to {
		from, to = min(from, s[j][0]), max(to, s[j][1])
		j++
	}
	return slices.Replace(s, i, j, span{from, to})
}

// remove returns the pieces without another one.
func (s spans) remove(from, to int64) spans {
	var left spans
	for _, p := range s {
		if p[0] < min(p[1], from) {
			left = append(left, span{p[0], min(p[1], from)})
		}
		if max(p[0], to) < p[1] {
			left = append(left, span{max(p[0], to), p[1]})
		}
	}
	return left
}

// gap returns the first stretch from a position on that no piece covers; to is
// -1 where it has no end.
func (s spans) gap(from int64) (begin, to int64) {
	for _, p := range s {
		if p[0] > from {
			return from, p[0]
		}
		from = max(from, p[1])
	}
	return from, -1
}

// front is how many bytes there are from the beginning without a gap.
func (s spans) front() int64 {
	begin, _ := s.gap(0)
	return begin
}

// end is where the last piece ends.
func (s spans) end() int64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1][1]
}

// size is how many bytes the pieces have.
func (s spans) size() (n int64) {
	for _, p := range s {
		n += p[1] - p[0]
	}
	return n
}

// valid reports whether these can be the pieces of a file of that many bytes.
func (s spans) valid(size int64) bool {
	last := int64(-1)
	for _, p := range s {
		if p[0] <= last || p[1] <= p[0] || p[1] > size {
			return false
		}
		last = p[1]
	}
	return true
}
