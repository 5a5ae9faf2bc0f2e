package pdf

import (
	"errors"
	"fmt"
)

// Bounds of the pages.
const (
	maxPages     = 20_000
	maxPageNodes = 100_000
	maxPageDepth = 64
	maxParts     = 10_000 // of a page's content
)

// Errors of files that have no text to give.
var (
	ErrEncrypted = errors.New("it is encrypted")
	ErrNoText    = errors.New("it has no text: its pages may be pictures")
)

// Text returns the text of a PDF, of at most limit bytes. The error is ErrEncrypted,
// ErrNoText, or says what is wrong with the file.
func Text(text []byte, limit int) (string, error) {
	f, err := open(text)
	if err != nil {
		return "", err
	}
	if f.resolve(f.trailer["Encrypt"]) != nil {
		return "", ErrEncrypted
	}
	root := f.catalog()
	if root == nil {
		return "", errors.New("it is damaged: it has no pages")
	}
	w := &walk{file: f, seen: map[any]bool{}, painter: &painter{file: f, out: &layout{limit: limit}, fonts: map[any]*font{}}}
	if err := w.node(root["Pages"], nil, 0); err != nil {
		if errors.Is(err, errLong) {
			err = fmt.Errorf("it has more than %d MiB of text", limit>>20)
		}
		return "", err
	}
	out := w.painter.out
	switch {
	case w.pages == 0:
		return "", errors.New("it is damaged: it has no pages")
	case out.letter == 0 && out.lost > 0, out.lost > 9*out.letter:
		return "", errors.New("its fonts do not tell which letters they draw")
	case out.letter == 0:
		return "", ErrNoText
	}
	return out.String(), nil
}

// walk goes through the tree of pages.
type walk struct {
	file    *file
	painter *painter
	seen    map[any]bool // nodes that are references
	nodes   int
	pages   int
}

// node reads a page, or the pages below a node.
func (w *walk) node(o any, resources dict, depth int) error {
	if r, ok := o.(ref); ok {
		if w.seen[r] {
			return nil
		}
		w.seen[r] = true
	}
	d, ok := w.file.resolve(o).(dict)
	if w.nodes++; !ok || w.nodes > maxPageNodes || depth > maxPageDepth {
		return nil
	}
	if own, ok := w.file.resolve(d["Resources"]).(dict); ok {
		resources = own
	}
	kids, ok := w.file.resolve(d["Kids"]).(array)
	if !ok {
		return w.page(d, resources)
	}
	for _, kid := range kids {
		if err := w.node(kid, resources, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// page reads a page.
func (w *walk) page(d, resources dict) error {
	if w.pages++; w.pages > maxPages {
		return fmt.Errorf("it has more than %d pages", maxPages)
	}
	var content []byte
	parts := w.file.list(d["Contents"])
	for _, part := range parts[:min(len(parts), maxParts)] {
		s, ok := w.file.resolve(part).(*stream)
		if !ok {
			continue
		}
		text, err := w.file.decode(s)
		if err = workOnly(err); err != nil {
			return err
		}
		if len(content)+len(text) > maxStream {
			return errWork
		}
		content = append(append(content, text...), '\n')
	}
	w.painter.start()
	if err := w.painter.run(content, resources); err != nil {
		return err
	}
	if err := w.fields(d); err != nil {
		return err
	}
	w.painter.out.page()
	return nil
}

// fields reads what the fields of a form on a page show.
func (w *walk) fields(page dict) error {
	list := w.file.list(page["Annots"])
	for _, o := range list[:min(len(list), maxParts)] {
		d, _ := w.file.resolve(o).(dict)
		if w.file.resolve(d["Subtype"]) != name("Widget") {
			continue
		}
		looks, _ := w.file.resolve(d["AP"]).(dict)
		s, ok := w.file.resolve(looks["N"]).(*stream)
		if !ok {
			continue
		}
		w.painter.start()
		place := w.file.list(d["Rect"])
		if len(place) == 4 {
			w.painter.matrix.e, w.painter.matrix.f = number(w.file.resolve(place[0])), number(w.file.resolve(place[1]))
		}
		if err := w.painter.drawForm(s, nil); err != nil {
			return err
		}
	}
	return nil
}
