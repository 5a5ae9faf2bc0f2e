package pdf

import (
	"bytes"
	"math"
)

// Bounds of what pages draw.
const (
	maxOperators = 6 << 20 // of the whole file
	maxOperands  = 64      // the last ones count
	maxStates    = 256     // that are kept at once
	maxForms     = 16      // within each other
)

// state is what content sets and keeps.
type state struct {
	matrix                 matrix // from the content to the page
	font                   *font
	size, spacing, words   float64
	stretch, leading, rise float64
	textMatrix, lineMatrix matrix
	marked                 int // levels of marked content
	replaced               int // the level whose text is told otherwise; 0: none
	replacement            string
	replacementAt          matrix
	hasPlace               bool
}

// painter runs through content and gives what is drawn to a layout.
type painter struct {
	file      *file
	out       *layout
	fonts     map[any]*font // by reference
	operators int
	forms     int
	kept      []state
	state
}

func (p *painter) start() {
	p.kept = p.kept[:0]
	p.state = state{matrix: identity, textMatrix: identity, lineMatrix: identity, stretch: 1}
}

// run draws content with its resources. The error is errLong or errWork.
func (p *painter) run(text []byte, resources dict) error {
	if p.file.read += len(text); p.file.read > maxRead {
		return errWork
	}
	l := &lexer{text: text}
	var operands []any
	for {
		o, ok := l.next()
		if !ok {
			return nil
		}
		word, isWord := o.(keyword)
		if !isWord {
			if len(operands) == maxOperands {
				operands = append(operands[:0], operands[1:]...)
			}
			operands = append(operands, o)
			continue
		}
		if p.operators++; p.operators > maxOperators {
			return errWork
		}
		if word == "BI" {
			skipPicture(l)
		} else if err := p.operator(word, operands, resources); err != nil {
			return err
		}
		operands = operands[:0]
	}
}

// skipPicture passes over a picture in the content.
func skipPicture(l *lexer) {
	for {
		o, ok := l.next()
		if !ok || o == keyword("ID") {
			break
		}
	}
	for from := l.pos; ; {
		n := bytes.Index(l.text[from:], []byte("EI"))
		if n < 0 {
			l.pos = len(l.text)
			return
		}
		at := from + n
		from = at + 2
		if at > 0 && isSpace[l.text[at-1]] && (from == len(l.text) || isSpace[l.text[from]]) {
			l.pos = from
			return
		}
	}
}

// numbers returns the last n operands as numbers.
func numbers(operands []any, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		if at := len(operands) - n + i; at >= 0 {
			out[i] = number(operands[at])
		}
	}
	return out
}

// operator does what one operator says, as far as text has to do with it.
func (p *painter) operator(word keyword, operands []any, resources dict) error {
	switch word {
	case "q":
		if len(p.kept) < maxStates {
			p.kept = append(p.kept, p.state)
		}
	case "Q":
		if n := len(p.kept); n > 0 {
			marks := p.state
			p.state, p.kept = p.kept[n-1], p.kept[:n-1]
			p.marked, p.replaced, p.replacement, p.hasPlace, p.replacementAt = marks.marked, marks.replaced, marks.replacement, marks.hasPlace, marks.replacementAt
		}
	case "cm":
		p.matrix = toMatrix(numbers(operands, 6)).times(p.matrix)
	case "Do":
		return p.form(operands, resources)
	case "BMC":
		p.marked++
	case "BDC":
		p.mark(operands, resources)
	case "EMC":
		return p.unmark()
	default:
		return p.textOperator(word, operands, resources)
	}
	return nil
}

func toMatrix(n []float64) matrix { return matrix{n[0], n[1], n[2], n[3], n[4], n[5]} }

// textOperator does what an operator of text says.
func (p *painter) textOperator(word keyword, operands []any, resources dict) error {
	one := numbers(operands, 1)[0]
	switch word {
	case "BT":
		p.textMatrix, p.lineMatrix = identity, identity
	case "Tf":
		if len(operands) > 1 {
			p.font = p.namedFont(operands[len(operands)-2], resources)
		}
		p.size = one
	case "Tc":
		p.spacing = one
	case "Tw":
		p.words = one
	case "Tz":
		p.stretch = one / 100
	case "TL":
		p.leading = one
	case "Ts":
		p.rise = one
	case "Td":
		n := numbers(operands, 2)
		p.move(n[0], n[1])
	case "TD":
		n := numbers(operands, 2)
		p.leading = -n[1]
		p.move(n[0], n[1])
	case "Tm":
		p.lineMatrix = toMatrix(numbers(operands, 6))
		p.textMatrix = p.lineMatrix
	case "T*":
		p.move(0, -p.leading)
	case "Tj", "'", "\"":
		if word == "\"" {
			n := numbers(operands, 3)
			p.words, p.spacing = n[0], n[1]
		}
		if word != "Tj" {
			p.move(0, -p.leading)
		}
		if len(operands) > 0 {
			s, _ := operands[len(operands)-1].(str)
			return p.show(s)
		}
	case "TJ":
		if len(operands) > 0 {
			list, _ := operands[len(operands)-1].(array)
			return p.showAll(list)
		}
	}
	return nil
}

// move begins another line.
func (p *painter) move(x, y float64) {
	p.lineMatrix = matrix{1, 0, 0, 1, x, y}.times(p.lineMatrix)
	p.textMatrix = p.lineMatrix
}

// showAll draws strings with numbers between them that move back, in thousandths.
func (p *painter) showAll(list array) error {
	for _, o := range list {
		if s, ok := o.(str); ok {
			if err := p.show(s); err != nil {
				return err
			}
			continue
		}
		p.advance(-number(o) / 1000 * p.size * p.stretch)
	}
	return nil
}

func (p *painter) advance(x float64) {
	p.textMatrix = matrix{1, 0, 0, 1, x, 0}.times(p.textMatrix)
}

// show draws a string.
func (p *painter) show(s str) (err error) {
	if p.font == nil {
		return nil
	}
	if p.operators += len(s); p.operators > maxOperators {
		return errWork
	}
	p.font.glyphs(s, func(g glyph) {
		m := matrix{p.size * p.stretch, 0, 0, p.size, 0, p.rise}.times(p.textMatrix).times(p.matrix)
		if err == nil {
			err = p.draw(g, m)
		}
		x := g.width*p.size + p.spacing
		if g.blank {
			x += p.words
		}
		p.advance(x * p.stretch)
	})
	return err
}

// draw puts a letter at its place, or notes the place where what it says is told otherwise.
func (p *painter) draw(g glyph, m matrix) error {
	if p.replaced == 0 {
		return p.out.put(g.text, m, g.width)
	}
	if !p.hasPlace {
		p.hasPlace, p.replacementAt = true, m
	}
	return nil
}

// mark begins marked content, which may say what text it stands for.
func (p *painter) mark(operands []any, resources dict) {
	p.marked++
	if len(operands) == 0 || p.replaced != 0 {
		return
	}
	properties := p.file.resolve(operands[len(operands)-1])
	if n, ok := properties.(name); ok {
		all, _ := p.file.resolve(resources["Properties"]).(dict)
		properties = p.file.resolve(all[n])
	}
	d, _ := properties.(dict)
	if text, ok := p.file.resolve(d["ActualText"]).(str); ok {
		p.replaced, p.replacement, p.hasPlace = p.marked, ofText(text), false
	}
}

// unmark ends marked content.
func (p *painter) unmark() error {
	if p.marked == 0 {
		return nil
	}
	p.marked--
	if p.replaced <= p.marked {
		return nil
	}
	p.replaced = 0
	if !p.hasPlace {
		return nil
	}
	end := p.textMatrix.times(p.matrix)
	m := p.replacementAt
	width := 0.0
	if along := math.Hypot(m.a, m.b); along > 0 {
		width = math.Hypot(end.e-m.e, end.f-m.f) / along
	}
	return p.out.put(p.replacement, m, width)
}

// namedFont returns a font of the resources, nil where there is none.
func (p *painter) namedFont(o any, resources dict) *font {
	n, _ := o.(name)
	fonts, _ := p.file.resolve(resources["Font"]).(dict)
	o = fonts[n]
	key, isRef := o.(ref)
	if t := p.fonts[key]; isRef && t != nil {
		return t
	}
	d, ok := p.file.resolve(o).(dict)
	if !ok {
		return nil
	}
	t := p.file.font(d)
	if isRef && len(p.fonts) < 4096 {
		p.fonts[key] = t
	}
	return t
}

// form draws content that has a name.
func (p *painter) form(operands []any, resources dict) error {
	if len(operands) == 0 || p.forms >= maxForms {
		return nil
	}
	n, _ := operands[len(operands)-1].(name)
	all, _ := p.file.resolve(resources["XObject"]).(dict)
	s, ok := p.file.resolve(all[n]).(*stream)
	if !ok || p.file.resolve(s.dict["Subtype"]) != name("Form") {
		return nil
	}
	return p.drawForm(s, resources)
}

// drawForm draws a form in the state that is there, and leaves that as it was.
func (p *painter) drawForm(s *stream, resources dict) error {
	text, err := p.file.decode(s)
	if err != nil {
		return workOnly(err)
	}
	if own, ok := p.file.resolve(s.dict["Resources"]).(dict); ok {
		resources = own
	}
	before, kept := p.state, p.kept
	p.kept = nil
	if m, ok := p.file.resolve(s.dict["Matrix"]).(array); ok && len(m) == 6 {
		for i := range m {
			m[i] = p.file.resolve(m[i])
		}
		p.matrix = toMatrix(numbers(m, 6)).times(p.matrix)
	}
	p.forms++
	err = p.run(text, resources)
	p.forms--
	p.state, p.kept = before, kept
	return err
}

// workOnly returns errWork alone: what else is wrong with a stream leaves out what it draws.
func workOnly(err error) error {
	if err == errWork {
		return err
	}
	return nil
}
