package history

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
)

// find returns the number of a chat and when it was deleted, 0 and 0 where there is none.
func (c *change) find(id string) (n int64, gone Time, err error) {
	err = c.row(`SELECT n, gone FROM chats WHERE tenant = ? AND id = ? AND staged = 0`, c.tenant, id).Scan(&n, &gone)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, nil
	}
	return n, gone, err
}

// newChat writes a chat.
func (c *change) newChat(x *Chat) (int64, error) {
	var there int
	if err := c.row(`SELECT count(*) FROM chats WHERE tenant = ?`, c.tenant).Scan(&there); err != nil {
		return 0, err
	}
	if there >= maxChats {
		return 0, conflict("there are %d chats, which is the most", there)
	}
	return c.insertChat(x, 0)
}

// insertChat writes a chat, for an import where staged is not 0.
func (c *change) insertChat(x *Chat, staged int64) (int64, error) {
	writer := ""
	if staged != 0 {
		writer = c.writer
	}
	parameters, err := x.Parameters.text()
	if err != nil {
		return 0, err
	}
	cuts, err := cutsText(x.Cuts)
	if err != nil {
		return 0, err
	}
	n, err := c.insert(`INSERT INTO chats (tenant, id, staged, writer, gone, pinned, folder, created, updated, leaf, title, cuts, parameters)
		VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.tenant, x.ID, staged, writer, x.Pinned, x.Folder, x.Created, x.Updated, x.Leaf, x.Title, cuts, parameters)
	if err != nil || x.Title == "" { // one that is imported gets its title at its end
		return n, err
	}
	return n, c.index(titleIndex, n, x.Title)
}

// cutsText returns cuts as they are stored.
func cutsText(cuts []Cut) (string, error) {
	if len(cuts) == 0 {
		return "", nil
	}
	text, err := json.Marshal(cuts)
	return string(text), err
}

// there is a message of a chat, in the trash or not.
type there struct {
	stored
	gone   Time
	writer string // of an answer
}

// message returns a message of a chat without its files, nil where there is none.
func (c *change) message(chat int64, id string) (*there, error) {
	var t there
	row := c.row(`SELECT `+messageColumns+`, m.gone, m.writer FROM chat_messages m WHERE m.chat = ? AND m.id = ?`, chat, id)
	m, err := scanMessage(func(to ...any) error { return row.Scan(append(to, &t.gone, &t.writer)...) })
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	t.stored = m
	return &t, err
}

// want says whether a message of a chat is there. The error wraps ErrUnknown, or is one of
// the file.
func (c *change) want(chat int64, id string) error {
	m, err := c.message(chat, id)
	if err == nil && (m == nil || m.gone != 0) {
		err = unknown("message", id)
	}
	return err
}

// newMessage writes a message of a chat that has room for it.
func (c *change) newMessage(chat int64, m *Message) (int64, error) {
	var there int
	if err := c.row(`SELECT count(*) FROM chat_messages WHERE chat = ?`, chat).Scan(&there); err != nil {
		return 0, err
	}
	if there >= maxMessages {
		return 0, conflict("the chat has %d messages, which is the most", there)
	}
	return c.insertMessage(chat, m)
}

// insertMessage writes a message and its files.
func (c *change) insertMessage(chat int64, m *Message) (int64, error) {
	text, err := restOf(m)
	if err != nil {
		return 0, err
	}
	writer := ""
	if m.Status == Running {
		writer = c.writer
	}
	n, err := c.insert(`INSERT INTO chat_messages (chat, id, parent, gone, files, role, status, writer, created, content, reasoning, rest)
		VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)`,
		chat, m.ID, m.Parent, len(m.Files), m.Role, m.Status, writer, m.Created, m.Content, m.Reasoning, text)
	if err != nil {
		return 0, err
	}
	for i, f := range m.Files {
		err := c.run(`INSERT INTO chat_files (message, place, name, bytes, tokens, text) VALUES (?, ?, ?, ?, ?, ?)`, n, i, f.Name, f.Bytes, f.Tokens, f.Text)
		if err != nil {
			return 0, err
		}
	}
	return n, c.indexMessage(n, m)
}

// rewrite writes a message anew: its files, place and age stay.
func (c *change) rewrite(old *there, m *Message) error {
	text, err := restOf(m)
	if err != nil {
		return err
	}
	one := []stored{old.stored}
	if err := readFiles(c.ctx, c.Tx, one, false); err != nil {
		return err
	}
	m.Files = one[0].Files
	if err := c.unindexMessage(old.n, &one[0].Message); err != nil {
		return err
	}
	if err := c.indexMessage(old.n, m); err != nil {
		return err
	}
	done, err := c.ExecContext(c.ctx, `UPDATE chat_messages SET status = ?, content = ?, reasoning = ?, rest = ? WHERE n = ?`,
		m.Status, m.Content, m.Reasoning, text, old.n)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(fmt.Errorf("history: %d messages %q were written, want 1", n, m.ID), err)
	}
	return nil
}
