package reward

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

// TestTOML writes rewards and reads them again.
func TestTOML(t *testing.T) {
	half := 0.5
	rewards := []Reward{
		{Kind: Countdown, Name: "accuracy"},
		{Kind: Format, Weight: &half, Plain: true},
		{Kind: Length, Max: 100, Cache: 10, Penalty: 0.25},
		{Kind: Starlark, Script: "def reward(s):\n    return 1\n", Steps: 1000},
		{Kind: Command, Command: []string{"python3", "test.py"}, With: []string{"/tests"}, Seconds: 1.5},
	}
	text, err := TOML(rewards)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("/runs/run.toml", append([]byte("kind = \"grpo\"\n"), text...))
	if err != nil || !reflect.DeepEqual(got, rewards) {
		t.Errorf("got %+v, %v from\n%s", got, err, text)
	}
}

func TestParsePlaces(t *testing.T) {
	got, err := Parse("/runs/run.toml", []byte("[[rewards]]\nkind = 'command'\ncommand = ['./run', 'x/y']\nwith = ['tests']\nread = ['/opt', 'lib']\n[[rewards]]\nkind = 'starlark'\nfile = 'a.star'\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c := got[0]; c.Command[0] != "/runs/run" || c.Command[1] != "x/y" || c.With[0] != "/runs/tests" || c.Read[0] != "/opt" || c.Read[1] != "/runs/lib" || got[1].File != "/runs/a.star" {
		t.Errorf("got %+v", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "0 rewards",
		"[[rewards]]\nkind = 'magic'": "want one of countdown",
		"[[rewards]]\nkind = 'exact'\npattern = 'x'":                   "pattern is no key of exact",
		"[[rewards]]\nkind = 'exact'\nwieght = 1":                      "rewards.wieght is no key",
		"[[rewards]]\nkind = 'exact'\npart = 'all'":                    "part is \"all\"",
		"[[rewards]]\nkind = 'exact'\nweight = nan":                    "weight is NaN",
		"[[rewards]]\nkind = 'regex'\npattern = '('":                   "pattern",
		"[[rewards]]\nkind = 'language'\nlanguage = 'xx'":              "language is \"xx\"",
		"[[rewards]]\nkind = 'length'":                                 "max is 0",
		"[[rewards]]\nkind = 'length'\nmax = 10\ncache = 20":           "cache 20",
		"[[rewards]]\nkind = 'repetition'\nngram = 1000":               "ngram is 1000",
		"[[rewards]]\nkind = 'repetition'\npenalty = -1.0":             "penalty is -1",
		"[[rewards]]\nkind = 'starlark'":                               "script or file",
		"[[rewards]]\nkind = 'starlark'\nscript = 'a'\nfile = 'b'":     "script or file",
		"[[rewards]]\nkind = 'command'":                                "command is empty",
		"[[rewards]]\nkind = 'command'\ncommand = ['x']\nas = '../x'":  "the name of a file",
		"[[rewards]]\nkind = 'command'\ncommand = ['x']\nscore = 'ok'": "want exit or stdout",
		"[[rewards]]\nkind = 'schema'\nschema = '{}'\nfile = 'x'":      "one of them",
		"[[rewards]]\nkind = 'exact'\n[[rewards]]\nkind = 'exact'":     "a name for each",
		"[[rewards]]\nkind = 'function'":                               "name is missing",
		"[[rewards":                                                    "toml",
		"rewards = 3":                                                  "rewards",
	} {
		if _, err := Parse("run.toml", []byte(text)); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want ErrConfig with %q", text, err, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for want, r := range map[string]Reward{
		"no Go function": {Kind: Function, Name: "f"},
		"no such file":   {Kind: Schema, File: "/no/such/schema.json"},
		"schema":         {Kind: Schema, Schema: "{"},
		"$ref":           {Kind: Schema, Schema: `{"$ref": "https://example.com/x"}`},
	} {
		if want == "$ref" {
			want = "schema"
		}
		if s, err := New(t.Context(), []Reward{r}, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", r, err, want)
			if s != nil {
				s.Close()
			}
		}
	}
}

// FuzzParse reads whatever rewards.
func FuzzParse(f *testing.F) {
	f.Add("[[rewards]]\nkind = 'exact'\nweight = 0.5\n")
	f.Add("[[rewards]]\nkind = 'command'\ncommand = ['x', 'y']\nwith = ['a']\nseconds = 1e3\n[[rewards]]\nkind = 'length'\nmax = 3")
	f.Add("[[rewards]]\nkind = 'starlark'\nscript = '''\ndef reward(s): return 1'''\n[other]\nx = 1")
	f.Fuzz(func(t *testing.T, text string) {
		rewards, err := Parse("/x/run.toml", []byte(text))
		if err != nil {
			if !errors.Is(err, ErrConfig) {
				t.Fatalf("error %v, want ErrConfig", err)
			}
			return
		}
		again, err := TOML(rewards)
		if err != nil {
			t.Fatal(err)
		}
		same, err := Parse("/x/run.toml", again)
		if err != nil || len(same) != len(rewards) {
			t.Fatalf("%v of\n%s", err, again)
		}
	})
}

// FuzzAnswer reads what programs answer.
func FuzzAnswer(f *testing.F) {
	for _, line := range []string{"1", "null", `{"reward": 0.5, "note": "x"}`, `{"reward": null}`, `{"error": "no"}`, "[[[[", `{"reward": "1"}`, "", "-0", "1e400"} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		score, err := parseAnswer(line)
		if err == nil && (math.IsNaN(score.Value) || math.IsInf(score.Value, 0) || score.Skipped && score.Value != 0) {
			t.Errorf("%q: %+v", line, score)
		}
		if len(score.Note) > 400 {
			t.Errorf("a note of %d bytes", len(score.Note))
		}
	})
}

// FuzzCase reads whatever cases, and scores them by what looks at text alone.
func FuzzCase(f *testing.F) {
	f.Add([]byte(`{"completion": "<think>a</think><answer>1</answer>", "want": 1, "numbers": [1], "target": 1}`))
	f.Add([]byte(`{"completion": "", "wants": {"format": null}, "tokens": 3}`))
	s, err := New(f.Context(), []Reward{
		{Kind: Countdown},
		{Kind: Exact},
		{Kind: Numeric},
		{Kind: Choice},
		{Kind: Format},
		{Kind: Schema, Schema: `{"type": "object"}`},
		{Kind: Language, Language: "en"},
		{Kind: Length, Max: 10, Cache: 5},
		{Kind: Repetition},
	}, Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		c, err := ParseCase(line)
		if err != nil {
			return
		}
		for _, part := range Parts {
			c.part(part)
		}
		for _, fn := range s.functions {
			if got, err := fn.score(t.Context(), &c.Sample); err == nil && (math.IsNaN(got.Value) || math.IsInf(got.Value, 0)) {
				t.Errorf("%s: %+v", fn.name, got)
			}
		}
	})
}
