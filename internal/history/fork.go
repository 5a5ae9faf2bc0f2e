package history

import (
	"context"
	"crypto/rand"
)

// Fork makes a chat of the messages of another one from its beginning to leaf, which get
// ids of their own. A chat that is there already under the new id is returned as it is.
// The error wraps ErrValue, ErrUnknown or ErrConflict, or is one of the file.
func (s *Store) Fork(ctx context.Context, tenant, from, id, leaf string) (Chat, []Message, error) {
	if err := checkID("id", id); err != nil {
		return Chat{}, nil, err
	}
	err := s.update(ctx, tenant, func(c *change) error {
		n, gone, err := c.find(id)
		switch {
		case err != nil:
			return err
		case gone != 0:
			return conflict("chat %q was deleted", id)
		case n != 0:
			return nil
		}
		if err := c.fork(tenant, from, id, leaf); err != nil {
			return err
		}
		_, x, err := readChat(ctx, c.Tx, tenant, id)
		c.said = append(c.said, Change{Chat: &x})
		return err
	})
	if err != nil {
		return Chat{}, nil, err
	}
	return s.Get(ctx, tenant, id)
}

func (c *change) fork(tenant, from, id, leaf string) error {
	n, old, err := readChat(c.ctx, c.Tx, tenant, from)
	if err != nil {
		return err
	}
	path, err := readPath(c.ctx, c.Tx, n, leaf)
	if err != nil {
		return err
	}
	renamed := make(map[string]string, len(path))
	for _, m := range path {
		renamed[m.ID] = rand.Text()
	}
	x := Chat{ID: id, Title: old.Title, Folder: old.Folder, Created: c.now, Updated: c.now, Parameters: old.Parameters, Leaf: renamed[leaf]}
	for _, cut := range old.Cuts {
		if at, ok := renamed[cut.At]; ok {
			x.Cuts = append(x.Cuts, Cut{At: at, Summary: cut.Summary})
		}
	}
	made, err := c.newChat(&x)
	if err != nil {
		return err
	}
	for _, m := range path {
		m.ID, m.Parent, m.Beside = renamed[m.ID], renamed[m.Parent], "" // the other answer is no part of the path
		if m.Status == Running {
			m.Status = Interrupted
		}
		if _, err := c.insertMessage(made, &m.Message); err != nil {
			return err
		}
	}
	return nil
}
