package history

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// ExportMarkdown writes a chat as Markdown: the branch that was shown last, and behind it
// all that is on no other branch that stands before. The error wraps ErrUnknown, before
// anything is written; it is that of w, or one of the file.
func (s *Store) ExportMarkdown(ctx context.Context, tenant, id string, w io.Writer) error {
	n, _, err := readChat(ctx, s.db, tenant, id)
	if err != nil {
		return s.wrap(err)
	}
	e := newExport(ctx, s, tenant, w)
	if err := e.markdown(n); err != nil {
		return err
	}
	return e.end()
}

// ExportArchive writes a zip archive with a file of Markdown for each chat.
func (s *Store) ExportArchive(ctx context.Context, tenant string, w io.Writer) error {
	numbers, err := s.exported(ctx, tenant, "")
	if err != nil {
		return err
	}
	z := zip.NewWriter(w)
	taken := map[string]bool{}
	for _, n := range numbers {
		chats, err := s.chats(ctx, `c.n = ?`, tenant, n)
		if err != nil {
			return s.wrap(err)
		}
		if len(chats) == 0 { // deleted meanwhile
			continue
		}
		c := &chats[0]
		f, err := z.CreateHeader(&zip.FileHeader{Name: freeName(c, taken), Method: zip.Deflate, Modified: c.Updated.Time()})
		if err != nil {
			return err
		}
		e := newExport(ctx, s, tenant, f)
		if err := e.markdown(n); err != nil {
			return err
		}
		if err := e.end(); err != nil {
			return err
		}
	}
	return z.Close()
}

// freeName returns the name of a chat's file that no other one has, whatever their case.
func freeName(c *Chat, taken map[string]bool) string {
	base := c.FileName("")
	for i := 1; ; i++ {
		name := base + ".md"
		if i > 1 {
			name = fmt.Sprintf("%s (%d).md", base, i)
		}
		if key := strings.ToLower(name); !taken[key] {
			taken[key] = true
			return name
		}
	}
}

// maxFileName bounds the name of a file before its end, in bytes.
const maxFileName = 100

// reserved are the names of devices, which no file of Windows may have.
var reserved = map[string]bool{"con": true, "prn": true, "aux": true, "nul": true}

// FileName returns a name for a file of the chat that every system can have, with an end
// such as ".md".
func (c *Chat) FileName(end string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		case strings.ContainsRune(`/\:*?"<>|%`, r):
			return '-'
		}
		return r
	}, c.Title)
	name = strings.Trim(cutBytes(strings.Join(strings.Fields(name), " "), maxFileName), ". ")
	first, _, _ := strings.Cut(strings.ToLower(name), ".")
	isDevice := reserved[first] || len(first) == 4 && (first[:3] == "com" || first[:3] == "lpt")
	if name == "" || isDevice {
		name = strings.TrimSpace("chat " + name)
	}
	return name + end
}

// markdown writes a chat, unless it has been deleted in the meantime.
func (e *export) markdown(n int64) error {
	chats, err := e.s.chats(e.ctx, `c.n = ?`, e.tenant, n)
	if err != nil || len(chats) == 0 {
		return e.s.wrap(err)
	}
	c := &chats[0]
	t, err := readTree(e.ctx, e.s.db, n)
	if err != nil {
		return e.s.wrap(err)
	}
	e.text("# " + c.Title + "\n\n*" + c.Created.Time().Format("2006-01-02 15:04") + " UTC*\n")
	if c.Parameters.System != "" {
		e.text("\n## System prompt\n\n" + c.Parameters.System + "\n")
	}
	path := t.path(c.Leaf)
	shown := map[string]bool{}
	for _, id := range path {
		shown[id] = true
		if err := e.markdownMessage(t.nodes[id].n); err != nil {
			return err
		}
	}
	before := ""
	todo := reversed(t.children[""])
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], reversed(t.children[id])...)
		if shown[id] {
			continue
		}
		if parent := t.nodes[id].parent; parent != before || before == "" {
			if err := e.branch(t, parent); err != nil {
				return err
			}
		}
		before = id
		if err := e.markdownMessage(t.nodes[id].n); err != nil {
			return err
		}
	}
	return nil
}

// branch writes where another version begins.
func (e *export) branch(t *tree, parent string) error {
	e.text("\n---\n\n*Another version")
	if at, ok := t.nodes[parent]; ok {
		m, err := e.message(at.n)
		if err != nil {
			return err
		}
		if m != nil {
			e.text(", behind “" + oneLine(m.Content, 60) + "”")
		}
	}
	e.text(":*\n")
	return nil
}

// markdownMessage writes a message.
func (e *export) markdownMessage(n int64) error {
	m, err := e.message(n)
	if err != nil || m == nil {
		return err
	}
	switch m.Role {
	case User:
		e.text("\n## You\n")
	case Tool:
		e.text("\n## Results\n")
	default:
		e.text("\n## Answer")
		if m.Model != "" {
			e.text(" (" + oneLine(m.Model, 100) + ")")
		}
		e.text("\n")
	}
	for _, f := range m.Files {
		e.text("\nFile " + oneLine(f.Name, 200) + ":\n\n" + fenced("", f.Text) + "\n")
	}
	if m.Reasoning != "" {
		e.text("\n" + quoted("Thought:", "", m.Reasoning) + "\n")
	}
	if m.Content != "" {
		e.text("\n" + strings.TrimRight(m.Content, "\n") + "\n")
	}
	for _, call := range m.Calls {
		e.text("\nCall of " + oneLine(call.Name, 100) + ":\n\n" + fenced("json", call.Arguments) + "\n")
	}
	for _, r := range m.Results {
		e.text("\nResult of " + oneLine(r.Name, 100) + ":\n\n" + fenced("", r.Content) + "\n")
	}
	if m.Error != "" {
		e.text("\n*It failed: " + oneLine(m.Error, 500) + "*\n")
	}
	return nil
}
