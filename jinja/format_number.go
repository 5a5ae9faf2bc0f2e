package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// formatFloat writes f as C's printf does for the letters e, f, g and their
// capitals. With alternate, the point is always there and g keeps its zeros.
func formatFloat(f float64, letter byte, precision int, alternate bool) string {
	s := ""
	switch {
	case math.IsNaN(f):
		s = "nan"
	case math.IsInf(f, 0):
		s = floatText(f)
	default:
		switch letter | 0x20 {
		case 'f':
			s = strconv.FormatFloat(f, 'f', precision, 64)
		case 'e':
			s = strconv.FormatFloat(f, 'e', precision, 64)
		case 'g':
			s = formatGeneral(f, max(1, precision), -4, alternate)
		}
		if alternate {
			s = withPoint(s)
		}
	}
	if letter < 'a' {
		s = strings.ToUpper(s)
	}
	return s
}

// withPoint puts a point behind the digits if there is none.
func withPoint(s string) string {
	if strings.Contains(s, ".") {
		return s
	}
	if i := strings.IndexByte(s, 'e'); i >= 0 {
		return s[:i] + "." + s[i:]
	}
	return s + "."
}

// formatGeneral writes f with so many digits, with an exponent if that is below
// low or as large as the number of digits. Zeros at the end go, unless keep.
func formatGeneral(f float64, digits, low int, keep bool) string {
	s := strconv.FormatFloat(f, 'e', digits-1, 64)
	i := strings.IndexByte(s, 'e')
	exponent, _ := strconv.Atoi(s[i+1:])
	if exponent >= low && exponent < digits {
		s = strconv.FormatFloat(f, 'f', digits-1-exponent, 64)
		if !keep && strings.Contains(s, ".") {
			s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
		}
		return s
	}
	mantissa := s[:i]
	if !keep && strings.Contains(mantissa, ".") {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	return mantissa + s[i:]
}

// formatInt formats an int by a spec of str.format.
func (r *rendering) formatInt(i *big.Int, spec *formatSpec) (string, error) {
	if strings.IndexByte("eEfFgG%", spec.kind) >= 0 && spec.kind != 0 {
		f, _, err := r.floatOf(normal(i))
		if err != nil {
			return "", err
		}
		return formatFloatSpec(f, spec)
	}
	if spec.precision >= 0 {
		return "", faultf(faultValue, "precision not allowed in integer format specifier")
	}
	if err := r.spend(2*intBytes(i) + 8*i.BitLen()); err != nil { // as many digits, in base 2
		return "", err
	}
	abs := new(big.Int).Abs(i)
	digits, prefix, group := "", "", 3
	switch spec.kind {
	case 0, 'd', 'n':
		var err error
		if digits, err = r.intText(abs); err != nil {
			return "", err
		}
	case 'b':
		digits, prefix, group = abs.Text(2), "0b", 4
	case 'o':
		digits, prefix, group = abs.Text(8), "0o", 4
	case 'x':
		digits, prefix, group = abs.Text(16), "0x", 4
	case 'X':
		digits, prefix, group = strings.ToUpper(abs.Text(16)), "0X", 4
	case 'c':
		return formatChar(i, spec)
	default:
		return "", spec.unknown("int")
	}
	if spec.group == ',' && (group == 4 || spec.kind == 'n') {
		return "", faultf(faultValue, "cannot specify ',' with '%c'", spec.kind)
	}
	if !spec.alternate {
		prefix = ""
	}
	return spec.number(i.Sign() < 0, prefix, digits, "", group), nil
}

func formatChar(i *big.Int, spec *formatSpec) (string, error) {
	if spec.sign != 0 {
		return "", faultf(faultValue, "sign not allowed with integer format specifier 'c'")
	}
	if !i.IsInt64() || i.Int64() < 0 || i.Int64() > 0x10ffff {
		return "", faultf(faultOverflow, "%%c arg not in range(0x110000)")
	}
	// A character is placed like a number, on the right.
	return spec.place(string(rune(i.Int64())), '>'), nil
}

// formatFloatSpec formats a float by a spec of str.format.
func formatFloatSpec(f float64, spec *formatSpec) (string, error) {
	negative := math.Signbit(f) && !math.IsNaN(f)
	abs := math.Abs(f)
	precision := spec.precision
	s := ""
	switch spec.kind {
	case 'e', 'E', 'f', 'F', 'g', 'G':
		if precision < 0 {
			precision = 6
		}
		s = formatFloat(abs, spec.kind, precision, spec.alternate)
	case 'n':
		if precision < 0 {
			precision = 6
		}
		s = formatFloat(abs, 'g', precision, spec.alternate)
	case '%':
		if precision < 0 {
			precision = 6
		}
		s = formatFloat(abs*100, 'f', precision, spec.alternate)
	case 0:
		s = formatPlain(abs, precision, spec.alternate)
	default:
		return "", spec.unknown("float")
	}
	if spec.noMinusZero && negative && strings.Trim(s, "0.e+-") == "" {
		negative = false
	}
	whole, rest := s, ""
	if i := strings.IndexAny(s, ".e"); i >= 0 && !math.IsInf(f, 0) && !math.IsNaN(f) {
		whole, rest = s[:i], s[i:]
	}
	if spec.kind == '%' {
		rest += "%"
	}
	return spec.number(negative, "", whole, rest, 3), nil
}

// formatPlain is the form without a letter: like repr, or like g with at least
// one digit after the point.
func formatPlain(f float64, precision int, alternate bool) string {
	if math.IsNaN(f) || math.IsInf(f, 0) || precision < 0 {
		s := floatText(f)
		if alternate {
			s = withPoint(s)
		}
		return s
	}
	digits := max(1, precision)
	s := strconv.FormatFloat(f, 'e', digits-1, 64)
	exponent, _ := strconv.Atoi(s[strings.IndexByte(s, 'e')+1:])
	if exponent >= -4 && exponent < digits-1 {
		s = formatGeneral(f, digits, -4, alternate)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	s = formatGeneral(f, digits, exponent+1, alternate)
	if alternate {
		s = withPoint(s)
	}
	return s
}
