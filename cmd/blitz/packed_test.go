package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestPackedCache runs a stored model several times: its weights are kept by the first
// run, mapped by the next, packed anew where they are damaged, and give the same logits
// each time.
func TestPackedCache(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	t.Setenv("BLITZ_HOME", home)
	t.Setenv("XDG_CONFIG_HOME", dir)
	model, err := tiny.Load(filepath.Join("..", "..", "internal", "model", "testdata", "llama"))
	if err != nil {
		t.Fatal(err)
	}
	path, ids := filepath.Join(dir, "tiny.gguf"), filepath.Join(dir, "ids.jsonl")
	// Less than some MiB is not worth a file.
	if err := model.With(map[string]any{"vocab_size": 1 << 14}).WriteGGUF(path, tensor.F32); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ids, []byte("[1, 2, 3, 16000]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t, "import", path, "tiny"); err != nil {
		t.Fatal(err)
	}
	images := func() []string {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(home, "packed", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	logits := func(args ...string) []byte {
		t.Helper()
		out := filepath.Join(dir, "out.safetensors")
		if _, err := command(t, append([]string{"logits", "tiny", "--ids", ids, "--out", out}, args...)...); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	want := logits("--packed-cache", "0")
	logits("--packed-cache", "1MB")
	if list := images(); len(list) != 0 {
		t.Errorf("%v are kept, want nothing", list)
	}
	for _, run := range []string{"the first", "the second", "one whose image is damaged", "the last"} {
		if run == "one whose image is damaged" {
			damage(t, images()[0])
		}
		if !bytes.Equal(logits(), want) {
			t.Errorf("%s run gives other logits", run)
		}
		if list := images(); len(list) != 1 || !strings.HasSuffix(list[0], ".packed") {
			t.Fatalf("behind %s run %v are kept, want an image", run, list)
		}
	}
	out, err := command(t, "prune", "--packed", "--json")
	if err != nil || strings.Contains(out, `"packed":0`) || len(images()) != 0 {
		t.Errorf("prune says %q, %v; %v are left", out, err, images())
	}
}

// command runs a command line in the environment as it is.
func command(t *testing.T, args ...string) (stdout string, err error) {
	t.Helper()
	root := newRoot()
	var out bytes.Buffer
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(io.Discard)
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

// damage changes a byte in the middle of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestExpertMemory runs a mixture of experts with room for few of them: the logits are those
// of the whole, bounds that make no sense are refused, and others say what would do.
func TestExpertMemory(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	t.Setenv("BLITZ_HOME", home)
	t.Setenv("XDG_CONFIG_HOME", dir)
	model, err := tiny.Load(filepath.Join("..", "..", "internal", "model", "testdata", "deepseek-v3"))
	if err != nil {
		t.Fatal(err)
	}
	path, ids, out := filepath.Join(dir, "tiny.gguf"), filepath.Join(dir, "ids.jsonl"), filepath.Join(dir, "out.safetensors")
	if err := model.WriteGGUF(path, tensor.F32); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ids, []byte("[1, 2, 3, 200, 5, 6]\n[7, 8]\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	logits := func(args ...string) ([]byte, error) {
		os.Remove(out)
		if _, err := command(t, append([]string{"logits", path, "--ids", ids, "--out", out}, args...)...); err != nil {
			return nil, err
		}
		return os.ReadFile(out)
	}
	want, err := logits()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds the packed weights
		if got, err := logits("--expert-memory", "1MiB", "--decode", "3"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("with a MiB for experts the logits differ: %v", err)
		}
	}
	if list, _ := filepath.Glob(filepath.Join(home, "packed", "*.packed")); len(list) != 1 {
		t.Errorf("%v are kept, want an image", list)
	}
	if _, err := logits("--expert-memory", "1KiB"); exitCode(err) != 5 {
		t.Errorf("a KiB for experts: %v, code %d, want 5", err, exitCode(err))
	}
	if _, err := logits("--expert-memory", "1MiB", "--packed-cache", "0"); exitCode(err) != 2 {
		t.Errorf("nowhere to read them from: %v, code %d, want 2", err, exitCode(err))
	}
	report, err := command(t, "bench", path, "--expert-memory", "1MiB", "-p", "8", "-n", "4", "-r", "1", "--json")
	if err != nil || !strings.Contains(report, `"memory_bytes"`) || !strings.Contains(report, `"test":"tg4"`) && !strings.Contains(report, `"test": "tg4"`) {
		t.Errorf("bench says %s, %v", report, err)
	}
}

// TestExpertStats: what a run read of experts that are not all in memory is told with its
// other counts, and show says what of them may be on the disk.
func TestExpertStats(t *testing.T) {
	home, dir := t.TempDir(), t.TempDir()
	t.Setenv("BLITZ_HOME", home)
	t.Setenv("XDG_CONFIG_HOME", dir)
	shape := smallLatentShape
	shape.experts, shape.expertInner = 16, 128
	path := filepath.Join(dir, "tiny.gguf")
	if err := shape.write(path); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (stats struct {
		Output  int          `json:"output_tokens"`
		Experts *expertStats `json:"experts"`
	},
	) {
		t.Helper()
		var out, told bytes.Buffer
		cmd := newRoot()
		cmd.SetOut(&out)
		cmd.SetErr(&told)
		cmd.SetArgs(append([]string{"run", path, "Hello there", "--temp", "0", "-n", "4", "--stats-json"}, args...))
		if err := cmd.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(told.String()) {
			if strings.HasPrefix(line, "{") {
				if err := json.Unmarshal([]byte(line), &stats); err != nil {
					t.Fatal(err)
				}
			}
		}
		return stats
	}
	if s := run(); s.Experts != nil || s.Output == 0 {
		t.Errorf("with all experts in memory: %+v", s)
	}
	s := run("--expert-memory", "1MiB")
	x := s.Experts
	if x == nil || x.Memory <= 0 || x.Memory > 1<<20 || x.Needed < 2*4 || x.Reads == 0 || x.ReadBytes == 0 || x.Hits+x.Late > x.Needed || x.Confirmed > x.Guessed {
		t.Errorf("with a MiB for experts: %+v", x)
	}
	text, err := command(t, "show", path)
	if err != nil || !strings.Contains(text, "which may be on the disk in part") {
		t.Errorf("show says %s, %v", text, err)
	}
}
