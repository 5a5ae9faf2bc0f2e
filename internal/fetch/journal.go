package fetch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// identity is what a server says of which file it is.
type identity struct {
	ETag     string `json:"etag,omitempty"` // a strong one only
	Modified string `json:"modified,omitempty"`
}

// identityOf reads the headers of an answer. A weak tag does not promise the
// same bytes, and counts as none.
func identityOf(h http.Header) identity {
	id := identity{h.Get("ETag"), h.Get("Last-Modified")}
	if strings.HasPrefix(id.ETag, "W/") || !strings.HasPrefix(id.ETag, `"`) {
		id.ETag = ""
	}
	return id
}

// known reports whether a server can be asked for the rest of just this file.
func (id identity) known() bool { return id.ETag != "" || id.Modified != "" }

// validator is the value of If-Range.
func (id identity) validator() string {
	if id.ETag != "" {
		return id.ETag
	}
	return id.Modified
}

// same reports whether both are of one file for certain.
func (id identity) same(other identity) bool {
	return id.known() && id.validator() == other.validator()
}

// journal is what is noted of an unfinished file.
type journal struct {
	Key string `json:"key"` // which file; see transfer.key
	identity
	Spans  spans `json:"spans"`            // bytes that are there
	Sparse bool  `json:"sparse,omitempty"` // there may be gaps: the file's length says nothing
}

const maxJournal = 1 << 20 // bytes

// readJournal returns the journal of an earlier run, or an empty one if there
// is none that speaks of this file.
func readJournal(path, key string) journal {
	f, err := os.Open(path)
	if err != nil {
		return journal{}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxJournal+1))
	if err != nil || len(text) > maxJournal {
		return journal{}
	}
	return parseJournal(text, key)
}

func parseJournal(text []byte, key string) journal {
	var j journal
	if json.Unmarshal(text, &j) != nil || j.Key != key || !j.Spans.valid(1<<62) {
		return journal{}
	}
	return j
}

// write puts the journal in its place, whole or not at all. lasting: it is to
// survive the end of the machine, not only that of the process.
func (j journal) write(path string, lasting bool) error {
	text, err := json.Marshal(j)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	temporary := path + ".new"
	f, err := os.Create(temporary)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	_, err = f.Write(text)
	if err == nil && lasting {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Mark returns what the headers of an answer say of which file it is: a strong
// ETag, else the time of its last change, else nothing.
func Mark(h http.Header) string { return identityOf(h).validator() }
