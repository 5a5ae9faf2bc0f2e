// Package openai is the dialect of OpenAI's API, and with it what servers of its kind
// have besides: vLLM's and llama-server's ways to see tokens and to fill in the middle.
//
// The way of a request: a file for each route reads its fields (chat.go, completion.go,
// embedding.go, rerank.go, tokenize.go, infill.go), with one for each noun that several of them have
// (sampling.go, message.go, tool.go, format.go, think.go); package inference answers; and
// the answer is written whole, or as a stream of events (chatstream.go …), with logprob.go
// and usage.go for what both have.
//
// A field that is known and cannot be honoured is refused with its path, one that is
// unknown is passed over. Absent, null, "", [] and {} are the same for every field that
// may be left out.
package openai

import (
	"net/http"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// dialect answers the requests of the routes.
type dialect struct {
	service *inference.Service
}

// New returns the dialect. more are further routes that have its form of errors.
func New(service *inference.Service, more ...wire.Route) *wire.Dialect {
	d := &dialect{service}
	routes := []wire.Route{
		{Pattern: "POST /v1/chat/completions", Handle: d.chat},
		{Pattern: "POST /v1/completions", Handle: d.complete},
		{Pattern: "POST /v1/embeddings", Handle: d.embed},
		{Pattern: "GET /v1/models", Handle: d.models},
		{Pattern: "GET /v1/models/{model...}", Handle: d.model},
		{Pattern: "POST /v1/rerank", Handle: d.rerank},
		{Pattern: "POST /rerank", Handle: d.rerank},
		{Pattern: "POST /infill", Handle: d.infill},
	}
	for _, root := range []string{"", "/v1"} {
		routes = append(
			routes,
			wire.Route{Pattern: "POST " + root + "/tokenize", Handle: d.tokenize},
			wire.Route{Pattern: "POST " + root + "/detokenize", Handle: d.detokenize},
			wire.Route{Pattern: "GET " + root + "/tokenizer_info", Handle: d.tokenizerInfo},
		)
	}
	for i := range routes {
		routes[i].Scope = wire.Inference
	}
	return &wire.Dialect{Name: "openai", Routes: append(routes, more...), WriteError: writeError}
}

// answered is the part of an answer, or a chunk of it, that all have.
type answered struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	Model   string `json:"model"`
	// Fingerprint names the arithmetic: with the same one, model, prompt, settings and
	// seed give the same answer.
	Fingerprint string `json:"system_fingerprint"`
}

// writeError writes an error as OpenAI's clients want it.
func writeError(w http.ResponseWriter, _ *http.Request, e *wire.Error) {
	wire.WriteJSON(w, e.Kind.Status(), bodyOf(e))
}
