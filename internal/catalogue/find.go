package catalogue

import (
	"strings"

	"github.com/blitz-r1/blitz/internal/hub"
)

// key tells names apart, whose case does not.
func key(n hub.Name) string { return strings.ToLower(n.String()) }

// Find returns the model of a name, nil where there is none. A name without a tag means
// the tag latest, or the only one there is.
func (c *Catalogue) Find(text string) *Model {
	n, err := hub.ParseName(text)
	if err != nil {
		return nil
	}
	if m := c.byName[key(n)]; m != nil || strings.Contains(text, ":") {
		return m
	}
	var only *Model
	for _, m := range c.Models {
		for _, have := range append([]hub.Name{m.Name}, m.Also...) {
			if have.EqualPath(n) {
				if only != nil && only != m {
					return nil
				}
				only = m
			}
		}
	}
	return only
}

// From returns the model that one of the sources is of, nil where there is none.
func (c *Catalogue) From(src hub.Source) *Model {
	for _, m := range c.Models {
		for _, s := range m.Sources {
			if s.Source.Kind == src.Kind && strings.EqualFold(s.Source.Name, src.Name) && strings.EqualFold(s.Source.Tag, src.Tag) {
				return m
			}
		}
	}
	return nil
}

// Names returns the names of all models, further ones included.
func (c *Catalogue) Names() []hub.Name {
	var names []hub.Name
	for _, m := range c.Models {
		names = append(append(names, m.Name), m.Also...)
	}
	return names
}
