package pdf

import (
	"bytes"
	"maps"
	"slices"
)

// readTables reads the tables of objects from the last to the first; false where one cannot
// be read.
func (f *file) readTables() bool {
	f.places, f.trailer = map[int]place{}, dict{}
	tail := f.text[max(0, len(f.text)-maxStart):]
	i := bytes.LastIndex(tail, []byte("startxref"))
	if i < 0 {
		return false
	}
	l := &lexer{text: tail, pos: i + len("startxref")}
	o, _ := l.next()
	at, ok := whole(o)
	seen := map[int]bool{}
	for ok {
		if at < 0 || at >= len(f.text) || seen[at] || len(seen) >= maxTables {
			return false
		}
		seen[at] = true
		d := f.readTable(at)
		if d == nil {
			return false
		}
		for key, value := range d {
			if _, has := f.trailer[key]; !has {
				f.trailer[key] = value
			}
		}
		if hybrid, has := whole(d["XRefStm"]); has && !seen[hybrid] && len(seen) < maxTables {
			seen[hybrid] = true
			f.readTable(hybrid)
		}
		at, ok = whole(d["Prev"])
	}
	return len(f.places) > 0
}

// readTable reads a table of one of both kinds, and returns its trailer; nil where there is
// none.
func (f *file) readTable(at int) dict {
	l := &lexer{text: f.text, pos: min(max(at, 0), len(f.text)), refs: true}
	word, _ := l.next()
	if word != keyword("xref") {
		return f.readStreamTable(at)
	}
	for {
		o, ok := l.next()
		if !ok {
			return nil
		}
		if o == keyword("trailer") {
			d, _ := l.next()
			trailer, _ := d.(dict)
			return trailer
		}
		first, isNumber := whole(o)
		o, _ = l.next()
		count, isCount := whole(o)
		if !isNumber || !isCount || first < 0 || count < 0 || count > len(f.text)/8 {
			return nil
		}
		l.refs = false
		for i := range count {
			offset, _ := l.next()
			_, _ = l.next()
			kind, ok := l.next()
			pos, isOffset := whole(offset)
			if !ok || !isOffset {
				return nil
			}
			if kind == keyword("n") {
				f.place(first+i, place{at: pos})
			}
		}
		l.refs = true
	}
}

// place notes where an object lies, unless a newer table has said so.
func (f *file) place(n int, p place) {
	if _, has := f.places[n]; !has && len(f.places) < maxObjects && n >= 0 {
		f.places[n] = p
	}
}

// readStreamTable reads a table that is a stream.
func (f *file) readStreamTable(at int) dict {
	l := &lexer{text: f.text, pos: min(max(at, 0), len(f.text))}
	o, _ := l.next()
	n, isNumber := o.(int)
	if !isNumber {
		return nil
	}
	o, _ = f.at(at, n)
	s, ok := o.(*stream)
	if !ok || s.dict["Type"] != name("XRef") {
		return nil
	}
	text, err := f.decode(s)
	widths, _ := s.dict["W"].(array)
	if err != nil || len(widths) < 3 {
		return nil
	}
	var w [3]int
	for i := range w {
		if w[i], ok = whole(widths[i]); !ok || w[i] < 0 || w[i] > 8 {
			return nil
		}
	}
	ranges, _ := s.dict["Index"].(array)
	if len(ranges) < 2 {
		ranges = array{0, s.dict["Size"]}
	}
	f.readRows(text, w, ranges)
	return s.dict
}

// readRows reads the rows of a table that is a stream, whose fields have w bytes.
func (f *file) readRows(text []byte, w [3]int, ranges array) {
	size := w[0] + w[1] + w[2]
	if size == 0 {
		return
	}
	for i := 0; i+1 < len(ranges); i += 2 {
		first, ok := whole(ranges[i])
		count, counted := whole(ranges[i+1])
		if !ok || !counted || first < 0 {
			return
		}
		for ; count > 0 && len(text) >= size; count-- {
			kind := 1
			if w[0] > 0 {
				kind = bigEndian(text[:w[0]])
			}
			a, b := bigEndian(text[w[0]:w[0]+w[1]]), bigEndian(text[w[0]+w[1]:size])
			switch kind {
			case 1:
				f.place(first, place{at: a})
			case 2:
				f.place(first, place{at: b, stream: a})
			}
			first, text = first+1, text[size:]
		}
	}
}

func bigEndian(b []byte) (n int) {
	for _, c := range b {
		n = n<<8 | int(c)
	}
	return max(n, 0)
}

// mend makes the table anew from what the whole text has: the last object of each number
// counts, and so does the last trailer that names a root.
func (f *file) mend() {
	if f.mended {
		return
	}
	f.mended = true
	f.places, f.objects, f.groups = map[int]place{}, map[int]any{}, map[int][]member{}
	trailer := dict{}
	for pos := 0; pos < len(f.text) && len(f.places) < maxObjects; {
		line := pos
		for pos < len(f.text) && f.text[pos] != '\n' && f.text[pos] != '\r' {
			pos++
		}
		f.mendLine(line, pos, trailer)
		pos++
	}
	f.trailer = trailer
	f.mendStreams()
}

// mendLine looks for the beginning of an object or a trailer on a line.
func (f *file) mendLine(from, to int, trailer dict) {
	line := f.text[from:to]
	if i := bytes.Index(line, []byte("trailer")); i >= 0 && f.read <= maxRead {
		begin := from + i + len("trailer")
		l := &lexer{text: f.text, pos: begin, refs: true}
		o, _ := l.next()
		f.read += l.pos - begin
		if d, ok := o.(dict); ok && (d["Root"] != nil || trailer["Root"] == nil) {
			maps.Copy(trailer, d)
		}
	}
	for i := 0; ; {
		n := bytes.Index(line[i:], []byte(" obj"))
		if n < 0 {
			return
		}
		at := i + n
		i = at + len(" obj")
		for at > 0 && line[at-1] >= '0' && line[at-1] <= '9' { // the generation
			at--
		}
		for at > 0 && line[at-1] == ' ' {
			at--
		}
		number, place0 := 0, 1
		end := at
		for at > 0 && line[at-1] >= '0' && line[at-1] <= '9' && end-at < 9 {
			at--
			number += int(line[at]-'0') * place0
			place0 *= 10
		}
		if at < end {
			f.places[number] = place{at: from + at}
		}
	}
}

// mendStreams adds what streams of objects hold, and finds the root where no trailer names
// it.
func (f *file) mendStreams() {
	for _, n := range slices.Sorted(maps.Keys(f.places)) {
		switch o := f.object(n).(type) {
		case *stream:
			f.mendStream(n, o)
		case dict:
			if o["Type"] == name("Catalog") && f.trailer["Root"] == nil {
				f.trailer["Root"] = ref{number: n}
			}
		}
	}
	if f.trailer["Root"] != nil {
		return
	}
	for _, n := range slices.Sorted(maps.Keys(f.places)) {
		if d, ok := f.object(n).(dict); ok && d["Type"] == name("Catalog") {
			f.trailer["Root"] = ref{number: n}
		}
	}
}

// mendStream takes what a stream tells of the file.
func (f *file) mendStream(n int, s *stream) {
	switch s.dict["Type"] {
	case name("XRef"):
		for _, key := range []name{"Root", "Encrypt"} {
			if s.dict[key] != nil && f.trailer[key] == nil {
				f.trailer[key] = s.dict[key]
			}
		}
	case name("ObjStm"):
		for i, m := range f.group(n) {
			if _, has := f.places[m.number]; !has && len(f.places) < maxObjects {
				f.places[m.number] = place{at: i, stream: n}
				delete(f.objects, m.number)
			}
		}
	}
}
