package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/newfile"
)

// Bounds of what is kept.
const (
	MaxAllowed     = 1024 // tools of one person
	maxPeople      = 1024
	maxAllowedFile = 8 << 20 // bytes
)

// AllowedFile is the name of the file in the folder of the settings.
const AllowedFile = "mcp-allowed.json"

// Owner is who runs the program, in Allowed.
const Owner = "owner"

// ErrAllowed says that a list has what is no SERVER/TOOL, or too many.
var ErrAllowed = errors.New("allowed tools")

// Allowed are the tools that a person said yes to once and for all, each SERVER/TOOL, in a
// file that only its user can read. It is read anew each time: other programs write it, too.
type Allowed struct {
	path string
	mu   sync.Mutex
}

// allowedOnDisk is the file.
type allowedOnDisk struct {
	Version int                 `json:"version"`
	Allowed map[string][]string `json:"allowed"` // by person
}

// NewAllowed returns what a file has, which need not be there.
func NewAllowed(path string) *Allowed { return &Allowed{path: path} }

// Entry returns how a tool stands in lists.
func Entry(server, tool string) string { return server + "/" + tool }

// CheckEntries says whether a list can be kept. The error wraps ErrAllowed.
func CheckEntries(list []string) error {
	if len(list) > MaxAllowed {
		return fmt.Errorf("%w: %d tools, want at most %d", ErrAllowed, len(list), MaxAllowed)
	}
	for _, e := range list {
		server, tool, ok := strings.Cut(e, "/")
		if !ok || checkServerName(server) != nil || tool == "" || len(tool) > maxName || strings.ContainsFunc(tool, isOdd) {
			return fmt.Errorf("%w: %s, want SERVER/TOOL", ErrAllowed, message.Quote(e))
		}
	}
	return nil
}

// List returns what a person allowed, sorted.
func (a *Allowed) List(who string) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, err := a.read()
	return d.Allowed[who], err
}

// Set keeps what a person allows, in place of what that was before.
func (a *Allowed) Set(who string, list []string) error {
	if err := CheckEntries(list); err != nil {
		return err
	}
	return a.change(who, func([]string) []string { return list })
}

// Add keeps one more.
func (a *Allowed) Add(who, entry string) error {
	if err := CheckEntries([]string{entry}); err != nil {
		return err
	}
	return a.change(who, func(list []string) []string { return append(list, entry) })
}

// change writes the file with another list of a person.
func (a *Allowed) change(who string, to func([]string) []string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, err := a.read()
	if err != nil {
		return err
	}
	list := slices.Sorted(slices.Values(to(d.Allowed[who])))
	if d.Allowed[who] = slices.Compact(list); len(list) == 0 {
		delete(d.Allowed, who)
	}
	if len(d.Allowed[who]) > MaxAllowed || len(d.Allowed) > maxPeople {
		return fmt.Errorf("%w: there are too many in %s", ErrAllowed, a.path)
	}
	return a.write(d)
}

func (a *Allowed) read() (allowedOnDisk, error) {
	d := allowedOnDisk{Version: 1, Allowed: map[string][]string{}}
	f, err := os.Open(a.path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxAllowedFile+1))
	if err != nil {
		return d, err
	}
	j := json.NewDecoder(bytes.NewReader(text))
	j.DisallowUnknownFields()
	var got allowedOnDisk
	err = j.Decode(&got)
	switch {
	case err == nil && got.Version != 1:
		err = fmt.Errorf("version %d, want 1", got.Version)
	case len(text) > maxAllowedFile:
		err = fmt.Errorf("is longer than %d bytes", maxAllowedFile)
	case err == nil && len(got.Allowed) > maxPeople:
		err = fmt.Errorf("has more than %d people", maxPeople)
	}
	for _, list := range got.Allowed {
		if err == nil {
			err = CheckEntries(list)
		}
	}
	if err != nil {
		return d, fmt.Errorf("%s: cannot be read, and nothing is allowed by it: %w", a.path, err)
	}
	if got.Allowed != nil {
		d.Allowed = got.Allowed
	}
	return d, nil
}

func (a *Allowed) write(d allowedOnDisk) error {
	if err := os.MkdirAll(filepath.Dir(a.path), 0o700); err != nil {
		return err
	}
	f, err := newfile.Create(a.path)
	if err != nil {
		return err
	}
	defer f.Discard()
	if err := f.Chmod(0o600); err != nil {
		return err
	}
	j := json.NewEncoder(f)
	j.SetIndent("", "  ")
	if err := j.Encode(d); err != nil {
		return err
	}
	if err := f.Finish(); err != nil {
		return err
	}
	return f.Place()
}
