package jinja

import (
	"math/big"
	"strings"
	"unicode/utf8"
)

// printf is the operator % of strings: format % args.
func (r *rendering) printf(format, args object) (object, error) {
	p := printer{w: writer{r: r}, args: args}
	_, p.markup = format.(markup)
	switch a := args.(type) {
	case *tuple:
		p.items = a.items
	case *Dict, *list, *span:
		p.mapping = args
		p.items = []object{args}
	case *undefined:
		p.mapping = args
		p.items = []object{args}
	default:
		p.items = []object{args}
	}
	rest, _ := stringOf(format)
	if err := r.scan(len(rest)); err != nil {
		return nil, err
	}
	for {
		if err := r.count(callSteps); err != nil {
			return nil, err
		}
		i := strings.IndexByte(rest, '%')
		if i < 0 {
			break
		}
		if err := p.w.write(rest[:i]); err != nil {
			return nil, err
		}
		var err error
		if rest, err = p.conversion(rest[i+1:]); err != nil {
			return nil, err
		}
	}
	if p.next < len(p.items) && p.mapping == nil {
		return nil, faultf(faultType, "not all arguments converted during string formatting")
	}
	if err := p.w.write(rest); err != nil {
		return nil, err
	}
	return like(format, string(p.w.text)), nil
}

// printer writes one printf format.
type printer struct {
	w       writer
	args    object
	items   []object
	next    int    // item
	mapping object // what %(key)s looks into
	markup  bool
}

// conversionSpec is what stands between % and the letter.
type conversionSpec struct {
	minus, plus, space, alternate, zero bool
	width                               int
	precision                           int // -1 if there is none
}

func (p *printer) item() (object, error) {
	if p.next >= len(p.items) {
		return nil, faultf(faultType, "not enough arguments for format string")
	}
	p.next++
	return p.items[p.next-1], nil
}

// conversion writes the conversion at the start of s, behind its %, and returns
// what follows it.
func (p *printer) conversion(s string) (string, error) {
	if strings.HasPrefix(s, "%") {
		return s[1:], p.w.write("%")
	}
	var spec conversionSpec
	value := object(nil)
	if strings.HasPrefix(s, "(") {
		key, rest, err := mappingKey(s)
		if err != nil {
			return "", err
		}
		if p.mapping == nil {
			return "", faultf(faultType, "format requires a mapping")
		}
		s = rest
		v, ok, err := p.w.r.itemOf(p.mapping, key)
		if err != nil {
			return "", err
		}
		if !ok {
			return "", faultf(faultLookup, "%s", quote(key))
		}
		value = v
	}
	s, err := p.flags(s, &spec)
	if err != nil {
		return "", err
	}
	s = strings.TrimLeft(s, "hlL")
	if s == "" {
		return "", faultf(faultValue, "incomplete format")
	}
	c, n := utf8.DecodeRuneInString(s)
	if value == nil {
		if value, err = p.item(); err != nil {
			return "", err
		}
	}
	text, err := p.convert(c, value, &spec)
	if err != nil {
		return "", err
	}
	return s[n:], p.pad(text, c, &spec)
}

// mappingKey reads (key), in which brackets may be nested.
func mappingKey(s string) (key, rest string, err error) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return s[1:i], s[i+1:], nil
			}
		}
	}
	return "", "", faultf(faultValue, "incomplete format key")
}

// flags reads flags, width and precision.
func (p *printer) flags(s string, spec *conversionSpec) (string, error) {
	for s != "" {
		switch s[0] {
		case '-':
			spec.minus = true
		case '+':
			spec.plus = true
		case ' ':
			spec.space = true
		case '#':
			spec.alternate = true
		case '0':
			spec.zero = true
		default:
			var err error
			spec.precision = -1
			if spec.width, s, err = p.number(s); err != nil {
				return "", err
			}
			if spec.width < 0 {
				spec.minus, spec.width = true, -spec.width
			}
			if strings.HasPrefix(s, ".") {
				spec.precision, s, err = p.number(s[1:])
				spec.precision = max(0, spec.precision)
			}
			return s, err
		}
		s = s[1:]
	}
	return "", nil
}

// number reads digits, or * for the next item.
func (p *printer) number(s string) (int, string, error) {
	n := 0
	if strings.HasPrefix(s, "*") {
		o, err := p.item()
		if err != nil {
			return 0, "", err
		}
		i, ok := clampInt(o)
		if !ok {
			return 0, "", faultf(faultType, "* wants int")
		}
		n, s = i, s[1:]
	} else {
		for s != "" && isDigit(s[0]) && n <= maxPadding {
			n = 10*n + int(s[0]-'0')
			s = s[1:]
		}
	}
	if n > maxPadding || n < -maxPadding {
		return 0, "", errOutput
	}
	return n, s, nil
}

// convert gives the text of a value, with its sign, without padding.
func (p *printer) convert(c rune, o object, spec *conversionSpec) (string, error) {
	switch c {
	case 's', 'r', 'a':
		s, err := p.textual(c, o)
		if err == nil && spec.precision >= 0 {
			s = s[:byteOffset(s, spec.precision)]
		}
		return s, err
	case 'c':
		return printfChar(o)
	case 'd', 'i', 'u', 'o', 'x', 'X':
		return p.w.r.printfInt(c, o, spec)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		f, err := p.w.r.toFloat(o)
		if err != nil && !isFault(err, faultType, faultValue) {
			return "", err
		}
		if err != nil || isText(o) {
			return "", faultf(faultType, "must be real number, not %s", typeName(o))
		}
		precision := 6
		if spec.precision >= 0 {
			precision = spec.precision
		}
		if err := p.w.r.scan(precision); err != nil {
			return "", err
		}
		return spec.sign(formatFloat(f, byte(c), precision, spec.alternate)), nil
	}
	return "", faultf(faultValue, "unsupported format character %s", quote(string(c)))
}

func (p *printer) textual(c rune, o object) (string, error) {
	r := p.w.r
	var s string
	var err error
	if c == 's' {
		if p.markup {
			m, err := r.escapeObject(o)
			return string(m), err
		}
		return r.text(o)
	}
	if s, err = r.repr(o); err != nil {
		return "", err
	}
	if c == 'a' {
		s = asciiRepr(s)
	}
	if p.markup {
		return r.escape(s)
	}
	return s, nil
}

// asciiRepr escapes what is not ASCII in a repr.
func asciiRepr(s string) string {
	if isASCII(s) {
		return s
	}
	var b []byte
	for _, c := range s {
		if c < utf8.RuneSelf {
			b = append(b, byte(c))
			continue
		}
		q := appendQuoted(nil, string(c), true)
		b = append(b, q[1:len(q)-1]...)
	}
	return string(b)
}

func printfChar(o object) (string, error) {
	if s, ok := stringOf(o); ok {
		if utf8.RuneCountInString(s) == 1 {
			return s, nil
		}
	} else if i, ok := clampInt(o); ok {
		if i < 0 || i > utf8.MaxRune {
			return "", faultf(faultOverflow, "%%c arg not in range(0x110000)")
		}
		return string(rune(i)), nil
	}
	return "", faultf(faultType, "%%c requires int or char")
}

func (r *rendering) printfInt(c rune, o object, spec *conversionSpec) (string, error) {
	if f, ok := o.(float64); ok && (c == 'd' || c == 'i' || c == 'u') {
		var err error
		if o, err = truncated(f); err != nil {
			return "", err
		}
	}
	i, ok := bigOf(o)
	if !ok {
		if u, ok := o.(*undefined); ok {
			return "", u.fail()
		}
		return "", faultf(faultType, "%%%c format: a real number is required, not %s", c, typeName(o))
	}
	digits, prefix := "", ""
	if err := r.spend(2*intBytes(i) + 8*i.BitLen() + max(0, spec.precision)); err != nil {
		return "", err
	}
	abs := new(big.Int).Abs(i)
	switch c {
	case 'o':
		digits, prefix = abs.Text(8), "0o"
	case 'x':
		digits, prefix = abs.Text(16), "0x"
	case 'X':
		digits, prefix = strings.ToUpper(abs.Text(16)), "0X"
	default:
		var err error
		if digits, err = r.intText(abs); err != nil {
			return "", err
		}
	}
	if n := spec.precision - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	if spec.alternate {
		digits = prefix + digits
	}
	if i.Sign() < 0 {
		digits = "-" + digits
	}
	return spec.sign(digits), nil
}

// sign puts the sign that was asked for before a number that has none.
func (spec *conversionSpec) sign(s string) string {
	switch {
	case strings.HasPrefix(s, "-"):
		return s
	case spec.plus:
		return "+" + s
	case spec.space:
		return " " + s
	}
	return s
}

// pad writes text in the width of the conversion.
func (p *printer) pad(text string, c rune, spec *conversionSpec) error {
	n := spec.width - utf8.RuneCountInString(text)
	if err := p.w.r.spend(4 * (spec.width + len(text))); err != nil {
		return err
	}
	switch {
	case n <= 0:
	case spec.minus:
		text += strings.Repeat(" ", n)
	case spec.zero && strings.ContainsRune("diuoxXeEfFgG", c):
		head := 0
		if strings.ContainsAny(text[:1], "+- ") {
			head = 1
		}
		if spec.alternate && strings.ContainsRune("oxX", c) {
			head += 2
		}
		text = text[:head] + strings.Repeat("0", n) + text[head:]
	default:
		text = strings.Repeat(" ", n) + text
	}
	return p.w.write(text)
}
