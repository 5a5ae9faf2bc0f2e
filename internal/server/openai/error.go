package openai

import (
	"errors"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// errorBody is an error on the wire.
type errorBody struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
}

// bodyOf returns an error in OpenAI's words.
func bodyOf(e *wire.Error) errorBody {
	var b errorBody
	b.Error.Message, b.Error.Type = e.Message, "invalid_request_error"
	code := e.Code
	switch e.Kind {
	case wire.Key:
		code = or(code, "invalid_api_key")
	case wire.NoModel:
		code = or(code, "model_not_found")
	case wire.RateLimit, wire.Overloaded:
		b.Error.Type, code = "rate_limit_exceeded", or(code, "rate_limit_exceeded")
	case wire.Internal, wire.Unavailable:
		b.Error.Type = "server_error"
	}
	if e.Param != "" {
		b.Error.Param = &e.Param
	}
	if code != "" {
		b.Error.Code = &code
	}
	return b
}

// or returns text, or otherwise where that is empty.
func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// aboutTokens says that tokens which a vocabulary does not have stand in that field.
func aboutTokens(err error, param string) error {
	var e *wire.Error
	if errors.As(err, &e) && e.Param == "" && errors.Is(err, blitz.ErrTokens) {
		named := *e
		named.Param = param
		return &named
	}
	return err
}
