package serve_test

import (
	"context"
	"log"
	"net/http"

	"github.com/blitz-r1/blitz/serve"
)

// A program that serves a model.
func Example() {
	h, err := serve.New(&serve.Options{Models: []string{"smollm2.gguf"}})
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close(context.Background())
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", h))
}
