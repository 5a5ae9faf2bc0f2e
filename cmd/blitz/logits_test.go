package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz"
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

// TestLogitsNotFinite refuses logits that are no numbers, with the model's name, and
// leaves no file: weights may be so large that all of them are finite and nothing else is.
func TestLogitsNotFinite(t *testing.T) {
	dir := t.TempDir()
	model := filepath.Join(dir, "large")
	if err := writeTinyFolder(model); err != nil {
		t.Fatal(err)
	}
	weights := filepath.Join(model, "model.safetensors")
	f, err := safetensors.Open(weights)
	if err != nil {
		t.Fatal(err)
	}
	x, ok := f.Tensor("model.norm.weight")
	if err := f.Close(); err != nil || !ok {
		t.Fatal(ok, err)
	}
	data, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	for i := range x.Size / 4 {
		binary.LittleEndian.PutUint32(data[x.Offset+4*i:], math.Float32bits(3e38))
	}
	ids, out := filepath.Join(dir, "ids.jsonl"), filepath.Join(dir, "out.safetensors")
	for file, b := range map[string][]byte{weights: data, ids: []byte("[1, 2, 3]\n")} {
		if err := os.WriteFile(file, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err = execute(t, "", "logits", model, "--ids", ids, "--out", out)
	if !errors.Is(err, blitz.ErrLogits) || !strings.Contains(err.Error(), "large: logits.0: row 0") {
		t.Errorf("got %v, want ErrLogits that names the model and the row", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: got %v, want no file", out, err)
	}
}
