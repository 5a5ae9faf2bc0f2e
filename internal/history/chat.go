package history

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Chat is a conversation without its messages.
type Chat struct {
	ID         string     `json:"id"`
	Title      string     `json:"title"`
	Folder     string     `json:"folder,omitempty"`
	Pinned     bool       `json:"pinned,omitempty"`
	Created    Time       `json:"created"`
	Updated    Time       `json:"updated"` // when it got its newest message
	Parameters Parameters `json:"parameters"`
	Leaf       string     `json:"leaf,omitempty"`    // the last message of the branch that was shown last
	Running    int        `json:"running,omitempty"` // answers that are under way
	Cuts       []Cut      `json:"cuts,omitempty"`
}

// Cut is a place before which nothing is sent to a model: on a path that has message At,
// Summary stands for what is before it.
type Cut struct {
	At      string `json:"at"`
	Summary string `json:"summary,omitempty"`
}

// Preset is parameters with a name.
type Preset struct {
	Name       string     `json:"name"`
	Parameters Parameters `json:"parameters"`
}

// titleOf returns what a chat is called before anybody gives it a name: the first line
// of its first message that has text, or the name of its first file.
func titleOf(m *NewMessage) string {
	for line := range strings.Lines(m.Content) {
		if t := oneLine(line, maxTitle); t != "" {
			return t
		}
	}
	for _, f := range m.Files {
		if t := oneLine(f.Name, maxTitle); t != "" {
			return t
		}
	}
	return "New chat"
}

// oneLine returns a text without control characters and outer spaces, cut behind so many
// characters.
func oneLine(s string, most int) string {
	if len(s) > 8*most { // spaces and control characters in front are not worth more
		s = s[:8*most]
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError || unicode.IsControl(r) && !unicode.IsSpace(r):
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s)
	s = strings.TrimSpace(s)
	n := 0
	for i := range s {
		if n == most {
			return strings.TrimSpace(s[:i]) + "…"
		}
		n++
	}
	return s
}
