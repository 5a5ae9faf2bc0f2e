package pdf

import (
	"bytes"
	"errors"
	"slices"
)

// Bounds of a file.
const (
	maxObjects = 1 << 20   // that its tables name
	maxTables  = 1 << 10   // of objects, each pointing to the one before
	maxChain   = 32        // of references that lead to references, and of objects needed to read one
	maxStart   = 1 << 10   // bytes before "%PDF-", and behind the place of the last table
	maxKept    = 256 << 20 // bytes of streams of objects
	maxRead    = 512 << 20 // bytes of the text that objects are read from, some of them twice
)

// place is where an object lies.
type place struct {
	at     int // in the file, or which one in the stream of objects
	stream int // number of the stream of objects; 0: none
}

// file is a file and what is known of its objects.
type file struct {
	text    []byte
	places  map[int]place
	trailer dict
	objects map[int]any      // as they were read
	groups  map[int][]member // streams of objects, by number
	kept    int              // bytes of groups
	decoded int              // bytes that were decoded so far
	read    int              // bytes that objects were read from
	depth   int              // of objects being read
	mended  bool             // places are what the whole text was searched for
}

// errNoPDF is a text that does not begin as a PDF.
var errNoPDF = errors.New("it does not begin as a PDF file")

// open reads the table of objects.
func open(text []byte) (*file, error) {
	begin := bytes.Index(text[:min(len(text), maxStart)], []byte("%PDF-"))
	if begin < 0 {
		return nil, errNoPDF
	}
	f := &file{text: text[begin:], objects: map[int]any{}, groups: map[int][]member{}}
	if !f.readTables() || f.catalog() == nil {
		f.mend()
	}
	return f, nil
}

// catalog returns the root of all, nil where there is none.
func (f *file) catalog() dict {
	root, _ := f.resolve(f.trailer["Root"]).(dict)
	if _, ok := f.resolve(root["Pages"]).(dict); !ok {
		return nil
	}
	return root
}

// resolve returns the object that a reference stands for, any other as it is.
func (f *file) resolve(o any) any {
	for range maxChain {
		r, ok := o.(ref)
		if !ok {
			return o
		}
		o = f.object(r.number)
	}
	return nil
}

// object returns an object by its number, nil where there is none.
func (f *file) object(n int) any {
	if o, ok := f.objects[n]; ok {
		return o
	}
	p, ok := f.places[n]
	if !ok || f.depth >= maxChain {
		return nil
	}
	f.depth++
	defer func() { f.depth-- }()
	f.objects[n] = nil // who asks for it while it is read gets nothing
	var o any
	if p.stream != 0 {
		o = f.grouped(n, p)
	} else if o, ok = f.at(p.at, n); !ok && !f.mended {
		f.mend()
		return f.object(n)
	}
	f.objects[n] = o
	return o
}

// at reads the object of a number that lies at a place; false where there is none.
func (f *file) at(pos, n int) (any, bool) {
	if pos < 0 || pos >= len(f.text) {
		return nil, false
	}
	if f.read > maxRead {
		return nil, true
	}
	l := &lexer{text: f.text, pos: pos}
	defer func() { f.read += l.pos - pos }()
	number, _ := l.next()
	l.next()
	word, _ := l.next()
	if number != n || word != keyword("obj") {
		return nil, false
	}
	l.refs = true
	o, ok := l.next()
	if !ok {
		return nil, true
	}
	if d, isDict := o.(dict); isDict {
		if raw, ok := f.raw(l, d); ok {
			return &stream{d, raw}, true
		}
	}
	if _, isWord := o.(keyword); isWord {
		return nil, true
	}
	return o, true
}

// raw returns the bytes of a stream behind its dictionary; false where there is none.
func (f *file) raw(l *lexer, d dict) ([]byte, bool) {
	l.space()
	if !bytes.HasPrefix(l.text[l.pos:], []byte("stream")) {
		return nil, false
	}
	l.pos += len("stream")
	if l.pos < len(l.text) && l.text[l.pos] == '\r' {
		l.pos++
	}
	if l.pos < len(l.text) && l.text[l.pos] == '\n' {
		l.pos++
	}
	rest := l.text[l.pos:]
	if n, ok := whole(f.resolve(d["Length"])); ok && n >= 0 && n <= len(rest) {
		behind := bytes.TrimLeft(rest[n:min(len(rest), n+20)], "\x00\t\n\f\r ")
		if bytes.HasPrefix(behind, []byte("endstream")) {
			return rest[:n], true
		}
	}
	n := bytes.Index(rest, []byte("endstream")) // the length is wrong
	if n < 0 {
		n = len(rest)
	}
	l.pos += n
	return rest[:n], true
}

// member is an object of a stream of objects.
type member struct {
	number int
	text   []byte
}

// grouped returns an object out of a stream of objects.
func (f *file) grouped(n int, p place) any {
	members := f.group(p.stream)
	i := p.at
	if i < 0 || i >= len(members) || members[i].number != n {
		i = slices.IndexFunc(members, func(m member) bool { return m.number == n })
	}
	if i < 0 || f.read > maxRead {
		return nil
	}
	l := &lexer{text: members[i].text, refs: true}
	o, _ := l.next()
	f.read += l.pos
	if _, isWord := o.(keyword); isWord {
		return nil
	}
	return o
}

// group reads a stream of objects.
func (f *file) group(n int) []member {
	if members, ok := f.groups[n]; ok {
		return members
	}
	f.groups[n] = nil
	if f.places[n].stream != 0 {
		return nil // one within another is not allowed
	}
	s, ok := f.object(n).(*stream)
	if !ok {
		return nil
	}
	members := f.members(s)
	f.groups[n] = members
	return members
}

// members splits a stream of objects.
func (f *file) members(s *stream) []member {
	count, _ := whole(f.resolve(s.dict["N"]))
	first, _ := whole(f.resolve(s.dict["First"]))
	text, err := f.decode(s)
	if f.kept += len(text); err != nil || f.kept > maxKept || first < 0 || first > len(text) {
		return nil
	}
	head := &lexer{text: text[:first]}
	var members []member
	for range min(count, first/2) {
		number, ok := head.next()
		offset, _ := head.next()
		n, isNumber := whole(number)
		at, isOffset := whole(offset)
		if !ok || !isNumber || !isOffset || at < 0 || at > len(text)-first {
			break
		}
		members = append(members, member{n, text[first+at:]})
	}
	return members
}
