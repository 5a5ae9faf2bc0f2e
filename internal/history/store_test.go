package history

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
)

// clock is a time that tests set, which the store reads in the background, too.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// pass has time pass.
func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// openFile opens a file and a store over it.
func openFile(t testing.TB, path string, c *clock) (*Store, *database.DB) {
	t.Helper()
	db, err := database.Open(t.Context(), path, Tables)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s, err := Open(t.Context(), db, Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, db
}

// open opens a new store.
func open(t testing.TB) (*Store, *clock) {
	t.Helper()
	c := newClock()
	s, _ := openFile(t, filepath.Join(t.TempDir(), database.FileName), c)
	return s, c
}

// open2 opens a new store, and returns its file.
func open2(t testing.TB) (*Store, *database.DB) {
	t.Helper()
	return openFile(t, filepath.Join(t.TempDir(), database.FileName), newClock())
}

// me and other are tenants.
const (
	me    = "owner"
	other = "key_other"
)

// ask adds a question and a running answer to a chat.
func ask(t testing.TB, s *Store, chat, parent, question, answer, text string) Turned {
	t.Helper()
	done, err := s.Turn(t.Context(), me, chat, Turn{
		Chat:     &NewChat{},
		Messages: []NewMessage{{ID: question, Parent: parent, Role: User, Content: text}},
		Answers:  []NewAnswer{{ID: answer, Parent: question, Parameters: Parameters{Model: "puppet"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// say adds a question and its answer to a chat.
func say(t testing.TB, s *Store, chat, parent, question, answer, text, reply string) {
	t.Helper()
	ask(t, s, chat, parent, question, answer, text)
	if err := s.Finish(t.Context(), me, chat, answer, End{Content: reply, Status: Complete}); err != nil {
		t.Fatal(err)
	}
}

// get reads a chat that is there.
func get(t testing.TB, s *Store, chat string) (Chat, []Message) {
	t.Helper()
	c, list, err := s.Get(t.Context(), me, chat)
	if err != nil {
		t.Fatal(err)
	}
	return c, list
}

// show writes a tree in one line: ID<PARENT:TEXT.
func show(list []Message) string {
	var b strings.Builder
	for _, m := range list {
		fmt.Fprintf(&b, "%s<%s:%s ", m.ID, m.Parent, m.Content)
	}
	return strings.TrimSpace(b.String())
}

// A turn is made once, however often it is sent, and whole or not at all.
func TestTurn(t *testing.T) {
	s, _ := open(t)
	first := ask(t, s, "chat-0001", "", "question-1", "answer-1", "\n  one two\nthree")
	if first.Chat.Title != "one two" || first.Chat.Leaf != "answer-1" || first.Chat.Running != 1 || !slices.Equal(first.Started, []string{"answer-1"}) {
		t.Errorf("made: %+v, started %q", first.Chat, first.Started)
	}
	if again := ask(t, s, "chat-0001", "", "question-1", "answer-1", "\n  one two\nthree"); again.Started != nil || len(again.Messages) != 2 || again.Chat.Updated != first.Chat.Updated {
		t.Errorf("sent again: %+v", again)
	}
	if err := s.Progress(t.Context(), me, "chat-0001", "answer-1", Progress{Content: "hal", Reasoning: "hm"}); err != nil {
		t.Fatal(err)
	}
	if _, list := get(t, s, "chat-0001"); list[1].Content != "hal" || list[1].Reasoning != "hm" || list[1].Status != Running {
		t.Errorf("while it runs: %+v", list[1])
	}
	end := End{Content: "half", Reasoning: "hm", Status: Length, Figures: &Figures{AnswerTokens: 4, TokensPerSecond: 3.5}}
	if err := s.Finish(t.Context(), me, "chat-0001", "answer-1", end); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(t.Context(), me, "chat-0001", "answer-1", end); !errors.Is(err, ErrConflict) {
		t.Errorf("finished twice: %v", err)
	}
	done, err := s.Turn(t.Context(), me, "chat-0001", Turn{Answers: []NewAnswer{{ID: "answer-1", Continue: true}}})
	if err != nil || !slices.Equal(done.Started, []string{"answer-1"}) || done.Messages[0].Content != "half" || done.Messages[0].Status != Running {
		t.Errorf("continued: %+v, %v", done, err)
	}
	if err := s.Finish(t.Context(), me, "chat-0001", "answer-1", End{Content: "half done", Status: Complete}); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		turn Turn
		want error
	}{
		{"nothing", Turn{}, ErrValue},
		{"a bad id", Turn{Messages: []NewMessage{{ID: "short", Role: User}}}, ErrValue},
		{"a bad role", Turn{Messages: []NewMessage{{ID: "message-1", Role: "system"}}}, ErrValue},
		{"an id twice", Turn{Messages: []NewMessage{{ID: "message-1", Role: User}, {ID: "message-1", Role: User}}}, ErrValue},
		{"an answer to nothing", Turn{Answers: []NewAnswer{{ID: "answer-9"}}}, ErrValue},
		{"an unknown parent", Turn{Messages: []NewMessage{{ID: "message-1", Role: User}, {ID: "message-2", Parent: "nowhere-1", Role: User}}}, ErrUnknown},
		{"another text", Turn{Messages: []NewMessage{{ID: "message-1", Role: User}, {ID: "question-1", Role: User, Content: "other"}}}, ErrConflict},
		{"an answer to an answer", Turn{Answers: []NewAnswer{{ID: "answer-9", Parent: "answer-1"}}}, ErrConflict},
		{"going on with a question", Turn{Answers: []NewAnswer{{ID: "question-1", Continue: true}}}, ErrConflict},
		{"an unknown leaf", Turn{Leaf: "nowhere-1", Messages: []NewMessage{{ID: "message-1", Role: User}}}, ErrUnknown},
		{"text that is no UTF-8", Turn{Messages: []NewMessage{{ID: "message-1", Role: User, Content: "\xff"}}}, ErrValue},
		{"too much", Turn{Messages: []NewMessage{{ID: "message-1", Role: User, Content: strings.Repeat("x", maxContent+1)}}}, ErrValue},
		{"a temperature", Turn{Answers: []NewAnswer{{ID: "answer-9", Parent: "question-1", Parameters: Parameters{Temperature: new(-1.0)}}}}, ErrValue},
		{"tools", Turn{Answers: []NewAnswer{{ID: "answer-9", Parent: "question-1", Parameters: Parameters{Tools: []byte(`{}`)}}}}, ErrValue},
	} {
		if _, err := s.Turn(t.Context(), me, "chat-0001", x.turn); !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", x.name, err, x.want)
		}
	}
	if _, list := get(t, s, "chat-0001"); show(list) != "question-1<:\n  one two\nthree answer-1<question-1:half done" {
		t.Errorf("afterwards: %s", show(list))
	}
	if _, err := s.Turn(t.Context(), me, "chat-0002", Turn{Messages: []NewMessage{{ID: "message-1", Parent: "nowhere-1", Role: User}}}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a new chat that does not begin: %v", err)
	}
	if _, err := s.Chat(t.Context(), me, "chat-0002"); !errors.Is(err, ErrUnknown) {
		t.Errorf("a turn that failed left a chat: %v", err)
	}
}

// Files and everything else of a message come back as they were.
func TestMessage(t *testing.T) {
	s, _ := open(t)
	parameters := Parameters{
		Model: "m", System: "be\x00kind", Temperature: new(0.0), TopP: new(0.5), TopK: new(0), Seed: new(int64(-7)), MaxTokens: new(5), Reasoning: "off",
		Schema: []byte(`{"type":"object"}`), Tools: []byte(`[{"a":1}]`), MCP: []string{"x"}, Allowed: []string{"x/y"},
	}
	turn := Turn{
		Chat: &NewChat{Parameters: parameters, Folder: "work"},
		Messages: []NewMessage{
			{ID: "message-1", Role: User, Content: "see", Files: []FileText{{"a.txt", 3, 1, "abc"}, {"b.md", 0, 0, ""}}},
			{ID: "message-2", Parent: "message-1", Role: Assistant, Content: "edited", Reasoning: "r", Edited: true, Beside: "message-3"},
			{ID: "message-3", Parent: "message-2", Role: Tool, Results: []Result{{"call", "f", "out", true}}},
		},
		Answers: []NewAnswer{{ID: "answer-1", Parent: "message-3", Parameters: parameters, Beside: "answer-2"}},
	}
	if _, err := s.Turn(t.Context(), me, "chat-0001", turn); err != nil {
		t.Fatal(err)
	}
	end := End{Content: "c", Reasoning: "r", Calls: []Call{{"id", "f", "{}"}}, Status: Calls, Figures: &Figures{PromptTokens: 1, FirstTokenMS: 2.5}}
	if err := s.Finish(t.Context(), me, "chat-0001", "answer-1", end); err != nil {
		t.Fatal(err)
	}
	c, path, err := s.Path(t.Context(), me, "chat-0001", "answer-1")
	if err != nil {
		t.Fatal(err)
	}
	at := c.Created
	want := []Message{
		{ID: "message-1", Role: User, Content: "see", Files: turn.Messages[0].Files, Created: at},
		{ID: "message-2", Parent: "message-1", Role: Assistant, Content: "edited", Reasoning: "r", Status: Complete, Edited: true, Beside: "message-3", Created: at},
		{ID: "message-3", Parent: "message-2", Role: Tool, Results: turn.Messages[2].Results, Created: at},
		{
			ID: "answer-1", Parent: "message-3", Role: Assistant, Content: "c", Reasoning: "r", Calls: end.Calls, Model: "m", Parameters: &parameters,
			Status: Calls, Figures: end.Figures, Beside: "answer-2", Created: at,
		},
	}
	for i := range want {
		if got, want := text(t, path[i]), text(t, want[i]); got != want {
			t.Errorf("message %d: got %s, want %s", i, got, want)
		}
	}
	if text(t, c.Parameters) != text(t, parameters) || c.Folder != "work" {
		t.Errorf("the chat: %s", text(t, c))
	}
	if _, list := get(t, s, "chat-0001"); list[0].Files[0].Text != "" || list[0].Files[0].Name != "a.txt" {
		t.Errorf("files without their text: %+v", list[0].Files)
	}
}

// The list has the pinned chats first, then those in folders, then the newest.
func TestList(t *testing.T) {
	s, _ := open(t)
	for i := range 7 {
		say(t, s, fmt.Sprintf("chat-%04d", i), "", "question-1", "answer-1", fmt.Sprintf("title %d", i), "yes")
	}
	patch := func(id string, p Patch) {
		t.Helper()
		if _, err := s.Patch(t.Context(), me, id, p); err != nil {
			t.Fatal(err)
		}
	}
	patch("chat-0002", Patch{Pinned: new(true)})
	patch("chat-0003", Patch{Folder: new(" work ")})
	patch("chat-0001", Patch{Title: new(" new name ")})
	if err := s.Delete(t.Context(), me, "chat-0005"); err != nil {
		t.Fatal(err)
	}
	list := func(limit int, before Time) (string, Time, bool) {
		t.Helper()
		chats, more, err := s.List(t.Context(), me, limit, before)
		if err != nil {
			t.Fatal(err)
		}
		var titles []string
		last := Time(0)
		for _, c := range chats {
			titles, last = append(titles, c.Title), c.Updated
		}
		return strings.Join(titles, ","), last, more
	}
	got, last, more := list(2, 0)
	if got != "title 2,title 3,title 6,title 4" || !more {
		t.Errorf("the first part: %s, more: %v", got, more)
	}
	if got, _, more := list(2, last); got != "new name,title 0" || more {
		t.Errorf("the second part: %s, more: %v", got, more)
	}
	for name, p := range map[string]Patch{"no title": {Title: new(" ")}, "two lines": {Title: new("a\nb")}, "a long folder": {Folder: new(strings.Repeat("x", maxFolder+1))}} {
		if _, err := s.Patch(t.Context(), me, "chat-0001", p); !errors.Is(err, ErrValue) {
			t.Errorf("%s: %v, want ErrValue", name, err)
		}
	}
	if _, err := s.Patch(t.Context(), me, "chat-0001", Patch{Leaf: new("nowhere-1")}); !errors.Is(err, ErrUnknown) {
		t.Errorf("a leaf that there is not: %v", err)
	}
}

// Chats that changed at the same moment are in one part of the list, in the order in which
// they came.
func TestListSame(t *testing.T) {
	s, db := open2(t)
	for i := range 9 {
		say(t, s, fmt.Sprintf("chat-%04d", i), "", "question-1", "answer-1", "x", "yes")
	}
	if _, err := db.Exec(`UPDATE chats SET updated = 1000 WHERE id BETWEEN 'chat-0001' AND 'chat-0006'`); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	var same []string
	before := Time(0)
	for more := true; more; {
		var list []Chat
		var err error
		if list, more, err = s.List(t.Context(), me, 4, before); err != nil || len(list) == 0 {
			t.Fatal(len(list), err)
		}
		for _, c := range list {
			seen[c.ID]++
			before = c.Updated
			if c.Updated == 1000 {
				same = append(same, c.ID)
			}
		}
	}
	if got := strings.Join(same, " "); got != "chat-0001 chat-0002 chat-0003 chat-0004 chat-0005 chat-0006" {
		t.Errorf("those of one moment come as %s", got)
	}
	for i := range 9 {
		if n := seen[fmt.Sprintf("chat-%04d", i)]; n != 1 {
			t.Errorf("chat %d is listed %d times", i, n)
		}
	}
}

// A fork has the messages up to one, with ids of its own, and is made once.
func TestFork(t *testing.T) {
	s, _ := open(t)
	say(t, s, "chat-0001", "", "question-1", "answer-1", "one", "two")
	say(t, s, "chat-0001", "answer-1", "question-2", "answer-2", "three", "four")
	if _, err := s.Cut(t.Context(), me, "chat-0001", Cut{At: "answer-1", Summary: "sum"}); err != nil {
		t.Fatal(err)
	}
	c, list, err := s.Fork(t.Context(), me, "chat-0001", "chat-0002", "question-2")
	if err != nil || len(list) != 3 || list[2].Content != "three" || list[2].ID == "question-2" || c.Leaf != list[2].ID || len(c.Cuts) != 1 || c.Cuts[0].At != list[1].ID || list[1].Parent != list[0].ID {
		t.Fatalf("%+v, %s, %v", c, show(list), err)
	}
	if _, again, err := s.Fork(t.Context(), me, "chat-0001", "chat-0002", "question-2"); err != nil || show(again) != show(list) {
		t.Errorf("again: %s, %v", show(again), err)
	}
	if _, _, err := s.Fork(t.Context(), me, "chat-0001", "chat-0003", "nowhere-1"); !errors.Is(err, ErrUnknown) {
		t.Errorf("of no message: %v", err)
	}
	if _, err := s.Chat(t.Context(), me, "chat-0003"); !errors.Is(err, ErrUnknown) {
		t.Errorf("a fork that failed left a chat: %v", err)
	}
}

// What is deleted comes back whole for a minute.
func TestTrash(t *testing.T) {
	s, at := open(t)
	say(t, s, "chat-0001", "", "question-1", "answer-1", "one", "two")
	say(t, s, "chat-0001", "answer-1", "question-2", "answer-2", "three", "four")
	say(t, s, "chat-0001", "answer-1", "question-3", "answer-3", "five", "six")
	_, before := get(t, s, "chat-0001")
	c, removed, err := s.DeleteMessage(t.Context(), me, "chat-0001", "question-3")
	if err != nil || !slices.Equal(removed, []string{"question-3", "answer-3"}) || c.Leaf != "answer-2" {
		t.Errorf("removed %q, leaf %q, %v", removed, c.Leaf, err)
	}
	if c, _, err := s.DeleteMessage(t.Context(), me, "chat-0001", "question-2"); err != nil || c.Leaf != "answer-1" {
		t.Errorf("the last version: leaf %q, %v", c.Leaf, err)
	}
	if c, _, err := s.DeleteMessage(t.Context(), me, "chat-0001", "answer-1"); err != nil || c.Leaf != "question-1" {
		t.Errorf("before it: leaf %q, %v", c.Leaf, err)
	}
	if _, _, err := s.RestoreMessage(t.Context(), me, "chat-0001", "question-3"); !errors.Is(err, ErrConflict) {
		t.Errorf("restored behind what is deleted: %v", err)
	}
	if _, err := s.Turn(t.Context(), me, "chat-0001", Turn{Messages: []NewMessage{{ID: "question-4", Parent: "answer-1", Role: User}}}); !errors.Is(err, ErrUnknown) {
		t.Errorf("written behind what is deleted: %v", err)
	}
	for _, id := range []string{"answer-1", "question-2", "question-3"} {
		c, _, err := s.RestoreMessage(t.Context(), me, "chat-0001", id)
		if err != nil || id == "question-3" && c.Leaf != "answer-3" {
			t.Errorf("restored %s: leaf %s, %v", id, c.Leaf, err)
		}
	}
	if _, after := get(t, s, "chat-0001"); show(after) != show(before) {
		t.Errorf("restored: %s, want %s", show(after), show(before))
	}
	for range 2 {
		if err := s.Delete(t.Context(), me, "chat-0001"); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := s.Get(t.Context(), me, "chat-0001"); !errors.Is(err, ErrUnknown) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := s.Turn(t.Context(), me, "chat-0001", Turn{Messages: []NewMessage{{ID: "question-9", Role: User}}}); !errors.Is(err, ErrUnknown) {
		t.Errorf("written into a deleted chat: %v", err)
	}
	at.pass(kept / 2)
	if err := s.Empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Restore(t.Context(), me, "chat-0001"); err != nil {
		t.Fatal(err)
	}
	if _, after := get(t, s, "chat-0001"); show(after) != show(before) {
		t.Errorf("restored: %s, want %s", show(after), show(before))
	}
	if err := s.Delete(t.Context(), me, "chat-0001"); err != nil {
		t.Fatal(err)
	}
	at.pass(2 * kept)
	if err := s.Empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Restore(t.Context(), me, "chat-0001"); !errors.Is(err, ErrUnknown) {
		t.Errorf("restored too late: %v", err)
	}
}

// An answer that was written by a process that is gone is interrupted.
func TestInterrupted(t *testing.T) {
	at := newClock()
	path := filepath.Join(t.TempDir(), database.FileName)
	s, db := openFile(t, path, at)
	ask(t, s, "chat-0001", "", "question-1", "answer-1", "one")
	if err := s.Progress(t.Context(), me, "chat-0001", "answer-1", Progress{Content: "so f"}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	db.Close()
	s, _ = openFile(t, path, at)
	if c, list := get(t, s, "chat-0001"); list[1].Status != Interrupted || list[1].Content != "so f" || c.Running != 0 {
		t.Errorf("%+v", list[1])
	}
}

// Presets are kept by their names.
func TestPresets(t *testing.T) {
	s, _ := open(t)
	for _, p := range []Preset{{"b", Parameters{System: "one"}}, {" a ", Parameters{}}, {"b", Parameters{System: "two"}}} {
		if err := s.SetPreset(t.Context(), me, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetPreset(t.Context(), me, Preset{Name: " "}); !errors.Is(err, ErrValue) {
		t.Errorf("no name: %v", err)
	}
	list, err := s.Presets(t.Context(), me)
	if err != nil || len(list) != 2 || list[0].Name != "a" || list[1].Parameters.System != "two" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := s.DeletePreset(t.Context(), me, "a"); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Presets(t.Context(), me); err != nil || len(list) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
}
