package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/blitz-r1/blitz/internal/fault"
)

// idLine is a line of a file of token ids.
type idLine struct {
	number int // in the file, from 1
	ids    []int32
}

// maxIDs bounds the ids of a file of them.
const maxIDs = 1 << 28

// readIDLines reads a file with a JSON list of token ids a line, one list at least and
// none empty.
func readIDLines(path string) ([]idLine, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	refuse := func(format string, args ...any) error {
		return fault.Refusal(fmt.Errorf("%s: %w", path, fmt.Errorf(format, args...)))
	}
	in := newLineReader(file, maxLine)
	var lines []idLine
	total := 0
	for n := 1; ; n++ {
		line, err := in.next()
		switch {
		case err == io.EOF && len(lines) == 0:
			return nil, refuse("holds no list of token ids")
		case err == io.EOF:
			return lines, nil
		case errors.Is(err, errLongLine):
			return nil, refuse("line %d: %w", n, err)
		case err != nil:
			return nil, err
		}
		if line = trimSpace(line); len(line) == 0 {
			continue
		}
		ids, err := parseIDs(nil, line)
		switch total += len(ids); {
		case err != nil:
			return nil, refuse("line %d: %w", n, err)
		case len(ids) == 0:
			return nil, refuse("line %d: the list is empty, want a token id or more", n)
		case total > maxIDs:
			return nil, refuse("line %d: more than %d ids in all", n, maxIDs)
		}
		lines = append(lines, idLine{n, ids})
	}
}
