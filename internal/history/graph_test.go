package history

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Of a tree of any shape every message comes over once for each branch that it is on, and
// where answers that follow each other are one, none follows another.
func TestGraph(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := &graph{form: "test", joins: seed%2 == 0}
		var visible []*vertex
		for i := range 1 + r.IntN(12) {
			v := &vertex{id: fmt.Sprint("n", i), hidden: r.IntN(4) == 0}
			v.Role = [2]string{User, Assistant}[r.IntN(2)]
			v.Content = fmt.Sprintf("<%d>", i)
			v.joined = g.joins && v.Role == Assistant && r.IntN(3) == 0 && !v.hidden
			if i > 0 && r.IntN(8) > 0 {
				v.parent = fmt.Sprint("n", r.IntN(i))
			}
			g.vertices = append(g.vertices, v)
			if !v.hidden {
				visible = append(visible, v)
			}
		}
		r.Shuffle(len(g.vertices), func(i, j int) { g.vertices[i], g.vertices[j] = g.vertices[j], g.vertices[i] })
		g.leaf = g.vertices[0].id
		c, list, err := g.chat(&input{}, 1)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if c == nil {
			if len(visible) > 0 {
				t.Fatalf("seed %d: no chat of %d messages", seed, len(visible))
			}
			continue
		}
		made := map[string]Message{}
		all := ""
		for _, m := range list {
			p, ok := made[m.Parent]
			switch {
			case m.Parent != "" && !ok:
				t.Fatalf("seed %d: %q stands before its parent", seed, m.Content)
			case made[m.ID].ID != "":
				t.Fatalf("seed %d: %q is there twice", seed, m.Content)
			case g.joins && ok && m.Role == Assistant && p.Role == Assistant:
				t.Fatalf("seed %d: %q follows %q", seed, m.Content, p.Content)
			}
			made[m.ID] = m
			all += m.Content
		}
		for _, v := range visible {
			n := strings.Count(all, v.Content)
			if n == 0 || n > 1 && (!g.joins || v.Role == User) {
				t.Fatalf("seed %d: %s is there %d times in %q", seed, v.Content, n, all)
			}
		}
		if _, ok := made[c.Leaf]; !ok {
			t.Fatalf("seed %d: the leaf %q is no message", seed, c.Leaf)
		}
	}
}
