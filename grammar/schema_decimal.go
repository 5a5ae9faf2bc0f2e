package grammar

import (
	"math"
	"strconv"
	"strings"
)

// maxDecimal bounds the digits on either side of a number's point: as many as a number
// in double precision has, so that every number that a grammar allows can be read.
const maxDecimal = 308

// decimal is a number in decimal digits. Its zero value is 0.
type decimal struct {
	neg       bool
	int, frac string // without zeros at the outer ends
}

// newDecimal reads a number of JSON. ok is false where it has over maxDecimal digits on a
// side; then huge says that it is beyond all that have no more.
func newDecimal(text string) (d decimal, ok, huge bool) {
	rest, neg := strings.CutPrefix(text, "-")
	mantissa, exp := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		mantissa = rest[:i]
		n, err := strconv.Atoi(rest[i+1:])
		if err != nil || n > 1<<20 || n < -1<<20 {
			n = 1 << 20
			if strings.Contains(rest[i:], "-") {
				n = -n
			}
		}
		exp = n
	}
	int, frac, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(int+frac, "0")
	point := len(digits) - len(frac) + exp // where the point is in digits
	digits = strings.TrimRight(digits, "0")
	switch {
	case digits == "":
		return decimal{}, true, false
	case point > maxDecimal:
		return decimal{neg: neg}, false, true
	case len(digits)-point > maxDecimal:
		return decimal{neg: neg}, false, false
	case point <= 0:
		return decimal{neg: neg, frac: strings.Repeat("0", -point) + digits}, true, false
	case point >= len(digits):
		return decimal{neg: neg, int: digits + strings.Repeat("0", point-len(digits))}, true, false
	}
	return decimal{neg, digits[:point], digits[point:]}, true, false
}

// String writes a number as it is written without an exponent.
func (d decimal) String() string {
	s := d.int
	if s == "" {
		s = "0"
	}
	if d.frac != "" {
		s += "." + d.frac
	}
	if d.neg {
		s = "-" + s
	}
	return s
}

func (d decimal) zero() bool  { return d.int == "" && d.frac == "" }
func (d decimal) whole() bool { return d.frac == "" }

// cmp is -1, 0 or 1 as a is less than, equal to or more than b.
func (a decimal) cmp(b decimal) int {
	if a.neg != b.neg {
		if a.neg {
			return -1
		}
		return 1
	}
	n := len(a.int) - len(b.int)
	if n == 0 {
		if n = strings.Compare(a.int, b.int); n == 0 {
			n = strings.Compare(a.frac, b.frac)
		}
	}
	if a.neg {
		n = -n
	}
	return min(max(n, -1), 1)
}

// negative returns -d.
func (d decimal) negative() decimal {
	d.neg = !d.neg && !d.zero()
	return d
}

// beside returns the number next to d in double precision, upward or downward, so that
// all readers agree that it is another one. ok is false where none of 308 digits is.
func (d decimal) beside(up bool) (next decimal, ok bool) {
	x, _ := strconv.ParseFloat(d.String(), 64)
	to := math.Inf(-1)
	if up {
		to = math.Inf(1)
	}
	next, ok, _ = newDecimal(strconv.FormatFloat(math.Nextafter(x, to), 'f', -1, 64))
	return next, ok
}

// ceil returns the least whole number that is not less than d, or with above that is
// more.
func (d decimal) ceil(above bool) decimal {
	more := above && d.frac == "" || d.frac != ""
	out := decimal{neg: d.neg, int: d.int}
	switch {
	case !more:
	case !d.neg:
		out.int = plusOne(out.int)
	case d.frac == "": // -3 and above: -2
		out.int = minusOne(out.int)
	}
	if out.int == "" {
		out.neg = false
	}
	return out
}

func plusOne(s string) string {
	b := []byte(s)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] <= '9' {
			return string(b)
		}
		b[i] = '0'
	}
	return "1" + string(b)
}

func minusOne(s string) string {
	b := []byte(s)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]--; b[i] >= '0' {
			break
		}
		b[i] = '9'
	}
	return strings.TrimLeft(string(b), "0")
}
