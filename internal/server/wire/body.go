package wire

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// MaxBody is the bytes that a body of JSON may have, packed or not.
const MaxBody = 32 << 20

// ReadObject reads the body of a request, which has to be one JSON object, whatever its
// Content-Type says. It may be packed by gzip. The error is an *Error.
func ReadObject(r *http.Request) (*Object, error) {
	body, err := ReadBody(r, MaxBody)
	if err != nil {
		return nil, err
	}
	return Parse(body)
}

// ReadBody reads the body of a request of at most so many bytes. The error is an *Error.
func ReadBody(r *http.Request, most int64) ([]byte, error) {
	if r.ContentLength > most {
		return nil, tooLarge(most)
	}
	var in io.Reader = r.Body
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(io.LimitReader(r.Body, most))
		if err != nil {
			return nil, Refuse("", "the body says it is packed by gzip and is not")
		}
		in = z
	default:
		return nil, &Error{Kind: MediaType, Message: "the body is packed by " + Quote(encoding) + ", want gzip or nothing"}
	}
	body, err := io.ReadAll(io.LimitReader(in, most+1))
	var beyond *http.MaxBytesError
	switch {
	case errors.As(err, &beyond), int64(len(body)) > most:
		return nil, tooLarge(most)
	case err != nil:
		return nil, &Error{Kind: Invalid, Message: "the body cannot be read to its end", Err: err}
	}
	return body, nil
}

func tooLarge(most int64) *Error {
	return &Error{Kind: TooLarge, Message: "the body is too large, want at most " + size(most)}
}

func size(bytes int64) string {
	switch {
	case bytes >= 1<<20 && bytes%(1<<20) == 0:
		return fmt.Sprint(bytes>>20) + " MiB"
	case bytes >= 1<<10 && bytes%(1<<10) == 0:
		return fmt.Sprint(bytes>>10) + " KiB"
	}
	return fmt.Sprint(bytes) + " bytes"
}
