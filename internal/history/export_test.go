package history

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// sample fills a store with a tree, a file, calls, parameters and what is in the trash.
func sample(t testing.TB, s *Store) {
	t.Helper()
	ctx := t.Context()
	say(t, s, "chat-0001", "", "question-1", "answer-1", "tree <b>&\u2028", "one\n\n```python\nx = 1\n```")
	say(t, s, "chat-0001", "answer-1", "question-2", "answer-2", "first", "| alpha | 10 |")
	say(t, s, "chat-0001", "answer-1", "question-3", "answer-3", "second", "edited")
	say(t, s, "chat-0001", "answer-1", "question-4", "answer-4", "in the trash", "secret")
	if _, _, err := s.DeleteMessage(ctx, me, "chat-0001", "question-4"); err != nil {
		t.Fatal(err)
	}
	turn := Turn{
		Chat:     &NewChat{Parameters: Parameters{System: "be kind", Temperature: new(0.5), Tools: []byte(`[{"x":1}]`)}, Folder: "work"},
		Messages: []NewMessage{{ID: "question-1", Role: User, Content: "with a file", Files: []FileText{{"a.txt", 3, 1, "text ``` of"}}}},
		Answers:  []NewAnswer{{ID: "answer-1", Parent: "question-1", Parameters: Parameters{Model: "m"}, Beside: "answer-2"}},
	}
	if _, err := s.Turn(ctx, me, "chat-0002", turn); err != nil {
		t.Fatal(err)
	}
	end := End{Reasoning: "hm\nhm", Calls: []Call{{"c1", "f", "{}"}}, Status: Calls, Figures: &Figures{PromptTokens: 3, TokensPerSecond: 1.5}}
	if err := s.Finish(ctx, me, "chat-0002", "answer-1", end); err != nil {
		t.Fatal(err)
	}
	results := Turn{Messages: []NewMessage{{ID: "results-1", Parent: "answer-1", Role: Tool, Results: []Result{{"c1", "f", "42", true}}}}}
	if _, err := s.Turn(ctx, me, "chat-0002", results); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Patch(ctx, me, "chat-0001", Patch{Pinned: new(true), Leaf: new("answer-2")}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Cut(ctx, me, "chat-0001", Cut{At: "answer-1", Summary: "so far"}); err != nil {
		t.Fatal(err)
	}
	say(t, s, "chat-0003", "", "question-1", "answer-1", "deleted", "secret")
	if err := s.Delete(ctx, me, "chat-0003"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Turn(ctx, other, "chat-0001", Turn{Messages: []NewMessage{{ID: "question-1", Role: User, Content: "the other's secret"}}}); err != nil {
		t.Fatal(err)
	}
}

// exportJSON exports chats of a tenant.
func exportJSON(t testing.TB, s *Store, tenant, id string) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.ExportJSON(t.Context(), tenant, id, &b); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b.Bytes()) {
		t.Fatalf("no JSON: %s", b.Bytes())
	}
	return b.String()
}

// What is exported and taken in elsewhere is exported as it was; the trash and what others
// have is not in it.
func TestExport(t *testing.T) {
	s, _ := open(t)
	sample(t, s)
	first := exportJSON(t, s, me, "")
	if strings.Contains(first, "secret") {
		t.Errorf("the trash, or what another has, is exported: %s", first)
	}
	s2, _ := open(t)
	done, err := s2.Import(t.Context(), other, strings.NewReader(first))
	if err != nil || done != (Imported{Chats: 2, Messages: 9}) {
		t.Fatalf("%+v, %v", done, err)
	}
	if second := exportJSON(t, s2, other, ""); second != first {
		t.Errorf("taken in and exported again:\ngot  %s\nwant %s", second, first)
	}
	if done, err = s2.Import(t.Context(), other, strings.NewReader(first)); err != nil || done != (Imported{Known: 2}) {
		t.Errorf("again: %+v, %v", done, err)
	}
	if second := exportJSON(t, s2, other, ""); second != first {
		t.Errorf("taken in twice:\ngot  %s\nwant %s", second, first)
	}
	one := exportJSON(t, s, me, "chat-0002")
	if !strings.Contains(one, "with a file") || strings.Contains(one, "alpha") {
		t.Errorf("one chat: %s", one)
	}
	if text := exportJSON(t, s, "key_nobody", ""); strings.Contains(text, "id") {
		t.Errorf("of nobody: %s", text)
	}
	for name, export := range map[string]func(string, string, io.Writer) error{
		"JSON":     func(tenant, id string, w io.Writer) error { return s.ExportJSON(t.Context(), tenant, id, w) },
		"Markdown": func(tenant, id string, w io.Writer) error { return s.ExportMarkdown(t.Context(), tenant, id, w) },
	} {
		for _, x := range []struct{ tenant, id string }{{me, "chat-0003"}, {me, "nowhere-1"}, {other, "chat-0002"}} {
			var b bytes.Buffer
			if err := export(x.tenant, x.id, &b); !errors.Is(err, ErrUnknown) || b.Len() > 0 {
				t.Errorf("%s of %s of %s: %v and %d bytes", name, x.id, x.tenant, err, b.Len())
			}
		}
		full := errors.New("the client is gone")
		if err := export(me, "chat-0001", broken{full}); !errors.Is(err, full) {
			t.Errorf("%s: %v, want the writer's error", name, err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.ExportJSON(over, me, "", io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// A chat that was deleted comes back whole where its export is taken in; a chat that lost
// messages gets them back.
func TestExportBack(t *testing.T) {
	s, at := open(t)
	sample(t, s)
	first := exportJSON(t, s, me, "")
	if err := s.Delete(t.Context(), me, "chat-0001"); err != nil {
		t.Fatal(err)
	}
	if done, err := s.Import(t.Context(), me, strings.NewReader(first)); err != nil || done.Chats != 1 || done.Known != 1 {
		t.Errorf("%+v, %v", done, err)
	}
	want := strings.Count(first, `"role"`)
	if text := exportJSON(t, s, me, ""); strings.Count(text, `"role"`) != want || !strings.Contains(text, "alpha") {
		t.Errorf("a chat from the trash: %s", text)
	}
	if _, _, err := s.DeleteMessage(t.Context(), me, "chat-0002", "answer-1"); err != nil {
		t.Fatal(err)
	}
	at.pass(2 * kept)
	if err := s.Empty(t.Context()); err != nil {
		t.Fatal(err)
	}
	if done, err := s.Import(t.Context(), me, strings.NewReader(first)); err != nil || done.Messages != 2 || done.Known != 2 {
		t.Errorf("%+v, %v", done, err)
	}
	if text := exportJSON(t, s, me, ""); strings.Count(text, `"role"`) != want {
		t.Errorf("messages that were wiped out: %s", text)
	}
}

// The fields of an export may be in any order, as another program writes them.
func TestExportOrder(t *testing.T) {
	s, _ := open(t)
	sample(t, s)
	first := exportJSON(t, s, me, "")
	var any any
	if err := json.Unmarshal([]byte(first), &any); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.MarshalIndent(any, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	s2, _ := open(t)
	if _, err := s2.Import(t.Context(), me, bytes.NewReader(sorted)); err != nil {
		t.Fatal(err)
	}
	if second := exportJSON(t, s2, me, ""); second != first {
		t.Errorf("got  %s\nwant %s", second, first)
	}
	late := strings.Replace(first, `"id":"chat-0001",`, "", 1)
	late = strings.Replace(late, "]},", `],"id":"chat-0001"},`, 1)
	s3, _ := open(t)
	if _, err := s3.Import(t.Context(), me, strings.NewReader(late)); err != nil {
		t.Fatal(err)
	}
	if second := exportJSON(t, s3, me, ""); second != first {
		t.Errorf("the id at the end: got  %s\nwant %s", second, first)
	}
	if done, err := s3.Import(t.Context(), me, strings.NewReader(late)); err != nil || done != (Imported{Known: 2}) {
		t.Errorf("the id at the end, again: %+v, %v", done, err)
	}
}

// Markdown has the shown branch first, and all else behind it.
func TestMarkdown(t *testing.T) {
	s, _ := open(t)
	sample(t, s)
	var b bytes.Buffer
	if err := s.ExportMarkdown(t.Context(), me, "chat-0001", &b); err != nil {
		t.Fatal(err)
	}
	want := "# tree <b>&\n\n*2026-11-30 09:00 UTC*\n\n## You\n\ntree <b>&\u2028\n\n## Answer (puppet)\n\none\n\n```python\nx = 1\n```\n" +
		"\n## You\n\nfirst\n\n## Answer (puppet)\n\n| alpha | 10 |\n" +
		"\n---\n\n*Another version, behind “one”:*\n\n## You\n\nsecond\n\n## Answer (puppet)\n\nedited\n"
	if got := strings.Replace(b.String(), "behind “one  ```python x = 1 ```”", "behind “one”", 1); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.Reset()
	if err := s.ExportMarkdown(t.Context(), me, "chat-0002", &b); err != nil {
		t.Fatal(err)
	}
	want = "# with a file\n\n*2026-11-30 09:00 UTC*\n\n## System prompt\n\nbe kind\n\n## You\n\nFile a.txt:\n\n````\ntext ``` of\n````\n\nwith a file\n" +
		"\n## Answer (m)\n\n> Thought:\n>\n> hm\n> hm\n\nCall of f:\n\n```json\n{}\n```\n\n## Results\n\nResult of f:\n\n```\n42\n```\n"
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The archive has a file for each chat, under names that every system takes.
func TestArchive(t *testing.T) {
	s, _ := open(t)
	sample(t, s)
	for i, title := range []string{"../../etc/passwd", `C:\x`, "same", "SAME", "...", "con", "COM1.txt", strings.Repeat("日本", 100), "a\u202eb"} {
		id := "named-000" + string(rune('0'+i))
		say(t, s, id, "", "question-1", "answer-1", title, "yes")
	}
	var b bytes.Buffer
	if err := s.ExportArchive(t.Context(), me, &b); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		if !filepath.IsLocal(f.Name) || len(f.Name) > maxFileName+10 {
			t.Errorf("a name: %q", f.Name)
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || !bytes.HasPrefix(text, []byte("# ")) {
			t.Errorf("%s: %.40q, %v", f.Name, text, err)
		}
	}
	want := []string{
		"tree -b-&.md", "with a file.md", "-..-etc-passwd.md", "C--x.md", "same.md", "SAME (2).md", "chat.md", "chat con.md", "chat COM1.txt.md", strings.Repeat("日本", 16) + "日.md", "ab.md",
	}
	if strings.Join(names, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", names, want)
	}
}
