package history

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
)

// maxGraph bounds a stranger's chat, in bytes: it is in memory as a whole.
const maxGraph = 128 << 20

// vertex is a node of a stranger's tree of messages.
type vertex struct {
	id, parent string
	children   []string // in the order of the versions, where the file has one
	root       bool     // llama.cpp: above all, and no message of anybody
	hidden     bool     // no message: what is below it follows its parent
	joined     bool     // part of the answer that goes on below it
	Message
}

// vertexBytes is about what a node takes beside its texts, with the message that it becomes.
const vertexBytes = 1000

// size returns about how many bytes the node takes.
func (v *vertex) size() int {
	n := vertexBytes + len(v.id) + len(v.parent) + len(v.Content) + len(v.Reasoning) + len(v.Error)
	for _, id := range v.children {
		n += 16 + len(id)
	}
	for _, f := range v.Files {
		n += len(f.Name) + len(f.Text)
	}
	for _, c := range v.Calls {
		n += len(c.ID) + len(c.Name) + len(c.Arguments)
	}
	for _, r := range v.Results {
		n += len(r.Call) + len(r.Name) + len(r.Content)
	}
	return n
}

// graph is a stranger's chat.
type graph struct {
	form     string // of whom
	joins    bool   // answers that follow each other are one
	id       string // the stranger's; "": none
	title    string
	created  Time
	updated  Time
	pinned   bool
	system   string
	leaf     string // the stranger's id
	vertices []*vertex
	size     int
}

// add adds a node. The error says what is too much of it.
func (g *graph) add(in *input, v *vertex) error {
	if g.size += v.size(); g.size > maxGraph {
		return in.wrong("a chat takes more than %d MiB", maxGraph>>20)
	}
	if len(g.vertices) >= maxMessages {
		return in.wrong("a chat has more than %d messages", maxMessages)
	}
	g.vertices = append(g.vertices, v)
	return nil
}

// clear forgets the nodes.
func (g *graph) clear() { g.vertices, g.size = nil, 0 }

// findSystem takes the system prompt of the messages where the chat has none.
func (g *graph) findSystem() {
	for _, v := range g.vertices {
		if g.system == "" && v.Role == "system" && !v.root {
			g.system = v.Content
		}
	}
}

// hashed returns an id that is made of texts.
func hashed(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		var size [8]byte
		for i := range size {
			size[i] = byte(len(t) >> (8 * i))
		}
		h.Write(size[:])
		h.Write([]byte(t))
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)[:20]))
}

// chat returns the chat that a graph is, and its messages, parents before their children;
// no messages where it has none. Ids are made of what the stranger's file says, so that
// the same file gives the same ones.
func (g *graph) chat(in *input, now Time) (*Chat, []Message, error) {
	w := &walk{g: g, in: in, index: map[string]*vertex{}, below: map[*vertex][]*vertex{}, made: map[*vertex]string{}}
	if err := w.link(); err != nil {
		return nil, nil, err
	}
	first := w.first()
	if first == nil {
		return nil, nil, nil
	}
	created := g.created
	if created == 0 {
		created = first.Created
	}
	w.chat = g.hashed(created, first)
	if created == 0 {
		created = now
	}
	w.last = created
	if err := w.run(); err != nil {
		return nil, nil, err
	}
	c := &Chat{
		ID: w.chat, Title: oneLine(g.title, 500), Pinned: g.pinned, Created: created, Updated: max(g.updated, created), Leaf: w.leaf(),
		Parameters: Parameters{System: cutBytes(g.system, maxSystem)},
	}
	if g.updated == 0 {
		c.Updated = max(w.newest, created)
	}
	if c.Title == "" {
		c.Title = titleOf(&NewMessage{Content: first.Content, Files: first.Files})
	}
	return c, w.messages, nil
}

// hashed returns the id of the chat: of its beginning where it has an id of its own, so
// that it may have gone on in another file, else of all that it has.
func (g *graph) hashed(created Time, first *vertex) string {
	texts := []string{g.form, g.id, created.String(), first.Role, first.Content}
	if g.id == "" {
		for _, v := range g.vertices {
			texts = append(texts, v.id, v.parent, v.Role, v.Content)
		}
	}
	return hashed(texts...)
}

// walk makes messages of a graph.
type walk struct {
	g        *graph
	in       *input
	index    map[string]*vertex
	roots    []*vertex
	below    map[*vertex][]*vertex
	chat     string
	messages []Message
	made     map[*vertex]string // the ids of what messages were made of
	size     int
	last     Time
	newest   Time
}

// link finds the roots and the children of each node. Whose parent is missing is a root.
func (w *walk) link() error {
	for _, v := range w.g.vertices {
		if w.index[v.id] != nil {
			return w.in.wrong("two messages of a chat have the id %.40q", v.id)
		}
		w.index[v.id] = v
	}
	for _, v := range w.g.vertices {
		p := w.index[v.parent]
		if v.parent == "" || p == nil {
			w.roots = append(w.roots, v)
			continue
		}
		w.below[p] = append(w.below[p], v)
	}
	for p, list := range w.below {
		if len(list) < 2 {
			continue
		}
		place := make(map[string]int, len(p.children))
		for i, id := range p.children {
			place[id] = i + 1
		}
		slices.SortStableFunc(list, func(a, b *vertex) int {
			i, j := place[a.id], place[b.id]
			if i == 0 || j == 0 {
				return 0
			}
			return i - j
		})
	}
	w.join()
	seen := 0
	todo := slices.Clone(w.roots)
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = append(todo[:len(todo)-1], w.below[v]...)
		seen++
	}
	if seen != len(w.g.vertices) {
		return w.in.wrong("the messages of a chat follow each other in a circle")
	}
	return nil
}

// join notes which answers are parts of one that follows them.
func (w *walk) join() {
	if !w.g.joins {
		return
	}
	for _, v := range w.g.vertices {
		if v.hidden || v.joined || v.Role != Assistant {
			continue
		}
		next := slices.Clone(w.below[v])
		found := false
		for len(next) > 0 && !found {
			n := next[len(next)-1]
			next = next[:len(next)-1]
			switch {
			case n.hidden:
				next = append(next, w.below[n]...)
			case n.Role == Assistant:
				found = true
			}
		}
		v.joined = found
	}
}

// first returns the first message that is shown.
func (w *walk) first() *vertex {
	todo := reversed(w.roots)
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if !v.hidden && !v.joined {
			return v
		}
		todo = append(todo, reversed(w.below[v])...)
	}
	for _, v := range w.g.vertices {
		if !v.hidden {
			return v
		}
	}
	return nil
}

// reversed returns a list with its last element in front.
func reversed[T any](list []T) []T {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// step is a node that is to be looked at, with what is above it.
type step struct {
	v      *vertex
	parent string // the id of the message above
	above  *part  // of the same answer
}

// part is a piece of an answer that consists of several nodes.
type part struct {
	v     *vertex
	above *part
}

// run makes the messages, parents before their children, older versions before newer
// ones.
func (w *walk) run() error {
	var todo []step
	push := func(list []*vertex, parent string, above *part) {
		for _, v := range reversed(list) {
			todo = append(todo, step{v, parent, above})
		}
	}
	push(w.roots, "", nil)
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		below := w.below[s.v]
		switch {
		case s.v.hidden && (len(below) > 0 || s.above == nil):
			push(below, s.parent, s.above)
			continue
		case s.v.hidden: // the end of an answer
		case s.above != nil && !s.v.joined && s.v.Role != Assistant: // an answer that nothing follows but this
			id, err := w.make(s.above.v, s.parent, s.above.above)
			if err != nil {
				return err
			}
			s.parent, s.above = id, nil
		}
		if s.v.joined && len(below) > 0 {
			push(below, s.parent, &part{s.v, s.above})
			continue
		}
		v, above := s.v, s.above
		if v.hidden {
			v, above = above.v, above.above
		}
		id, err := w.make(v, s.parent, above)
		if err != nil {
			return err
		}
		w.made[s.v] = id
		push(below, id, nil)
	}
	return nil
}

// make makes a message of a node and the parts of the same answer above it, once.
func (w *walk) make(v *vertex, parent string, above *part) (string, error) {
	if id, ok := w.made[v]; ok {
		return id, nil
	}
	m := v.Message
	if above != nil {
		m = w.joined(v, above)
	}
	m.ID, m.Parent = hashed(w.chat, v.id), parent
	if m.Role == Assistant && m.Status == "" {
		m.Status = Complete
	}
	if m.Created == 0 {
		m.Created = w.last
	}
	w.last, w.newest = m.Created, max(w.newest, m.Created)
	w.size += len(m.Content) + len(m.Reasoning)
	if w.size > maxGraph {
		return "", w.in.wrong("a chat takes more than %d MiB", maxGraph>>20)
	}
	if len(w.messages) >= maxMessages {
		return "", w.in.wrong("a chat has more than %d messages", maxMessages)
	}
	if err := m.check("message"); err != nil {
		return "", w.in.wrong("%v", err)
	}
	w.messages = append(w.messages, m)
	w.made[v] = m.ID
	return m.ID, nil
}

// joined returns the message of an answer's last node with what stands in the ones above.
func (w *walk) joined(v *vertex, above *part) Message {
	parts := []*vertex{v}
	size := 0
	for p := above; p != nil && size <= maxContent; p = p.above {
		parts = append(parts, p.v)
		size += len(p.v.Content) + len(p.v.Reasoning)
	}
	slices.Reverse(parts)
	var content, reasoning []string
	m := v.Message
	m.Role, m.Files = Assistant, nil
	for _, p := range parts {
		if p.Content != "" {
			content = append(content, p.Content)
		}
		if p.Reasoning != "" {
			reasoning = append(reasoning, p.Reasoning)
		}
		if m.Model == "" {
			m.Model = p.Model
		}
		m.Files = append(m.Files, p.Files...)
	}
	m.Files = m.Files[:min(len(m.Files), maxFiles)]
	m.Content, m.Reasoning = strings.Join(content, "\n\n"), strings.Join(reasoning, "\n\n")
	return m
}

// leaf returns the last message of the branch that the stranger showed, or else of the
// newest one.
func (w *walk) leaf() string {
	v := w.index[w.g.leaf]
	for tries := 0; v != nil && tries <= len(w.g.vertices); tries++ {
		if id, ok := w.made[v]; ok {
			return id
		}
		if below := w.below[v]; len(below) > 0 { // a part of an answer
			v = below[len(below)-1]
			continue
		}
		break
	}
	for v := w.index[w.g.leaf]; v != nil; v = w.index[v.parent] {
		if id, ok := w.made[v]; ok {
			return id
		}
	}
	if len(w.messages) == 0 {
		return ""
	}
	return w.messages[len(w.messages)-1].ID
}
