package recipe

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
)

// The names of what stages learn of.
const (
	examplesName = "examples.jsonl"
	problemsName = "problems.jsonl"
	answersName  = "answers.jsonl"
)

// writeLines writes a file of JSON lines, whole or not at all, unless it is there.
func writeLines(path string, fill func(write func(v any) error) error) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	f, err := newfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Discard()
	w := bufio.NewWriter(f)
	if err := fill(course.Lines(w).Encode); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Finish()); err != nil {
		return err
	}
	return f.Place()
}

// maxLines bounds a file that a stage reads, in bytes.
const maxLines = 1 << 30

// readLines reads a file of JSON lines, and returns its digest. The error names the line.
func readLines[T any](path string, take func(v *T) error) (digest string, err error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxLines) {
		err = fmt.Errorf("%s: %d bytes, want a regular file of at most %d: %w", path, info.Size(), int64(maxLines), train.ErrState)
	}
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		var v T
		err := json.Unmarshal(line, &v)
		if err == nil {
			err = take(&v)
		}
		if err != nil {
			return "", fmt.Errorf("%s:%d: %w: %w", path, number, err, train.ErrState)
		}
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// readExamples reads examples as samples to train on.
func readExamples(path string, context int) (*dataset.Set, error) {
	set := &dataset.Set{Files: []string{path}}
	s := &set.Train
	key, err := readLines(path, func(x *Example) error {
		ids, err := vocabulary.Encode(nil, x.Prompt)
		if err != nil {
			return err
		}
		from := len(ids)
		if ids, err = vocabulary.Encode(ids, x.Completion); err != nil {
			return err
		}
		if len(ids) == from || len(ids) > context {
			return fmt.Errorf("%d tokens, want more than those %d of the prompt, and at most %d", len(ids), from, context)
		}
		learned, err := x.learned(from, len(ids))
		if err != nil {
			return err
		}
		s.IDs, s.Learned = append(s.IDs, ids...), append(s.Learned, learned...)
		s.Ends, s.Origin = append(s.Ends, len(s.IDs)), append(s.Origin, dataset.Place{Line: int32(set.Counts.Rows)})
		set.Counts.Rows++
		return nil
	})
	set.Key, set.Counts.Completions, set.Counts.Samples = key, set.Counts.Rows, set.Counts.Rows
	return set, err
}

// learned returns which of n tokens are learned, of which the completion begins at from.
func (x *Example) learned(from, n int) ([]bool, error) {
	list := make([]bool, n)
	spans := x.Learned
	if spans == nil {
		spans = [][2]int{{0, n - from}}
	}
	for _, span := range spans {
		if span[0] < 0 || span[1] < span[0] || span[1] > n-from {
			return nil, fmt.Errorf("learned is %v, want from and up to within %d tokens", span, n-from)
		}
		for i := span[0]; i < span[1]; i++ {
			list[from+i] = true
		}
	}
	return list, nil
}
