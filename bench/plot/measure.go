package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// measure is a line of a file: how fast an engine was in a test.
type measure struct {
	engine, model, test string
	depth, batch        int
	rate, least, most   float64 // tokens a second; least and most are rate where they are not said
}

// read reads a file's lines. Columns are found by their names.
func read(r io.Reader) ([]measure, error) {
	records, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(records) < 2 {
		return nil, errors.New("it has no lines below the names of its columns")
	}
	names := records[0]
	for _, name := range []string{"engine", "model", "test", "depth", "tokens_per_s"} {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("it has no column %s", name)
		}
	}
	var all []measure
	for i, record := range records[1:] {
		m, err := parse(func(name string) string {
			if k := slices.Index(names, name); k >= 0 {
				return record[k]
			}
			return ""
		})
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		all = append(all, m)
	}
	return all, nil
}

// parse reads a line.
func parse(cell func(name string) string) (m measure, err error) {
	m = measure{engine: cell("engine"), model: cell("model"), test: cell("test")}
	number := func(name string, otherwise float64) float64 {
		text := cell(name)
		if text == "" && !math.IsNaN(otherwise) {
			return otherwise
		}
		x, bad := strconv.ParseFloat(text, 64)
		if bad != nil || !(x >= 0 && x < 1e12) {
			err = errors.Join(err, fmt.Errorf("%s is %q, want a number from 0 on", name, text))
		}
		return x
	}
	m.depth, m.batch = int(number("depth", 0)), int(number("batch", 1))
	m.rate = number("tokens_per_s", math.NaN())
	m.least, m.most = number("min", m.rate), number("max", m.rate)
	return m, err
}
