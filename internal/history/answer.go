package history

import "context"

// Progress is what an answer has so far.
type Progress struct {
	Content   string
	Reasoning string
}

// End is how an answer ended.
type End struct {
	Content   string
	Reasoning string
	Calls     []Call
	Status    Status // not Running
	Error     string
	Figures   *Figures
}

// Progress keeps what a running answer has so far, in a chat that is in the trash, too.
// The subscribers are not told. The error wraps ErrUnknown or ErrConflict where the answer
// is not there or does not run any more, ErrValue, or is one of the file.
func (s *Store) Progress(ctx context.Context, tenant, chat, message string, p Progress) error {
	return s.update(ctx, tenant, func(c *change) error {
		old, err := c.answer(chat, message)
		if err != nil {
			return err
		}
		m := old.Message
		m.Content, m.Reasoning, m.Status = p.Content, p.Reasoning, Running
		if err := m.check("message"); err != nil {
			return err
		}
		return c.rewrite(old, &m)
	})
}

// Finish ends an answer. The errors are those of Progress.
func (s *Store) Finish(ctx context.Context, tenant, chat, message string, e End) error {
	if e.Status == Running || e.Status == "" {
		return refuse("status", "how the answer ended")
	}
	return s.update(ctx, tenant, func(c *change) error {
		old, err := c.answer(chat, message)
		if err != nil {
			return err
		}
		m := old.Message
		m.Content, m.Reasoning, m.Calls, m.Status, m.Error, m.Figures = e.Content, e.Reasoning, e.Calls, e.Status, e.Error, e.Figures
		if err := m.check("message"); err != nil {
			return err
		}
		if err := c.rewrite(old, &m); err != nil {
			return err
		}
		if err := c.exec(`UPDATE chats SET updated = ? WHERE tenant = ? AND id = ? AND staged = 0`, c.now, c.tenant, chat); err != nil {
			return err
		}
		return c.sayMessages(tenant, chat, old.n)
	})
}

// answer returns an answer that this store writes. Where files have no locks, another process
// may have taken it for interrupted.
func (c *change) answer(chat, message string) (*there, error) {
	n, _, err := c.find(chat)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, unknown("chat", chat)
	}
	old, err := c.message(n, message)
	switch {
	case err != nil:
		return nil, err
	case old == nil:
		return nil, unknown("message", message)
	case old.Status != Running && old.Status != Interrupted:
		return nil, conflict("message %q is %s, want one that runs", message, old.Status)
	case old.writer != c.writer:
		return nil, conflict("message %q is written by another process", message)
	}
	return old, nil
}

// sayMessages tells the subscribers of a chat and of messages by their numbers, unless
// they are in the trash.
func (c *change) sayMessages(tenant, chat string, numbers ...int64) error {
	_, x, err := readChat(c.ctx, c.Tx, tenant, chat)
	if err != nil {
		if isOwn(err) {
			return nil
		}
		return err
	}
	c.said = append(c.said, Change{Chat: &x})
	told := Change{In: chat}
	for _, n := range numbers {
		list, err := readMessages(c.ctx, c.Tx, false, `m.n = ? AND m.gone = 0`, n)
		if err != nil {
			return err
		}
		told.Messages = append(told.Messages, messages(list)...)
	}
	if len(told.Messages) > 0 {
		c.said = append(c.said, told)
	}
	return nil
}
