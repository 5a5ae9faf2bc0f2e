package engine

import (
	"fmt"
	"math"
	"testing"
)

// TestEvaluateFrom asks for the last rows only: the same rows in the same order, to
// the bit, and no others, however the sequences are cut and batched.
func TestEvaluateFrom(t *testing.T) {
	m := tinyModel(t, "gemma3-text")
	e := newEngine(t, m, Options{Context: 300, Sequences: 4})
	sequences := [][]int32{prompt(290, 0), prompt(40, 1), prompt(41, 2), prompt(1, 3)}
	type row struct {
		key  string
		bits []uint32
	}
	rows := func(p Plan) (list []row) {
		err := e.Evaluate(t.Context(), sequences, p, func(i, at int, logits []float32) error {
			r := row{key: fmt.Sprint(i, ":", at)}
			for _, x := range logits {
				r.bits = append(r.bits, math.Float32bits(x))
			}
			list = append(list, r)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	want := map[string][]uint32{}
	for _, r := range rows(Plan{}) {
		want[r.key] = r.bits
	}
	froms := []int{0, 1, 39, 40, 41, 200, 289, 290, 1000}
	if testing.Short() {
		froms = []int{40, 289}
	}
	for _, from := range froms {
		n := 0
		for _, ids := range sequences {
			n += max(0, len(ids)-from)
		}
		for _, p := range []Plan{{}, {Chunk: 7}, {Decode: 3}, {Together: true, Chunk: 32}, {Together: true, Chunk: 1}} {
			p.From = from
			got := rows(p)
			if len(got) != n {
				t.Fatalf("%+v: %d rows, want %d", p, len(got), n)
			}
			next := map[int]int{}
			for _, r := range got {
				var i, at int
				if _, err := fmt.Sscanf(r.key, "%d:%d", &i, &at); err != nil {
					t.Fatal(err)
				}
				if at != from+next[i] {
					t.Fatalf("%+v: sequence %d: row %d came, want row %d", p, i, at, from+next[i])
				}
				next[i]++
				for k, b := range r.bits {
					if b != want[r.key][k] {
						t.Fatalf("%+v: row %s logit %d is %x, want %x", p, r.key, k, b, want[r.key][k])
					}
				}
			}
		}
	}
}
