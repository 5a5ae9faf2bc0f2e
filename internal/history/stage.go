package history

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	mathrand "math/rand/v2"
)

// Bounds of what is written of an import at once, while others that write wait.
const (
	stageBytes = 1 << 20
	stageSteps = 500
)

// staging is an import that is under way: its chats are in the tables, and nobody sees
// them.
type staging struct {
	s      *Store
	ctx    context.Context
	tenant string
	number int64 // of the tenant
	staged int64 // of the import
	now    Time
	find   *sql.Stmt       // the chat of an id
	ids    map[string]bool // of the chats of the file
	fresh  map[int64]bool  // the chats that are counted as new ones
	met    int             // chats of the file, empty ones too
	chat   *stagedChat
	done   Imported

	steps []func(*change) error // that are not written yet
	bytes int                   // that they write
}

// stagedChat is the chat that is being staged.
type stagedChat struct {
	n     int64
	begun bool            // it is among the steps
	live  int64           // the chat of that id that is there; 0: none
	known map[string]bool // the messages of that chat
	seen  map[string]bool // the messages of the file
}

// stage begins an import. One of them is under way at a time.
func (s *Store) stage(ctx context.Context, tenant string) (*staging, error) {
	select {
	case s.importing <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("history: waiting for another import: %w", context.Cause(ctx))
	}
	now := TimeOf(s.clock())
	g := &staging{s: s, ctx: ctx, tenant: tenant, now: now, ids: map[string]bool{}, fresh: map[int64]bool{}, staged: 1 + mathrand.Int64N(1<<62)}
	s.staged.Store(g.staged)
	err := s.update(ctx, tenant, func(c *change) error { g.number = c.tenant; return nil })
	if err == nil {
		g.find, err = s.db.PrepareContext(ctx, `SELECT coalesce(max(n), 0) FROM chats WHERE tenant = ? AND id = ? AND staged = 0 AND gone = 0`)
	}
	if err != nil {
		s.staged.Store(0)
		<-s.importing
		return nil, s.wrap(err)
	}
	return g, nil
}

// do adds a step, and writes steps where there are many.
func (g *staging) do(bytes int, step func(*change) error) error {
	g.steps = append(g.steps, step)
	g.bytes += bytes
	if len(g.steps) < stageSteps && g.bytes < stageBytes {
		return nil
	}
	return g.flush()
}

// flush writes all steps.
func (g *staging) flush() error {
	if len(g.steps) == 0 {
		return nil
	}
	err := g.s.db.Update(g.ctx, func(tx *sql.Tx) error {
		c := &change{Tx: tx, ctx: g.ctx, writer: g.s.writers.own, tenant: g.number, now: g.now}
		defer c.close()
		for _, step := range g.steps {
			if err := step(c); err != nil {
				return err
			}
		}
		return nil
	})
	g.steps, g.bytes = g.steps[:0], 0
	return g.s.wrap(err)
}

// begin begins a chat. Its id may be known later, at its end.
func (g *staging) begin(c *Chat) error {
	x := &stagedChat{known: map[string]bool{}, seen: map[string]bool{}}
	g.chat = x
	if c.ID == "" {
		return nil
	}
	err := g.find.QueryRowContext(g.ctx, g.number, c.ID).Scan(&x.live)
	if err != nil || x.live == 0 {
		return g.s.wrap(err)
	}
	rows, err := g.s.db.QueryContext(g.ctx, `SELECT id FROM chat_messages WHERE chat = ?`, x.live)
	if err != nil {
		return g.s.wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return g.s.wrap(err)
		}
		x.known[id] = true
	}
	return g.s.wrap(rows.Err())
}

// row has the chat be written under a number, once.
func (g *staging) row() error {
	x := g.chat
	if x.begun {
		return nil
	}
	x.begun = true
	return g.do(0, func(c *change) (err error) {
		x.n, err = c.insertChat(&Chat{ID: "staged-" + rand.Text()}, g.staged)
		return err
	})
}

// addOwn stages a message of this program's export.
func (g *staging) addOwn(m *Message) error {
	m.Seq, m.Tokens, m.ReasoningTokens, m.Thinking = 0, 0, 0, false
	if m.Status == Running {
		m.Status = Interrupted
	}
	if err := m.check("message"); err != nil {
		return err
	}
	if m.Created < firstTime || m.Created > lastTime {
		return refuse("message.created", "a time")
	}
	if m.Parent != "" && !g.chat.seen[m.Parent] {
		return conflict("message %q follows %q, which is not before it", m.ID, m.Parent)
	}
	return g.add(m)
}

// add stages a message that is not there yet.
func (g *staging) add(m *Message) error {
	x := g.chat
	switch {
	case x.seen[m.ID]:
		return conflict("two messages of a chat have the id %q", m.ID)
	case len(x.seen) >= maxMessages:
		return conflict("a chat has more than %d messages", maxMessages)
	}
	x.seen[m.ID] = true
	if x.known[m.ID] {
		return nil
	}
	if err := g.row(); err != nil {
		return err
	}
	g.done.Messages++
	size := len(m.Content) + len(m.Reasoning)
	for _, f := range m.Files {
		size += len(f.Text)
	}
	return g.do(size, func(c *change) error {
		_, err := c.insertMessage(x.n, m)
		return err
	})
}

// end ends a chat.
func (g *staging) end(c *Chat) error {
	x := g.chat
	g.chat = nil
	if g.ids[c.ID] {
		return conflict("two chats have the id %q", c.ID)
	}
	if len(g.ids) >= maxChats {
		return conflict("there are more than %d chats", maxChats)
	}
	g.ids[c.ID] = true
	if x.live != 0 {
		g.done.Known++
		if !x.begun { // nothing is new
			return nil
		}
	} else {
		g.done.Chats++
	}
	g.chat = x
	if err := g.row(); err != nil {
		return err
	}
	g.chat = nil
	if !x.seen[c.Leaf] {
		c.Leaf = ""
	}
	parameters, err := c.Parameters.text()
	if err != nil {
		return err
	}
	cuts, err := cutsText(c.Cuts)
	if err != nil {
		return err
	}
	return g.do(len(parameters)+len(cuts), func(u *change) error {
		g.fresh[x.n] = x.live == 0
		err := u.run(`UPDATE chats SET id = ?, pinned = ?, folder = ?, created = ?, updated = ?, leaf = ?, title = ?, cuts = ?, parameters = ? WHERE n = ?`,
			c.ID, c.Pinned, c.Folder, c.Created, c.Updated, c.Leaf, c.Title, cuts, parameters, x.n)
		if err != nil {
			return err
		}
		return u.index(titleIndex, x.n, c.Title)
	})
}

// drop gives an import up because of an error, which it returns. What was staged is wiped out
// in the background.
func (g *staging) drop(err error) error {
	g.over()
	g.s.poke()
	return err
}

// publish has everybody see the chats.
func (g *staging) publish() (Imported, error) {
	err := g.s.update(g.ctx, g.tenant, func(c *change) error {
		merged, err := g.merge(c)
		if err != nil {
			return err
		}
		if err := c.exec(`UPDATE chats SET staged = 0, writer = '' WHERE staged = ? AND gone = 0`, g.staged); err != nil {
			return err
		}
		var there int
		if err := c.row(`SELECT count(*) FROM chats WHERE tenant = ?`, c.tenant).Scan(&there); err != nil {
			return err
		}
		if there > maxChats {
			return conflict("there would be %d chats, %d is the most", there, maxChats)
		}
		if merged || g.done.Chats > 0 {
			c.said = append(c.said, Change{Everything: true})
		}
		return nil
	})
	if err != nil {
		return Imported{}, g.drop(err)
	}
	g.over()
	g.s.poke()
	return g.done, nil
}

// over lets another import begin.
func (g *staging) over() {
	g.find.Close()
	g.s.staged.Store(0)
	<-g.s.importing
}

// merge gives the new messages of chats that are there to them. Chats in the trash make
// room for those of the file.
func (g *staging) merge(c *change) (merged bool, err error) {
	rows, err := c.QueryContext(c.ctx, `SELECT s.n, s.updated, l.n, l.gone FROM chats s JOIN chats l ON l.tenant = s.tenant AND l.id = s.id AND l.staged = 0 WHERE s.staged = ?`, g.staged)
	if err != nil {
		return false, err
	}
	type pair struct {
		staged, live int64
		updated      Time
		gone         Time
	}
	var pairs []pair
	for rows.Next() {
		var p pair
		if err := rows.Scan(&p.staged, &p.updated, &p.live, &p.gone); err != nil {
			rows.Close()
			return false, err
		}
		pairs = append(pairs, p)
	}
	if err := rows.Err(); err != nil {
		return false, err
	}
	for _, p := range pairs {
		if p.gone != 0 {
			if err := c.exec(`UPDATE chats SET id = ? WHERE n = ?`, "gone-"+rand.Text(), p.live); err != nil {
				return false, err
			}
			continue
		}
		moved, err := g.mergeChat(c, p.staged, p.live, p.updated)
		if err != nil {
			return false, err
		}
		merged = merged || moved
	}
	return merged, nil
}

// mergeChat gives the new messages of a staged chat to the one that is there, and says
// whether there are any.
func (g *staging) mergeChat(c *change, staged, live int64, updated Time) (bool, error) {
	done, err := c.ExecContext(c.ctx, `UPDATE chat_messages SET chat = ? WHERE chat = ? AND id NOT IN (SELECT id FROM chat_messages WHERE chat = ?)`, live, staged, live)
	if err != nil {
		return false, err
	}
	moved, err := done.RowsAffected()
	if err != nil {
		return false, err
	}
	var known int
	if err := c.row(`SELECT count(*) FROM chat_messages WHERE chat = ?`, staged).Scan(&known); err != nil {
		return false, err
	}
	g.done.Messages -= known
	if g.fresh[staged] {
		g.done.Chats--
		g.done.Known++
	}
	if moved > 0 {
		if err := c.exec(`UPDATE chats SET updated = max(updated, ?) WHERE n = ?`, updated, live); err != nil {
			return false, err
		}
	}
	return moved > 0, c.exec(`UPDATE chats SET gone = 1 WHERE n = ?`, staged)
}
