package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/database"
)

// querier is the pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// chatColumns are what scanChat reads of chats c.
const chatColumns = `c.n, c.id, c.title, c.folder, c.pinned, c.created, c.updated, c.leaf, c.cuts, c.parameters,
	(SELECT count(*) FROM chat_messages r WHERE r.chat = c.n AND r.status = 'running' AND r.gone = 0)`

// ofTenant and live are the conditions that every query of a tenant's chats has.
const (
	ofTenant = `c.tenant = (SELECT n FROM chat_tenants WHERE name = ?)`
	live     = `c.staged = 0 AND c.gone = 0`
)

// scanChat reads a chat and its number.
func scanChat(scan func(...any) error) (n int64, c Chat, err error) {
	var cuts, parameters string
	if err := scan(&n, &c.ID, &c.Title, &c.Folder, &c.Pinned, &c.Created, &c.Updated, &c.Leaf, &cuts, &parameters, &c.Running); err != nil {
		return 0, Chat{}, err
	}
	err = json.Unmarshal([]byte(parameters), &c.Parameters)
	if err == nil && cuts != "" {
		err = json.Unmarshal([]byte(cuts), &c.Cuts)
	}
	if err != nil {
		return 0, Chat{}, fmt.Errorf("%w: chat %s: %w", database.ErrDamaged, c.ID, err)
	}
	return n, c, nil
}

// readChat reads a tenant's chat and its number.
func readChat(ctx context.Context, q querier, tenant, id string) (int64, Chat, error) {
	n, c, err := scanChat(q.QueryRowContext(ctx, `SELECT `+chatColumns+` FROM chats c WHERE `+ofTenant+` AND c.id = ? AND `+live, tenant, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, Chat{}, unknown("chat", id)
	}
	return n, c, err
}

// rest is what is stored of a message as JSON.
type rest struct {
	Calls      []Call      `json:"calls,omitempty"`
	Results    []Result    `json:"results,omitempty"`
	Model      string      `json:"model,omitempty"`
	Parameters *Parameters `json:"parameters,omitempty"`
	Error      string      `json:"error,omitempty"`
	Figures    *Figures    `json:"figures,omitempty"`
	Beside     string      `json:"beside,omitempty"`
	Edited     bool        `json:"edited,omitempty"`
}

// restOf returns the rest of a message as it is stored.
func restOf(m *Message) (string, error) {
	text, err := json.Marshal(rest{m.Calls, m.Results, m.Model, m.Parameters, m.Error, m.Figures, m.Beside, m.Edited})
	if string(text) == "{}" {
		text = nil
	}
	return string(text), err
}

// stored is a message with its number and how many files it has.
type stored struct {
	n     int64
	files int
	Message
}

const messageColumns = `m.n, m.id, m.parent, m.files, m.role, m.status, m.created, m.content, m.reasoning, m.rest`

// scanMessage reads a message, without its files.
func scanMessage(scan func(...any) error) (m stored, err error) {
	var text string
	if err := scan(&m.n, &m.ID, &m.Parent, &m.files, &m.Role, &m.Status, &m.Created, &m.Content, &m.Reasoning, &text); err != nil {
		return m, err
	}
	var r rest
	if text != "" {
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			return m, fmt.Errorf("%w: message %s: %w", database.ErrDamaged, m.ID, err)
		}
	}
	m.Calls, m.Results, m.Model, m.Parameters, m.Error, m.Figures, m.Beside, m.Edited = r.Calls, r.Results, r.Model, r.Parameters, r.Error, r.Figures, r.Beside, r.Edited
	return m, nil
}

// readMessages reads the messages that a condition holds for, the oldest first, with
// their files; the text of files only where it is wanted.
func readMessages(ctx context.Context, q querier, withText bool, condition string, args ...any) ([]stored, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+messageColumns+` FROM chat_messages m WHERE `+condition+` ORDER BY m.n`, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []stored
	some := false
	for rows.Next() {
		m, err := scanMessage(rows.Scan)
		if err != nil {
			return nil, err
		}
		some = some || m.files > 0
		list = append(list, m)
	}
	if err := rows.Err(); err != nil || !some {
		return list, err
	}
	return list, readFiles(ctx, q, list, withText)
}

// readFiles reads the files of messages.
func readFiles(ctx context.Context, q querier, list []stored, withText bool) error {
	text := `''`
	if withText {
		text = `text`
	}
	for i := range list {
		if list[i].files == 0 {
			continue
		}
		rows, err := q.QueryContext(ctx, `SELECT name, bytes, tokens, `+text+` FROM chat_files WHERE message = ? ORDER BY place`, list[i].n)
		if err != nil {
			return err
		}
		for rows.Next() {
			var f FileText
			if err := rows.Scan(&f.Name, &f.Bytes, &f.Tokens, &f.Text); err != nil {
				rows.Close()
				return err
			}
			list[i].Files = append(list[i].Files, f)
		}
		if err := rows.Close(); err != nil {
			return err
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

// messages returns stored messages as others see them.
func messages(list []stored) []Message {
	out := make([]Message, len(list))
	for i := range list {
		out[i] = list[i].Message
	}
	return out
}

// Get returns a chat and all its messages, parents before their children, without the
// text of files. The error wraps ErrUnknown, or is one of the file.
func (s *Store) Get(ctx context.Context, tenant, id string) (Chat, []Message, error) {
	return s.snapshot(ctx, func(tx *sql.Tx) (Chat, []stored, error) {
		n, c, err := readChat(ctx, tx, tenant, id)
		if err != nil {
			return c, nil, err
		}
		list, err := readMessages(ctx, tx, false, `m.chat = ? AND m.gone = 0`, n)
		return c, list, err
	})
}

// Chat returns a chat. The error wraps ErrUnknown, or is one of the file.
func (s *Store) Chat(ctx context.Context, tenant, id string) (Chat, error) {
	_, c, err := readChat(ctx, s.db, tenant, id)
	return c, s.wrap(err)
}

// Path returns a chat and its messages from the beginning to leaf, with the text of their
// files. The error wraps ErrUnknown, or is one of the file.
func (s *Store) Path(ctx context.Context, tenant, id, leaf string) (Chat, []Message, error) {
	return s.snapshot(ctx, func(tx *sql.Tx) (Chat, []stored, error) {
		n, c, err := readChat(ctx, tx, tenant, id)
		if err != nil {
			return c, nil, err
		}
		list, err := readPath(ctx, tx, n, leaf)
		return c, list, err
	})
}

// readPath reads the messages from the beginning of a chat to leaf, with the text of
// their files. Parents are older than their children, so that no path is endless.
func readPath(ctx context.Context, q querier, chat int64, leaf string) ([]stored, error) {
	list, err := readMessages(ctx, q, true, `m.n IN (
		WITH RECURSIVE path (n, parent) AS (
			SELECT n, parent FROM chat_messages WHERE chat = ? AND id = ? AND gone = 0
			UNION ALL
			SELECT m.n, m.parent FROM path p JOIN chat_messages m ON m.chat = ? AND m.id = p.parent AND m.n < p.n AND m.gone = 0
		) SELECT n FROM path)`, chat, leaf, chat)
	if err == nil && len(list) == 0 {
		return nil, unknown("message", leaf)
	}
	return list, err
}

// snapshot reads a chat and messages as they are at one moment.
func (s *Store) snapshot(ctx context.Context, read func(*sql.Tx) (Chat, []stored, error)) (Chat, []Message, error) {
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Chat{}, nil, s.wrap(err)
	}
	defer tx.Rollback()
	c, list, err := read(tx)
	if err != nil {
		return Chat{}, nil, s.wrap(err)
	}
	return c, messages(list), nil
}
