package main

import (
	"context"
	"fmt"

	"github.com/blitz-r1/blitz/grammar"
)

// formatJSON is the word for any JSON object; all others are files.
const formatJSON = "json"

// maxSchema is the longest file of a schema, in bytes.
const maxSchema = 4 << 20

// readFormat returns the grammar that --format names, nil for "".
func readFormat(ctx context.Context, name string) (*grammar.Grammar, error) {
	switch name {
	case "":
		return nil, nil
	case formatJSON:
		return grammar.JSON(), nil
	}
	schema, err := awaitFile(ctx, name, maxSchema)
	if err != nil {
		return nil, err
	}
	g, err := grammar.Schema(schema, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return g, nil
}
