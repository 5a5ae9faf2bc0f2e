package history

import (
	"fmt"
	"unicode/utf8"
)

// Bounds of what one chat, message or change may hold. Sizes are in bytes.
const (
	minID, maxID  = 8, 64
	maxTitle      = 200 // characters of a title that is made from a message
	maxTitleBytes = 2000
	maxFolder     = 400
	maxName       = 1000 // of models, files, tools, presets, servers
	maxNames      = 1000
	maxSystem     = 1 << 20
	maxSchema     = 256 << 10
	maxTools      = 1 << 20
	maxContent    = 16 << 20 // of a message's text, and of its reasoning
	maxFileText   = 64 << 20
	maxFiles      = 64
	maxCalls      = 128
	maxArguments  = 4 << 20
	maxError      = 8 << 10
	maxCuts       = 1000
	maxPresets    = 1000
	maxTurn       = 256     // messages, and answers, of one change
	maxMessages   = 200_000 // of a chat, in the trash too
	maxChats      = 1_000_000
)

// checkID says what an id cannot be.
func checkID(field, id string) error {
	ok := len(id) >= minID && len(id) <= maxID
	for i := 0; ok && i < len(id); i++ {
		c := id[i]
		ok = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
	}
	if !ok {
		return refuse(field, "%d to %d of A-Z, a-z, 0-9, _ and -", minID, maxID)
	}
	return nil
}

// checkText says what a text cannot be.
func checkText(field, text string, most int) error {
	switch {
	case len(text) > most:
		return refuse(field, "at most %d bytes", most)
	case !utf8.ValidString(text):
		return refuse(field, "UTF-8")
	}
	return nil
}

// check says what a message cannot be. field is where it stands.
func (m *Message) check(field string) error {
	if err := checkID(field+".id", m.ID); err != nil {
		return err
	}
	for _, r := range []struct{ name, id string }{{"parent", m.Parent}, {"beside", m.Beside}} {
		if r.id != "" {
			if err := checkID(field+"."+r.name, r.id); err != nil {
				return err
			}
		}
	}
	if m.Role != User && m.Role != Assistant && m.Role != Tool {
		return refuse(field+".role", `"user", "assistant" or "tool"`)
	}
	if !m.Status.known() {
		return refuse(field+".status", "a status that there is")
	}
	for _, t := range []struct {
		name, text string
		most       int
	}{{"content", m.Content, maxContent}, {"reasoning", m.Reasoning, maxContent}, {"model", m.Model, maxName}, {"error", m.Error, maxError}} {
		if err := checkText(field+"."+t.name, t.text, t.most); err != nil {
			return err
		}
	}
	if m.Parameters != nil {
		if err := m.Parameters.check(field + ".parameters"); err != nil {
			return err
		}
	}
	if m.Figures != nil {
		if err := m.Figures.check(); err != nil {
			return err
		}
	}
	if err := checkCalls(field, m.Calls, m.Results); err != nil {
		return err
	}
	return checkFiles(field+".files", m.Files)
}

// checkFiles says what the files of a message cannot be.
func checkFiles(field string, files []FileText) error {
	if len(files) > maxFiles {
		return refuse(field, "at most %d files", maxFiles)
	}
	total := 0
	for i, f := range files {
		at := fmt.Sprintf("%s[%d]", field, i)
		total += len(f.Text)
		if f.Name == "" || f.Bytes < 0 || f.Tokens < 0 {
			return refuse(at, "a name, and sizes that are not negative")
		}
		if err := checkText(at+".name", f.Name, maxName); err != nil {
			return err
		}
		if err := checkText(at+".text", f.Text, maxFileText); err != nil {
			return err
		}
	}
	if total > maxFileText {
		return refuse(field, "at most %d bytes of text, all together", maxFileText)
	}
	return nil
}

// checkCalls says what calls and their results cannot be.
func checkCalls(field string, calls []Call, results []Result) error {
	if len(calls) > maxCalls || len(results) > maxCalls {
		return refuse(field, "at most %d calls and as many results", maxCalls)
	}
	for i, c := range calls {
		at := fmt.Sprintf("%s.calls[%d]", field, i)
		for _, t := range []struct {
			text string
			most int
		}{{c.ID, maxName}, {c.Name, maxName}, {c.Arguments, maxArguments}} {
			if err := checkText(at, t.text, t.most); err != nil {
				return err
			}
		}
	}
	total := 0
	for i, r := range results {
		at := fmt.Sprintf("%s.results[%d]", field, i)
		total += len(r.Content)
		for _, t := range []struct {
			text string
			most int
		}{{r.Call, maxName}, {r.Name, maxName}, {r.Content, maxContent}} {
			if err := checkText(at, t.text, t.most); err != nil {
				return err
			}
		}
	}
	if total > maxContent {
		return refuse(field+".results", "at most %d bytes, all together", maxContent)
	}
	return nil
}

// checkTitle says what a title or a folder cannot be.
func checkTitle(field, text string, most int) error {
	if err := checkText(field, text, most); err != nil {
		return err
	}
	for _, r := range text {
		if r < ' ' || r == 0x7f {
			return refuse(field, "one line")
		}
	}
	return nil
}
