package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Turn is what a client adds to a chat in one step: messages, and answers that are to be
// written. It is a question, an edit (a version beside the old one), an answer anew, two
// answers side by side, the results of calls, or the continuation of an answer.
type Turn struct {
	Chat     *NewChat     `json:"chat,omitempty"` // of a chat that is not there yet
	Messages []NewMessage `json:"messages,omitempty"`
	Answers  []NewAnswer  `json:"answers,omitempty"`
	Leaf     string       `json:"leaf,omitempty"` // "": the first answer, or the last message
}

// NewChat is what a chat begins with.
type NewChat struct {
	Parameters Parameters `json:"parameters,omitzero"`
	Folder     string     `json:"folder,omitempty"`
}

// NewMessage is a message that a client writes.
type NewMessage struct {
	ID        string     `json:"id"`
	Parent    string     `json:"parent,omitempty"`
	Role      string     `json:"role"`
	Content   string     `json:"content"`
	Reasoning string     `json:"reasoning,omitempty"`
	Files     []FileText `json:"files,omitempty"` // with their text, unless a version of the message has it
	Results   []Result   `json:"results,omitempty"`
	Beside    string     `json:"beside,omitempty"`
	Edited    bool       `json:"edited,omitempty"`
}

// NewAnswer is an answer that is to be written.
type NewAnswer struct {
	ID         string     `json:"id"`
	Parent     string     `json:"parent"`
	Parameters Parameters `json:"parameters"`
	Continue   bool       `json:"continue,omitempty"` // the answer is there and goes on
	Beside     string     `json:"beside,omitempty"`
}

// Turned is what came of a Turn.
type Turned struct {
	Chat     Chat
	Messages []Message // those of the turn as they stand, without the text of files
	Started  []string  // the answers that run since: the caller has to write them
}

// message returns the message that is stored.
func (m *NewMessage) message(now Time) Message {
	made := Message{
		ID: m.ID, Parent: m.Parent, Role: m.Role, Content: m.Content, Reasoning: m.Reasoning, Files: m.Files, Results: m.Results,
		Beside: m.Beside, Edited: m.Edited, Created: now,
	}
	if m.Role == Assistant {
		made.Status = Complete
	}
	return made
}

// message returns the message that is stored.
func (a *NewAnswer) message(now Time) Message {
	return Message{
		ID: a.ID, Parent: a.Parent, Role: Assistant, Model: a.Parameters.Model, Parameters: &a.Parameters, Status: Running, Beside: a.Beside, Created: now,
	}
}

// check says what a turn cannot be.
func (t *Turn) check() error {
	if len(t.Messages)+len(t.Answers) == 0 {
		return refuse("messages", "a message or an answer")
	}
	if len(t.Messages) > maxTurn || len(t.Answers) > maxTurn {
		return refuse("messages", "at most %d messages and as many answers", maxTurn)
	}
	if t.Chat != nil {
		if err := t.Chat.Parameters.check("chat.parameters"); err != nil {
			return err
		}
		if err := checkTitle("chat.folder", t.Chat.Folder, maxFolder); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for i := range t.Messages {
		m := t.Messages[i].message(0)
		if err := m.check(fmt.Sprintf("messages[%d]", i)); err != nil {
			return err
		}
		if seen[m.ID] {
			return refuse(fmt.Sprintf("messages[%d].id", i), "an id of its own")
		}
		seen[m.ID] = true
	}
	for i := range t.Answers {
		m := t.Answers[i].message(0)
		at := fmt.Sprintf("answers[%d]", i)
		if err := m.check(at); err != nil {
			return err
		}
		if seen[m.ID] && !t.Answers[i].Continue {
			return refuse(at+".id", "an id of its own")
		}
		if m.Parent == "" && !t.Answers[i].Continue {
			return refuse(at+".parent", "the message that is answered")
		}
		seen[m.ID] = true
	}
	return nil
}

// Turn adds messages and answers to a chat, all or nothing. What is there already is left
// as it is, so that a turn may be sent again. The chat is made where it is missing. The
// error wraps ErrValue, ErrUnknown or ErrConflict, or is one of the file.
func (s *Store) Turn(ctx context.Context, tenant, chat string, t Turn) (Turned, error) {
	if err := checkID("id", chat); err != nil {
		return Turned{}, err
	}
	if err := t.check(); err != nil {
		return Turned{}, err
	}
	var done Turned
	err := s.update(ctx, tenant, func(c *change) error {
		n, made, err := c.chatFor(chat, &t)
		if err != nil {
			return err
		}
		w := &turning{change: c, chat: n}
		if err := w.add(&t); err != nil {
			return err
		}
		if w.changed {
			if err := w.moveLeaf(&t); err != nil {
				return err
			}
		}
		if done, err = w.turned(tenant, chat); err != nil {
			return err
		}
		if w.changed || made {
			shown := done.Chat
			c.said = append(c.said, Change{Chat: &shown}, Change{In: chat, Messages: done.Messages})
		}
		return nil
	})
	if err != nil {
		return Turned{}, err
	}
	return done, nil
}

// chatFor returns the number of a chat, which is made where it is missing.
func (c *change) chatFor(id string, t *Turn) (n int64, made bool, err error) {
	n, gone, err := c.find(id)
	switch {
	case err != nil:
		return 0, false, err
	case gone != 0:
		return 0, false, unknown("chat", id)
	case n != 0:
		return n, false, nil
	}
	if len(t.Messages) == 0 {
		return 0, false, unknown("chat", id)
	}
	begin := t.Chat
	if begin == nil {
		begin = &NewChat{}
	}
	n, err = c.newChat(&Chat{
		ID: id, Title: titleOf(&t.Messages[0]), Folder: begin.Folder, Created: c.now, Updated: c.now, Parameters: begin.Parameters,
	})
	return n, true, err
}

// turning is a turn that is being written.
type turning struct {
	*change
	chat    int64
	changed bool
	ids     []string // of the messages and answers
	started []string
}

// add writes the messages and answers of a turn.
func (w *turning) add(t *Turn) error {
	for i := range t.Messages {
		m := t.Messages[i].message(w.now)
		if err := w.addMessage(&m); err != nil {
			return err
		}
	}
	for i := range t.Answers {
		a := &t.Answers[i]
		if a.Continue {
			if err := w.goOn(a); err != nil {
				return err
			}
			continue
		}
		before := w.changed
		w.changed = false
		m := a.message(w.now)
		if err := w.addMessage(&m); err != nil {
			return err
		}
		if w.changed {
			w.started = append(w.started, a.ID)
		}
		w.changed = w.changed || before
	}
	return nil
}

// addMessage writes a message unless it is there.
func (w *turning) addMessage(m *Message) error {
	w.ids = append(w.ids, m.ID)
	there, err := w.message(w.chat, m.ID)
	switch {
	case err != nil:
		return err
	case there == nil:
	case there.gone != 0:
		return conflict("message %q was deleted", m.ID)
	case there.Role != m.Role || there.Parent != m.Parent || m.Status != Running && there.Content != m.Content:
		return conflict("message %q is another one", m.ID)
	default:
		return nil
	}
	if m.Parent != "" {
		p, err := w.message(w.chat, m.Parent)
		switch {
		case err != nil:
			return err
		case p == nil || p.gone != 0:
			return unknown("message", m.Parent)
		case m.Status == Running && p.Role == Assistant:
			return conflict("message %q is an answer, want what is answered", m.Parent)
		}
	}
	if err := w.fillFiles(m); err != nil {
		return err
	}
	w.changed = true
	_, err = w.newMessage(w.chat, m)
	return err
}

// fillFiles gives files that come without their text that of a version beside the message:
// an edit keeps its files, and a page does not have their text.
func (w *turning) fillFiles(m *Message) error {
	for i := range m.Files {
		f := &m.Files[i]
		if f.Text != "" || f.Tokens == 0 {
			continue
		}
		err := w.row(`SELECT f.text FROM chat_files f JOIN chat_messages v ON v.n = f.message
			WHERE v.chat = ? AND v.parent = ? AND v.role = ? AND f.name = ? AND f.bytes = ? ORDER BY f.message DESC LIMIT 1`,
			w.chat, m.Parent, m.Role, f.Name, f.Bytes).Scan(&f.Text)
		if errors.Is(err, sql.ErrNoRows) {
			return refuse(fmt.Sprintf("files[%d].text", i), "the text of %q, which no version of the message has", f.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// goOn has an answer run again. One that runs already is left alone.
func (w *turning) goOn(a *NewAnswer) error {
	w.ids = append(w.ids, a.ID)
	there, err := w.message(w.chat, a.ID)
	switch {
	case err != nil:
		return err
	case there == nil || there.gone != 0:
		return unknown("message", a.ID)
	case there.Role != Assistant:
		return conflict("message %q is no answer", a.ID)
	case there.Status == Running:
		return nil
	}
	m := there.Message
	m.Status, m.Error, m.Model, m.Parameters = Running, "", a.Parameters.Model, &a.Parameters
	w.changed = true
	w.started = append(w.started, a.ID)
	if err := w.exec(`UPDATE chat_messages SET writer = ? WHERE n = ?`, w.writer, there.n); err != nil {
		return err
	}
	return w.rewrite(there, &m)
}

// moveLeaf notes which branch is shown, and that the chat changed.
func (w *turning) moveLeaf(t *Turn) error {
	leaf := t.Leaf
	switch {
	case leaf != "":
		if err := w.want(w.chat, leaf); err != nil {
			return err
		}
	case len(t.Answers) > 0:
		leaf = t.Answers[0].ID
	default:
		leaf = t.Messages[len(t.Messages)-1].ID
	}
	return w.exec(`UPDATE chats SET leaf = ?, updated = ? WHERE n = ?`, leaf, w.now, w.chat)
}

// turned reads what came of the turn.
func (w *turning) turned(tenant, chat string) (Turned, error) {
	_, c, err := readChat(w.ctx, w.Tx, tenant, chat)
	if err != nil {
		return Turned{}, err
	}
	done := Turned{Chat: c, Started: w.started}
	for _, id := range w.ids {
		list, err := readMessages(w.ctx, w.Tx, false, `m.chat = ? AND m.id = ?`, w.chat, id)
		if err != nil {
			return Turned{}, err
		}
		done.Messages = append(done.Messages, messages(list)...)
	}
	return done, nil
}
