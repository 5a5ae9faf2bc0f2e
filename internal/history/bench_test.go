package history

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/database"
)

// prose is text whose words are as frequent as those of a language.
type prose struct {
	*rand.Zipf
	*rand.Rand
}

func newProse() *prose {
	r := rand.New(rand.NewPCG(1, 2))
	return &prose{rand.NewZipf(r, 1.1, 4, 50_000), r}
}

func (p *prose) words(n int) string {
	var b strings.Builder
	for range n {
		fmt.Fprintf(&b, "w%x ", p.Zipf.Uint64()*2654435761%1_000_003)
	}
	return b.String()
}

// large returns a store of so many chats, each of so many messages of so many words.
func large(b testing.TB, chats, messages, words int) (*Store, *database.DB) {
	b.Helper()
	s, db := openFile(b, filepath.Join(b.TempDir(), database.FileName), newClock())
	p := newProse()
	for i := 0; i < chats; {
		err := s.update(b.Context(), me, func(c *change) error {
			for end := min(i+200, chats); i < end; i++ {
				c.now++
				n, err := c.insertChat(&Chat{ID: fmt.Sprintf("chat-%06d", i), Title: p.words(5), Created: c.now, Updated: c.now}, 0)
				if err != nil {
					return err
				}
				parent := ""
				for j := range messages {
					id := fmt.Sprintf("message-%06d", j)
					m := Message{ID: id, Parent: parent, Role: [2]string{User, Assistant}[j%2], Content: p.words(words), Created: c.now}
					if _, err := c.insertMessage(n, &m); err != nil {
						return err
					}
					parent = id
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return s, db
}

func BenchmarkList(b *testing.B) {
	s, _ := large(b, 10_000, 2, 10)
	for b.Loop() {
		if chats, _, err := s.List(b.Context(), me, 50, 0); err != nil || len(chats) != 50 {
			b.Fatal(len(chats), err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	s, _ := large(b, 1, 5000, 100)
	for b.Loop() {
		if _, list, err := s.Get(b.Context(), me, "chat-000000"); err != nil || len(list) != 5000 {
			b.Fatal(len(list), err)
		}
	}
}

func BenchmarkPath(b *testing.B) {
	s, _ := large(b, 1, 5000, 100)
	for b.Loop() {
		if _, list, err := s.Path(b.Context(), me, "chat-000000", "message-004999"); err != nil || len(list) != 5000 {
			b.Fatal(len(list), err)
		}
	}
}

// BenchmarkSearch looks for words, from the rarest to the most frequent one, among 10,000
// chats of 4 messages, 8 million words.
func BenchmarkSearch(b *testing.B) {
	s, db := large(b, 10_000, 4, 200)
	var pages int
	if err := db.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		b.Fatal(err)
	}
	p := newProse()
	some := strings.Fields(p.words(4000))
	for name, q := range map[string]string{
		"rare": some[3999] + " " + some[3990], "frequent": "w0", "prefix": "w", "two": "w0 " + some[100], "four": strings.Join(some[:4], " "), "none": "nothingofthekind", "two_none": "w0 nothingofthekind",
	} {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				found, err := s.Search(b.Context(), me, q, 50)
				if err != nil {
					b.Fatal(err)
				}
				n = len(found)
			}
			b.ReportMetric(float64(n), "found")
			b.ReportMetric(float64(pages)*4096/1e6, "MB")
		})
	}
}

// BenchmarkTurn writes a question into a chat of 5,000 messages.
func BenchmarkTurn(b *testing.B) {
	s, _ := large(b, 1, 5000, 100)
	for i := 0; b.Loop(); i++ {
		_, err := s.Turn(b.Context(), me, "chat-000000", Turn{Messages: []NewMessage{{ID: fmt.Sprintf("question-%d", i), Parent: "message-004999", Role: User, Content: "x"}}})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// Lists, chats and searches are read by an index each, without a sort.
func TestPlans(t *testing.T) {
	s, db := open2(t)
	say(t, s, "chat-0001", "", "question-1", "answer-1", "one", "two")
	for name, q := range map[string]struct {
		query string
		args  []any
		want  []string
		never []string
	}{
		"list": {
			`SELECT ` + chatColumns + ` FROM chats c WHERE ` + ofTenant + ` AND ` + live + ` AND c.pinned = 0 AND c.folder = '' AND c.updated < ? ORDER BY c.updated DESC LIMIT ?`,
			[]any{me, 1, 1},
			[]string{"SEARCH c USING INDEX chats_listed (tenant=? AND updated<?)", "chat_messages_running"},
			[]string{"TEMP B-TREE", "SCAN"},
		},
		"kept": {
			`SELECT ` + chatColumns + ` FROM chats c WHERE ` + ofTenant + ` AND ` + live + ` AND (c.pinned = 1 OR c.folder <> '') ORDER BY c.pinned DESC, c.updated DESC`,
			[]any{me},
			[]string{"SEARCH c USING INDEX chats_kept (tenant=?)"},
			[]string{"SCAN"},
		},
		"chat": {
			`SELECT ` + chatColumns + ` FROM chats c WHERE ` + ofTenant + ` AND c.id = ? AND ` + live,
			[]any{me, "x"},
			[]string{"SEARCH c USING INDEX sqlite_autoindex_chats_1 (tenant=? AND id=? AND staged=?)"},
			[]string{"TEMP B-TREE", "SCAN"},
		},
		"messages": {
			`SELECT ` + messageColumns + ` FROM chat_messages m WHERE m.chat = ? AND m.gone = 0 ORDER BY m.n`,
			[]any{1},
			[]string{"SEARCH m USING INDEX chat_messages_by_chat (chat=?)"},
			[]string{"TEMP B-TREE", "SCAN"},
		},
		"titles": {
			titleMatches, []any{"x", 1, 2, 1, 1}, []string{"SCAN w VIRTUAL TABLE INDEX", "SEARCH c USING INTEGER PRIMARY KEY"}, []string{"TEMP B-TREE", "SCAN c"},
		},
		"found": {
			messageMatches,
			[]any{"x", 1, 2, 1, 1},
			[]string{"SCAN w VIRTUAL TABLE INDEX", "SEARCH m USING INTEGER PRIMARY KEY", "SEARCH c USING INTEGER PRIMARY KEY"},
			[]string{"TEMP B-TREE", "SCAN c", "SCAN m"},
		},
		"trash": {`SELECT n FROM chat_messages WHERE gone <> 0 AND gone <= ? LIMIT ?`, []any{1, 1}, []string{"chat_messages_gone"}, []string{"SCAN"}},
	} {
		plan := explain(t, db, q.query, q.args...)
		for _, w := range q.want {
			if !strings.Contains(plan, w) {
				t.Errorf("%s: want %q in\n%s", name, w, plan)
			}
		}
		for _, w := range q.never {
			if strings.Contains(plan, w) {
				t.Errorf("%s: want no %q in\n%s", name, w, plan)
			}
		}
	}
}

// explain returns how a query is answered, a line a step.
func explain(t *testing.T, db *database.DB, query string, args ...any) string {
	t.Helper()
	rows, err := db.Query(`EXPLAIN QUERY PLAN `+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var id, parent, unused sql.RawBytes
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		b.WriteString(step + "\n")
	}
	return b.String()
}
