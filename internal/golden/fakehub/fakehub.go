// Package fakehub serves the files of a test as Hugging Face's hub serves a repository.
package fakehub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Hub is a hub of one repository; any name of a repository means it.
type Hub struct {
	// Open is called before the bytes of a file are sent; nil: nothing is.
	Open func(r *http.Request, file string)

	// Size is the size that large files are listed with; 0: their own.
	Size int

	files  map[string][]byte
	commit string
}

// New returns the hub of the files given.
func New(files map[string][]byte) *Hub {
	sum := sha1.New()
	text, _ := json.Marshal(files) // of bytes, in the order of the names
	sum.Write(text)
	return &Hub{files: files, commit: hex.EncodeToString(sum.Sum(nil))}
}

// ServeHTTP answers what a client asks that pulls.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 6)
	switch {
	case len(parts) == 6 && parts[0] == "api" && parts[4] == "revision":
		writeJSON(w, map[string]string{"sha": h.commit})
	case len(parts) == 6 && parts[0] == "api" && parts[4] == "tree" && parts[5] == h.commit:
		writeJSON(w, h.rows())
	case len(parts) > 4 && parts[2] == "resolve" && parts[3] == h.commit:
		h.send(w, r, strings.Join(parts[4:], "/"))
	default:
		http.NotFound(w, r)
	}
}

// rows lists the files as they are stored: large ones beside the repository.
func (h *Hub) rows() []map[string]any {
	rows := []map[string]any{}
	for name, data := range h.files {
		row := map[string]any{"type": "file", "path": name, "size": len(data)}
		if strings.HasSuffix(name, ".gguf") || strings.HasSuffix(name, ".safetensors") {
			row["oid"] = gitDigest(nil)
			size := len(data)
			if h.Size > 0 {
				size = h.Size
			}
			row["lfs"] = map[string]any{"oid": digest(data), "size": size, "pointerSize": 134}
		} else {
			row["oid"] = gitDigest(data)
		}
		rows = append(rows, row)
	}
	return rows
}

func (h *Hub) send(w http.ResponseWriter, r *http.Request, name string) {
	data, ok := h.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if h.Open != nil {
		h.Open(r, name)
	}
	w.Header().Set("ETag", `"`+digest(data)+`"`)
	http.ServeContent(w, r, name, time.Time{}, strings.NewReader(string(data)))
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func gitDigest(data []byte) string {
	sum := sha1.New()
	fmt.Fprintf(sum, "blob %d\x00", len(data))
	sum.Write(data)
	return hex.EncodeToString(sum.Sum(nil))
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that is gone has no use for it
}
