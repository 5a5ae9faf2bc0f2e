package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/blitz-r1/blitz/internal/filelock"
)

// The errors of a log, which name the file.
var (
	ErrLog     = errors.New("no results of blitz eval")
	ErrOther   = errors.New("the results are of another measurement")
	ErrPartial = errors.New("the results are not complete")
)

// maxLine is the longest line of a log, in bytes.
const maxLine = 256 << 20

// A Log is a file of results: a header, and behind it a line for each part that is done, in
// their order. Without a file it keeps them in memory alone.
type Log[T Part] struct {
	Header Header
	Parts  []T
	file   *os.File // nil: none
}

// A Part is what a line says: which part of the measurement it is, and whether it can be one
// of that header.
type Part interface {
	number() int
	check(h *Header) error
}

// Open opens the log at path, "" for none, for the measurement that h describes, and reads
// what is done of it. A last line that was cut while it was written is taken away. The error
// wraps ErrOther where the file has another measurement, and ErrLog where it is none.
func Open[T Part](path string, h *Header) (*Log[T], error) {
	l := &Log[T]{Header: *h}
	if path == "" {
		return l, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	if err := filelock.Try(f); errors.Is(err, filelock.ErrLocked) { // a file system may have no locks
		f.Close()
		return nil, fmt.Errorf("%s: another process writes it: %w", path, err)
	}
	l.file = f
	if err := l.resume(); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// resume reads what there is, and goes to the end of it.
func (l *Log[T]) resume() error {
	there, end, err := readLog(l.file, &l.Parts)
	if err != nil {
		return err
	}
	first, err := l.Header.line()
	if err != nil {
		return err
	}
	if there == nil {
		if end, err = 0, l.file.Truncate(0); err != nil {
			return err
		}
		_, err = l.file.WriteAt(first, 0)
		end = int64(len(first))
	} else if what, e := there.differs(&l.Header); e != nil || what != "" {
		return errors.Join(e, fmt.Errorf("%w: %s", ErrOther, what))
	} else {
		err = l.file.Truncate(end)
	}
	if err != nil {
		return err
	}
	_, err = l.file.Seek(end, io.SeekStart)
	return err
}

// Add writes down the next part.
func (l *Log[T]) Add(p T) error {
	if p.number() != len(l.Parts) {
		return fmt.Errorf("eval: part %d comes behind %d", p.number(), len(l.Parts))
	}
	if l.file != nil {
		b, err := marshal(p)
		if err != nil {
			return err
		}
		if _, err := l.file.Write(b); err != nil {
			return err
		}
	}
	l.Parts = append(l.Parts, p)
	return nil
}

// marshal returns a line, with no more escapes than JSON needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// Done says that all parts are there.
func (l *Log[T]) Done() bool { return len(l.Parts) == l.Header.Parts }

// Close closes the file, with all that was added on the disk.
func (l *Log[T]) Close() error {
	if l.file == nil {
		return nil
	}
	return errors.Join(l.file.Sync(), l.file.Close())
}

// readLog reads a header, nil where there is none yet, and the parts, up to the end of the
// last whole line, whose place it returns.
func readLog[T Part](r io.Reader, parts *[]T) (h *Header, end int64, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(in)
		whole := err == nil
		if err != nil && err != io.EOF {
			return nil, 0, err
		}
		switch {
		case !whole && h == nil && !bytes.HasPrefix([]byte(`{"blitz_eval":`), line[:min(len(line), len(`{"blitz_eval":`))]):
			return nil, 0, fmt.Errorf("line 1: %w", ErrLog)
		case !whole:
			return h, end, nil
		case h == nil:
			if h, err = parseHeader(line); err != nil {
				return nil, 0, fmt.Errorf("%w: %w", ErrLog, err)
			}
		default:
			var p T
			if err := json.Unmarshal(line, &p); err != nil {
				return nil, 0, fmt.Errorf("line %d: %w: %w", n, ErrLog, err)
			}
			if p.number() != len(*parts) || p.number() >= h.Parts {
				return nil, 0, fmt.Errorf("line %d: %w: part %d, want %d of %d", n, ErrLog, p.number(), len(*parts), h.Parts)
			}
			if err := p.check(h); err != nil {
				return nil, 0, fmt.Errorf("line %d: %w: %w", n, ErrLog, err)
			}
			*parts = append(*parts, p)
		}
		end += int64(len(line))
	}
}

// readLine returns a line with its newline; io.EOF comes with what is behind the last one.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if line = append(line, part...); len(line) > maxLine {
			return nil, fmt.Errorf("%w: a line of more than %d bytes", ErrLog, maxLine)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

// readFirst reads the header of a log.
func readFirst(r io.Reader) (*Header, error) {
	line, err := readLine(bufio.NewReader(r))
	if err == io.EOF {
		return nil, fmt.Errorf("line 1: %w", ErrLog)
	}
	if err != nil {
		return nil, err
	}
	h, err := parseHeader(line)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLog, err)
	}
	return h, nil
}
