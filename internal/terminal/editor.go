package terminal

import (
	"strings"
	"unicode/utf8"
)

// Prompt says how a line is read.
type Prompt struct {
	First, More string // what stands before the first row of a line, and before the others
	// Unfinished, where not nil, says whether Enter begins another row of this text.
	Unfinished func(text string) bool
	// Complete, where not nil, returns what may stand for the text before the cursor.
	Complete func(text string) []string
	History  *History // may be nil
}

// action is what a key asks of the one who reads the line.
type action uint8

const (
	none action = iota
	submit
	interrupt
	endOfFile
	clearScreen
	suspend
)

// editor is a line while it is typed. It knows keys and no terminal.
type editor struct {
	Prompt
	line
	killed string
	place  int    // in the history; len(entries): the line itself
	draft  string // the line itself, while an entry of history is shown
	search *search
}

// search is a search back through history.
type search struct {
	text   string
	found  int // the entry, -1: none
	before line
}

func newEditor(p Prompt) *editor {
	return &editor{Prompt: p, place: len(p.History.Entries())}
}

// key does what a key asks for.
func (e *editor) key(k Key) action {
	if e.search != nil && e.searchKey(k) {
		return none
	}
	switch k.Code {
	case Enter:
		if e.Unfinished != nil && e.Unfinished(e.text) {
			e.insert("\n")
			return none
		}
		e.at = len(e.text)
		return submit
	case Interrupt:
		return interrupt
	case DeleteOrEnd:
		if e.text == "" {
			return endOfFile
		}
		e.cut(e.at, e.behind())
	case ClearScreen:
		return clearScreen
	case Suspend:
		return suspend
	case Search:
		e.search = &search{found: -1, before: e.line}
	case Complete:
		e.complete()
	default:
		if !e.move(k.Code) {
			e.edit(k)
		}
	}
	return none
}

// move does what a key that moves the cursor asks for; false for other keys.
func (e *editor) move(c Code) bool {
	switch c {
	case Left:
		e.at = e.before()
	case Right:
		e.at = e.behind()
	case WordLeft:
		e.at = e.wordBefore()
	case WordRight:
		e.at = e.wordBehind()
	case Home:
		e.at = e.start()
	case End:
		e.at = e.end()
	case Up:
		if !e.up() {
			e.recall(e.place - 1)
		}
	case Down:
		if !e.down() {
			e.recall(e.place + 1)
		}
	case Previous:
		e.recall(e.place - 1)
	case Next:
		e.recall(e.place + 1)
	default:
		return false
	}
	return true
}

// edit does what a key that changes the text asks for.
func (e *editor) edit(k Key) {
	switch k.Code {
	case Text, Paste:
		e.insert(k.Text)
	case Newline:
		e.insert("\n")
	case Backspace:
		e.cut(e.before(), e.at)
	case Delete:
		e.cut(e.at, e.behind())
	case KillWordLeft:
		e.kill(e.wordBefore(), e.at)
	case KillWordRight:
		e.kill(e.at, e.wordBehind())
	case KillLeft:
		e.kill(e.start(), e.at)
	case KillRight:
		e.kill(e.at, e.end())
	case Yank:
		e.insert(e.killed)
	case Swap:
		e.swap()
	}
}

func (e *editor) kill(from, to int) {
	if from < to {
		e.killed = e.cut(from, to)
	}
}

// recall shows an entry of history, or the line itself behind the last one.
func (e *editor) recall(place int) {
	entries := e.History.Entries()
	if place < 0 || place > len(entries) {
		return
	}
	if e.place == len(entries) {
		e.draft = e.text
	}
	e.place = place
	if place == len(entries) {
		e.set(e.draft)
	} else {
		e.set(entries[place])
	}
}

// complete puts what is common to all completions of the text before the cursor in
// its place.
func (e *editor) complete() {
	if e.Complete == nil {
		return
	}
	all := e.Complete(e.text[:e.at])
	if len(all) == 0 {
		return
	}
	common := all[0]
	for _, s := range all[1:] {
		for !strings.HasPrefix(s, common) {
			_, size := utf8.DecodeLastRuneInString(common)
			common = common[:len(common)-size]
		}
	}
	if len(common) > e.at {
		e.cut(0, e.at)
		e.insert(common)
	}
}

// searchKey does what a key asks for during a search; false where the key ends the
// search and counts for the line.
func (e *editor) searchKey(k Key) bool {
	s := e.search
	switch k.Code {
	case Text, Paste:
		text, _, _ := strings.Cut(k.Text, "\n") // it is shown in one row
		s.text += text
		e.found(len(e.History.Entries()))
	case Backspace:
		_, size := utf8.DecodeLastRuneInString(s.text)
		s.text = s.text[:len(s.text)-size]
		e.found(len(e.History.Entries()))
	case Search:
		before := s.found
		if before < 0 {
			before = len(e.History.Entries())
		}
		e.found(before)
	case Interrupt, Escape:
		e.line, e.search = s.before, nil
	default:
		if s.found >= 0 {
			e.place = s.found
		}
		e.search = nil
		return false
	}
	return true
}

// found shows the last entry before a place that has the text of the search.
func (e *editor) found(before int) {
	s := e.search
	if s.text == "" {
		s.found = -1
		e.line = s.before
		return
	}
	i := e.History.find(s.text, before)
	if i < 0 {
		return // what was found before stays
	}
	s.found = i
	e.set(e.History.Entries()[i])
	e.at = strings.Index(e.text, s.text)
}

// show lays the line out, or the search.
func (e *editor) show(width int) layout {
	first := e.First
	if e.search != nil {
		first = "search \"" + e.search.text + "\": "
	}
	return place(first, e.More, e.text, e.at, width)
}
