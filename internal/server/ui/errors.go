package ui

import (
	"errors"
	"strings"

	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// chatError says what of the chats cannot be had or changed.
func chatError(err error) error {
	var bad *history.ValueError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		return &wire.Error{Kind: wire.Invalid, Param: bad.Field, Message: bad.Error(), Err: err}
	case errors.Is(err, history.ErrUnknown):
		return &wire.Error{Kind: wire.NotFound, Message: plain(err), Err: err}
	case errors.Is(err, history.ErrConflict):
		return &wire.Error{Kind: wire.Conflict, Code: "conflict", Message: plain(err), Err: err}
	}
	return err
}

// plain returns what an error of the chats says, for people.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "history: ") }
