package ui

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// readBody reads the body of a request into v: one JSON object whose fields are all known. The
// error is a *wire.Error.
func readBody(r *http.Request, v any) error {
	body, err := wire.ReadBody(r, wire.MaxBody)
	if err != nil {
		return err
	}
	return parse(body, v)
}

// parse reads one JSON object. wire.Parse checks what encoding/json lets pass: keys that
// stand twice, nesting, bytes that are no text.
func parse(body []byte, v any) error {
	if _, err := wire.Parse(body); err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return &wire.Error{Kind: wire.Invalid, Param: wrong.Field, Message: wrong.Field + " is " + wrong.Value + ", want " + kindOf(wrong), Err: err}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return wire.Refuse(name, "there is no field %s", wire.Quote(name))
	}
	return &wire.Error{Kind: wire.Invalid, Message: "the body cannot be read: " + strings.TrimPrefix(err.Error(), "json: "), Err: err}
}

// kindOf returns in words what a field has to be.
func kindOf(e *json.UnmarshalTypeError) string {
	switch kind := e.Type.Kind().String(); {
	case kind == "slice" || kind == "array":
		return "a list"
	case kind == "struct" || kind == "map":
		return "an object"
	case strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint"):
		return "a whole number"
	case strings.HasPrefix(kind, "float"):
		return "a number"
	case kind == "bool":
		return "true or false"
	}
	return "a string"
}
