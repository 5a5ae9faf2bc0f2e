package history

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Found is a place where what was looked for stands.
type Found struct {
	Chat    Chat     `json:"chat"`
	Message string   `json:"message,omitempty"` // "": the title
	Text    string   `json:"text"`              // what stands there, in one line
	Marks   [][2]int `json:"marks"`             // beginnings and ends of the words in Text, in UTF-16 units
}

// Bounds of a search.
const (
	maxQuery    = 1000 // bytes that are looked at
	maxTerms    = 12
	maxFound    = 200
	maxMatches  = 4000            // messages that are looked at to find so many chats
	searchTime  = 2 * time.Second // behind it there is what was found by then
	openTime    = 250 * time.Millisecond
	maxScan     = 1 << 20 // bytes of a message in which the place is looked for
	snippetSize = 160     // bytes
	snippetLead = 40      // of them before the first word
)

// term is one word that is looked for: parts that follow each other. The last word of a
// search may be the beginning of one.
type term struct {
	parts []string
	open  bool
}

// query is the words of a search.
type query []term

// parseQuery reads a search: words with spaces between. All else stands for nothing.
func parseQuery(text string) query {
	var q query
	for _, field := range strings.Fields(cutBytes(strings.ToValidUTF8(text, " "), maxQuery)) {
		var t term
		words(field, func(w string, _, _ int) bool {
			t.parts = append(t.parts, w)
			return true
		})
		if len(t.parts) > 0 && len(q) < maxTerms {
			q = append(q, t)
		}
	}
	if len(q) > 0 {
		q[len(q)-1].open = true
	}
	return q
}

// match returns the search as FTS5 has it. Words have letters, digits and marks alone, so
// that they can be quoted.
func (q query) match() string {
	var terms []string
	for _, t := range q {
		m := `"` + strings.Join(t.parts, " ") + `"`
		if t.open {
			m += " *"
		}
		terms = append(terms, m)
	}
	return strings.Join(terms, " AND ")
}

// Search returns the chats of a tenant whose title or one of whose messages, of any
// version, has all words of a text, those that changed last first: at most limit. Chats
// that have the words in several messages come last. What is in the trash is not found.
func (s *Store) Search(ctx context.Context, tenant, text string, limit int) ([]Found, error) {
	q := parseQuery(text)
	found := []Found{}
	if len(q) == 0 {
		return found, nil
	}
	limit = min(max(limit, 1), maxFound)
	within, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	w := &searching{s: s, ctx: within, tenant: tenant, seen: map[int64]bool{}, limit: limit}
	err := w.run(q)
	if err != nil && (ctx.Err() != nil || within.Err() == nil) {
		return nil, s.wrap(err)
	}
	for _, h := range w.hits {
		f, err := s.found(ctx, tenant, q, h)
		if err != nil {
			return nil, s.wrap(err)
		}
		if f != nil {
			found = append(found, *f)
		}
	}
	return found, nil
}

// hit is a chat that was found: by a message, or by its title.
type hit struct {
	chat    int64
	updated Time
	message int64 // 0: the title
}

// searching is a search that is under way.
type searching struct {
	s      *Store
	ctx    context.Context
	tenant string
	number int64 // of the tenant
	seen   map[int64]bool
	hits   []hit
	limit  int
}

// run finds chats: by their titles, by one message, by several.
func (w *searching) run(q query) error {
	err := w.s.db.QueryRowContext(w.ctx, `SELECT coalesce(max(n), 0) FROM chat_tenants WHERE name = ?`, w.tenant).Scan(&w.number)
	if err != nil || w.number == 0 {
		return err
	}
	for _, where := range []string{titleMatches, messageMatches} {
		from := len(w.hits)
		err := w.matches(where, q, func(h hit) bool {
			if !w.seen[h.chat] && len(w.hits) < w.limit {
				w.seen[h.chat] = true
				w.hits = append(w.hits, h)
			}
			return len(w.hits) < w.limit
		})
		newestFirst(w.hits[from:])
		if err != nil {
			return err
		}
	}
	if len(q) == 1 || len(w.hits) >= w.limit {
		return nil
	}
	return w.scattered(q)
}

// titleMatches and messageMatches find places by what FTS5 matches, between two rows,
// the newest first.
const (
	titleMatches = `SELECT c.n, c.updated, 0 FROM chat_title_words w CROSS JOIN chats c ON c.n = (w.rowid & 0xffffffffff)
		WHERE w.chat_title_words MATCH ? AND w.rowid BETWEEN ? AND ? AND c.tenant = ? AND ` + live + ` ORDER BY w.rowid DESC LIMIT ?`
	messageMatches = `SELECT c.n, c.updated, m.n FROM chat_message_words w CROSS JOIN chat_messages m ON m.n = (w.rowid & 0xffffffffff) CROSS JOIN chats c ON c.n = m.chat
		WHERE w.chat_message_words MATCH ? AND w.rowid BETWEEN ? AND ? AND c.tenant = ? AND m.gone = 0 AND ` + live + ` ORDER BY w.rowid DESC LIMIT ?`
)

// matches calls take with the places where the words of q stand until it returns false.
// FTS5 gathers all words with a beginning before it gives the first place; where that
// takes too long, as with one letter, it is looked for as a whole word.
func (w *searching) matches(statement string, q query, take func(hit) bool) error {
	if !q[len(q)-1].open {
		return w.matchesIn(w.ctx, statement, q.match(), take)
	}
	ctx, cancel := context.WithTimeout(w.ctx, openTime)
	defer cancel()
	err := w.matchesIn(ctx, statement, q.match(), take)
	if err == nil || ctx.Err() == nil || w.ctx.Err() != nil {
		return err
	}
	closed := slices.Clone(q)
	closed[len(q)-1].open = false
	return w.matchesIn(w.ctx, statement, closed.match(), take)
}

func (w *searching) matchesIn(ctx context.Context, statement string, match string, take func(hit) bool) error {
	rows, err := w.s.db.QueryContext(ctx, statement, match, wordsRow(w.number, 0), wordsRow(w.number, maxRow), w.number, maxMatches)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var h hit
		if err := rows.Scan(&h.chat, &h.updated, &h.message); err != nil {
			return err
		}
		if !take(h) {
			break
		}
	}
	return rows.Err()
}

// scattered finds chats that have all words, each in some message or in the title.
func (w *searching) scattered(q query) error {
	var all map[int64]hit // chats that have all words so far
	for i, t := range q {
		some := map[int64]hit{}
		for _, where := range []string{messageMatches, titleMatches} {
			err := w.matches(where, query{t}, func(h hit) bool {
				before, ok := all[h.chat]
				if !w.seen[h.chat] && (i == 0 || ok) {
					if ok && before.message != 0 {
						h = before
					}
					if _, there := some[h.chat]; !there {
						some[h.chat] = h
					}
				}
				return true
			})
			if err != nil {
				return err
			}
		}
		if all = some; len(all) == 0 {
			return nil
		}
	}
	from := len(w.hits)
	for _, h := range all {
		w.hits = append(w.hits, h)
	}
	newestFirst(w.hits[from:])
	w.hits = w.hits[:min(len(w.hits), w.limit)]
	return nil
}

// newestFirst puts chats that changed last in front.
func newestFirst(hits []hit) {
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(cmp.Compare(b.updated, a.updated), cmp.Compare(b.chat, a.chat)) })
}

// found reads what stands at a hit; nil where it has gone in the meantime.
func (s *Store) found(ctx context.Context, tenant string, q query, h hit) (*Found, error) {
	chats, err := s.chats(ctx, `c.n = ?`, tenant, h.chat)
	if err != nil || len(chats) == 0 {
		return nil, err
	}
	f := &Found{Chat: chats[0], Text: chats[0].Title}
	if h.message != 0 {
		list, err := readMessages(ctx, s.db, false, `m.n = ? AND m.chat = ? AND m.gone = 0`, h.message, h.chat)
		if err != nil || len(list) == 0 {
			return nil, err
		}
		f.Message, f.Text = list[0].ID, list[0].Content
		if len(q.marks(cutBytes(f.Text, maxScan), true)) == 0 { // the name of a file
			for _, file := range list[0].Files {
				if len(q.marks(file.Name, true)) > 0 {
					f.Text = file.Name
				}
			}
		}
	}
	f.Text = q.snippet(f.Text)
	f.Marks = [][2]int{}
	for _, m := range q.marks(f.Text, false) {
		f.Marks = append(f.Marks, [2]int{units(f.Text[:m[0]]), units(f.Text[:m[1]])})
	}
	return f, nil
}

// units counts the UTF-16 units of a text.
func units(s string) (n int) {
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// snippet returns the piece of a text around the first word that is looked for, in one
// line.
func (q query) snippet(text string) string {
	from := 0
	if first := q.marks(cutBytes(text, maxScan), true); len(first) > 0 && len(text) > snippetSize {
		from = max(0, first[0][0]-snippetLead)
	}
	for from > 0 && !utf8.RuneStart(text[from]) {
		from--
	}
	if from > 0 { // begin with a whole word where one begins soon
		if space := strings.IndexAny(text[from:from+snippetLead/2], " \n\t"); space >= 0 {
			from += space + 1
		}
	}
	piece := oneLine(cutBytes(text[from:], snippetSize), snippetSize)
	if from > 0 {
		piece = "…" + piece
	}
	if len(text)-from > snippetSize {
		piece += "…"
	}
	return piece
}

// marks returns where the words that are looked for stand in a text, in bytes; of the
// first alone where that suffices.
func (q query) marks(text string, first bool) (marks [][2]int) {
	type word struct {
		text       string
		start, end int
	}
	longest := 1
	for _, t := range q {
		longest = max(longest, len(t.parts))
	}
	var last []word // the words before, as many as the longest term has
	words(text, func(w string, start, end int) bool {
		if last = append(last, word{w, start, end}); len(last) > longest {
			last = last[1:]
		}
		for _, t := range q {
			if len(t.parts) > len(last) {
				continue
			}
			tail := last[len(last)-len(t.parts):]
			ok := true
			for i, p := range t.parts {
				ok = ok && (tail[i].text == p || t.open && i == len(t.parts)-1 && strings.HasPrefix(tail[i].text, p))
			}
			if !ok {
				continue
			}
			from := tail[0].start
			for len(marks) > 0 && marks[len(marks)-1][1] >= from { // overlapping ones are one
				from = min(from, marks[len(marks)-1][0])
				marks = marks[:len(marks)-1]
			}
			marks = append(marks, [2]int{from, end})
		}
		return !first || len(marks) == 0
	})
	return marks
}
