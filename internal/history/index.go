package history

import (
	"context"
	"database/sql"

	"github.com/blitz-r1/blitz/internal/database"
)

// words are indexed in two tables of FTS5: those of titles, and those of messages that do
// not run. The number of a row has the tenant in its upper bits, so that a search reads
// the rows of one tenant alone.
type index string

const (
	titleIndex   index = "chat_title_words"
	messageIndex index = "chat_message_words"

	rowBits = 40
	maxRow  = 1<<rowBits - 1
)

// wordsRow returns the row of a chat's or a message's words.
func wordsRow(tenant, n int64) int64 { return tenant<<rowBits | n }

// insert is the statement that puts words into the index.
func (i index) insert() string { return `INSERT INTO ` + string(i) + ` (rowid, words) VALUES (?, ?)` }

// remove is the statement that takes words out of the index.
func (i index) remove() string {
	return `INSERT INTO ` + string(i) + ` (` + string(i) + `, rowid, words) VALUES ('delete', ?, ?)`
}

// command is the statement that has the index do something, with a number or without.
func (i index) command(name, number string) string {
	return `INSERT INTO ` + string(i) + ` (` + string(i) + `, rank) VALUES ('` + name + `', ` + number + `)`
}

// index puts the words of a title or a message into the index. Those of an index that is
// made anew, and has not come so far, are put there by that.
func (c *change) index(i index, n int64, texts ...string) error {
	made, err := c.isIndexed(i, n)
	if err != nil || !made {
		return err
	}
	return c.run(i.insert(), wordsRow(c.tenant, n), indexed(texts...))
}

// unindex takes the words of a title or a message, which have to be those that were put
// there, out of the index.
func (c *change) unindex(i index, n int64, texts ...string) error {
	made, err := c.isIndexed(i, n)
	if err != nil || !made {
		return err
	}
	err = c.exec(i.remove(), wordsRow(c.tenant, n), indexed(texts...))
	if database.IsIndexDamaged(err) { // it holds nothing that is not elsewhere
		c.stale = true
		return i.drop(c.ctx, c.Tx)
	}
	return err
}

// isIndexed says whether the index has come to a title or a message.
func (c *change) isIndexed(i index, n int64) (bool, error) {
	todo, err := c.number(`SELECT todo FROM chat_indexes WHERE name = ?`, i)
	return n > todo, err
}

// indexMessage puts a message into the index, unless it runs.
func (c *change) indexMessage(n int64, m *Message) error {
	if m.Status == Running {
		return nil
	}
	return c.index(messageIndex, n, messageTexts(m)...)
}

// unindexMessage takes a message that stands as it was indexed out of the index.
func (c *change) unindexMessage(n int64, m *Message) error {
	if m.Status == Running {
		return nil
	}
	return c.unindex(messageIndex, n, messageTexts(m)...)
}

// messageTexts returns what is found of a message: its text and the names of its files.
func messageTexts(m *Message) []string {
	texts := []string{m.Content}
	for _, f := range m.Files {
		texts = append(texts, f.Name)
	}
	return texts
}

// drop empties the index and notes that it has to be made anew.
func (i index) drop(ctx context.Context, tx *sql.Tx) error {
	of := map[index]string{titleIndex: "chats", messageIndex: "chat_messages"}[i]
	if _, err := tx.ExecContext(ctx, i.command("delete-all", "NULL")); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE chat_indexes SET version = ?, todo = (SELECT coalesce(max(n), 0) FROM `+of+`) WHERE name = ?`, wordsVersion, i)
	return err
}

// checkIndexes drops indexes whose words are not those of this program.
func (s *Store) checkIndexes(ctx context.Context) error {
	for _, i := range []index{titleIndex, messageIndex} {
		var version string
		if err := s.db.QueryRowContext(ctx, `SELECT version FROM chat_indexes WHERE name = ?`, i).Scan(&version); err != nil {
			return s.wrap(err)
		}
		if version == wordsVersion {
			continue
		}
		if err := s.db.Update(ctx, func(tx *sql.Tx) error { return i.drop(ctx, tx) }); err != nil {
			return s.wrap(err)
		}
	}
	return nil
}

// indexAtOnce is how many messages or titles are put into the index while others that
// write wait.
const indexAtOnce = 200

// Reindex puts into the index what it has not come to since it was dropped, the newest
// first.
func (s *Store) Reindex(ctx context.Context) error {
	for _, i := range []index{titleIndex, messageIndex} {
		for more := true; more; {
			err := s.db.Update(ctx, func(tx *sql.Tx) (err error) {
				more, err = indexSome(&change{Tx: tx, ctx: ctx}, i)
				return err
			})
			if err != nil {
				return s.wrap(err)
			}
		}
	}
	return nil
}

// indexSome indexes the newest titles or messages that are not indexed, and says whether
// there may be more of them.
func indexSome(c *change, i index) (more bool, err error) {
	var todo int64
	if err := c.row(`SELECT todo FROM chat_indexes WHERE name = ?`, i).Scan(&todo); err != nil || todo == 0 {
		return false, err
	}
	list, err := c.unindexed(i, todo)
	if err != nil {
		return false, err
	}
	next := int64(0)
	if len(list) == indexAtOnce {
		next = list[len(list)-1].n - 1
	}
	if err := c.exec(`UPDATE chat_indexes SET todo = ? WHERE name = ?`, next, i); err != nil {
		return false, err
	}
	for _, u := range list {
		c.tenant = u.tenant
		if err := c.index(i, u.n, u.texts...); err != nil {
			return false, err
		}
	}
	return next > 0, nil
}

// unindexedRow is a title or a message that is not in the index.
type unindexedRow struct {
	n, tenant int64
	texts     []string
}

// unindexed reads the newest titles or messages up to a number, at most indexAtOnce.
func (c *change) unindexed(i index, upTo int64) ([]unindexedRow, error) {
	from := `SELECT n, tenant, title, 0, '' FROM chats WHERE n <= ? ORDER BY n DESC LIMIT ?`
	if i == messageIndex {
		from = `SELECT m.n, c.tenant, m.content, m.files, m.status FROM chat_messages m JOIN chats c ON c.n = m.chat WHERE m.n <= ? ORDER BY m.n DESC LIMIT ?`
	}
	rows, err := c.QueryContext(c.ctx, from, upTo, indexAtOnce)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []unindexedRow
	for rows.Next() {
		var u unindexedRow
		var m stored
		if err := rows.Scan(&u.n, &u.tenant, &m.Content, &m.files, &m.Status); err != nil {
			return nil, err
		}
		if m.Status != Running {
			m.n = u.n
			one := []stored{m}
			if err := readFiles(c.ctx, c.Tx, one, false); err != nil {
				return nil, err
			}
			u.texts = messageTexts(&one[0].Message)
		}
		list = append(list, u)
	}
	return list, rows.Err()
}
