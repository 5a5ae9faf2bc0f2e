package history

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/database"
)

// What is taken for a word, in several scripts.
func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"Hello, World-42!":             "hello world 42",
		"don't snake_case":             "don t snake case",
		"Ünïcode ÇA Straße STRASSE":    "unicode ca strasse strasse",
		"Ελλάς ΕΛΛΑΣ":                  "ελλασ ελλασ",
		"Ёлка Й":                       "елка и",
		"日本語の検索":                       "日 本 語 の 検 索",
		"カタカナー ｶﾅ":                     "カ タ カ ナ ー カ ナ",
		"ガ":                            "カ\u3099",
		"한국어":                          "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165",
		"ไทย":                          "ไ ท ย",
		"हिन्दी शब्द":                  "हिन्दी शब्द",
		"שָׁלוֹם مُحَمَّد":             "שלום محمد",
		"🦜🦜 x":                         "🦜 🦜 x",
		"ﬁne ①":                        "fine 1",
		"a\x00b\xffc":                  "a b c",
		"\"quoted\" (x) *":             "quoted x",
		"ﷺ":                            "صلىاللهعليهوسلم",
		strings.Repeat("x", 2*maxWord): strings.Repeat("x", maxWord),
	} {
		if got := indexed(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzWords: words stand where they are said to stand, have nothing that FTS5 takes for
// something else, and are the same however often they are made.
func FuzzWords(f *testing.F) {
	for _, s := range []string{"Hello", "日本 x", "a\xffb", "ﷺ\"ﬁ", "é́́", strings.Repeat("ﷺ", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		words(s, func(w string, start, end int) bool {
			if start < last || end <= start || end > len(s) || w == "" || len(w) > maxWord || !utf8.ValidString(w) {
				t.Fatalf("%q at %d to %d of %q, behind %d", w, start, end, s, last)
			}
			for i := 0; i < len(w); i++ {
				if c := w[i]; c < utf8.RuneSelf && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
					t.Fatalf("%q has %q", w, c)
				}
			}
			last = end
			return true
		})
		q := parseQuery(s)
		for _, m := range q.marks(s, false) {
			if m[0] >= m[1] || m[1] > len(s) {
				t.Fatalf("mark %v of %q", m, s)
			}
		}
		if piece := q.snippet(s); utf8.ValidString(s) && !utf8.ValidString(piece) || len(piece) > snippetSize+8 {
			t.Fatalf("a piece of %d bytes: %q", len(piece), piece)
		}
	})
}

// search returns what is found: the titles, each with the text that is marked.
func search(t *testing.T, s *Store, tenant, text string) string {
	t.Helper()
	found, err := s.Search(t.Context(), tenant, text, 10)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	var out []string
	for _, f := range found {
		line := f.Chat.Title
		if f.Message != "" {
			line += "/" + f.Message
		}
		u := utf16.Encode([]rune(f.Text))
		for _, m := range f.Marks {
			line += " [" + string(utf16.Decode(u[m[0]:m[1]])) + "]"
		}
		out = append(out, line)
	}
	return strings.Join(out, ", ")
}

// Words are found in titles and in all versions of messages, in any script.
func TestSearch(t *testing.T) {
	s, _ := open(t)
	say(t, s, "chat-0001", "", "question-1", "answer-1", "needle one zanzibar", "the quokka sat")
	say(t, s, "chat-0001", "answer-1", "question-2", "answer-2", "first wombat", "ok")
	say(t, s, "chat-0001", "answer-1", "question-3", "answer-3", "second numbat", "ok")
	say(t, s, "chat-0002", "", "question-1", "answer-1", "needle two", "🦜 日本語の検索 quokka")
	ask(t, s, "chat-0003", "", "question-1", "answer-1", "runs\nZebra")
	if err := s.Progress(t.Context(), me, "chat-0003", "answer-1", Progress{Content: "giraffe"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Turn(t.Context(), me, "chat-0004", Turn{Messages: []NewMessage{{ID: "question-1", Role: User, Content: "see", Files: []FileText{{Name: "bericht_März.csv"}}}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Turn(t.Context(), other, "chat-0001", Turn{Messages: []NewMessage{{ID: "question-1", Role: User, Content: "needle of the other"}}}); err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string]string{
		"needle":          "needle two [needle], needle one zanzibar [needle]",
		"zanz":            "needle one zanzibar [zanzibar]",
		"zibar":           "",
		"quokka":          "needle two/answer-1 [quokka], needle one zanzibar/answer-1 [quokka]",
		"quokka sat":      "needle one zanzibar/answer-1 [quokka] [sat]",
		"sat QUÖKKA":      "needle one zanzibar/answer-1 [quokka] [sat]",
		"wombat":          "needle one zanzibar/question-2 [wombat]",
		"numbat":          "needle one zanzibar/question-3 [numbat]",
		"wombat numbat":   "needle one zanzibar/question-2 [wombat]",
		"zanzibar numbat": "needle one zanzibar/question-1 [zanzibar]",
		"日本":              "needle two/answer-1 [日本]",
		"語":               "needle two/answer-1 [語]",
		"本日":              "",
		"検索 quokka":       "needle two/answer-1 [検索 quokka]",
		"🦜":               "needle two/answer-1 [🦜]",
		"zebra":           "runs/question-1 [Zebra]",
		"giraffe":         "",
		"marz":            "see/question-1 [März]",
		"other":           "",
		"":                "",
		" ":               "",
	} {
		if got := search(t, s, me, q); got != want && !(q == "検索 quokka" && got == "needle two/answer-1 [検索] [quokka]") {
			t.Errorf("%q: got %q, want %q", q, got, want)
		}
	}
	if got := search(t, s, other, "needle"); got != "needle of the other [needle]" {
		t.Errorf("the other: %q", got)
	}
	if got := search(t, s, "key_nobody", "needle"); got != "" {
		t.Errorf("nobody: %q", got)
	}
}

// What is deleted, renamed or written anew is not found under its old words.
func TestSearchChanges(t *testing.T) {
	s, at := open(t)
	ctx := t.Context()
	say(t, s, "chat-0001", "", "question-1", "answer-1", "old name", "numbat")
	check := func(step, q, want string) {
		t.Helper()
		if got := search(t, s, me, q); got != want {
			t.Errorf("%s: %q: got %q, want %q", step, q, got, want)
		}
	}
	if _, err := s.Patch(ctx, me, "chat-0001", Patch{Title: new("new name")}); err != nil {
		t.Fatal(err)
	}
	check("renamed", "old", "new name/question-1 [old]")
	check("renamed", "new", "new name [new]")
	if _, err := s.Turn(ctx, me, "chat-0001", Turn{Answers: []NewAnswer{{ID: "answer-1", Continue: true}}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Finish(ctx, me, "chat-0001", "answer-1", End{Content: "numbat and wombat", Status: Complete}); err != nil {
		t.Fatal(err)
	}
	check("continued", "wombat", "new name/answer-1 [wombat]")
	if _, _, err := s.DeleteMessage(ctx, me, "chat-0001", "answer-1"); err != nil {
		t.Fatal(err)
	}
	check("a message deleted", "wombat", "")
	if _, _, err := s.RestoreMessage(ctx, me, "chat-0001", "answer-1"); err != nil {
		t.Fatal(err)
	}
	check("restored", "wombat", "new name/answer-1 [wombat]")
	if err := s.Delete(ctx, me, "chat-0001"); err != nil {
		t.Fatal(err)
	}
	check("deleted", "wombat", "")
	check("deleted", "name", "")
	at.pass(2 * kept)
	if err := s.Empty(ctx); err != nil {
		t.Fatal(err)
	}
	check("wiped out", "wombat", "")
}

// Nothing that is typed is an error, and nothing is a word of SQL or of FTS5.
func TestSearchOdd(t *testing.T) {
	s, _ := open(t)
	say(t, s, "chat-0001", "", "question-1", "answer-1", "quokka and or not near", "yes")
	for _, q := range []string{
		`"`, `""`, `quokka AND`, `AND`, `NOT quokka`, `(`, `)`, `*`, `col:x`, `words:quokka`, `'; DROP TABLE chats;--`, `\`, "a\x00b", "\xff\xfe", `^quokka`, `{words}: quokka`,
		`NEAR(quokka and, 2)`, strings.Repeat("x", 3000), strings.Repeat("x ", 3000), strings.Repeat("日", 3000), "\u0301", "ﷺ", `quokka"*`, "-quokka", "+", "%", "_", "🏳️‍🌈",
	} {
		if _, err := s.Search(t.Context(), me, q, 10); err != nil {
			t.Errorf("%q: %v", q, err)
		}
	}
	for q, want := range map[string]string{"quokka AND": "1", "NEAR quokka": "1", `"quokka"`: "1", "NOT quokka": "1", "words:quokka": "0"} {
		if found, err := s.Search(t.Context(), me, q, 10); err != nil || fmt.Sprint(len(found)) != want {
			t.Errorf("%q: %d found, %v; want %s", q, len(found), err, want)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Search(over, me, "quokka", 10); err == nil {
		t.Error("a search that was given up has no error")
	}
}

// An index that is damaged, or was made by another program, is made anew.
func TestReindex(t *testing.T) {
	at := newClock()
	path := filepath.Join(t.TempDir(), database.FileName)
	s, db := openFile(t, path, at)
	for i := range 3 {
		for j := range indexAtOnce {
			id := fmt.Sprintf("%04d-%04d", i, j)
			if _, err := s.Turn(t.Context(), me, fmt.Sprintf("chat-%04d", i), Turn{Messages: []NewMessage{{ID: id, Role: User, Content: "needle x" + id}}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	say(t, s, "chat-9999", "", "question-1", "answer-1", "wombat", "numbat")
	all := func(step string) {
		t.Helper()
		for q, want := range map[string]int{"needle": 3, "x0000": 1, "wombat": 1, "numbat": 1} {
			if found, err := s.Search(t.Context(), me, q, 10); err != nil || len(found) != want {
				t.Errorf("%s: %q: %d found, %v; want %d", step, q, len(found), err, want)
			}
		}
	}
	all("made")
	if _, err := db.Exec(`UPDATE chat_indexes SET version = 'older'`); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s, _ = openFile(t, path, at)
	if err := s.Reindex(t.Context()); err != nil {
		t.Fatal(err)
	}
	all("of another version")
	if _, err := db.Exec(`INSERT INTO chat_title_words (chat_title_words) VALUES ('delete-all')`); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Patch(t.Context(), me, "chat-0001", Patch{Title: new("wombat x")}); err != nil {
		t.Fatalf("with a damaged index: %v", err)
	}
	if _, err := s.Patch(t.Context(), me, "chat-0001", Patch{Title: new("needle")}); err != nil {
		t.Fatalf("with an index that is not made: %v", err)
	}
	if err := s.Reindex(t.Context()); err != nil {
		t.Fatal(err)
	}
	all("damaged")
	if _, err := db.Exec(messageIndex.command("integrity-check", "0")); err != nil {
		t.Error(err)
	}
}

// What was deleted is in no byte of the file or its log.
func TestWiped(t *testing.T) {
	at := newClock()
	path := filepath.Join(t.TempDir(), database.FileName)
	s, db := openFile(t, path, at)
	ctx := t.Context()
	long := strings.Repeat("secretword lorem ipsum ", 3000)
	for i := range 40 {
		id := fmt.Sprintf("chat-%04d", i)
		secret := ""
		if i%4 == 0 {
			secret = "secretword " + long
		}
		turn := Turn{
			Chat: &NewChat{},
			Messages: []NewMessage{{
				ID: "question-1", Role: User, Content: "ordinary " + secret,
				Files: []FileText{{Name: secret[:min(10, len(secret))] + "x.txt", Text: "file " + secret}},
			}},
			Answers: []NewAnswer{{ID: "answer-1", Parent: "question-1", Parameters: Parameters{System: secret}}},
		}
		if _, err := s.Turn(ctx, me, id, turn); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if err := s.Progress(ctx, me, id, "answer-1", Progress{Content: secret, Reasoning: secret}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Finish(ctx, me, id, "answer-1", End{Content: "answer " + secret, Status: Complete}); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < 40; i += 4 {
		if i%8 == 0 {
			if err := s.Delete(ctx, me, fmt.Sprintf("chat-%04d", i)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if _, err := s.Patch(ctx, me, fmt.Sprintf("chat-%04d", i), Patch{Title: new("other")}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.DeleteMessage(ctx, me, fmt.Sprintf("chat-%04d", i), "question-1"); err != nil {
			t.Fatal(err)
		}
	}
	count := func(word string) (n int) {
		for _, end := range []string{"", "-wal"} {
			b, err := os.ReadFile(path + end)
			if err != nil {
				t.Fatal(err)
			}
			n += bytes.Count(b, []byte(word))
		}
		return n
	}
	if count("secretword") == 0 {
		t.Fatal("what is in the trash is not in the file, so that this test shows nothing")
	}
	at.pass(2 * kept)
	if err := s.Empty(ctx); err != nil {
		t.Fatal(err)
	}
	if n := count("secretwo"); n != 0 {
		t.Errorf("%d places have what was wiped out", n)
	}
	if count("ordinary") == 0 {
		t.Error("what was not deleted is gone")
	}
	if _, err := db.Exec(messageIndex.command("integrity-check", "0")); err != nil {
		t.Error(err)
	}
	var said string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&said); err != nil || said != "ok" {
		t.Errorf("%s, %v", said, err)
	}
}
