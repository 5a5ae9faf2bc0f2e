package cluster

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/signed"
)

// servedWeights returns weights of a tiny model, and its root.
func servedWeights(t *testing.T) (w *Weights, root, folder string) {
	t.Helper()
	folder = t.TempDir()
	writeModel(t, folder)
	l, err := checkpoint.List(t.Context(), folder, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := l.Digest(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	w, root = NewWeights(), checkpoint.Root(files).String()
	if err := w.Add(root, files, l.Path); err != nil {
		t.Fatal(err)
	}
	return w, root, folder
}

// weightPeer returns a peer who serves weights, and how he is known.
func weightPeer(t *testing.T, h http.Handler) (*Peer, *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &Peer{Name: s.URL, Key: newKey(t).Public(), Blobs: s.URL}, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}
}

// TestFetchSilent: a peer who stops sending, in a list or in a file, is left.
func TestFetchSilent(t *testing.T) {
	w, root, _ := servedWeights(t)
	for _, at := range []string{"/v1/models/", "/v1/blobs/"} {
		silent, with := weightPeer(t, http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			if !strings.HasPrefix(r.URL.Path, at) {
				w.ServeHTTP(out, r)
				return
			}
			_, _ = out.Write([]byte("{"))
			_ = http.NewResponseController(out).Flush()
			<-r.Context().Done()
		}))
		peers, err := NewPeers(silent)
		if err != nil {
			t.Fatal(err)
		}
		c := newWeightClient(with)
		c.patience = 10 * time.Millisecond
		if _, err := c.fetchAny(t.Context(), peers, root, t.TempDir()); !errors.Is(err, errSilent) {
			t.Errorf("%s: %v, want %v", at, err, errSilent)
		}
	}
}

// TestFetchWeights: a model comes from peers by ranges; what is cut goes on with another
// peer, what is wrong is refused and comes from another.
func TestFetchWeights(t *testing.T) {
	w, root, folder := servedWeights(t)
	cut := 0
	peer := func(h http.Handler) (*Peer, *tls.Config) { return weightPeer(t, h) }
	lying, with := peer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/blobs/") {
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, r)
			b := rec.Body.Bytes()
			b[len(b)/2] ^= 1
			_, _ = out.Write(b)
			return
		}
		w.ServeHTTP(out, r)
	}))
	cutting, _ := peer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/blobs/") && r.Header.Get("Range") == "" {
			rec := httptest.NewRecorder()
			w.ServeHTTP(rec, r)
			if rec.Body.Len() > 4096 {
				cut++
				out.Header().Set("Content-Length", rec.Result().Header.Get("Content-Length"))
				_, _ = out.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
				panic(http.ErrAbortHandler)
			}
			_, _ = out.Write(rec.Body.Bytes())
			return
		}
		w.ServeHTTP(out, r)
	}))
	ranged := 0
	good, _ := peer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			ranged++
		}
		w.ServeHTTP(out, r)
	}))
	to := filepath.Join(t.TempDir(), "m")
	peers, err := NewPeers(lying)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := FetchWeights(t.Context(), peers, with, root, to, MaxModel); signed.ReasonOf(err) != signed.Digest {
		t.Errorf("from one who lies: %v, want a refusal with digest", err)
	}
	if peers, err = NewPeers(lying, cutting, good); err != nil {
		t.Fatal(err)
	}
	path, err := FetchWeights(t.Context(), peers, with, root, to, MaxModel)
	if err != nil || path != to {
		t.Fatalf("%q, %v", path, err)
	}
	if cut == 0 || ranged == 0 {
		t.Errorf("%d were cut, %d went on: the case is none", cut, ranged)
	}
	names, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if !bytes.Equal(readFile(t, filepath.Join(folder, n.Name())), readFile(t, filepath.Join(to, n.Name()))) {
			t.Errorf("%s is another file", n.Name())
		}
	}
	if left, _ := os.ReadDir(to); len(left) != len(names) {
		t.Errorf("%d files, want %d", len(left), len(names))
	}
	if _, err := FetchWeights(t.Context(), peers, with, strings.Repeat("0", 64), to, MaxModel); err == nil {
		t.Error("a model that nobody has was fetched")
	}
}

// TestReadList: a list that leads out of the folder, or gives another root, is refused.
func TestReadList(t *testing.T) {
	w, root, _ := servedWeights(t)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest("GET", "/v1/models/"+root, nil))
	text, err := io.ReadAll(rec.Body)
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) error {
		v, err := signed.Parse([]byte(text), maxList)
		if err == nil {
			_, err = readList(v, root)
		}
		return err
	}
	if err := read(string(text)); err != nil {
		t.Fatal(err)
	}
	var list listOfFiles
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../x", "/etc/passwd", "a/../b", "a//b", ".", "", `a\b`, "C:x", ".parts/x", "a\x00b"} {
		l := listOfFiles{Root: root, Files: append([]weightFile(nil), list.Files...)}
		l.Files[0].Name = name
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := read(string(text)); signed.ReasonOf(err) != signed.Path {
			t.Errorf("the name %q: %v, want a refusal with path", name, err)
		}
	}
	for name, change := range map[string]func(l *listOfFiles){
		"one file less":  func(l *listOfFiles) { l.Files = l.Files[1:] },
		"another sum":    func(l *listOfFiles) { l.Files[0].Digest = root },
		"another root":   func(l *listOfFiles) { l.Root = strings.Repeat("0", 64) },
		"no files":       func(l *listOfFiles) { l.Files = []weightFile{} },
		"sizes overflow": func(l *listOfFiles) { l.Files[0].Size, l.Files[1].Size = 1<<62, 1<<62 },
		"a size below 0": func(l *listOfFiles) { l.Files[0].Size = -1 },
		"a name twice":   func(l *listOfFiles) { l.Files[0].Name = l.Files[1].Name },
	} {
		l := listOfFiles{Root: root, Files: append([]weightFile(nil), list.Files...)}
		change(&l)
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := read(string(text)); signed.ReasonOf(err) == "" {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}

// TestServeWeights: a node serves its weights to peers, whom it knows by their certificates,
// and to nobody else.
func TestServeWeights(t *testing.T) {
	w, root, _ := servedWeights(t)
	d, address := t.TempDir(), freeAddress(t)
	var peers strings.Builder
	for _, name := range []string{"n1", "n2"} {
		writeKeys(t, filepath.Join(d, name))
		writeKeys(t, filepath.Join(d, name+".nats"))
		writeCertificate(t, filepath.Join(d, name), name)
		fmt.Fprintf(&peers, "[[peer]]\nname = %q\nkey = %q\nroles = [\"work\"]\nnkey = %q\ncertificate = %q\n", name, name+".pub", name+".nats.pub", name+".crt")
		if name == "n1" {
			fmt.Fprintf(&peers, "blobs = %q\n", "https://"+address)
		}
		writeFile(t, filepath.Join(d, name+".toml"), fmt.Appendf(nil, "pool = \"p\"\nkey = %q\npeers = \"peers.toml\"\nblobs = %q\n[cluster]\nname = \"c\"\nlisten = \"127.0.0.1:0\"\nstore = %q\nnkey = %q\n[tls]\ncertificate = %q\nkey = %q\n",
			name, address, "store"+name, name+".nats", name+".crt", name+".tls"))
	}
	writeFile(t, filepath.Join(d, "peers.toml"), []byte(peers.String()))
	var configs [2]*Config
	for i := range configs {
		var err error
		if configs[i], err = ReadConfig(filepath.Join(d, fmt.Sprintf("n%d.toml", i+1))); err != nil {
			t.Fatal(err)
		}
	}
	n := &Node{Weights: w}
	if err := n.serveWeights(t.Context(), configs[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	path, err := configs[1].FetchModel(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	l, err := checkpoint.List(t.Context(), path, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := l.Digest(t.Context(), "")
	if err != nil || checkpoint.Root(files).String() != root {
		t.Errorf("what was fetched has another root: %v", err)
	}
	stranger := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: configs[0].peers.pool(), MinVersion: tls.VersionTLS13}}}
	if r, err := stranger.Get("https://" + address + "/v1/models/" + root); err == nil {
		r.Body.Close()
		t.Errorf("a stranger got status %d", r.StatusCode)
	}
}

// TestFetchHuge: a peer who names sizes that are too large, for the configuration or for the
// disk, fills nothing; another is asked.
func TestFetchHuge(t *testing.T) {
	w, root, folder := servedWeights(t)
	total := int64(0)
	for _, f := range w.models[root] {
		total += f.Size
	}
	huge := func(size int64) http.Handler {
		files := append([]weightFile(nil), w.models[root]...)
		files[0].Size = size
		return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/v1/models/") {
				_ = json.NewEncoder(out).Encode(listOfFiles{root, files})
				return
			}
			t.Error("a file was asked for whose size is too large")
			w.ServeHTTP(out, r)
		})
	}
	for name, c := range map[string]struct {
		size, most, free int64
	}{
		"the configuration": {1 << 33, 1 << 32, 1 << 50},
		"the disk":          {1 << 40, 1 << 41, 1<<40 + total},
		"any number":        {1 << 52, 1 << 62, 1 << 52},
	} {
		lying, with := weightPeer(t, huge(c.size))
		good, _ := weightPeer(t, w)
		peers, err := NewPeers(lying)
		if err != nil {
			t.Fatal(err)
		}
		client := newWeightClient(with)
		client.most, client.free = c.most, func(string) (int64, error) { return c.free, nil }
		to := filepath.Join(t.TempDir(), "m")
		if _, err := client.fetchAny(t.Context(), peers, root, to); signed.ReasonOf(err) != signed.Form {
			t.Errorf("%s: %v, want a refusal with form", name, err)
		}
		if peers, err = NewPeers(lying, good); err != nil {
			t.Fatal(err)
		}
		if path, err := client.fetchAny(t.Context(), peers, root, to); err != nil || path != to {
			t.Errorf("%s: from the other: %q, %v", name, path, err)
		}
	}
	// What is there already needs no room.
	good, with := weightPeer(t, w)
	peers, err := NewPeers(good)
	if err != nil {
		t.Fatal(err)
	}
	client := newWeightClient(with)
	client.free = func(string) (int64, error) { return leftOfADisk, nil }
	if path, err := client.fetchAny(t.Context(), peers, root, folder); err != nil || path != folder {
		t.Errorf("a model that is there: %q, %v", path, err)
	}
}
