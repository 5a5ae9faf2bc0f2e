package dataset

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/dataset/parquet"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/tokenizer"
)

// maxLine bounds a line, in bytes.
const maxLine = 64 << 20

// Read reads the rows of files, in their order, and hands each to take. A path is a file,
// told by its ending (.jsonl or .ndjson, .parquet, .txt or .md), or a folder, of which all
// such files are read, in the order of their names; each text is one row. A row that does
// not parse, and one for which take returns an error that wraps ErrRow, is counted and
// named, and the rest goes on; any other error of take ends it.
func Read(ctx context.Context, paths []string, take func(*Row) error) (*Tally, error) {
	r := &reader{ctx: ctx, take: take, tally: &Tally{}}
	for _, path := range paths {
		if err := r.path(path); err != nil {
			return r.tally, err
		}
	}
	return r.tally, nil
}

type reader struct {
	ctx   context.Context
	take  func(*Row) error
	tally *Tally
}

// readers are what is read, by the ending of its name.
var readers = map[string]func(*reader, *os.File) error{
	".jsonl": (*reader).lines, ".ndjson": (*reader).lines, ".parquet": (*reader).table, ".txt": (*reader).text, ".md": (*reader).text,
}

// Digested calls each for every file that Read would read, in its order.
func Digested(paths []string, each func(path string) error) error {
	for _, path := range paths {
		if err := walk(path, each); err != nil {
			return err
		}
	}
	return nil
}

// walk calls each for a file, or for the files of a folder that can be read.
func walk(path string, each func(path string) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return each(path)
	}
	found := false
	err = filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || readers[ending(name)] == nil {
			return err
		}
		found = true
		return each(name)
	})
	if err == nil && !found {
		err = fmt.Errorf("%s: no .jsonl, .parquet, .txt or .md file is in it: %w", message.Clean(path), ErrFormat)
	}
	return err
}

func ending(path string) string { return strings.ToLower(filepath.Ext(path)) }

// path reads a file or a folder.
func (r *reader) path(path string) error { return walk(path, r.file) }

func (r *reader) file(path string) error {
	read := readers[ending(path)]
	if read == nil {
		return fmt.Errorf("%s: ends in none of .jsonl, .ndjson, .parquet, .txt, .md: %w", message.Clean(path), ErrFormat)
	}
	if info, err := os.Stat(path); err != nil { // opening a pipe would wait
		return err
	} else if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: is no regular file: %w", message.Clean(path), ErrFormat)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r.tally.Files++
	return read(r, f)
}

// row hands on a row of a file, or what is wrong with it.
func (r *reader) row(file string, line int, row *Row, err error) error {
	if stopped := r.ctx.Err(); stopped != nil {
		return stopped
	}
	if err == nil {
		row.File, row.Line = file, line
		err = r.take(row)
	}
	switch {
	case err == nil:
		r.tally.Rows++
	case errors.Is(err, ErrRow):
		r.tally.broken(file, line, err.Error())
	default:
		return err
	}
	return nil
}

// lines reads JSON lines. Blank ones are no rows.
func (r *reader) lines(f *os.File) error {
	in := bufio.NewReaderSize(f, 256<<10)
	for n := 1; ; n++ {
		line, long, err := readLine(in)
		if err != nil && err != io.EOF {
			return fmt.Errorf("%s: %w", message.Clean(f.Name()), err)
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		var row *Row
		var wrong error
		switch line = bytes.Trim(line, " \t\r\n"); {
		case long:
			wrong = badRow("is longer than %d bytes", maxLine)
		case len(line) == 0 && err == io.EOF:
			return nil
		case len(line) == 0:
			continue
		case !utf8.Valid(line):
			wrong = badRow("is not UTF-8")
		default:
			row, wrong = parseRow(line)
		}
		if stopped := r.row(f.Name(), n, row, wrong); stopped != nil {
			return stopped
		}
		if err == io.EOF {
			return nil
		}
	}
}

// readLine reads a line. Of one that is too long nothing is kept.
func readLine(in *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxLine; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, long, err
		}
	}
}

// tableColumns are the columns of Parquet files that are read.
var tableColumns = []string{"messages", "prompt", "completion", "text", "tools", "chosen", "rejected", "label"}

// table reads a Parquet file.
func (r *reader) table(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	refuse := func(err error) error {
		if errors.Is(err, parquet.ErrFormat) {
			err = fmt.Errorf("%w: %w", err, ErrFormat)
		}
		return fmt.Errorf("%s: %w", message.Clean(f.Name()), err)
	}
	p, err := parquet.Open(f, info.Size(), tableColumns)
	if err != nil {
		return refuse(err)
	}
	var stopped error
	err = p.Rows(func(i int, values *parquet.Row) error {
		row, wrong := newRow(values.Values)
		stopped = r.row(f.Name(), i+1, row, wrong)
		return stopped
	})
	if stopped != nil {
		return stopped
	}
	if err != nil {
		return refuse(err)
	}
	return nil
}

// text reads a file that is one text.
func (r *reader) text(f *os.File) error {
	b, err := io.ReadAll(io.LimitReader(f, tokenizer.MaxText+1))
	if err != nil {
		return fmt.Errorf("%s: %w", message.Clean(f.Name()), err)
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	var row *Row
	switch {
	case len(b) > tokenizer.MaxText:
		err = badRow("is longer than %d bytes", tokenizer.MaxText)
	case !utf8.Valid(b):
		err = badRow("is not UTF-8")
	default:
		row, err = newTextRow(string(b))
	}
	return r.row(f.Name(), 1, row, err)
}
