package history

import (
	"context"
	"slices"
	"strings"
)

// Patch is what a person changes of a chat; nil stays as it is.
type Patch struct {
	Title      *string     `json:"title,omitempty"`
	Folder     *string     `json:"folder,omitempty"` // "": in none
	Pinned     *bool       `json:"pinned,omitempty"`
	Parameters *Parameters `json:"parameters,omitempty"`
	Leaf       *string     `json:"leaf,omitempty"`
}

// check says what a patch cannot be.
func (p *Patch) check() error {
	if p.Title != nil {
		if err := checkTitle("title", *p.Title, maxTitleBytes); err != nil {
			return err
		}
		if strings.TrimSpace(*p.Title) == "" {
			return refuse("title", "some text")
		}
	}
	if p.Folder != nil {
		if err := checkTitle("folder", *p.Folder, maxFolder); err != nil {
			return err
		}
	}
	if p.Parameters != nil {
		return p.Parameters.check("parameters")
	}
	return nil
}

// Patch changes a chat and returns it. The error wraps ErrValue or ErrUnknown, or is one
// of the file.
func (s *Store) Patch(ctx context.Context, tenant, id string, p Patch) (Chat, error) {
	if err := p.check(); err != nil {
		return Chat{}, err
	}
	return s.changeChat(ctx, tenant, id, func(c *change, n int64, x *Chat) error {
		if p.Leaf != nil && *p.Leaf != "" {
			if err := c.want(n, *p.Leaf); err != nil {
				return err
			}
		}
		before := x.Title
		p.apply(x)
		if x.Title == before {
			return nil
		}
		if err := c.unindex(titleIndex, n, before); err != nil {
			return err
		}
		return c.index(titleIndex, n, x.Title)
	})
}

// changeChat has do change what a person can change of a chat, and returns it.
func (s *Store) changeChat(ctx context.Context, tenant, id string, do func(c *change, n int64, x *Chat) error) (Chat, error) {
	var x Chat
	err := s.update(ctx, tenant, func(c *change) (err error) {
		var n int64
		if n, x, err = readChat(ctx, c.Tx, tenant, id); err != nil {
			return err
		}
		if err := do(c, n, &x); err != nil {
			return err
		}
		told := x
		c.said = append(c.said, Change{Chat: &told})
		return c.writeChat(n, &x)
	})
	if err != nil {
		return Chat{}, err
	}
	return x, nil
}

// apply changes a chat.
func (p *Patch) apply(x *Chat) {
	if p.Title != nil {
		x.Title = strings.TrimSpace(*p.Title)
	}
	if p.Folder != nil {
		x.Folder = strings.TrimSpace(*p.Folder)
	}
	if p.Pinned != nil {
		x.Pinned = *p.Pinned
	}
	if p.Parameters != nil {
		x.Parameters = *p.Parameters
	}
	if p.Leaf != nil {
		x.Leaf = *p.Leaf
	}
}

// writeChat writes what a person can change of a chat.
func (c *change) writeChat(n int64, x *Chat) error {
	parameters, err := x.Parameters.text()
	if err != nil {
		return err
	}
	cuts, err := cutsText(x.Cuts)
	if err != nil {
		return err
	}
	return c.exec(`UPDATE chats SET title = ?, folder = ?, pinned = ?, parameters = ?, leaf = ?, cuts = ? WHERE n = ?`,
		x.Title, x.Folder, x.Pinned, parameters, x.Leaf, cuts, n)
}

// Cut notes that nothing before a message is sent any more. A cut at the same message is
// replaced. The error wraps ErrValue, ErrUnknown or ErrConflict, or is one of the file.
func (s *Store) Cut(ctx context.Context, tenant, id string, cut Cut) (Chat, error) {
	if err := checkText("summary", cut.Summary, maxContent); err != nil {
		return Chat{}, err
	}
	return s.changeChat(ctx, tenant, id, func(c *change, n int64, x *Chat) error {
		if err := c.want(n, cut.At); err != nil {
			return err
		}
		x.Cuts = append(slices.DeleteFunc(x.Cuts, func(o Cut) bool { return o.At == cut.At }), cut)
		if len(x.Cuts) > maxCuts {
			return conflict("the chat has %d cuts, which is the most", maxCuts)
		}
		return nil
	})
}
