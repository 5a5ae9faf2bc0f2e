package dataset

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// preferenceOptions are those of preferences of a kind.
func preferenceOptions(kind string) Options {
	o := usual()
	o.Preferences = kind
	return o
}

// TestEncodePreferences holds the forms that TRL's data sets of preferences have.
func TestEncodePreferences(t *testing.T) {
	const open, mid = "<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n["
	talk := func(question, answer string) string { return open + question + mid + answer + "<|im_end|>]\n" }
	for _, c := range []struct {
		name, kind, template, row string
		change                    func(*Options)
		want                      []string
		wrong                     string
	}{
		{name: "texts", row: `{"prompt": "q", "chosen": "a", "rejected": "b"}`, want: []string{"chosen " + talk("q", "a"), "rejected " + talk("q", "b")}},
		{name: "plain texts", row: `{"prompt": "q", "chosen": " a", "rejected": " b"}`, change: func(o *Options) { o.Prompts = PromptsPlain }, want: []string{"chosen q[ a</s>]", "rejected q[ b</s>]"}},
		{name: "texts without a prompt", row: `{"chosen": "Q: é A: ëx", "rejected": "Q: é A: èx"}`, change: func(o *Options) { o.Prompts = PromptsPlain }, want: []string{"chosen Q: é A:[ ëx</s>]", "rejected Q: é A:[ èx</s>]"}},
		{
			name: "messages", row: `{"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "a"}], "rejected": [{"role": "assistant", "content": "b"}]}`,
			want: []string{"chosen " + talk("q", "a"), "rejected " + talk("q", "b")},
		},
		{
			name: "messages without a prompt", row: `{"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}`,
			want: []string{"chosen " + talk("q", "a"), "rejected " + talk("q", "b")},
		},
		{
			name: "a prompt twice", row: `{"prompt": "q", "messages": [{"role": "user", "content": "q"}], "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}`,
			want: []string{"chosen " + talk("q", "a"), "rejected " + talk("q", "b")},
		},
		{
			name: "an answer before", row: `{"prompt": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "o"}, {"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "a"}], "rejected": [{"role": "assistant", "content": "b"}]}`,
			want: []string{
				"chosen " + open + "p<|im_end|>\n<|im_start|>assistant\no<|im_end|>\n" + talk("q", "a"),
				"rejected " + open + "p<|im_end|>\n<|im_start|>assistant\no<|im_end|>\n" + talk("q", "b"),
			},
		},
		{name: "desirable", kind: PreferencesLabels, row: `{"prompt": "q", "completion": "a", "label": true}`, want: []string{"desirable " + talk("q", "a")}},
		{name: "undesirable", kind: PreferencesLabels, row: `{"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}], "label": false}`, want: []string{"undesirable " + talk("q", "a")}},
		{name: "messages with a label", kind: PreferencesLabels, row: `{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "label": true}`, want: []string{"desirable " + talk("q", "a")}},
		{name: "a pair is two answers", kind: PreferencesLabels, row: `{"prompt": "q", "chosen": "a", "rejected": "b"}`, want: []string{"desirable " + talk("q", "a"), "undesirable " + talk("q", "b")}},

		{name: "one", row: `{"prompt": "q", "chosen": "a"}`, wrong: "has one of chosen and rejected"},
		{name: "none", row: `{"prompt": "q", "completion": "a"}`, wrong: "has not both of chosen and rejected"},
		{name: "the same", row: `{"prompt": "q", "chosen": "a", "rejected": "a"}`, wrong: "chosen and rejected are the same"},
		{name: "no string", row: `{"prompt": "q", "chosen": 1, "rejected": 2}`, wrong: "chosen: completion is no string"},
		{name: "empty", row: `{"prompt": "q", "chosen": "a", "rejected": ""}`, wrong: "rejected: completion is empty"},
		{name: "mixed", row: `{"prompt": "q", "chosen": "a", "rejected": [{"role": "assistant", "content": "b"}]}`, wrong: "one is a list of messages"},
		{name: "prompt of messages", row: `{"prompt": [{"role": "user", "content": "q"}], "chosen": "a", "rejected": "b"}`, wrong: "prompt is a list of messages"},
		{name: "texts and a template", row: `{"chosen": "q a", "rejected": "q b"}`, wrong: "prompts plain"},
		{name: "nothing in common", row: `{"chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]}`, wrong: "begin with other messages"},
		{name: "a beginning", row: `{"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": [{"role": "user", "content": "q"}]}`, wrong: "the beginning of the other"},
		{name: "no text in common", row: `{"chosen": "a", "rejected": "b"}`, change: func(o *Options) { o.Prompts = PromptsPlain }, wrong: "begin otherwise"},
		{name: "no answer", row: `{"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "user", "content": "a"}], "rejected": [{"role": "assistant", "content": "b"}]}`, wrong: "chosen: has no message of the assistant"},
		{name: "no label", kind: PreferencesLabels, row: `{"prompt": "q", "completion": "a"}`, wrong: "has no label"},
		{name: "another label", kind: PreferencesLabels, row: `{"prompt": "q", "completion": "a", "label": "yes"}`, wrong: "label is neither true nor false"},
		{name: "a text with a label", kind: PreferencesLabels, row: `{"text": "q", "label": true}`, wrong: "neither prompt with completion nor messages"},
		{name: "no prompt", kind: PreferencesLabels, row: `{"prompt": "", "completion": "a", "label": true}`, change: func(o *Options) { o.Prompts = PromptsPlain }, wrong: "nothing before the answer"},
	} {
		kind := c.kind
		if kind == "" {
			kind = PreferencesPairs
		}
		o := preferenceOptions(kind)
		if c.change != nil {
			c.change(&o)
		}
		e := newEncoder(t, chatML, o)
		row, err := parseRow([]byte(c.row))
		var got []string
		if err == nil {
			var samples []Sample
			samples, err = e.Encode(context.Background(), row)
			for _, s := range samples {
				if err == nil {
					got = append(got, s.Role.String()+" "+marked(t, e, s))
				}
			}
		}
		if c.wrong != "" {
			if !errors.Is(err, ErrRow) || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s: error %v, want ErrRow with %q", c.name, err, c.wrong)
			}
			continue
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, error %v, want %q", c.name, got, err, c.want)
		}
	}
	row, err := parseRow([]byte(`{"prompt": "q", "chosen": "a", "rejected": "b"}`))
	if err == nil {
		_, err = newEncoder(t, chatML, usual()).Encode(context.Background(), row)
	}
	if !errors.Is(err, ErrRow) || !strings.Contains(err.Error(), "train dpo") {
		t.Errorf("a pair as an example: error %v", err)
	}
}

// TestMismatch holds that every prompt gets the answer to another one, whatever the order.
func TestMismatch(t *testing.T) {
	dir := writeFiles(t, map[string]string{"a.jsonl": strings.Join([]string{
		`{"prompt": "p", "completion": " a", "label": true}`, `{"prompt": "p", "completion": " b", "label": false}`,
		`{"prompt": "q", "completion": " cdef", "label": true}`, `broken`, `{"prompt": "p", "completion": " g", "label": true}`,
	}, "\n")})
	o := preferenceOptions(PreferencesLabels)
	o.Prompts, o.Length = PromptsPlain, 7
	e := newEncoder(t, "", o)
	s, err := Load(context.Background(), []string{dir}, e, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range s.Train.Len() {
		x := s.Train.At(i)
		got = append(got, x.Role.String()+" "+marked(t, e, x))
	}
	want := []string{
		"desirable p[ a</s>]", "mismatched p[ cdef</s>]", "undesirable p[ b</s>]", "mismatched p[ cdef</s>]",
		"desirable q[ cdef</s>]", "mismatched q[ b</s>]", "desirable p[ g</s>]", "mismatched p[ cdef</s>]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if c := s.Counts; c.Desirables != 3 || c.Others != 1 || c.Pairs != 0 || c.Broken != 1 || s.Train.Units() != 4 || s.Train.Targets() != 3*3+6 {
		t.Errorf("%+v, %d units, %d targets", c, s.Train.Units(), s.Train.Targets())
	}
	dir = writeFiles(t, map[string]string{"a.jsonl": `{"prompt": "p", "completion": " a", "label": true}` + "\n" + `{"prompt": "p", "completion": " b", "label": true}`})
	if _, err := Load(context.Background(), []string{dir}, e, 0); !errors.Is(err, ErrEmpty) || !strings.Contains(err.Error(), "a.jsonl:1: all answers are to this prompt") {
		t.Errorf("one prompt: error %v", err)
	}
}

// TestLongPairs holds what becomes of pairs of which an answer is too long.
func TestLongPairs(t *testing.T) {
	dir := writeFiles(t, map[string]string{"a.jsonl": `{"prompt": "p", "chosen": " abcdef", "rejected": " a"}` + "\n" + `{"prompt": "p", "chosen": " b", "rejected": " c"}`})
	for long, want := range map[string][]string{
		LongCut:  {"chosen p[ abc]", "rejected p[ a</s>]", "chosen p[ b</s>]", "rejected p[ c</s>]"},
		LongSkip: {"chosen p[ b</s>]", "rejected p[ c</s>]"},
	} {
		o := preferenceOptions(PreferencesPairs)
		o.Prompts, o.Length, o.Long = PromptsPlain, 5, long
		e := newEncoder(t, "", o)
		s, err := Load(context.Background(), []string{dir}, e, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range s.Train.Len() {
			x := s.Train.At(i)
			got = append(got, x.Role.String()+" "+marked(t, e, x))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", long, got, want)
		}
		if c := s.Counts; c.Cut+c.Skipped == 0 || long == LongSkip && c.Skipped != 2 {
			t.Errorf("%s: counts %+v", long, c)
		}
		// A pair is in one row, and what is read again is what was saved.
		p := Pack(&s.Train, 10, 1, 0)
		for _, row := range p.Rows {
			for k := 0; k < len(row); k += 2 {
				if row[k]%2 != 0 || row[k+1] != row[k]+1 {
					t.Errorf("%s: rows %v tear a pair", long, p.Rows)
				}
			}
		}
		if b := p.Batch(0, len(p.Rows)); len(b.Index) != s.Train.Len() || b.Of != &s.Train {
			t.Errorf("%s: a batch of samples %v", long, b.Index)
		}
		path := filepath.Join(t.TempDir(), "set")
		s.Key = "k"
		if err := s.Save(path); err != nil {
			t.Fatal(err)
		}
		if got, err := Stored(path, "k"); err != nil || !reflect.DeepEqual(got.Train, s.Train) || !reflect.DeepEqual(got.Counts, s.Counts) {
			t.Errorf("%s: read again: %+v, error %v", long, got, err)
		}
		s.Train.Roles[1] = Chosen
		if err := s.Save(path); err != nil {
			t.Fatal(err)
		}
		if _, err := Stored(path, "k"); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: two chosen answers: error %v, want ErrFormat", long, err)
		}
	}
	o := preferenceOptions(PreferencesPairs)
	o.Long = LongSplit
	if err := o.Check(); !errors.Is(err, ErrOption) {
		t.Errorf("split pairs: error %v", err)
	}
}
