package hub

import (
	"encoding/json"
	"net/http"
	"strings"
)

// journal is what a Download notes of the bytes that it has.
type journal struct {
	URL      string `json:"url"`
	ETag     string `json:"etag,omitempty"` // a strong one only
	Modified string `json:"modified,omitempty"`
	Synced   int64  `json:"synced"` // bytes that are on the disk for good
}

// readJournal returns the journal of an earlier Run, or an empty one if there
// is none that speaks of this address.
func readJournal(path, url string) journal {
	text, err := readFile(path, 1<<20)
	var j journal
	if err != nil || json.Unmarshal(text, &j) != nil || j.URL != url || j.Synced < 0 {
		return journal{}
	}
	return j
}

func (j journal) encode() []byte {
	text, _ := json.Marshal(j) // text and a number
	return text
}

// canAsk reports whether a server can be asked for the rest of just this file.
func (j journal) canAsk() bool { return j.ETag != "" || j.Modified != "" }

// validator is the value of If-Range.
func (j journal) validator() string {
	if j.ETag != "" {
		return j.ETag
	}
	return j.Modified
}

// note keeps what a response says of the identity of the file. One that says
// nothing leaves what was known: the answer to If-Range may be short.
func (j *journal) note(h http.Header) {
	etag, modified := h.Get("ETag"), h.Get("Last-Modified")
	if etag == "" && modified == "" {
		return
	}
	if strings.HasPrefix(etag, "W/") {
		etag = "" // a weak tag does not promise the same bytes
	}
	j.ETag, j.Modified = etag, modified
}

// same reports whether a response is of the file that the journal speaks of.
func (j journal) same(h http.Header) bool {
	var other journal
	other.note(h)
	return j.canAsk() && j.validator() == other.validator()
}
