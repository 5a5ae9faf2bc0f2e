package e2e

import (
	"context"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/serve"
)

// address is where the server of all tests answers; its model is the puppet, which says
// what it is told to.
var address string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "blitz-e2e-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "puppet.gguf")
	if err := puppet.New().Write(path); err != nil {
		panic(err)
	}
	h, err := serve.New(&serve.Options{Models: []string{path}, Home: filepath.Join(dir, "home")})
	if err != nil {
		panic(err)
	}
	defer h.Close(context.Background())
	s := httptest.NewServer(h)
	defer s.Close()
	address = s.URL
	return m.Run()
}

// model is the name of the puppet.
const model = "puppet"

// city is the schema of a call's arguments.
var city = map[string]any{
	"type":       "object",
	"properties": map[string]any{"city": map[string]any{"type": "string"}, "unit": map[string]any{"type": "string", "enum": []string{"C", "F"}}},
	"required":   []string{"city"},
}
