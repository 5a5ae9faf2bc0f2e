package grammar

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// TestSchemaClients: schemas as the libraries that people use send them compile, take
// what matches them, and nothing that does not.
func TestSchemaClients(t *testing.T) {
	text, err := os.ReadFile("testdata/clients.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name    string
		Schema  json.RawMessage
		Yes, No []json.RawMessage
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			g, err := Schema(c.Schema, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i, texts := range [][]json.RawMessage{c.No, c.Yes} {
				for _, text := range texts {
					var compact, wide bytes.Buffer
					if json.Compact(&compact, text) != nil || json.Indent(&wide, text, "", "  ") != nil {
						t.Fatal("no JSON")
					}
					for _, form := range []string{compact.String(), spaced(compact.String()), wide.String()} {
						if takes(t, g, form) != (i == 1) {
							t.Errorf("takes %v: %s", i == 0, form)
						}
					}
				}
			}
		})
	}
}
