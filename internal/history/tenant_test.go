package history

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/database"
)

// text returns the JSON of a value.
func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A tenant neither sees nor changes what others have, and may use the same ids.
func TestTenants(t *testing.T) {
	s, _ := open(t)
	ctx := t.Context()
	say(t, s, "chat-0001", "", "question-1", "answer-1", "secret", "word")
	ask(t, s, "chat-0002", "", "question-1", "answer-1", "secret")
	if err := s.SetPreset(ctx, me, Preset{Name: "mine"}); err != nil {
		t.Fatal(err)
	}
	for name, do := range map[string]func() error{
		"get":      func() error { _, _, err := s.Get(ctx, other, "chat-0001"); return err },
		"chat":     func() error { _, err := s.Chat(ctx, other, "chat-0001"); return err },
		"path":     func() error { _, _, err := s.Path(ctx, other, "chat-0001", "answer-1"); return err },
		"patch":    func() error { _, err := s.Patch(ctx, other, "chat-0001", Patch{Title: new("x")}); return err },
		"cut":      func() error { _, err := s.Cut(ctx, other, "chat-0001", Cut{At: "answer-1"}); return err },
		"fork":     func() error { _, _, err := s.Fork(ctx, other, "chat-0001", "chat-0009", "answer-1"); return err },
		"progress": func() error { return s.Progress(ctx, other, "chat-0002", "answer-1", Progress{Content: "x"}) },
		"finish":   func() error { return s.Finish(ctx, other, "chat-0002", "answer-1", End{Status: Failed}) },
		"message":  func() error { _, _, err := s.DeleteMessage(ctx, other, "chat-0001", "answer-1"); return err },
		"restore":  func() error { _, _, err := s.RestoreMessage(ctx, other, "chat-0001", "answer-1"); return err },
		"undelete": func() error { _, err := s.Restore(ctx, other, "chat-0001"); return err },
		"continue": func() error {
			_, err := s.Turn(ctx, other, "chat-0001", Turn{Answers: []NewAnswer{{ID: "answer-1", Continue: true}}})
			return err
		},
	} {
		if err := do(); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v, want ErrUnknown", name, err)
		}
	}
	if err := s.Delete(ctx, other, "chat-0001"); err != nil {
		t.Fatal(err)
	}
	if err := s.DeletePreset(ctx, other, "mine"); err != nil {
		t.Fatal(err)
	}
	if chats, _, err := s.List(ctx, other, 10, 0); err != nil || len(chats) != 0 {
		t.Errorf("the other's list: %+v, %v", chats, err)
	}
	if list, err := s.Presets(ctx, other); err != nil || len(list) != 0 {
		t.Errorf("the other's presets: %+v, %v", list, err)
	}
	if _, err := s.Turn(ctx, other, "chat-0001", Turn{Messages: []NewMessage{{ID: "question-1", Role: User, Content: "theirs"}}}); err != nil {
		t.Fatal(err)
	}
	if c, list := get(t, s, "chat-0001"); show(list) != "question-1<:secret answer-1<question-1:word" || c.Title != "secret" {
		t.Errorf("afterwards: %s", show(list))
	}
	if list, err := s.Presets(ctx, me); err != nil || len(list) != 1 {
		t.Errorf("my presets: %+v, %v", list, err)
	}
	if err := s.Delete(ctx, "", "chat-0001"); err == nil {
		t.Error("nobody may delete")
	}
}

// The subscribers of a tenant hear what it changes, in order, and nobody else does.
func TestSubscribe(t *testing.T) {
	s, _ := open(t)
	var heard []Change
	end := s.Subscribe(me, func(c Change) { heard = append(heard, c) })
	s.Subscribe(other, func(c Change) { t.Errorf("the other heard %+v", c) })
	said := func() string {
		out := ""
		for _, c := range heard {
			switch {
			case c.Chat != nil:
				out += "chat " + c.Chat.Title + "; "
			case c.Gone != "":
				out += "gone " + c.Gone + "; "
			case c.Messages != nil:
				out += "messages " + show(c.Messages) + "; "
			case c.Removed != nil:
				out += text(t, c.Removed) + "; "
			case c.Presets:
				out += "presets; "
			}
		}
		heard = nil
		return out
	}
	ctx := t.Context()
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { ask(t, s, "chat-0001", "", "question-1", "answer-1", "one"); return nil }, "chat one; messages question-1<:one answer-1<question-1:; "},
		{func() error { ask(t, s, "chat-0001", "", "question-1", "answer-1", "one"); return nil }, ""},
		{func() error { return s.Progress(ctx, me, "chat-0001", "answer-1", Progress{Content: "x"}) }, ""},
		{func() error { return s.Finish(ctx, me, "chat-0001", "answer-1", End{Content: "two", Status: Complete}) }, "chat one; messages answer-1<question-1:two; "},
		{func() error { _, err := s.Patch(ctx, me, "chat-0001", Patch{Title: new("three")}); return err }, "chat three; "},
		{func() error { _, _, err := s.DeleteMessage(ctx, me, "chat-0001", "answer-1"); return err }, `["answer-1"]; chat three; `},
		{func() error { _, _, err := s.RestoreMessage(ctx, me, "chat-0001", "answer-1"); return err }, "messages answer-1<question-1:two; chat three; "},
		{func() error { return s.Delete(ctx, me, "chat-0001") }, "gone chat-0001; "},
		{func() error { _, err := s.Restore(ctx, me, "chat-0001"); return err }, "chat three; "},
		{func() error { return s.SetPreset(ctx, me, Preset{Name: "p"}) }, "presets; "},
		{func() error {
			_, err := s.Patch(ctx, me, "chat-0001", Patch{Leaf: new("nowhere-1")})
			_ = err
			return nil
		}, ""},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := said(); got != step.want {
			t.Errorf("heard %q, want %q", got, step.want)
		}
	}
	end()
	if err := s.Delete(ctx, me, "chat-0001"); err != nil || len(heard) != 0 {
		t.Errorf("behind the end: %+v, %v", heard, err)
	}
}

// What another process changes is heard, and answers that it writes are its own.
func TestProcesses(t *testing.T) {
	at := newClock()
	path := filepath.Join(t.TempDir(), database.FileName)
	one, _ := openFile(t, path, at)
	ask(t, one, "chat-0001", "", "question-1", "answer-1", "one")
	two, _ := openFile(t, path, at)
	heard := 0
	defer two.Subscribe(me, func(c Change) {
		if c.Everything {
			heard++
		}
	})()
	hear := func(step string, want int) {
		t.Helper()
		if err := two.hearOthers(t.Context()); err != nil {
			t.Fatal(err)
		}
		if heard != want {
			t.Errorf("%s: heard %d times that something changed, want %d", step, heard, want)
		}
		heard = 0
	}
	hear("at first", 0)
	if err := one.Progress(t.Context(), me, "chat-0001", "answer-1", Progress{Content: "so far"}); err != nil {
		t.Fatal(err)
	}
	hear("the other's answer goes on", 1)
	if _, list := get(t, two, "chat-0001"); list[1].Status != Running || list[1].Content != "so far" {
		t.Errorf("the other's answer: %+v", list[1])
	}
	hear("nothing", 0)
	say(t, two, "chat-0002", "", "question-1", "answer-1", "mine", "yes")
	hear("a change of its own", 0)
	if err := one.Finish(t.Context(), me, "chat-0001", "answer-1", End{Content: "all", Status: Complete}); err != nil {
		t.Fatal(err)
	}
	say(t, two, "chat-0003", "", "question-1", "answer-1", "mine", "yes")
	hear("the other's change, and one of its own behind it", 1)
	if _, err := one.Turn(t.Context(), other, "chat-0001", Turn{Messages: []NewMessage{{ID: "question-1", Role: User, Content: "x"}}}); err != nil {
		t.Fatal(err)
	}
	hear("another tenant's change", 0)
}
