package history

import (
	"context"
	"time"
)

// kept is how long something lies in the trash.
const kept = time.Minute

// isOver says whether something that was deleted then is not restored any more: it may be
// wiped out in part.
func (c *change) isOver(gone Time) bool {
	return gone != 0 && gone <= c.now-Time(kept.Milliseconds())
}

// Delete puts a chat into the trash. One that is not there, or not any more, is no error.
func (s *Store) Delete(ctx context.Context, tenant, id string) error {
	defer s.poke()
	return s.update(ctx, tenant, func(c *change) error {
		n, gone, err := c.find(id)
		if err != nil || n == 0 || gone != 0 {
			return err
		}
		c.said = append(c.said, Change{Gone: id})
		return c.exec(`UPDATE chats SET gone = ? WHERE n = ?`, c.now, n)
	})
}

// Restore takes a chat out of the trash. The error wraps ErrUnknown where it is not there
// any more, or is one of the file.
func (s *Store) Restore(ctx context.Context, tenant, id string) (Chat, error) {
	var x Chat
	err := s.update(ctx, tenant, func(c *change) error {
		n, gone, err := c.find(id)
		switch {
		case err != nil:
			return err
		case n == 0 || c.isOver(gone):
			return unknown("chat", id)
		}
		if err := c.exec(`UPDATE chats SET gone = 0 WHERE n = ?`, n); err != nil {
			return err
		}
		_, x, err = readChat(ctx, c.Tx, tenant, id)
		if gone != 0 {
			told := x
			c.said = append(c.said, Change{Chat: &told})
		}
		return err
	})
	return x, err
}

// DeleteMessage puts a message and all behind it into the trash, and returns their ids.
// Where the branch that was shown goes, its chat shows the newest version of the message,
// or what was before it. The error wraps ErrUnknown, or is one of the file.
func (s *Store) DeleteMessage(ctx context.Context, tenant, chat, id string) (x Chat, removed []string, err error) {
	defer s.poke()
	err = s.update(ctx, tenant, func(c *change) error {
		n, old, err := readChat(ctx, c.Tx, tenant, chat)
		if err != nil {
			return err
		}
		t, err := c.tree(n)
		if err != nil {
			return err
		}
		at, ok := t.nodes[id]
		if !ok {
			return unknown("message", id)
		}
		leaf := old.Leaf
		for _, m := range t.below(id) {
			if err := c.exec(`UPDATE chat_messages SET gone = ? WHERE n = ?`, c.now, t.nodes[m].n); err != nil {
				return err
			}
			removed = append(removed, m)
			if m == old.Leaf {
				leaf = t.without(id, at.parent)
			}
		}
		return c.turnTo(tenant, chat, n, leaf, func() { c.said = append(c.said, Change{In: chat, Removed: removed}) }, &x)
	})
	return x, removed, err
}

// RestoreMessage takes out of the trash what was put there with a message, and returns
// those messages. The error wraps ErrUnknown where it is not there any more, or ErrConflict
// where the message that it follows is deleted, or is one of the file.
func (s *Store) RestoreMessage(ctx context.Context, tenant, chat, id string) (x Chat, restored []Message, err error) {
	err = s.update(ctx, tenant, func(c *change) error {
		n, old, err := readChat(ctx, c.Tx, tenant, chat)
		if err != nil {
			return err
		}
		m, err := c.message(n, id)
		switch {
		case err != nil:
			return err
		case m == nil || c.isOver(m.gone):
			return unknown("message", id)
		case m.gone == 0:
			x = old
			return nil
		}
		if m.Parent != "" {
			p, err := c.message(n, m.Parent)
			if err != nil {
				return err
			}
			if p == nil || p.gone != 0 {
				return conflict("message %q follows one that is deleted", id)
			}
		}
		list, err := readMessages(ctx, c.Tx, false, `m.chat = ? AND m.gone = ?`, n, m.gone)
		if err != nil {
			return err
		}
		if err := c.exec(`UPDATE chat_messages SET gone = 0 WHERE chat = ? AND gone = ?`, n, m.gone); err != nil {
			return err
		}
		t, err := c.tree(n)
		if err != nil {
			return err
		}
		restored = messages(list)
		return c.turnTo(tenant, chat, n, t.end(id), func() { c.said = append(c.said, Change{In: chat, Messages: restored}) }, &x)
	})
	return x, restored, err
}

// turnTo has a chat show the branch of leaf, tells of it, and returns the chat in x.
func (c *change) turnTo(tenant, chat string, n int64, leaf string, say func(), x *Chat) error {
	if err := c.exec(`UPDATE chats SET leaf = ? WHERE n = ?`, leaf, n); err != nil {
		return err
	}
	_, read, err := readChat(c.ctx, c.Tx, tenant, chat)
	if err != nil {
		return err
	}
	*x = read
	say()
	c.said = append(c.said, Change{Chat: &read})
	return nil
}
