package ollama

import (
	"errors"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// pullWait is when a client may ask again for a pull that there was no room for.
const pullWait = 30 * time.Second

// changeError says why a model cannot be changed, made or fetched.
func changeError(name string, err error) *wire.Error {
	e := &wire.Error{Kind: wire.Internal, Err: err, Param: "model"}
	var missing *hub.NotFoundError
	switch message, _ := fault.Explain(err); {
	case errors.As(err, &missing):
		e.Kind, e.Message = wire.NoModel, "model '"+quoted(name)+"' not found"
	case errors.Is(err, host.ErrPulls):
		e.Kind, e.Message, e.RetryAfter = wire.Overloaded, message, pullWait
	case errors.Is(err, hub.ErrUnreachable):
		e.Kind, e.Message = wire.Unavailable, message
	case fault.Of(err) == fault.NotFound:
		e.Kind, e.Message = wire.NotFound, message
	case fault.Of(err) == fault.Usage, fault.Of(err) == fault.Refused, errors.Is(err, hub.ErrUnsupported):
		e.Kind, e.Message = wire.Invalid, message
	case fault.Of(err) == fault.NoRoom:
		e.Kind, e.Message = wire.Unavailable, message
	default:
		e.Message = message
	}
	return e
}

// quoted returns a name as a message may have it.
func quoted(name string) string {
	return strings.Trim(wire.Quote(name), `"`)
}
