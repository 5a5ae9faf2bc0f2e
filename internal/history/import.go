package history

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
)

// Imported is what came of an import.
type Imported struct {
	Chats    int `json:"chats"`    // that are new
	Messages int `json:"messages"` // that are new, in chats that were there too
	Known    int `json:"known"`    // chats that were there
}

// Import takes in the chats of a file: of Export, of ChatGPT (conversations.json), of Open
// WebUI, or of llama.cpp's page, all or nothing. Chats and messages that are there are
// left as they are, so that a file may be taken in twice. Others write in the meantime. The
// error wraps ErrFile where the file is at fault; it is that of r where reading fails, or
// wraps ErrConflict, or is one of the database.
func (s *Store) Import(ctx context.Context, tenant string, r io.Reader) (Imported, error) {
	in, err := newInput(r)
	if err != nil {
		return Imported{}, err
	}
	g, err := s.stage(ctx, tenant)
	if err != nil {
		return Imported{}, err
	}
	err = readFile(in, g)
	if err == nil {
		err = g.flush()
	}
	if err == nil && g.met == 0 {
		err = &FileError{Reason: "no chats are in it"}
	}
	if err != nil {
		return Imported{}, g.drop(err)
	}
	return g.publish()
}

// readFile reads a file of any form: one value, or several behind each other.
func readFile(in *input, g *staging) error {
	for first := true; ; first = false {
		if end, err := in.atEnd(); err != nil || end {
			if err == nil && first {
				err = &FileError{Reason: "it is empty"}
			}
			return err
		}
		t, err := in.token()
		switch {
		case err != nil:
			return err
		case t == json.Delim('{'):
			err = readChats(in, g)
		case t == json.Delim('[') && first:
			err = readList(in, g)
		default:
			err = in.wrong("want an object")
		}
		if err != nil {
			return err
		}
	}
}

// readList reads the rest of an array of chats.
func readList(in *input, g *staging) error {
	for in.More() {
		if _, err := in.open('{'); err != nil {
			return err
		}
		if err := readChats(in, g); err != nil {
			return err
		}
	}
	if _, err := in.token(); err != nil {
		return err
	}
	if end, err := in.atEnd(); err != nil || !end {
		if err == nil {
			err = in.wrong("something stands behind the end")
		}
		return err
	}
	return nil
}

// readChats reads the rest of an object: a file of ours, or a stranger's chat.
func readChats(in *input, g *staging) error {
	f := &foreign{in: in}
	own := false
	format, version := "", 0
	err := in.members(func(key string) error {
		switch key {
		case "format":
			return in.value((*word)(&format), maxSmall)
		case "version":
			var v loose[int]
			err := in.value(&v, maxSmall)
			version = v.V
			return err
		case "chats":
			own = true
			if version != 0 && version != exportVersion { // known before all of them are read
				return in.wrongVersion(version)
			}
			return readOwn(in, g)
		}
		return f.member(key)
	})
	switch {
	case err != nil:
		return err
	case own && format != exportFormat:
		return in.wrong("the format is %.40q, want %q", format, exportFormat)
	case own && version != exportVersion:
		return in.wrongVersion(version)
	case own:
		return nil
	}
	return f.end(g)
}

// foreign is a stranger's chat that is being read.
type foreign struct {
	in     *input
	form   string
	graph  graph
	inList bool // the messages are those of a list
	inTree bool // or of a tree, which counts more
	depth  int
}

// member reads the value of a key.
func (f *foreign) member(key string) error {
	in, g := f.in, &f.graph
	switch key {
	case "title", "name":
		var s loose[string]
		err := in.value(&s, maxSmall)
		if s.V != "" && (g.title == "" || f.depth == 0) {
			g.title = s.V
		}
		return err
	case "id", "conversation_id":
		var w word
		err := in.value(&w, maxSmall)
		if g.id == "" {
			g.id = string(w)
		}
		return err
	case "create_time", "created_at", "timestamp":
		return f.time(&g.created)
	case "update_time", "updated_at", "lastModified":
		return f.time(&g.updated)
	case "current_node", "currentId", "currNode":
		return in.value((*word)(&g.leaf), maxSmall)
	case "pinned", "is_starred":
		var b loose[bool]
		err := in.value(&b, maxSmall)
		g.pinned = g.pinned || b.V
		return err
	case "system":
		var s loose[string]
		err := in.value(&s, maxSmall)
		g.system = s.V
		return err
	case "mapping":
		f.form = "chatgpt"
		return g.readMapping(in)
	}
	return f.nested(key)
}

// nested reads the value of a key that has more of the chat in it.
func (f *foreign) nested(key string) error {
	within := map[string]string{"chat": "openwebui", "params": "", "history": "openwebui", "conv": "llamacpp"}
	form, ok := within[key]
	if key == "messages" {
		return f.messages()
	}
	if !ok || f.depth > 4 {
		return f.in.skip()
	}
	if form != "" && f.form == "" {
		f.form = form
	}
	f.depth++
	defer func() { f.depth-- }()
	return f.in.object(f.member)
}

// time reads a moment, the first one that is there.
func (f *foreign) time(to *Time) error {
	var m moment
	err := f.in.value(&m, maxSmall)
	if *to == 0 {
		*to = Time(m)
	}
	return err
}

// messages reads messages: an object by their ids, which is a tree, or an array, which is
// a tree where they name their parents.
func (f *foreign) messages() error {
	t, err := f.in.token()
	if err != nil || t == nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		f.graph.clear()
		f.inTree = true
		names := map[string]string{}
		return f.in.members(func(id string) error {
			return f.message(func(m *foreignMessage) error { return f.graph.add(f.in, m.vertex(id, names)) })
		})
	case json.Delim('['):
		if !f.inTree {
			f.graph.clear()
		}
		names := map[string]string{}
		return f.in.elements(func() error {
			return f.message(func(m *foreignMessage) error {
				if f.inTree {
					return nil
				}
				f.inList = true
				return f.graph.add(f.in, m.vertex(string(m.ID), names))
			})
		})
	}
	return f.in.wrong("want messages")
}

// message reads a message.
func (f *foreign) message(take func(*foreignMessage) error) error {
	var m foreignMessage
	if err := f.in.value(&m, maxValue); err != nil {
		return err
	}
	return take(&m)
}

// chain has the messages of a list follow each other where none of them names another one.
// Their ids may be missing.
func (f *foreign) chain() {
	for _, v := range f.graph.vertices {
		if v.parent != "" {
			return
		}
	}
	last := ""
	for i, v := range f.graph.vertices {
		v.id = strconv.Itoa(i) + ":" + v.id
		v.parent, last = last, v.id
	}
}

// end stages the chat.
func (f *foreign) end(g *staging) error {
	if f.form == "" && !f.inList && !f.inTree {
		return f.in.wrong("it is no chat of a form that is known: want an export of this program, ChatGPT, Open WebUI or llama.cpp")
	}
	if f.inList && !f.inTree {
		f.chain()
	}
	f.graph.findSystem()
	if f.graph.form = f.form; f.form == "" {
		f.graph.form = "list"
	}
	c, messages, err := f.graph.chat(f.in, g.now)
	if err != nil {
		return err
	}
	g.met++
	if c == nil || g.ids[c.ID] { // nothing was said in it, or it is there twice
		return nil
	}
	if err := g.begin(c); err != nil {
		return err
	}
	for i := range messages {
		if err := g.add(&messages[i]); err != nil {
			return err
		}
	}
	return g.end(c)
}
