package reward

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/sandbox"
)

// program is a reward by this program, which answers in some way.
func program(how string) Reward {
	return Reward{Kind: Program, Command: []string{os.Args[0], "answer", how}, Seconds: 60}
}

func TestProgram(t *testing.T) {
	needProgram(t)
	s := ready(t, Options{Workers: 2}, program("length"))
	var samples []Sample
	for n := range 20 {
		samples = append(samples, Sample{Completion: strings.Repeat("a", 100*n)})
	}
	out, err := s.Score(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	base := *out[0].Total // letters of the keys
	for n, o := range out {
		if want := base + float64(200*n); o.Total == nil || *o.Total != want || o.Parts[0].Note != "bytes" { // completion and content
			t.Errorf("sample %d: %v (%q), want %v", n, Want{o.Total}, o.Parts[0].Note, want)
		}
	}
}

// TestProgramStays keeps a program running from line to line, and begins it again after a fault.
func TestProgramStays(t *testing.T) {
	needProgram(t)
	s := ready(t, Options{}, program("count"))
	for n := range 3 {
		if got := one(t, s, Sample{}); got.Total == nil || *got.Total != float64(n) {
			t.Errorf("line %d: %v", n, Want{got.Total})
		}
	}
	s = ready(t, Options{}, program("crash"))
	for _, c := range []struct{ completion, note string }{{"fine", ""}, {"boom", "it ended before it answered; it said: it went boom"}, {"fine", ""}} {
		got := one(t, s, Sample{Completion: c.completion})
		if got.Parts[0].Skipped != (c.note != "") || got.Parts[0].Note != c.note {
			t.Errorf("%s: %+v", c.completion, got.Parts[0])
		}
	}
	if f := s.Faults(); f[0] != 1 {
		t.Errorf("%d faults, want 1", f[0])
	}
}

// TestProgramFaults asks programs that do not answer as they have to.
func TestProgramFaults(t *testing.T) {
	needProgram(t)
	for how, want := range map[string]string{
		"two": "more than one line", "long": "more than 65536 bytes", "words": "want a number or null", "deep": "nested too deep",
		"nan": "want a number or null", "huge": "want a number or null", "error": "no idea", "silent": "did not answer in time",
	} {
		r := program(how)
		if how == "silent" {
			r.Seconds = 0.05
		}
		s := ready(t, Options{}, r)
		for range 2 { // another process answers no better
			if got := one(t, s, Sample{}).Parts[0]; !got.Skipped || !strings.Contains(got.Note, want) {
				t.Errorf("%s: %+v, want %q", how, got, want)
			}
		}
	}
	if got := one(t, ready(t, Options{}, program("null")), Sample{}); got.Total != nil {
		t.Errorf("null: %v", Want{got.Total})
	}
	if got := one(t, ready(t, Options{}, program("home")), Sample{}); got.Total == nil || *got.Total != 1 {
		t.Errorf("a program saw /root, or not itself: %+v", got.Parts)
	}
}

func TestProgramCancelled(t *testing.T) {
	needProgram(t)
	s := ready(t, Options{}, program("silent"))
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go cancel(why)
	if _, err := s.Score(ctx, make([]Sample, 3)); !errors.Is(err, why) {
		t.Errorf("error %v, want %v", err, why)
	}
}

func TestProgramRefused(t *testing.T) {
	needSandbox(t)
	o := Options{Confine: []string{os.Args[0], "confine"}, Script: []string{os.Args[0], "script"}}
	if _, err := New(t.Context(), []Reward{{Kind: Program, Command: []string{"blitz-no-such-program"}}}, o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := New(t.Context(), []Reward{{Kind: Program, Command: []string{"sh"}}}, Options{}); !errors.Is(err, sandbox.ErrMissing) {
		t.Errorf("error %v, want ErrMissing", err)
	}
}

// script is a reward in Starlark.
func script(text string) Reward { return Reward{Kind: Starlark, Script: text, Seconds: 60} }

func TestScript(t *testing.T) {
	needProgram(t)
	s := ready(t, Options{}, script(`
words = ["one", "two"]

def reward(sample):
    if sample["answer"] == None:
        return None
    if sample["answer"] == str(int(sample["row"]["answer"])):
        return 1
    return 0.25 * len(sample["answer"]) / len(words)
`))
	for _, c := range []struct {
		completion string
		want       Want
	}{
		{thought + "<answer>42</answer>", Want{new(float64)}}, {thought + "<answer>4</answer>", Want{new(float64)}}, {"nothing", Want{}},
	} {
		if c.want.Value != nil {
			*c.want.Value = map[bool]float64{true: 1, false: 0.125}[strings.Contains(c.completion, ">42</answer>")]
		}
		got := one(t, s, Sample{Completion: c.completion, Row: []byte(`{"answer": 42}`)})
		if !c.want.equals(got.Total) {
			t.Errorf("%s: %v, %+v, want %v", c.completion, Want{got.Total}, got.Parts, c.want)
		}
	}
}

// TestScriptBounds runs scripts that take too much, or reach for what is not theirs.
func TestScriptBounds(t *testing.T) {
	needProgram(t)
	for want, text := range map[string]string{
		"too many steps":   "def reward(s):\n    n = 0\n    while True:\n        n += 1\n",
		"want a number":    "def reward(s):\n    return 'x'\n",
		"frozen":           "seen = []\ndef reward(s):\n    seen.append(1)\n    return 1\n",
		"division by zero": "def reward(s):\n    return 1 // 0\n",
		"memory":           "def reward(s):\n    x = 'x' * (1 << 28)\n    return len(x + x + x + x + x)\n",
	} {
		s := ready(t, Options{}, script(text))
		got := one(t, s, Sample{}).Parts[0]
		if !got.Skipped || !strings.Contains(got.Note, want) && want != "memory" { // which the system refuses, or the watch sees
			t.Errorf("%q: %+v, want %q", text, got, want)
		}
	}
	o := Options{Confine: []string{os.Args[0], "confine"}, Script: []string{os.Args[0], "script"}}
	for want, text := range map[string]string{
		"no function reward": "x = 1\n", "undefined: open": "def reward(s):\n    return open('/etc/passwd')\n",
		"a reward is one file": "load('x.star', 'y')\ndef reward(s):\n    return 1\n", "got newline": "def reward(s)\n",
		"too many steps": "def f():\n    while True:\n        pass\nf()\n",
	} {
		if s, err := New(t.Context(), []Reward{script(text)}, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
			if s != nil {
				s.Close()
			}
		}
	}
}

// TestCommand runs a shell over answers, as a test runner is run.
func TestCommand(t *testing.T) {
	needSandbox(t)
	beside := filepath.Join(t.TempDir(), "want.txt")
	if err := os.WriteFile(beside, []byte("3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := Reward{
		Kind: Command, As: "answer.sh", With: []string{beside}, Seconds: 60,
		Command: []string{"sh", "-c", `grep -q skip answer.sh && { echo no matter >&2; exit 77; }; sh answer.sh > got.txt && cmp -s got.txt want.txt || { echo wrong >&2; exit 1; }`},
	}
	s := ready(t, Options{}, tests)
	code := func(text string) Sample {
		return Sample{Completion: "<think>hm</think>Here it is:\n```sh\n" + text + "\n```\n"}
	}
	for text, want := range map[string]string{
		"echo 3": "1", "echo 4": "0", "# skip": "none", "cat /etc/shadow": "0", "exit 0; (": "0", "cat want.txt": "1", "echo 3 > want.txt; echo 3": "1",
	} {
		if got := one(t, s, code(text)); (Want{got.Total}).String() != want {
			t.Errorf("%q: %v, %+v, want %s", text, Want{got.Total}, got.Parts, want)
		}
	}
	if got := one(t, s, Sample{Completion: "no code"}); got.Total == nil || *got.Total != 0 || got.Parts[0].Note != "there is no code" {
		t.Errorf("no code: %+v", got.Parts)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "blitz-reward-*", "answer.sh")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	points := Reward{Kind: Command, Score: scoreStdout, Command: []string{"sh", "answer"}, Seconds: 60}
	s = ready(t, Options{}, points)
	for text, want := range map[string]string{"echo done; echo 0.5": "0.5", "echo null": "none", "echo much": "0", "echo 1; exit 1": "0", "echo inf": "none"} {
		if got := one(t, s, code(text)); (Want{got.Total}).String() != want {
			t.Errorf("%q: %v, %+v, want %s", text, Want{got.Total}, got.Parts, want)
		}
	}
	slow := points
	slow.Seconds = 0.1
	if got := one(t, ready(t, Options{}, slow), code("sleep 100")); got.Total == nil || *got.Total != 0 || !strings.Contains(got.Parts[0].Note, "100ms of time") {
		t.Errorf("slow: %+v", got.Parts)
	}
	missing := points
	missing.With = []string{"/no/such/tests"}
	if _, err := New(t.Context(), []Reward{missing}, Options{Confine: []string{os.Args[0], "confine"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
