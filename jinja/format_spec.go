package jinja

import (
	"strings"
	"unicode/utf8"
)

// formatSpec is a format specification as in "{:>8.2f}".format.
//
//	[[fill]align][sign][z][#][0][width][group][.precision][kind]
type formatSpec struct {
	fill        rune
	zero        bool // fill is 0 by the flag, and numbers are filled behind their sign
	align       byte // < > = ^ or 0
	sign        byte // + - space or 0
	noMinusZero bool
	alternate   bool
	width       int
	group       byte // , _ or 0
	precision   int  // -1 if there is none
	kind        byte // or 0
}

func (spec *formatSpec) unknown(kind string) error {
	return faultf(faultValue, "unknown format code '%c' for object of type '%s'", spec.kind, kind)
}

func isAlign(c byte) bool { return strings.IndexByte("<>=^", c) >= 0 }

func parseFormatSpec(s string) (*formatSpec, error) {
	spec := &formatSpec{fill: ' ', precision: -1}
	c, n := utf8.DecodeRuneInString(s)
	filled := false
	switch {
	case s != "" && len(s) > n && isAlign(s[n]):
		spec.fill, spec.align, s, filled = c, s[n], s[n+1:], true
	case s != "" && isAlign(s[0]):
		spec.align, s = s[0], s[1:]
	}
	flag := func(chars string) byte {
		if s != "" && strings.IndexByte(chars, s[0]) >= 0 {
			f := s[0]
			s = s[1:]
			return f
		}
		return 0
	}
	spec.sign = flag("+- ")
	spec.noMinusZero = flag("z") != 0
	spec.alternate = flag("#") != 0
	if !filled && strings.HasPrefix(s, "0") {
		spec.fill, spec.zero = '0', spec.align == 0
		s = s[1:]
	}
	var err error
	if spec.width, s, err = specNumber(s); err != nil {
		return nil, err
	}
	spec.width = max(0, spec.width)
	spec.group = flag(",_")
	if spec.group != 0 && s != "" && (s[0] == ',' || s[0] == '_') {
		return nil, faultf(faultValue, "cannot specify both ',' and '_'")
	}
	if strings.HasPrefix(s, ".") {
		if spec.precision, s, err = specNumber(s[1:]); err != nil {
			return nil, err
		}
		if spec.precision < 0 {
			return nil, faultf(faultValue, "format specifier missing precision")
		}
	}
	if len(s) > 1 {
		return nil, faultf(faultValue, "invalid format specifier")
	}
	if s != "" {
		spec.kind = s[0]
	}
	return spec, nil
}

// specNumber reads digits; without any the number is -1.
func specNumber(s string) (int, string, error) {
	n := -1
	for s != "" && isDigit(s[0]) {
		n = 10*max(0, n) + int(s[0]-'0')
		if n > maxPadding {
			return 0, "", errOutput
		}
		s = s[1:]
	}
	return n, s, nil
}

// place pads s to the width.
func (spec *formatSpec) place(s string, align byte) string {
	n := spec.width - utf8.RuneCountInString(s)
	if n <= 0 {
		return s
	}
	if spec.align != 0 {
		align = spec.align
	}
	left := 0
	switch align {
	case '>':
		left = n
	case '^':
		left = n / 2
	}
	fill := string(spec.fill)
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, n-left)
}

// number puts a number together: sign, prefix, digits in groups, and the rest,
// which is what is behind the point.
func (spec *formatSpec) number(negative bool, prefix, digits, rest string, group int) string {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case spec.sign == '+':
		sign = "+"
	case spec.sign == ' ':
		sign = " "
	}
	head := sign + prefix
	zeros := 0 // digits to reach with leading zeros
	inside := spec.zero || spec.align == '='
	if inside && spec.fill == '0' {
		zeros = spec.width - len(head) - len(rest)
	}
	if spec.group != 0 {
		digits = grouped(digits, spec.group, group, zeros)
	} else if n := zeros - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	if inside {
		n := spec.width - utf8.RuneCountInString(head+digits+rest)
		return head + strings.Repeat(string(spec.fill), max(0, n)) + digits + rest
	}
	return spec.place(head+digits+rest, '>')
}

// grouped puts a separator after every so many digits, and zeros in front until
// the text has the width; a separator is never in front.
func grouped(digits string, separator byte, size, width int) string {
	if digits == "" || !strings.Contains("0123456789abcdefABCDEF", digits[:1]) || digits == "inf" || digits == "nan" {
		return digits
	}
	var b []byte // from the last to the first
	count := 0
	put := func(c byte) {
		if count > 0 && count%size == 0 {
			b = append(b, separator)
		}
		b = append(b, c)
		count++
	}
	for i := len(digits) - 1; i >= 0; i-- {
		put(digits[i])
	}
	for len(b) < width {
		put('0')
	}
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// formatObject is Python's format(o, spec).
func (r *rendering) formatObject(o object, text string) (string, error) {
	if text == "" {
		return r.text(o)
	}
	s, isString := stringOf(o)
	if !isString && !isNumber(o) {
		return "", faultf(faultType, "unsupported format string passed to %s.__format__", typeName(o))
	}
	if err := r.scan(len(text)); err != nil {
		return "", err
	}
	spec, err := parseFormatSpec(text)
	if err != nil {
		return "", err
	}
	if err := r.scan(max(0, spec.precision) + spec.width); err != nil {
		return "", err
	}
	if err := r.spend(8*spec.width + len(s)); err != nil {
		return "", err
	}
	if isString {
		return formatText(s, spec)
	}
	if f, ok := o.(float64); ok {
		return formatFloatSpec(f, spec)
	}
	if strings.IndexByte("bcdoxXneEfFgG%\x00", spec.kind) < 0 {
		return "", spec.unknown(typeName(o))
	}
	if spec.noMinusZero && strings.IndexByte("eEfFgG%", spec.kind) < 0 {
		return "", faultf(faultValue, "negative zero coercion (z) not allowed in format specifier with integer presentation type")
	}
	i, _ := bigOf(o)
	return r.formatInt(i, spec)
}

func formatText(s string, spec *formatSpec) (string, error) {
	switch {
	case spec.kind != 0 && spec.kind != 's':
		return "", spec.unknown("str")
	case spec.sign != 0:
		return "", faultf(faultValue, "sign not allowed in string format specifier")
	case spec.alternate:
		return "", faultf(faultValue, "alternate form (#) not allowed in string format specifier")
	case spec.noMinusZero:
		return "", faultf(faultValue, "negative zero coercion (z) not allowed in string format specifier")
	case spec.group != 0:
		return "", faultf(faultValue, "cannot specify '%c' with 's'", spec.group)
	case spec.align == '=':
		return "", faultf(faultValue, "'=' alignment not allowed in string format specifier")
	}
	if spec.precision >= 0 {
		s = s[:byteOffset(s, spec.precision)]
	}
	return spec.place(s, '<'), nil
}
