package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/safetensors"
)

// readLogits runs logits on lists of ids and returns the rows of each as float64.
func readLogits(t *testing.T, model string, lists [][]int32, args ...string) [][][]float64 {
	t.Helper()
	dir := t.TempDir()
	ids, out := filepath.Join(dir, "ids.jsonl"), filepath.Join(dir, "logits.safetensors")
	var text []byte
	for _, list := range lists {
		text = append(appendIDs(text, list), '\n')
	}
	if err := os.WriteFile(ids, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := execute(t, "", append([]string{"logits", model, "--ids", ids, "--out", out}, args...)...); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := make([][][]float64, len(lists))
	for i, list := range lists {
		x, ok := f.Tensor(fmt.Sprintf("logits.%d", i))
		if !ok || len(x.Shape) != 2 || x.Shape[0] != len(list) || x.DType != safetensors.F32 {
			t.Fatalf("logits.%d is %+v, want F32 [%d, V]", i, x, len(list))
		}
		b, err := f.Bytes(x)
		if err != nil {
			t.Fatal(err)
		}
		for range list {
			row := make([]float64, x.Shape[1])
			for k := range row {
				row[k] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
				b = b[4:]
			}
			all[i] = append(all[i], row)
		}
	}
	return all
}

// logSoftmax returns the log-probability of an id.
func logSoftmax(row []float64, id int32) float64 {
	top, sum := row[0], 0.0
	for _, x := range row {
		top = max(top, x)
	}
	for _, x := range row {
		sum += math.Exp(x - top)
	}
	return row[id] - top - math.Log(sum)
}

// TestPerplexity computes the figures again in float64 from logits.
func TestPerplexity(t *testing.T) {
	withBOS, without := tinyFolder(t), tinyFolder(t)
	if err := os.WriteFile(filepath.Join(without, "tokenizer_config.json"), []byte(`{"bos_token": "<s>"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(9, 0))
	text := make([]byte, 200)
	for i := range text {
		text[i] = byte(' ' + rng.IntN(90))
	}
	copy(text[40:], "<s></s>") // ordinary text
	file := filepath.Join(t.TempDir(), "text.txt")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{withBOS, without} {
		for _, n := range []int{3, 4, 32, 33, 67, 200} {
			var ids []int32
			if model == withBOS {
				ids = append(ids, tinyBOS)
			}
			for _, b := range text {
				ids = append(ids, int32(b))
			}
			total := len(ids)
			var windows [][]int32
			for ; len(ids) >= n; ids = ids[n:] {
				w := append([]int32{}, ids[:n]...)
				if model == withBOS {
					w[0] = tinyBOS
				}
				windows = append(windows, w)
			}
			sum, square, tokens := 0.0, 0.0, 0
			for i, rows := range readLogits(t, model, windows) {
				for j := n / 2; j < n-1; j++ {
					p := logSoftmax(rows[j], windows[i][j+1])
					sum, square, tokens = sum-p, square+p*p, tokens+1
				}
			}
			mean := sum / float64(tokens)
			want := math.Exp(mean)
			wantError := 0.0
			if tokens > 1 {
				wantError = want * math.Sqrt((square/float64(tokens)-mean*mean)/float64(tokens-1))
			}
			out, err := execute(t, "", "perplexity", model, file, "--json", "--ctx", fmt.Sprint(n))
			if err != nil {
				t.Fatal(err)
			}
			var got perplexityReport
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			if got.Tokens != tokens || got.Windows != len(windows) || got.Ctx != n || got.TextTokens != total || got.Cache != "f32" {
				t.Errorf("--ctx %d: got %+v, want %d tokens in %d windows of %d of %d", n, got, tokens, len(windows), n, total)
			}
			if math.Abs(got.Perplexity/want-1) > 1e-5 || math.Abs(got.StandardError-wantError) > 1e-4*want {
				t.Errorf("--ctx %d: got %v ± %v, want %v ± %v", n, got.Perplexity, got.StandardError, want, wantError)
			}
		}
	}
}

func TestPerplexityOfNothing(t *testing.T) {
	for _, sum := range []float64{math.NaN(), math.Inf(1), 1e6} {
		s := &scores{windows: make([][]int32, 1), sum: sum, n: 10}
		if r, err := s.report(); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("sum %v: got %+v, %v; want an error", sum, r, err)
		}
	}
}
