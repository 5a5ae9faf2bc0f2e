package hub

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/fetch"
)

// listing is a model as its source has it: which files, and where each is.
type listing struct {
	source     Source
	version    string // commit, tag or digest; empty where the source has none
	mark       string // where there is no version: what tells this file from another one at the address
	client     *fetch.Client
	files      []remote
	repository *repository       // that the files were chosen from; nil: the source has no others
	variant    *Variant          // nil: as the files say
	signature  *remote           // the file that signs the model; nil: none is listed
	signed     []byte            // what it holds; nil: nothing was asked for, or there is none
	explain    func(error) error // says what a refusal of a file means; nil: as it says itself
}

// remote is a file at its source.
type remote struct {
	role   Role     // empty: as its name says, and then it is one of the files that a folder of the model has
	name   string   // in the snapshot
	path   string   // at the source, for messages and for folders of other programs; as name if empty
	size   int64    // bytes; 0 if not known
	hint   int64    // bytes that a server spoke of without a promise; 0: none did
	ranges bool     // of a file with such a hint: its server knows ranges, and names the file
	digest Digest   // zero if not known
	git    [20]byte // SHA-1 of the file as a git blob; zero if not known
	sum    string   // a digest as it is listed, before it is read
	large  bool     // and that is a SHA-256

	url     string
	address func(context.Context) (string, error) // asked before each try; nil: url
	header  http.Header                           // no credentials

	content []byte // the file itself, which then is not fetched

	// unpack makes files of an archive, once it is there and its digest is
	// right, in a folder; it returns their names. nil: it is a file itself.
	unpack func(ctx context.Context, archive, folder string) (names []string, err error)
}

// label is how the source calls the file.
func (f *remote) label() string {
	if f.path != "" {
		return f.path
	}
	return f.name
}

// check holds what a source lists to what a snapshot can hold, before anything
// is fetched.
func (l *listing) check() error {
	if len(l.files) == 0 || len(l.files) > maxFiles {
		return fmt.Errorf("%d files are listed, want 1 to %d: %w", len(l.files), maxFiles, ErrFormat)
	}
	seen := map[string]bool{}
	var total int64
	for i := range l.files {
		f := &l.files[i]
		folded := strings.ToLower(f.name)
		switch {
		case f.unpack == nil && !PlainName(f.name):
			return fmt.Errorf("file name %q is not plain: %w", clip(f.name), ErrFormat)
		case f.unpack == nil && seen[folded]:
			return fmt.Errorf("file name %q comes twice: %w", clip(f.name), ErrFormat)
		case min(f.size, f.hint) < 0 || max(f.size, f.hint) > maxFileSize || total+f.size > maxFileSize:
			return fmt.Errorf("%s: size %d, want 0 to %d: %w", printable(f.label()), f.size, int64(maxFileSize), ErrFormat)
		}
		seen[folded] = f.unpack == nil
		total += f.size
	}
	return nil
}

// maxFileSize bounds the files of a model together.
const maxFileSize = 16 << 40 // bytes

// size is the sum of the sizes, as far as something is known of them.
func (l *listing) size() (n int64) {
	for _, f := range l.files {
		n += max(f.size, f.hint)
	}
	return n
}
