// Package anthropic speaks the Messages API of Anthropic's clients: /v1/messages, its
// stream of events, /v1/messages/count_tokens, and models in that API's form.
//
// A request is decoded once (request.go, message.go, block.go, tool.go, thinking.go) into
// an inference.Request, and the tokens that come are cut into blocks (block.go), which
// either make up one message (answer.go) or are sent as they come (stream.go). What the
// API knows and a local model cannot do, such as images, tools of the vendor's servers
// and threads, is refused by name; fields that change no answer are passed over.
package anthropic

import (
	"net/http"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Name is what the dialect is called.
const Name = "anthropic"

// version is the header by which a client is known to speak this dialect where several
// have one path: all of Anthropic's send it.
const version = "Anthropic-Version"

// dialect answers.
type dialect struct{ service *inference.Service }

// New returns the dialect.
func New(service *inference.Service) *wire.Dialect {
	d := &dialect{service}
	return &wire.Dialect{
		Name: Name,
		Routes: []wire.Route{
			{Pattern: "POST /v1/messages", Scope: wire.Inference, Handle: d.createMessage},
			{Pattern: "POST /v1/messages/count_tokens", Scope: wire.Inference, Handle: d.countTokens},
			{Pattern: "GET /v1/models", Scope: wire.Inference, Header: version, Handle: d.listModels},
			{Pattern: "GET /v1/models/{model...}", Scope: wire.Inference, Header: version, Handle: d.showModel},
		},
		WriteError: writeError,
	}
}

// createMessage answers a conversation.
func (d *dialect) createMessage(w http.ResponseWriter, r *http.Request) error {
	setRequestID(w)
	a, err := readAsk(r, false)
	if err != nil {
		return err
	}
	s := &stream{events: wire.EventsIf(a.stream, w), hidden: a.hidden}
	defer s.events.Close()
	answers, err := d.service.Answer(r.Context(), &a.Request)
	if err != nil {
		return s.fail(w, err)
	}
	defer answers.Close()
	answers.Tell(w, s.events)
	if a.stream {
		return s.message(w, a, answers)
	}
	return writeMessage(w, a, answers)
}

// countTokens says how many tokens createMessage would read.
func (d *dialect) countTokens(w http.ResponseWriter, r *http.Request) error {
	setRequestID(w)
	a, err := readAsk(r, true)
	if err != nil {
		return err
	}
	n, err := d.service.Count(r.Context(), &a.Request)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, struct {
		InputTokens int `json:"input_tokens"`
	}{n})
	return nil
}
