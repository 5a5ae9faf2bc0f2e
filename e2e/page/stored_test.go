package page

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// stored is a chat as the server has it.
type stored struct {
	Chat struct {
		Leaf       string
		Parameters map[string]any
		Cuts       []struct{ At, Summary string }
	}
	Messages []message
}

type message struct {
	ID, Parent, Role, Content, Status, Error string
	Parameters                               map[string]any
	Figures                                  struct {
		PromptTokens int `json:"prompt_tokens"`
		AnswerTokens int `json:"answer_tokens"`
	}
	Files []struct {
		Name   string
		Tokens int
	}
}

// have returns what the server has of the chat that a tab shows.
func have(t *testing.T, tab *Tab) (s stored) {
	t.Helper()
	text := Eval[string](tab, fmt.Sprintf("fetch('/ui/api/chats/%s').then(r => r.text())", strings.TrimPrefix(tab.Path(), "/chat/")))
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return s
}

// all returns the messages of a role.
func (s stored) all(role string) (list []message) {
	for _, m := range s.Messages {
		if m.Role == role {
			list = append(list, m)
		}
	}
	return list
}

// last returns the newest message of a role.
func (s stored) last(role string) message {
	all := s.all(role)
	if len(all) == 0 {
		return message{}
	}
	return all[len(all)-1]
}
