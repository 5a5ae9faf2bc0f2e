package countdown_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/countdown"
	"github.com/blitz-r1/blitz/internal/task"
	"github.com/blitz-r1/blitz/internal/train/recipe"
	"github.com/blitz-r1/blitz/jinja"
)

const weights = "model.safetensors"

// What the model says to 3 5 7 = 22, and how many of the first 16 held-out problems it solves.
const (
	reasoning = "5+3=8 7 22:+15-1*56\n5-3=2 7 22:+9-5*14\n5*3=15 7 22:+22"
	content   = "<answer>(5*3)+7</answer>"
	rightOf16 = 14
)

// TestSums holds the files to the digests that are told of them.
func TestSums(t *testing.T) {
	names, err := fs.Glob(countdown.Files(), "*")
	if err != nil || len(names) != len(countdown.Sums()) {
		t.Errorf("%d files, %d digests, error %v", len(names), len(countdown.Sums()), err)
	}
	size := 0
	for name, want := range countdown.Sums() {
		b, err := fs.ReadFile(countdown.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(b); got != want {
			t.Errorf("%s has the digest %x, want %x", name, got, want)
		}
		size += len(b)
	}
	if size > 3e6 {
		t.Errorf("%d bytes, want 3 MB at most", size)
	}
	sum := countdown.Sums()[weights]
	for _, path := range []string{"README.md", "../../docs/TRAINING.md"} {
		text, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(text), hex.EncodeToString(sum[:])) {
			t.Errorf("%s does not have the digest of the weights, %x, error %v", path, sum, err)
		}
	}
}

// TestAnswers asks the model: it thinks, and is right.
func TestAnswers(t *testing.T) {
	files, err := blitz.OpenFiles(countdown.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	if info, err := files.Info(); err != nil || info.Parameters > 1_400_000 || info.Quantization != "BF16" {
		t.Errorf("%+v, error %v, want 1.4 million parameters at most, in BF16", info, err)
	}
	m, err := files.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	e, err := blitz.NewEngine(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ask := func(question string) *blitz.Answer {
		a, err := e.Generate(t.Context(), blitz.Request{Messages: []chat.Message{{Role: "user", Content: jinja.String(question)}}})
		if err == nil {
			err = a.Wait()
		}
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	a := ask("3 5 7 = 22")
	if got := a.Output(); got.ReasoningContent == nil || *got.ReasoningContent != reasoning || got.Content == nil || *got.Content != content {
		t.Errorf("got %+v, want the reasoning %q and the answer %q", got, reasoning, content)
	}
	right := 0
	for i := range 16 {
		p, err := task.Generate("countdown", 3, 1, i)
		if err != nil {
			t.Fatal(err)
		}
		// An answer without an end to its reasoning has no content.
		if c := ask(p.Short()).Output().Content; c != nil && task.Judge(p, "</think>"+*c).Correct {
			right++
		}
	}
	if right != rightOf16 {
		t.Errorf("%d of 16 held-out problems are right, want %d", right, rightOf16)
	}
}

// TestRepeat takes the last steps of the model's training again, from the state that its recipe
// left: what comes of them are the files that the program carries.
func TestRepeat(t *testing.T) {
	state := filepath.Join("testdata", "state")
	if _, err := os.Stat(state); err != nil {
		t.Skip("the model is that of train demo, which leaves no such state; go run ./internal/countdown/update RECIPE takes the recipe's, with one (README.md)")
	}
	to := t.TempDir()
	r := &recipe.Run{Folder: t.TempDir(), Threads: 2, Watch: func(string, any) {}, Now: time.Now}
	if err := r.Repeat(t.Context(), state, to); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, want := range countdown.Sums() {
		names = append(names, name)
		b, err := os.ReadFile(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256.Sum256(b); got != want {
			t.Errorf("%s has the digest %x, want %x", name, got, want)
		}
	}
	slices.Sort(names)
	entries, err := os.ReadDir(to)
	if err != nil || len(entries) != len(names) {
		t.Errorf("%d files, want %q, error %v", len(entries), names, err)
	}
	size := int64(0)
	if entries, err = os.ReadDir(state); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	if size > 4e6 {
		t.Errorf("the state has %d bytes, want 4 MB at most", size)
	}
}
