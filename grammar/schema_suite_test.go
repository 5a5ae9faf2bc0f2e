package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// suiteGroup is a schema of the official test suite of JSON Schema, with instances.
type suiteGroup struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

// TestSchemaSuite runs the official test suite, as google/jsonschema-go has it. No text
// that is not valid may be taken; of those that are valid, the ones may be refused that
// are written in another way than grammars write them.
func TestSchemaSuite(t *testing.T) {
	at, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/google/jsonschema-go/jsonschema").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		draft, schema             string
		valid, taken, unsupported int // how many: of all, at least, and of schemas at most
	}{
		{"draft2020-12", "", 450, 430, 95},
		{"draft7", `{"$schema":"http://json-schema.org/draft-07/schema#",`, 480, 465, 25},
	} {
		var valid, taken, unsupported int
		files, _ := filepath.Glob(filepath.Join(strings.TrimSpace(string(at)), "testdata", c.draft, "*.json"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var groups []suiteGroup
			if err := json.Unmarshal(text, &groups); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, g := range groups {
				schema := []byte(g.Schema)
				if s := bytes.TrimSpace(schema[1:]); schema[0] == '{' && s[0] == '"' && !bytes.Contains(s, []byte(`"$schema"`)) && c.schema != "" {
					schema = append([]byte(c.schema), s...)
				}
				made, err := Schema(schema, nil)
				if errors.Is(err, ErrUnsupported) {
					unsupported++
					continue
				} else if err != nil && !errors.Is(err, ErrEmpty) {
					t.Errorf("%s: %s: %v", filepath.Base(file), g.Description, err)
					continue
				}
				for _, x := range g.Tests {
					var compact bytes.Buffer
					if err := json.Compact(&compact, x.Data); err != nil {
						t.Fatal(err)
					}
					takes := made != nil && takes(t, made, compact.String())
					switch {
					case takes && !x.Valid:
						t.Errorf("%s: %s: %s: %s takes %s", filepath.Base(file), g.Description, x.Description, schema, x.Data)
					case takes:
						taken++
					}
					if x.Valid {
						valid++
					}
				}
			}
		}
		t.Logf("%s: %d of %d valid texts taken, %d schemas unsupported", c.draft, taken, valid, unsupported)
		if valid < c.valid || taken < c.taken || unsupported > c.unsupported {
			t.Errorf("%s: that is worse than it was", c.draft)
		}
	}
}
