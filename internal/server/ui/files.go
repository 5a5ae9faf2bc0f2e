package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/document"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/tokenizer"
)

// Unreadable is the code of a file that has no text to give.
const Unreadable = "unreadable"

// Bounds of files that are read.
const (
	maxFileName = 200 // bytes
	maxReads    = 4   // at once; more wait
)

func (u *UI) fileRoutes() []wire.Route {
	read := route("POST /ui/api/files", wire.Inference, u.readFile)
	read.MaxBody = document.MaxFile
	return []wire.Route{read}
}

// readFile returns the text of a file, and how many tokens a model reads in it. Nothing of
// it is kept.
func (u *UI) readFile(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	name := attachedName(r.URL.Query().Get("name"))
	tokens, err := u.tokenizer(ctx, r.URL.Query().Get("model"))
	if err != nil {
		return err
	}
	body, err := wire.ReadBody(r, document.MaxFile)
	if err != nil {
		return unreadable(name, err)
	}
	select {
	case u.reads <- struct{}{}:
		defer func() { <-u.reads }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	text, err := u.documents.Text(ctx, name, body)
	var bad *document.Unreadable
	if errors.As(err, &bad) {
		wire.WriteJSON(w, http.StatusOK, fileRead{FileText: history.FileText{Name: name, Bytes: int64(len(body))}, Unreadable: bad.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	ids, err := tokens.Encode(text, tokenizer.Plain)
	if err != nil {
		return &wire.Error{Kind: wire.Invalid, Code: Unreadable, Param: "name", Message: name + ": its tokens cannot be counted: " + err.Error(), Err: err}
	}
	wire.WriteJSON(w, http.StatusOK, fileRead{FileText: history.FileText{Name: name, Bytes: int64(len(body)), Tokens: len(ids), Text: text}})
	return nil
}

// fileRead is a file with its text, or why it has none. That is no error of HTTP: a browser
// complains of each in its console, as if the page were broken.
type fileRead struct {
	history.FileText
	Unreadable string `json:"unreadable,omitempty"`
}

// tokenizer returns what a model counts by, "" for the one that is offered first. It is not
// loaded for that.
func (u *UI) tokenizer(ctx context.Context, model string) (*tokenizer.Tokenizer, error) {
	if model == "" {
		var err error
		if model, err = u.offered(ctx); err != nil {
			return nil, err
		}
	}
	e, err := u.service.Entry(ctx, model)
	if err != nil {
		return nil, err
	}
	t, err := u.host.Tokenizer(e.Name)
	if errors.Is(err, tokenizer.ErrNoTokenizer) {
		return nil, &wire.Error{Kind: wire.Invalid, Param: "model", Message: model + " has no tokenizer: it reads no text", Err: err}
	}
	if err != nil {
		return nil, storeError(model, err)
	}
	return t, nil
}

// attachedName returns what a file is called, as a person may see it and a prompt have it.
func attachedName(name string) string {
	name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar {
			return -1
		}
		return r
	}, name)
	if name = strings.TrimSpace(name); name == "" || name == "." || name == "/" {
		return "file"
	}
	for len(name) > maxFileName { // its end says what it is
		_, n := utf8.DecodeRuneInString(name)
		name = name[n:]
	}
	return name
}

// unreadable says, with its name, why a file is not taken.
func unreadable(name string, err error) error {
	if sent := (*wire.Error)(nil); errors.As(err, &sent) && sent.Kind == wire.TooLarge {
		return &wire.Error{Kind: wire.TooLarge, Code: Unreadable, Param: "name", Message: fmt.Sprintf("%s: it has more than %d MiB", name, document.MaxFile>>20), Err: err}
	}
	return err
}
