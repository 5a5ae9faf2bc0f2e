package jinja

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// strftime is datetime.strftime of a time without a zone, in the C locale and
// with the flags and widths of glibc.
func (r *rendering) strftime(t time.Time, format string) (string, error) {
	w := writer{r: r}
	if err := r.scan(len(format)); err != nil {
		return "", err
	}
	for format != "" {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			i = len(format)
		}
		if err := w.write(format[:i]); err != nil {
			return "", err
		}
		if format = format[i:]; format == "" {
			break
		}
		if err := r.count(directiveSteps); err != nil {
			return "", err
		}
		text, n, err := directive(t, format)
		if err != nil {
			return "", err
		}
		if err := r.scan(2 * len(text)); err != nil {
			return "", err
		}
		if err := w.write(text); err != nil {
			return "", err
		}
		format = format[n:]
	}
	return string(w.text), nil
}

// directiveSteps is what a directive costs.
const directiveSteps = 24

// directive gives the text of the directive at the start of s and its length.
// One that does not exist stays as it is.
func directive(t time.Time, s string) (string, int, error) {
	i := 1
	var pad, change byte
	for ; i < len(s) && strings.IndexByte("_-0^#+", s[i]) >= 0; i++ {
		switch s[i] {
		case '^', '#':
			change = s[i]
		default:
			pad = s[i]
		}
	}
	width := 0
	for ; i < len(s) && isDigit(s[i]); i++ {
		if width = 10*width + int(s[i]-'0'); width > maxPadding {
			return "", 0, errOutput
		}
	}
	if i < len(s) && (s[i] == 'E' || s[i] == 'O') {
		i++
	}
	if i >= len(s) {
		return s, len(s), nil
	}
	_, n := utf8.DecodeRuneInString(s[i:])
	f, ok := timeField(t, s[i])
	if !ok {
		return s[:i+n], i + n, nil
	}
	return f.text(pad, change, width), i + n, nil
}

// field is the value of a directive: a number to be padded, or a text.
type field struct {
	number int
	digits int  // for a number, to pad to
	fill   byte // what pads it: 0 or space
	word   string
	isText bool
	lower  bool // # makes it lower case instead of upper
}

func (f field) text(pad, change byte, width int) string {
	s, fill := f.word, byte(' ')
	if !f.isText {
		s = fmt.Sprint(f.number)
		fill = f.fill
		if width == 0 {
			width = f.digits
		}
	}
	switch pad {
	case '_':
		fill = ' '
	case '0', '+':
		fill = '0'
	case '-':
		width = 0
	}
	if n := width - utf8.RuneCountInString(s); n > 0 {
		s = strings.Repeat(string(fill), n) + s
	}
	switch {
	case change == '#' && f.lower:
		return strings.ToLower(s)
	case change != 0:
		return strings.ToUpper(s)
	}
	return s
}

func timeField(t time.Time, c byte) (field, bool) {
	num := func(n, digits int) (field, bool) { return field{number: n, digits: digits, fill: '0'}, true }
	blank := func(n, digits int) (field, bool) { return field{number: n, digits: digits, fill: ' '}, true }
	word := func(s string) (field, bool) { return field{word: s, isText: true}, true }
	hour12 := (t.Hour()+11)%12 + 1
	switch c {
	case 'a':
		return word(t.Weekday().String()[:3])
	case 'A':
		return word(t.Weekday().String())
	case 'b', 'h':
		return word(t.Month().String()[:3])
	case 'B':
		return word(t.Month().String())
	case 'C':
		return num(t.Year()/100, 2)
	case 'd':
		return num(t.Day(), 2)
	case 'e':
		return blank(t.Day(), 2)
	case 'f':
		return num(t.Nanosecond()/1000, 6)
	case 'H':
		return num(t.Hour(), 2)
	case 'I':
		return num(hour12, 2)
	case 'j':
		return num(t.YearDay(), 3)
	case 'k':
		return blank(t.Hour(), 2)
	case 'l':
		return blank(hour12, 2)
	case 'm':
		return num(int(t.Month()), 2)
	case 'M':
		return num(t.Minute(), 2)
	case 'p':
		return field{word: t.Format("PM"), isText: true, lower: true}, true
	case 'P':
		return word(t.Format("pm"))
	case 's':
		return num(int(t.Unix()), 1)
	case 'S':
		return num(t.Second(), 2)
	case 'Y':
		return num(t.Year(), 4)
	case 'y':
		return num(t.Year()%100, 2)
	case 'n':
		return word("\n")
	case 't':
		return word("\t")
	case '%':
		return word("%")
	case 'z', 'Z': // the time has no zone
		return word("")
	}
	return weekField(t, c)
}

// weekField has the directives that count weeks, and those made of others.
func weekField(t time.Time, c byte) (field, bool) {
	num := func(n, digits int) (field, bool) { return field{number: n, digits: digits, fill: '0'}, true }
	isoYear, isoWeek := t.ISOWeek()
	sunday, monday := int(t.Weekday()), (int(t.Weekday())+6)%7
	switch c {
	case 'u':
		return num(monday+1, 1)
	case 'w':
		return num(sunday, 1)
	case 'U':
		return num((t.YearDay()+6-sunday)/7, 2)
	case 'W':
		return num((t.YearDay()+6-monday)/7, 2)
	case 'V':
		return num(isoWeek, 2)
	case 'G':
		return num(isoYear, 4)
	case 'g':
		return num(isoYear%100, 2)
	}
	layout, ok := map[byte]string{
		'c': "Mon Jan _2 15:04:05 2006",
		'D': "01/02/06", 'x': "01/02/06",
		'F': "2006-01-02",
		'r': "03:04:05 PM",
		'R': "15:04",
		'T': "15:04:05", 'X': "15:04:05",
	}[c]
	return field{word: t.Format(layout), isText: true}, ok
}
