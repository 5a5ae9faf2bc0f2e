package grammar

import (
	"strconv"
	"strings"
)

// digits writes whole numbers from lo to hi, digit by digit. As long as the digits are
// those of a bound, the next one is bounded by it.
type digits struct {
	lo, hi    decimal
	unbounded bool // hi stands for no bound
	most      int  // digits, where there is no bound
	every     uint64
	// free writes count to most more digits, of which none is bounded, behind digits that
	// leave a remainder of every.
	free func(count, most int, left uint64) Expr
	// end writes what is behind the last digit.
	end func(lo, hi string, low, high bool, left uint64) Expr
}

func (d *digits) expr() Expr {
	lo, hi := d.lo.int, d.hi.int
	if lo == "" {
		lo = "0"
	}
	if hi == "" {
		hi = "0"
	}
	var ways []Expr
	if d.unbounded && strings.Trim(lo, "0") == "" && d.lo.frac == "" && d.every == 1 {
		return Or(Seq(Literal("0"), d.end("", "", false, false, 0)), Seq(digit19, d.free(0, d.most-1, 0)))
	}
	if len(lo) == len(hi) {
		return d.walk(lo, hi, true, !d.unbounded, true, 0)
	}
	ways = append(ways, d.walk(lo, strings.Repeat("9", len(lo)), true, false, true, 0))
	if len(hi)-len(lo) > 1 {
		ways = append(ways, d.between(len(lo)+1, len(hi)-1)...)
	}
	low := "1" + strings.Repeat("0", len(hi)-1)
	ways = append(ways, d.walk(low, hi, false, !d.unbounded, true, 0))
	return Or(distinct(ways)...)
}

// between writes all numbers of from to to digits.
func (d *digits) between(from, to int) []Expr {
	if d.every == 1 {
		return []Expr{Seq(digit19, d.free(from-1, to-1, 0))}
	}
	var ways []Expr
	for n := from; n <= to; n++ {
		for c := uint64(1); c <= 9; c++ {
			ways = append(ways, row(Literal(strconv.FormatUint(c, 10)), d.free(n-1, n-1, c%d.every)))
		}
	}
	return ways
}

// walk writes the numbers of as many digits as lo and hi have. low and high say that the
// digits so far are those of lo and hi.
func (d *digits) walk(lo, hi string, low, high, first bool, left uint64) Expr {
	if lo == "" {
		return d.end(d.lo.frac, d.hi.frac, low, high, left)
	}
	if !low && !high && !first {
		return d.free(len(lo), len(lo), left)
	}
	from, to := byte('0'), byte('9')
	if low || first {
		from = lo[0]
	}
	if high {
		to = hi[0]
	}
	var ways []Expr
	for from <= to {
		isLow, isHigh := low && from == lo[0], high && from == hi[0]
		last := from
		for d.every == 1 && !isLow && !isHigh && last < to && (!high || last+1 < hi[0]) {
			last++
		}
		rest := d.walk(lo[1:], hi[1:], isLow, isHigh, false, (left*10+uint64(from-'0'))%d.every)
		ways = append(ways, row(Class(Range{rune(from), rune(last)}), rest))
		from = last + 1
	}
	return Or(distinct(ways)...)
}

// fractions writes the digits behind a point, from lo to hi, up to most.
type fractions struct {
	lo, hi string
	most   int
}

// expr writes the digits from one place on. At least one is written, and where zero says
// so, which means that all so far are 0, one that is not 0.
func (f *fractions) expr(at int, low, high, zero bool) Expr {
	low = low && at < len(f.lo)
	switch {
	case !low && !high && zero:
		return Seq(Repeat(Literal("0"), 0, max(f.most-at-18, 0)), digit19, Repeat(digit, 0, min(17, f.most-1)))
	case !low && !high:
		return Repeat(digit, max(1-at, 0), max(f.most-at, 1))
	case high && at >= len(f.hi) && (low || zero):
		return Or()
	case high && at >= len(f.hi): // hi and nothing more
		return Repeat(Literal("0"), max(1-at, 0), max(f.most-at, 1))
	}
	from, to := byte('0'), byte('9')
	if low {
		from = f.lo[at]
	}
	if high {
		to = f.hi[at]
	}
	var ways []Expr
	if at > 0 && !low && !zero {
		ways = append(ways, Expr{}) // what ends here is not more than hi
	}
	for from <= to {
		isLow, isHigh, isZero := low && from == f.lo[at], high && from == f.hi[at], zero && from == '0'
		last := from
		for !isLow && !isHigh && !isZero && last < to && (!high || last+1 < f.hi[at]) {
			last++
		}
		ways = append(ways, row(Class(Range{rune(from), rune(last)}), f.expr(at+1, isLow, isHigh, isZero)))
		from = last + 1
	}
	return Or(distinct(ways)...)
}

// maxMultipleDigits is how many digits a multiple has where no bound says so.
const maxMultipleDigits = 15

// maxRemainders bounds the rules of multiples.
const maxRemainders = 2000

// multiples returns the multiples of every from lo to hi.
func (n *numbers) multiples(lo decimal, hi *limit) Expr {
	every, zeros := n.every, 0
	for every%10 == 0 {
		every /= 10
		zeros++
	}
	to := decimal{int: strings.Repeat("9", maxMultipleDigits)}
	if hi != nil {
		to = hi.decimal
	}
	if every > maxRemainders || int(every)*max(len(to.int), 1) > 20*maxRemainders {
		n.fail(tooLargeAt(n.doc.root, "multipleOf "+strconv.FormatUint(n.every, 10)))
	}
	null := Or()
	if lo.zero() {
		null = Literal("0")
		lo.int = "1"
	}
	from, to := shortened(lo, zeros, true), shortened(to, zeros, false)
	if from.cmp(to) > 0 {
		return null
	}
	tail := Literal(strings.Repeat("0", zeros))
	name := "m" + strconv.FormatUint(every, 10) + ":" + strconv.Itoa(zeros) + ":"
	d := &digits{lo: from, hi: to, every: every, end: func(_, _ string, _, _ bool, left uint64) Expr {
		if left != 0 {
			return Or()
		}
		return tail
	}}
	d.free = func(count, most int, left uint64) Expr {
		if every == 1 {
			return Seq(Repeat(digit, count, most), tail)
		}
		if count == 0 {
			return d.end("", "", false, false, left)
		}
		return n.rule(name+strconv.Itoa(count)+":"+strconv.FormatUint(left, 10), func() Expr {
			var ways []Expr
			for c := range uint64(10) {
				ways = append(ways, row(Literal(strconv.FormatUint(c, 10)), d.free(count-1, count-1, (left*10+c)%every)))
			}
			return Or(distinct(ways)...)
		})
	}
	return Or(distinct([]Expr{null, d.expr()})...)
}

// shortened divides a whole number by a power of ten and rounds it up or down.
func shortened(d decimal, zeros int, up bool) decimal {
	n := len(d.int) - zeros
	if n < 0 {
		n = 0
	}
	rest := strings.Trim(d.int[n:], "0")
	if out := d.int[:n]; !up || rest == "" {
		return decimal{int: out}
	} else {
		return decimal{int: plusOne(out)}
	}
}
