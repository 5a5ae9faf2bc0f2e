package pagestore

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// Make is all that the bytes of pages depend on, their tokens aside: another one never
// finds them.
type Make struct {
	Model   string  // root digest of the model's files
	Profile string  // of the arithmetic
	Cache   string  // kind of cache
	Form    string  // of latent attention
	Rope    string  // what is set of rotary embedding, and its context where that matters; "": nothing
	Layout  int     // version of how a page's bytes are laid out
	Layers  []Layer // in their order
}

// Layer is what a layer keeps in a page.
type Layer struct {
	Bytes  int
	Window int
}

// digest returns the sum over the make.
func (m *Make) digest() Sum {
	var b strings.Builder
	fmt.Fprintf(&b, "blitz pages %d\n%q\n%q\n%q\n%q\n%d\n", version, m.Model, m.Profile, m.Cache, m.Form, m.Layout)
	if m.Rope != "" {
		fmt.Fprintf(&b, "%q\n", m.Rope)
	}
	for _, l := range m.Layers {
		fmt.Fprintf(&b, "%d %d\n", l.Bytes, l.Window)
	}
	return sha256.Sum256([]byte(b.String()))
}

func pageName(of, sum Sum) Sum {
	return sha256.Sum256(append(of[:], sum[:]...))
}
