package grammar

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"testing"
)

// FuzzSchema: any bytes compile or are refused by one of the errors, in few words, and
// what a grammar lets through is JSON.
func FuzzSchema(f *testing.F) {
	text, err := os.ReadFile("testdata/clients.json")
	if err != nil {
		f.Fatal(err)
	}
	var cases []struct{ Schema json.RawMessage }
	if err := json.Unmarshal(text, &cases); err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		f.Add([]byte(c.Schema), uint64(1))
	}
	for _, c := range hostileSchemas() {
		if len(c.schema) < 2000 {
			f.Add([]byte(c.schema), uint64(2))
		}
	}
	for seed := range uint64(60) {
		s := &soup{rand.New(rand.NewPCG(3, seed))}
		f.Add([]byte(s.schema(3)), seed)
	}
	l := &Limits{Source: 1 << 14, Work: 1 << 20, States: 1 << 16, Memory: 4 << 20}
	f.Fuzz(func(t *testing.T, schema []byte, seed uint64) {
		g, err := Schema(schema, l)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrEmpty) || len(err.Error()) > 600 {
				t.Fatal(err)
			}
			return
		}
		u := g.Guide(jsonVocabulary)
		if err := u.Begin(nil); err != nil {
			if !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
		if text, ended := wander(t, rand.New(rand.NewPCG(7, seed)), g, 100); ended && !json.Valid([]byte(text)) {
			t.Fatalf("%s lets through %q", schema, text)
		}
	})
}
