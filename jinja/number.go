package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
)

// Integers are int64 where they fit and *big.Int where they do not, never the
// other way round, so that equal integers have one form.

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// normal returns i in its one form.
func normal(i *big.Int) object {
	if i.IsInt64() {
		return i.Int64()
	}
	return i
}

// checked is normal for the result of an operation.
func checked(i *big.Int) (object, error) {
	if i.BitLen() > maxIntBits {
		return nil, errBigInt
	}
	return normal(i), nil
}

// intOf returns the value of an int or bool that fits 64 bits.
func intOf(o object) (int64, bool) {
	switch o := o.(type) {
	case int64:
		return o, true
	case bool:
		return boolInt(o), true
	}
	return 0, false
}

// bigOf returns the value of any int or bool.
func bigOf(o object) (*big.Int, bool) {
	if i, ok := intOf(o); ok {
		return big.NewInt(i), true
	}
	i, ok := o.(*big.Int)
	return i, ok
}

// floatOf returns the value of any number as a float; an int beyond the range
// of floats is an OverflowError.
func (r *rendering) floatOf(o object) (f float64, ok bool, err error) {
	switch o := o.(type) {
	case float64:
		return o, true, nil
	case *big.Int:
		if err := r.spend(intBytes(o)); err != nil {
			return 0, true, err
		}
		f, _ := new(big.Float).SetInt(o).Float64()
		if math.IsInf(f, 0) {
			return 0, true, faultf(faultOverflow, "int too large to convert to float")
		}
		return f, true, nil
	}
	i, ok := intOf(o)
	return float64(i), ok, nil
}

func isInt(o object) bool {
	switch o.(type) {
	case int64, bool, *big.Int:
		return true
	}
	return false
}

func isNumber(o object) bool {
	_, ok := o.(float64)
	return ok || isInt(o)
}

// clampInt returns an int as a Go int, cut at ±2^62, for places where larger
// values mean the same: lengths, counts, bounds of slices.
func clampInt(o object) (int, bool) {
	if i, ok := intOf(o); ok {
		return int(max(-1<<62, min(1<<62, i))), true
	}
	if i, ok := o.(*big.Int); ok {
		return i.Sign() << 62, true
	}
	return 0, false
}

// intText writes an int in decimal.
func (r *rendering) intText(i *big.Int) (string, error) {
	if err := r.products(words(i), words(i)); err != nil {
		return "", err
	}
	s := i.Text(10)
	if len(strings.TrimPrefix(s, "-")) <= maxDigits {
		return s, nil
	}
	return "", faultf(faultValue, "exceeds the limit (%d digits) for integer string conversion", maxDigits)
}

// floatText writes f as Python's repr: the shortest decimal that reads back as
// f, with an exponent below 1e-4 and from 1e16 on.
func floatText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == 0:
		if math.Signbit(f) {
			return "-0.0"
		}
		return "0.0"
	}
	if a := math.Abs(f); a >= 1e16 || a < 1e-4 {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// truncated returns the int nearest to f on the side of zero.
func truncated(f float64) (object, error) {
	switch {
	case math.IsNaN(f):
		return nil, faultf(faultValue, "cannot convert float NaN to integer")
	case math.IsInf(f, 0):
		return nil, faultf(faultOverflow, "cannot convert float infinity to integer")
	}
	i, _ := new(big.Float).SetFloat64(f).Int(nil)
	return normal(i), nil
}

// parseInt reads s as Python's int(s, base).
func parseInt(s string, base int) (object, error) {
	if base != 0 && (base < 2 || base > 36) {
		return nil, faultf(faultValue, "int() base must be >= 2 and <= 36, or 0")
	}
	if len(s) > 1<<16 {
		return nil, faultf(faultValue, "exceeds the limit (%d digits) for integer string conversion", maxDigits)
	}
	t := asciiDigits(strings.TrimFunc(s, isSpace))
	negative := strings.HasPrefix(t, "-")
	if negative || strings.HasPrefix(t, "+") {
		t = t[1:]
	}
	t, base, ok := intPrefix(t, base)
	bad := func() error { return faultf(faultValue, "invalid literal for int() with base %d: %s", base, quote(s)) }
	if !ok {
		return nil, bad()
	}
	digits := strings.ReplaceAll(t, "_", "")
	if digits == "" || strings.HasPrefix(t, "_") || strings.HasSuffix(t, "_") || strings.Contains(t, "__") || strings.ContainsAny(digits, "+-") {
		return nil, bad()
	}
	if base&(base-1) != 0 && len(digits) > maxDigits {
		return nil, faultf(faultValue, "exceeds the limit (%d digits) for integer string conversion", maxDigits)
	}
	i, ok := new(big.Int).SetString(digits, base)
	if !ok {
		return nil, bad()
	}
	if negative {
		i.Neg(i)
	}
	return checked(i)
}

// intPrefix takes 0x, 0o or 0b off t where base allows it, and finds base 0.
func intPrefix(t string, base int) (string, int, bool) {
	if len(t) > 1 && t[0] == '0' {
		if b := map[byte]int{'x': 16, 'o': 8, 'b': 2}[t[1]|0x20]; b != 0 && (base == b || base == 0) {
			return strings.TrimPrefix(t[2:], "_"), b, true
		}
	}
	if base == 0 {
		// Without a prefix only zeros may begin with a zero.
		zeros := strings.Trim(t, "0_") == ""
		return t, 10, zeros || t[0] != '0'
	}
	return t, base, true
}

// parseFloat reads s as Python's float(s).
func parseFloat(s string) (float64, error) {
	bad := func() error { return faultf(faultValue, "could not convert string to float: %s", quote(s)) }
	t := asciiDigits(strings.TrimFunc(s, isSpace))
	if len(t) > 1<<16 {
		return 0, bad()
	}
	for i := range len(t) {
		if t[i] == '_' && (i == 0 || i == len(t)-1 || !isDigit(t[i-1]) || !isDigit(t[i+1])) {
			return 0, bad()
		}
	}
	t = strings.ReplaceAll(t, "_", "")
	// Go reads hexadecimal floats, which Python does not.
	if strings.ContainsAny(t, "xXpP") {
		return 0, bad()
	}
	if strings.EqualFold(strings.TrimLeft(t, "+-"), "nan") && len(t) <= 4 {
		return math.NaN(), nil
	}
	f, err := strconv.ParseFloat(t, 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, bad()
	}
	return f, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// asciiDigits replaces decimal digits of other scripts by those of ASCII.
func asciiDigits(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(c rune) rune {
		if v := digitValue(c); v >= 0 {
			return '0' + rune(v)
		}
		return c
	}, s)
}

// digitValue returns the value of a decimal digit of any script, or -1. The
// digits of a script are ten in a row.
func digitValue(c rune) int {
	if !unicode.Is(unicode.Nd, c) {
		return -1
	}
	if c >= 0x1d7ce && c <= 0x1d7ff { // mathematical digits: several rows of ten
		return int(c-0x1d7ce) % 10
	}
	v := 0
	for v < 9 && unicode.Is(unicode.Nd, c-rune(v)-1) {
		v++
	}
	return v
}
