package grammar

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// document is a schema's text with the names that references go by.
type document struct {
	root    *value
	old     bool // of a draft before 2019-09, where $ref stands alone
	byURI   map[string]*value
	anchors map[*value]map[string]*value // by the resource that they are in

	resources map[*value]*value   // what was found by resource
	bases     map[*value]*url.URL // and by base
}

// newDocument reads a schema and finds its names.
func newDocument(src []byte) (*document, error) {
	root, err := readValue(src)
	if err != nil {
		return nil, err
	}
	d := &document{
		root: root, byURI: map[string]*value{}, anchors: map[*value]map[string]*value{},
		resources: map[*value]*value{}, bases: map[*value]*url.URL{},
	}
	if s := root.member("$schema"); s != nil {
		for _, draft := range []string{"draft-03", "draft-04", "draft-05", "draft-06", "draft-07"} {
			d.old = d.old || strings.Contains(s.text, draft)
		}
	}
	return d, d.find()
}

// find notes all $id and $anchor. Constants are not looked into.
func (d *document) find() error {
	for open := []*value{d.root}; len(open) > 0; {
		v := open[len(open)-1]
		open = open[:len(open)-1]
		for i := len(v.subs) - 1; i >= 0; i-- {
			if v.kind == kindObject {
				switch v.names[i] {
				case "enum", "const", "default", "examples":
					if v.place != "properties" {
						continue
					}
				case "$id", "id":
					if err := d.noteURI(v, v.subs[i]); err != nil {
						return err
					}
				case "$anchor", "$dynamicAnchor":
					d.noteAnchor(v, v.subs[i].text)
				}
			}
			open = append(open, v.subs[i])
		}
	}
	return nil
}

func (d *document) noteURI(v, id *value) error {
	if id.kind != kindString || d.old && v.member("$ref") != nil || id.place == "id" && !d.old {
		return nil
	}
	if name, ok := strings.CutPrefix(id.text, "#"); ok { // an anchor, in old drafts
		d.noteAnchor(v, name)
		return nil
	}
	base, err := d.base(v)
	if err != nil {
		return err
	}
	if old := d.byURI[base.String()]; old != nil && old != v {
		return fmt.Errorf("grammar: schema: %w: %s: the $id %q comes twice", ErrSyntax, v.pointer(), clip(id.text))
	}
	d.byURI[base.String()] = v
	return nil
}

func (d *document) noteAnchor(v *value, name string) {
	if name == "" {
		return
	}
	r := d.resource(v)
	if d.anchors[r] == nil {
		d.anchors[r] = map[string]*value{}
	}
	d.anchors[r][name] = v
}

// id returns the $id that a value has, or "".
func (d *document) id(v *value) string {
	name := "$id"
	if d.old && v.member(name) == nil {
		name = "id"
	}
	if d.old && v.member("$ref") != nil {
		return "" // what is beside it counts for nothing
	}
	if id := v.member(name); id != nil && id.kind == kindString && !strings.HasPrefix(id.text, "#") {
		return id.text
	}
	return ""
}

// resource returns what a reference without an address is relative to.
func (d *document) resource(v *value) *value {
	var way []*value
	for v.up != nil && d.id(v) == "" {
		if r := d.resources[v]; r != nil {
			v = r
			break
		}
		way = append(way, v)
		v = v.up
	}
	for _, w := range way {
		d.resources[w] = v
	}
	return v
}

// base returns the address of a resource.
func (d *document) base(r *value) (*url.URL, error) {
	var inner []*value
	base := &url.URL{}
	for ; ; r = d.resource(r.up) {
		if b := d.bases[r]; b != nil {
			base = b
			break
		}
		if inner = append(inner, r); r.up == nil {
			break
		}
	}
	for i := len(inner) - 1; i >= 0; i-- {
		id, err := url.Parse(d.id(inner[i]))
		if err != nil {
			return nil, fmt.Errorf("grammar: schema: %w: %s: the $id is no URI", ErrSyntax, inner[i].pointer())
		}
		if base = base.ResolveReference(id); len(base.Path) > 10_000 {
			return nil, fmt.Errorf("grammar: schema: %w: %s: an $id of over 10000 bytes", ErrTooLarge, inner[i].pointer())
		}
		base.Fragment = ""
		d.bases[inner[i]] = base
	}
	return base, nil
}

// resolve returns what a $ref refers to. Nothing outside of the document is looked for.
func (d *document) resolve(ref *value) (*value, error) {
	if ref.kind != kindString {
		return nil, wrongAt(ref, "want a text")
	}
	at := d.resource(ref.up)
	address, fragment, _ := strings.Cut(ref.text, "#")
	if address != "" {
		base, err := d.base(at)
		if err != nil {
			return nil, err
		}
		to, err := url.Parse(address)
		if err != nil {
			return nil, wrongAt(ref, "no URI")
		}
		if at = d.byURI[base.ResolveReference(to).String()]; at == nil {
			return nil, unsupportedAt(ref, fmt.Sprintf("%q is outside of the schema, and nothing is fetched", clip(ref.text)))
		}
	}
	name, err := url.PathUnescape(fragment)
	if err != nil {
		return nil, wrongAt(ref, "no URI")
	}
	if name != "" && name[0] != '/' {
		at = d.anchors[at][name]
	} else if name != "" {
		at = at.walk(strings.Split(name[1:], "/"))
	}
	if at == nil {
		return nil, wrongAt(ref, fmt.Sprintf("%q is nowhere", clip(ref.text)))
	}
	return at, nil
}

// walk goes down by the steps of a JSON Pointer; nil where there is nothing.
func (v *value) walk(steps []string) *value {
	for _, s := range steps {
		s = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
		if v.kind == kindArray {
			i, err := strconv.Atoi(s)
			if err != nil || i < 0 || i >= len(v.subs) {
				return nil
			}
			v = v.subs[i]
		} else if v = v.member(s); v == nil {
			return nil
		}
	}
	return v
}

// wrongAt is the error of a keyword that is written wrong.
func wrongAt(v *value, what string) error {
	return fmt.Errorf("grammar: schema: %w: %s: %s", ErrSyntax, v.pointer(), what)
}

// unsupportedAt is the error of a keyword that cannot be held. The pointer's last step
// is the keyword.
func unsupportedAt(v *value, what string) error {
	return fmt.Errorf("grammar: schema: %w: %s: %s", ErrUnsupported, v.pointer(), what)
}

// tooLargeAt is the error of a keyword that asks for too much.
func tooLargeAt(v *value, what string) error {
	return fmt.Errorf("grammar: schema: %w: %s: %s", ErrTooLarge, v.pointer(), what)
}
