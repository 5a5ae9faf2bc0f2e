package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/blitz-r1/blitz/grammar"
)

// formatJSON is the word for any JSON object; all others are files.
const formatJSON = "json"

// maxSchema is the longest file of a schema, in bytes.
const maxSchema = 4 << 20

// anyObject is the schema of any JSON object.
const anyObject = `{"type": "object"}`

// readFormat returns the JSON Schema that --format names, nil for "". What of it cannot be
// held is an error.
func readFormat(ctx context.Context, name string) (json.RawMessage, error) {
	switch name {
	case "":
		return nil, nil
	case formatJSON:
		return json.RawMessage(anyObject), nil
	}
	schema, err := awaitFile(ctx, name, maxSchema)
	if err != nil {
		return nil, err
	}
	if _, err := grammar.Schema(schema, nil); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return schema, nil
}
