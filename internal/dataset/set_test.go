package dataset

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLoad reads a folder with good and bad rows: nothing is dropped in silence.
func TestLoad(t *testing.T) {
	dir := writeFiles(t, map[string]string{
		"a.jsonl":   "\ufeff{\"text\": \"one\"}\n\n{\"text\": 2}\r\nno json\n{\"prompt\": \"a\", \"completion\": \"b\"}\n{\"text\": \"one\"}\n\xff\n{\"text\": \"last\"}",
		"b/c.txt":   "a text",
		"b/d.md":    "",
		"other.bin": "\x00",
	})
	s, err := Load(context.Background(), []string{dir}, newEncoder(t, chatML, usual()), 0)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Counts
	if c.Rows != 5 || c.Broken != 4 || c.Files != 3 || c.Text != 4 || c.Completions != 1 || c.Twice != 1 || c.Samples != 5 {
		t.Errorf("counts %+v", c)
	}
	var places []string
	for _, b := range c.Named {
		places = append(places, fmt.Sprintf("%s:%d", filepath.Base(b.File), b.Line))
	}
	if want := []string{"a.jsonl:3", "a.jsonl:4", "a.jsonl:7", "d.md:1"}; !slices.Equal(places, want) {
		t.Errorf("broken rows at %v, want %v", places, want)
	}
	if got := c.Sizes; got != (Lengths{Least: 4, Median: 5, Most9: 23, Most: 23, Sum: 4 + 4 + 5 + 7 + 23}) {
		t.Errorf("lengths %+v", got)
	}
}

// TestLong holds each decision about a sample that is too long.
func TestLong(t *testing.T) {
	dir := writeFiles(t, map[string]string{"a.jsonl": `{"text": "0123456789"}` + "\n" + `{"text": "abc"}`})
	for long, want := range map[string][]string{
		LongCut: {"[0123]", "[abc</s>]"}, LongSkip: {"[abc</s>]"}, LongSplit: {"[0123]", "[3456]", "[6789]", "[9</s>]", "[abc</s>]"},
	} {
		o := usual()
		o.Length, o.Long = 4, long
		e := newEncoder(t, "", o)
		s, err := Load(context.Background(), []string{dir}, e, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range s.Train.Len() {
			got = append(got, marked(t, e, s.Train.At(i)))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", long, got, want)
		}
		if long != LongSplit && s.Counts.ShareLong() != 0.5 {
			t.Errorf("%s: share %g, want 0.5", long, s.Counts.ShareLong())
		}
	}
	o := usual()
	o.Length = 4
	_, err := Load(context.Background(), []string{dir}, newEncoder(t, "", o), 0)
	if !errors.Is(err, ErrTooLong) || !strings.Contains(err.Error(), "a.jsonl:1: 11 tokens, want at most 4") {
		t.Errorf("refuse: error %v", err)
	}
}

// TestSplit holds that a row's side depends on what it holds alone, and that the share is
// about what was asked for.
func TestSplit(t *testing.T) {
	var rows []string
	for i := range 1000 {
		rows = append(rows, fmt.Sprintf(`{"text": "row %d"}`, i))
	}
	sides := func(lines []string) (train, validation map[string]bool) {
		dir := writeFiles(t, map[string]string{"a.jsonl": strings.Join(lines, "\n")})
		e := newEncoder(t, "", usual())
		s, err := Load(context.Background(), []string{dir}, e, 0.1)
		if err != nil {
			t.Fatal(err)
		}
		side := func(s *Samples) map[string]bool {
			m := map[string]bool{}
			for i := range s.Len() {
				m[marked(t, e, s.At(i))] = true
			}
			return m
		}
		return side(&s.Train), side(&s.Validation)
	}
	train, validation := sides(rows)
	if n := len(validation); n < 70 || n > 130 || len(train)+n != 1000 {
		t.Errorf("%d rows to train on, %d to validate, want about 900 and 100", len(train), n)
	}
	slices.Reverse(rows)
	_, again := sides(rows[:500])
	for row := range again {
		if !validation[row] {
			t.Errorf("%s changed its side", row)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := writeFiles(t, map[string]string{"bad.jsonl": "{}\n", "empty.jsonl": "", "a.bin": "", "sub/x.bin": ""})
	for path, want := range map[string]error{
		"bad.jsonl": ErrEmpty, "empty.jsonl": ErrEmpty, "a.bin": ErrFormat, "sub": ErrFormat,
	} {
		_, err := Load(context.Background(), []string{filepath.Join(dir, path)}, newEncoder(t, "", usual()), 0)
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", path, err, want)
		}
	}
}

// TestLoadTable reads a Parquet file: rows that hold nothing of use are named by number.
func TestLoadTable(t *testing.T) {
	s, err := Load(context.Background(), []string{"parquet/testdata/snappy.parquet"}, newEncoder(t, chatML, usual()), 0)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Counts; c.Rows+c.Broken != 150 || c.Rows == 0 || c.Broken == 0 || c.Named[0].Line != 1 || c.Chats == 0 {
		t.Errorf("counts %+v", c)
	}
	dir := writeFiles(t, map[string]string{"a.parquet": "PAR1PAR1"})
	if _, err := Load(context.Background(), []string{dir}, newEncoder(t, "", usual()), 0); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "a.parquet") {
		t.Errorf("error %v, want ErrFormat with the file's name", err)
	}
}
