package batch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Bounds of the lines of a batch.
const (
	maxLines    = 50_000
	maxLine     = 32 << 20 // bytes
	maxCustomID = 512      // bytes
	maxErrors   = 100      // that a client is told
)

// line is a request of a batch.
type line struct {
	number   int // from 1
	customID string
	body     []byte
}

// errLong is a line beyond its bound.
var errLong = errors.New("the line is too long")

// lineReader reads the lines of a file.
type lineReader struct {
	in     *bufio.Reader
	number int
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{in: bufio.NewReaderSize(r, 1<<16)} }

// next returns the next line that is not blank. The error is io.EOF at the end, and
// errLong.
func (r *lineReader) next() ([]byte, error) {
	for {
		text, err := r.read()
		if err != nil && (!errors.Is(err, io.EOF) || len(text) == 0) {
			return nil, err
		}
		r.number++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return text, nil
		}
	}
}

// read returns a line with its end.
func (r *lineReader) read() ([]byte, error) {
	var text []byte
	for {
		piece, err := r.in.ReadSlice('\n')
		if len(text)+len(piece) > maxLine {
			return nil, errLong
		}
		text = append(text, piece...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, err
		}
	}
}

// readLine reads a line of a batch for an endpoint. The error is a *wire.Error.
func readLine(text []byte, number int, endpoint string) (*line, error) {
	o, err := wire.Parse(text)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"custom_id", "method", "url", "body"} {
		if !o.Has(name) {
			o.Refuse(name, "%s is missing", name)
		}
	}
	l := &line{number: number, customID: o.Text("custom_id")}
	if n := len(l.customID); n == 0 || n > maxCustomID {
		o.Refuse("custom_id", "custom_id has %d bytes, want 1 to %d", n, maxCustomID)
	}
	if method := o.Text("method"); method != "POST" {
		o.Refuse("method", "method is %s, want POST", wire.Quote(method))
	}
	if url := o.Text("url"); url != endpoint {
		o.Refuse("url", "url is %s, want the endpoint of the batch, %s", wire.Quote(url), endpoint)
	}
	if body := o.Object("body"); body != nil {
		if body.True("stream") {
			body.Refuse("stream", "body.stream is true, and nobody reads the stream of a batch")
		}
		v, _ := o.Get("body")
		l.body = bytes.Clone(v.Raw())
	}
	return l, o.Err()
}

// validation is what looking through the lines of a batch found.
type validation struct {
	total  int
	errors []lineError
}

func (v *validation) add(code string, number int, message, param string) {
	if len(v.errors) < maxErrors {
		v.errors = append(v.errors, lineError{code, orNull(number), message, orNull(param)})
	}
}

// validate looks through all lines.
func validate(ctx context.Context, in io.Reader, endpoint string) (*validation, error) {
	v, r, seen := &validation{}, newLineReader(in), map[string]bool{}
	for {
		text, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			if v.total == 0 {
				v.add("empty_file", 0, "the file has no lines", "")
			}
			return v, nil
		case errors.Is(err, errLong):
			v.add("line_too_long", r.number+1, fmt.Sprintf("the line is too long, want at most %d MiB", maxLine>>20), "")
			return v, nil
		case err != nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case v.total == maxLines:
			v.add("too_many_lines", r.number, fmt.Sprintf("the file has more than %d lines", maxLines), "")
			return v, nil
		}
		v.total++
		l, err := readLine(text, r.number, endpoint)
		var e *wire.Error
		switch {
		case errors.As(err, &e):
			v.add("invalid_json_line", r.number, e.Message, e.Param)
		case err != nil:
			return nil, err
		case seen[l.customID]:
			v.add("duplicate_custom_id", r.number, "custom_id is "+wire.Quote(l.customID)+", which another line has, too", "custom_id")
		default:
			seen[l.customID] = true
		}
	}
}
