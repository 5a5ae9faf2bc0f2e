package main

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/safetensors"
)

// TestLogitsGreedy continues each line greedily: each id must be the best of the
// logits behind what came before, and the rows those of the given ids.
func TestLogitsGreedy(t *testing.T) {
	model := tinyFolder(t)
	rng := rand.New(rand.NewPCG(4, 0))
	const n = 6
	var lists [][]int32
	dir := t.TempDir()
	ids, out := filepath.Join(dir, "ids.jsonl"), filepath.Join(dir, "out.safetensors")
	var text []byte
	for _, length := range []int{1, 40, 7} {
		list := make([]int32, length)
		for i := range list {
			list[i] = rng.Int32N(tinyVocab)
		}
		lists = append(lists, list)
		text = append(appendIDs(text, list), '\n')
	}
	if err := os.WriteFile(ids, text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"--together"}, {"--chunk", "5", "--decode", "2"}} {
		if _, err := execute(t, "", append([]string{"logits", model, "--ids", ids, "--out", out, "--greedy", fmt.Sprint(n)}, args...)...); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		for i, list := range lists {
			x, ok := f.Tensor(fmt.Sprintf("greedy.%d", i))
			if !ok || x.DType != safetensors.I32 || !slices.Equal(x.Shape, []int{n}) {
				t.Fatalf("greedy.%d is %+v, want I32 [%d]", i, x, n)
			}
			b, err := f.Bytes(x)
			if err != nil {
				t.Fatal(err)
			}
			whole := slices.Clone(list)
			for k := range n {
				whole = append(whole, int32(binary.LittleEndian.Uint32(b[4*k:])))
			}
			rows := readLogits(t, model, [][]int32{whole})[0]
			for k := range n {
				row := rows[len(list)-1+k]
				best := int32(0)
				for id, v := range row {
					if v > row[best] {
						best = int32(id)
					}
				}
				if got := whole[len(list)+k]; got != best {
					t.Errorf("%v: sequence %d: greedy id %d is %d, want %d", args, i, k, got, best)
				}
			}
			given, _ := f.Tensor(fmt.Sprintf("logits.%d", i))
			if !slices.Equal(given.Shape, []int{len(list), tinyVocab}) {
				t.Errorf("%v: logits.%d has shape %v, want %d rows", args, i, given.Shape, len(list))
			}
		}
		f.Close()
	}
}
