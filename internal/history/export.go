package history

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// exportAtOnce is how many messages of a chat are read at once: nobody waits for a client
// that reads slowly.
const exportAtOnce = 50

// ExportJSON writes a chat, or all where id is "", with all versions of all messages and
// the text of files, in the form that Import takes in. What is in the trash is left out.
// The error wraps ErrUnknown, before anything is written; it is that of w, or one of the
// file.
func (s *Store) ExportJSON(ctx context.Context, tenant, id string, w io.Writer) error {
	numbers, err := s.exported(ctx, tenant, id)
	if err != nil {
		return err
	}
	e := newExport(ctx, s, tenant, w)
	e.text(fmt.Sprintf(`{"format": %q, "version": %d, "chats": [`, exportFormat, exportVersion))
	for i, n := range numbers {
		if err := e.chat(n, i == 0); err != nil {
			return err
		}
	}
	e.text("\n]}\n")
	return e.end()
}

// exported returns the numbers of the chats that are to be written.
func (s *Store) exported(ctx context.Context, tenant, id string) ([]int64, error) {
	if id != "" {
		n, _, err := readChat(ctx, s.db, tenant, id)
		return []int64{n}, s.wrap(err)
	}
	rows, err := s.db.QueryContext(ctx, `SELECT c.n FROM chats c WHERE `+ofTenant+` AND `+live+` ORDER BY c.n`, tenant)
	if err != nil {
		return nil, s.wrap(err)
	}
	defer rows.Close()
	var numbers []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, s.wrap(err)
		}
		numbers = append(numbers, n)
	}
	return numbers, s.wrap(rows.Err())
}

// export is a file that is being written. An error of the writer ends it.
type export struct {
	s      *Store
	ctx    context.Context
	tenant string
	w      *bufio.Writer
	json   *json.Encoder
}

func newExport(ctx context.Context, s *Store, tenant string, w io.Writer) *export {
	e := &export{s: s, ctx: ctx, tenant: tenant, w: bufio.NewWriterSize(w, 64<<10)}
	e.json = json.NewEncoder(e.w)
	e.json.SetEscapeHTML(false)
	return e
}

// text writes a text; what goes wrong is known at the end.
func (e *export) text(s string) { _, _ = e.w.WriteString(s) }

// end writes what is not written yet.
func (e *export) end() error { return e.w.Flush() }

// chat writes a chat, unless it has been deleted in the meantime.
func (e *export) chat(n int64, first bool) error {
	chats, err := e.s.chats(e.ctx, `c.n = ?`, e.tenant, n)
	if err != nil || len(chats) == 0 {
		return e.s.wrap(err)
	}
	c := chats[0]
	c.Running = 0
	if !first {
		e.text(",")
	}
	head, err := marshal(c)
	if err != nil {
		return err
	}
	e.text("\n" + head[:len(head)-1] + `, "messages": [`) // without its brace
	begun := false
	err = e.messages(n, func(m *Message) error {
		if begun {
			e.text(",")
		}
		begun = true
		e.text("\n  ")
		return e.json.Encode(m)
	})
	e.text("]}")
	return err
}

// marshal returns the JSON of a value as an Encoder of an export writes it.
func marshal(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

// messages calls each with the messages of a chat and their files, parents before their
// children. What was deleted meanwhile, and what follows it, is left out.
func (e *export) messages(n int64, each func(*Message) error) error {
	written := map[string]bool{"": true}
	for last := int64(0); ; {
		list, err := readMessages(e.ctx, e.s.db, false, `m.n IN (SELECT n FROM chat_messages WHERE chat = ? AND gone = 0 AND n > ? ORDER BY n LIMIT ?)`, n, last, exportAtOnce)
		if err != nil {
			return e.s.wrap(err)
		}
		for i := range list {
			m := &list[i]
			last = m.n
			if !written[m.Parent] {
				continue
			}
			written[m.ID] = true
			if err := e.files(m); err != nil {
				return err
			}
			if err := each(&m.Message); err != nil {
				return err
			}
		}
		if len(list) < exportAtOnce {
			return nil
		}
	}
}

// files reads the text of a message's files.
func (e *export) files(m *stored) error {
	if m.files == 0 {
		return nil
	}
	m.Files = nil
	one := []stored{*m}
	if err := readFiles(e.ctx, e.s.db, one, true); err != nil {
		return e.s.wrap(err)
	}
	m.Files = one[0].Files
	return nil
}

// message reads one message of a chat with its files; nil where it has been deleted.
func (e *export) message(n int64) (*Message, error) {
	m, err := scanMessage(e.s.db.QueryRowContext(e.ctx, `SELECT `+messageColumns+` FROM chat_messages m WHERE m.n = ? AND m.gone = 0`, n).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, e.s.wrap(err)
	}
	return &m.Message, e.files(&m)
}
