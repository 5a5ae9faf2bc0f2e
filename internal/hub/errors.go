package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/blitz-r1/blitz/internal/fetch"
)

// The kinds of failure that a caller may act on; test with errors.Is.
var (
	ErrNotFound    = fetch.ErrNotFound                         // no such model, file, package or version
	ErrOffline     = errors.New("offline: nothing is fetched") // a source was named, and Store.Offline is set
	ErrDigest      = fetch.ErrDigest                           // bytes are not those that were promised
	ErrFormat      = fetch.ErrFormat                           // a file that is no model, or a damaged or hostile one
	ErrNoSpace     = errors.New("no space left on the disk")   // the disk is full or would be
	ErrSyntax      = errors.New("malformed")                   // a name, digest or source that cannot be one
	ErrUnsupported = errors.New("not supported by this build") // a source that this build does not fetch from
	ErrUnreachable = fetch.ErrUnreachable                      // the network, or a server on it
	ErrDenied      = fetch.ErrDenied                           // a server wants other credentials, or none help
)

// UnfinishedError is a pull that ended before all was there, and left what came: the
// same pull goes on behind it.
type UnfinishedError struct {
	Source Source
	Kept   int   // files that came whole and are kept
	Of     int   // that the model was fetched as, as far as is known
	Bytes  int64 // that are kept, with those of files that are not whole; 0: not known
	Err    error
}

func (e *UnfinishedError) Error() string { return fmt.Sprintf("pull %s: %v", e.Source, e.Err) }

// Unwrap returns why the pull ended.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// NotFoundError says that the store holds no model of a name. It is
// ErrNotFound.
type NotFoundError struct {
	Name        string   // what was asked for
	Path        bool     // it reads as a path, and no file is there
	Suggestions []string // stored names that look like it, nearest first
}

// Error names what is missing and what is near.
func (e *NotFoundError) Error() string {
	if e.Path {
		return "" + e.Name + ": no such file or folder"
	}
	text := "no model " + e.Name + " in the store"
	if len(e.Suggestions) > 0 {
		text += "; nearest: " + strings.Join(e.Suggestions, ", ")
	}
	return text
}

// Is makes the error one of ErrNotFound and of fs.ErrNotExist.
func (e *NotFoundError) Is(target error) bool {
	return target == ErrNotFound || target == fs.ErrNotExist
}

// HintError is an error with something that can be done about it.
type HintError struct {
	Err  error
	Hint string
}

func (e *HintError) Error() string { return e.Err.Error() }

// Unwrap returns the error itself.
func (e *HintError) Unwrap() error { return e.Err }

func withHint(err error, hint string) error { return &HintError{err, hint} }
