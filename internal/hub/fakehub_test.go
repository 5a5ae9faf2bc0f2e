package hub

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeHub speaks as Hugging Face does: a hub, and a storage that is another
// origin of this machine. Tests put faults in front of it.
type fakeHub struct {
	*httptest.Server
	storage *httptest.Server

	mu       sync.Mutex
	commit   string
	files    map[string][]byte                                 // of the one repository, user/repo
	page     int                                               // rows of a page; 0: all
	rows     string                                            // the listing, if it is a lie
	fault    func(w http.ResponseWriter, r *http.Request) bool // true: it has answered
	requests []string
	sent     int64
	headers  map[string]http.Header // by what was asked for last
}

func newFakeHub(t *testing.T, files map[string][]byte) *fakeHub {
	f := &fakeHub{files: files, commit: strings.Repeat("c", 40), headers: map[string]http.Header{}}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	f.storage = httptest.NewServer(http.HandlerFunc(f.serveStorage))
	t.Cleanup(f.Close)
	t.Cleanup(f.storage.Close)
	return f
}

// store returns a store whose hub this is.
func (f *fakeHub) store(t *testing.T) *Store {
	s := newStore(t)
	s.Settings = Settings{HuggingFace: f.URL}
	return s
}

func (f *fakeHub) note(w http.ResponseWriter, r *http.Request) (done bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	what := strings.TrimPrefix(r.URL.Path, "/api/models/user/repo")
	f.requests = append(f.requests, what)
	f.headers[what] = r.Header.Clone()
	return f.fault != nil && f.fault(w, r)
}

func (f *fakeHub) serve(w http.ResponseWriter, r *http.Request) {
	if f.note(w, r) {
		return
	}
	h := w.Header()
	switch at := r.URL.Path; {
	case strings.HasPrefix(at, "/api/models/old/name"):
		http.Redirect(w, r, strings.Replace(r.URL.RequestURI(), "old/name", "user/repo", 1), http.StatusTemporaryRedirect)
	case strings.HasPrefix(at, "/old/name/resolve"):
		http.Redirect(w, r, strings.Replace(at, "old/name", "user/repo", 1), http.StatusTemporaryRedirect)
	case strings.HasPrefix(at, "/api/models/user/repo/revision/"):
		if rev := path.Base(at); rev != "main" && rev != "v1" && !strings.HasSuffix(r.URL.EscapedPath(), "refs%2Fpr%2F1") {
			refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id")
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"sha": f.commit})
	case strings.HasPrefix(at, "/api/models/user/repo/tree/"+f.commit):
		f.tree(w, r)
	case strings.HasPrefix(at, "/user/repo/resolve/"+f.commit+"/"):
		name := strings.TrimPrefix(at, "/user/repo/resolve/"+f.commit+"/")
		body, ok := f.files[name]
		switch {
		case !ok:
			refuse(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
		case isLarge(name):
			http.Redirect(w, r, f.storage.URL+"/"+name+"?Signature=hush", http.StatusFound)
		default:
			h.Set("ETag", fmt.Sprintf("%q", gitSum(body)))
			http.ServeContent(w, r, "x", time.Time{}, strings.NewReader(string(body)))
		}
	default:
		refuse(w, http.StatusUnauthorized, "RepoNotFound", "Invalid username or password.")
	}
}

func isLarge(name string) bool {
	return strings.HasSuffix(strings.ToLower(name), ".gguf") || strings.HasSuffix(name, ".safetensors")
}

func gitSum(body []byte) string {
	return fmt.Sprintf("%x", sha1.Sum(append([]byte(fmt.Sprintf("blob %d\x00", len(body))), body...)))
}

func refuse(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("X-Error-Code", reason)
	w.Header().Set("X-Error-Message", message)
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(map[string]string{"error": message})
}

func (f *fakeHub) tree(w http.ResponseWriter, r *http.Request) {
	if f.rows != "" {
		fmt.Fprint(w, f.rows)
		return
	}
	var rows []map[string]any
	for _, name := range sortedKeys(f.files) {
		body := f.files[name]
		row := map[string]any{"type": "file", "path": name, "size": len(body), "oid": gitSum(body)}
		if isLarge(name) {
			row["lfs"] = map[string]any{"oid": digestOf(body).Hex(), "size": len(body), "pointerSize": 134}
		}
		rows = append(rows, row)
	}
	at := 0
	fmt.Sscan(r.URL.Query().Get("cursor"), &at)
	if f.page > 0 && at+f.page < len(rows) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=%d>; rel="next"`, f.URL, r.URL.Path, at+f.page))
		rows = rows[:at+f.page]
	}
	json.NewEncoder(w).Encode(rows[at:])
}

func (f *fakeHub) serveStorage(w http.ResponseWriter, r *http.Request) {
	if f.note(w, r) {
		return
	}
	body := f.files[strings.TrimPrefix(r.URL.Path, "/")]
	w.Header().Set("ETag", `"`+digestOf(body).Hex()+`"`)
	http.ServeContent(&counted{w, f}, r, "x", time.Time{}, strings.NewReader(string(body)))
}

// counted counts the bytes that the storage sends.
type counted struct {
	http.ResponseWriter
	hub *fakeHub
}

func (c *counted) Write(p []byte) (int, error) {
	c.hub.add(len(p)) // before the client can have them
	n, err := c.ResponseWriter.Write(p)
	c.hub.add(n - len(p))
	return n, err
}

func (f *fakeHub) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent += int64(n)
}

// sentBytes returns how many bytes the storage sent.
func (f *fakeHub) sentBytes() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

func (f *fakeHub) reset(fault func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests, f.sent, f.fault = nil, 0, fault
}
