package cluster

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/signed"
)

// Weights are the files of models that a node gives to its peers, by their sums. They never
// go through the queue.
type Weights struct {
	models map[string][]weightFile // by root
	files  map[string]string       // path, by sum
}

// weightFile is a file of a model.
type weightFile struct {
	Name   string `json:"name"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
}

// listOfFiles is what a node says of a model.
type listOfFiles struct {
	Root  string       `json:"root"`
	Files []weightFile `json:"files"`
}

// NewWeights returns no files.
func NewWeights() *Weights {
	return &Weights{models: map[string][]weightFile{}, files: map[string]string{}}
}

// Add adds a model: its root, and where its files are.
func (w *Weights) Add(root string, resources []checkpoint.Resource, path func(name string) string) error {
	var files []weightFile
	for _, r := range resources {
		at := path(r.Name)
		st, err := os.Stat(at)
		if err != nil {
			return err
		}
		name := r.Name
		if name == "." {
			name = filepath.Base(at)
		}
		files = append(files, weightFile{name, r.Digest.String(), st.Size()})
		w.files[r.Digest.String()] = at
	}
	w.models[root] = files
	return nil
}

// ServeHTTP serves lists and files, with ranges.
func (w *Weights) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	rest, isFile := strings.CutPrefix(r.URL.Path, "/v1/blobs/sha256/")
	root, isList := strings.CutPrefix(r.URL.Path, "/v1/models/")
	switch files := w.models[root]; {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(out, "want GET", http.StatusMethodNotAllowed)
	case isList && files != nil:
		out.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(out).Encode(listOfFiles{root, files}) // who left does not hear it
	case isFile && w.files[rest] != "":
		f, err := os.Open(w.files[rest])
		if err != nil {
			http.Error(out, "the file is gone", http.StatusNotFound)
			return
		}
		defer f.Close()
		out.Header().Set("Content-Type", "application/octet-stream")
		out.Header().Set("ETag", strconv.Quote(rest))
		http.ServeContent(out, r, "", time.Time{}, f)
	default:
		http.Error(out, "no such model or file", http.StatusNotFound)
	}
}

// bounds of what peers say.
const (
	maxList  = 16 << 20
	maxFiles = 100_000
)

// weightClient fetches files of models from peers.
type weightClient struct {
	http     *http.Client
	patience time.Duration // with a peer who sends nothing
	most     int64         // bytes of a model
	free     func(folder string) (int64, error)
}

// Bounds of what a model may take on the disk: a root says nothing of the sizes of files, which
// a peer may lie about.
const (
	MaxModel    = 2 << 40 // bytes, where the configuration says nothing
	leftOfADisk = 1 << 30 // bytes
)

// weightPatience is how long a peer may send nothing.
const weightPatience = time.Minute

// newWeightClient returns a client that peers know by its certificate.
func newWeightClient(with *tls.Config) *weightClient {
	return &weightClient{patience: weightPatience, most: MaxModel, free: machine.FreeDisk, http: &http.Client{
		Transport: &http.Transport{TLSClientConfig: with, ResponseHeaderTimeout: 30 * time.Second, DisableCompression: true, MaxIdleConnsPerHost: 2},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("peers lead nowhere else")
		},
	}}
}

// FetchWeights fetches a model of at most so many bytes by its root from any peer who has it,
// into a folder, and returns the path to open. What is there already is kept; what was begun
// goes on. Nothing is believed that does not give the root. The error is a Refusal where all
// peers had something else.
func FetchWeights(ctx context.Context, peers *Peers, with *tls.Config, root, folder string, most int64) (string, error) {
	c := newWeightClient(with)
	c.most = most
	return c.fetchAny(ctx, peers, root, folder)
}

// fetchAny fetches a model from the first peer who has it.
func (c *weightClient) fetchAny(ctx context.Context, peers *Peers, root, folder string) (string, error) {
	defer c.http.CloseIdleConnections()
	errs := []error{signed.Refuse(signed.Missing, "the model %s: no peer serves weights", root)}
	for _, p := range peers.All {
		if p.Blobs == "" {
			continue
		}
		path, err := c.fetch(ctx, strings.TrimSuffix(p.Blobs, "/"), root, folder)
		if err == nil {
			return path, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		errs = append(errs, fmt.Errorf("%s: %w", p.Name, err))
	}
	return "", errors.Join(errs[min(1, len(errs)-1):]...)
}

// fetch fetches a model from one peer.
func (c *weightClient) fetch(ctx context.Context, from, root, folder string) (string, error) {
	files, err := c.list(ctx, from, root)
	if err != nil {
		return "", err
	}
	parts := filepath.Join(folder, ".parts")
	if err := os.MkdirAll(parts, 0o700); err != nil {
		return "", err
	}
	if err := c.room(files, folder, parts); err != nil {
		return "", err
	}
	for _, f := range files {
		if err := c.file(ctx, from, f, filepath.Join(folder, filepath.FromSlash(f.Name)), filepath.Join(parts, f.Digest)); err != nil {
			return "", err
		}
	}
	if err := os.RemoveAll(parts); err != nil {
		return "", err
	}
	if len(files) == 1 {
		return filepath.Join(folder, filepath.FromSlash(files[0].Name)), nil
	}
	return folder, nil
}

// room says whether there is room for files of which some may be there. readList has seen that
// their sum is a number.
func (c *weightClient) room(files []weightFile, folder, parts string) error {
	total, missing := int64(0), int64(0)
	for _, f := range files {
		total += f.Size
		there := int64(0)
		for _, path := range []string{filepath.Join(folder, filepath.FromSlash(f.Name)), filepath.Join(parts, f.Digest)} {
			if st, err := os.Stat(path); err == nil {
				there = max(there, st.Size())
			}
		}
		missing += max(0, f.Size-there)
	}
	if total > c.most {
		return signed.Refuse(signed.Form, "the peer says that the files have %d bytes, want at most %d (model-mb)", total, c.most)
	}
	free, err := c.free(folder)
	if errors.Is(err, errors.ErrUnsupported) { // the system cannot tell
		return nil
	}
	if err != nil {
		return err
	}
	if missing > free-leftOfADisk {
		return signed.Refuse(signed.Form, "the peer says that %d bytes are missing, %s has %d, of which %d are left free", missing, folder, free, leftOfADisk)
	}
	return nil
}

// errSilent is a peer who stopped sending.
var errSilent = errors.New("it sends nothing any more")

// patientBody is the body of an answer, which ends with errSilent when nothing comes for too
// long.
type patientBody struct {
	io.ReadCloser
	ctx      context.Context // of the request
	cancel   context.CancelCauseFunc
	patience time.Duration
}

func (b *patientBody) Read(p []byte) (int, error) {
	t := time.AfterFunc(b.patience, func() { b.cancel(errSilent) })
	defer t.Stop()
	n, err := b.ReadCloser.Read(p)
	if err != nil && errors.Is(context.Cause(b.ctx), errSilent) {
		err = errSilent
	}
	return n, err
}

func (b *patientBody) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

// get asks for something.
func (c *weightClient) get(ctx context.Context, address string, at int64) (answer *http.Response, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer func() {
		if err != nil {
			cancel(nil)
		}
	}()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	want := http.StatusOK
	if at > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", at))
		want = http.StatusPartialContent
	}
	got, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	if got.StatusCode != want {
		_ = got.Body.Close()
		return nil, fmt.Errorf("%s: status %d, want %d", address, got.StatusCode, want)
	}
	got.Body = &patientBody{got.Body, ctx, cancel, c.patience}
	return got, nil
}

// list asks for the files of a model, which have to give the root.
func (c *weightClient) list(ctx context.Context, from, root string) ([]weightFile, error) {
	got, err := c.get(ctx, from+"/v1/models/"+root, 0)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	text, err := signed.ReadAll(got.Body, maxList)
	if err != nil {
		return nil, err
	}
	v, err := signed.Parse(text, maxList)
	if err != nil {
		return nil, err
	}
	return readList(v, root)
}

// readList reads a list of files, strictly.
func readList(v any, root string) ([]weightFile, error) {
	f := signed.Read(v, "list")
	if f.Digest("root") != root {
		f.Refuse(signed.Root, "root", "of another model, want %s", root)
	}
	var files []weightFile
	total := int64(0)
	for _, x := range f.Objects("files", maxFiles) {
		w := weightFile{x.LongText("name", 4096), x.Digest("digest"), x.Int("size", 0, math.MaxInt64)}
		x.End()
		if f.Err() != nil {
			break
		}
		if err := checkWeightName(w.Name); err != nil {
			x.Refuse(signed.Path, "name", "%v", err)
		}
		if total += w.Size; total < 0 {
			x.Refuse(signed.Form, "size", "more than there can be")
			break
		}
		files = append(files, w)
	}
	f.End()
	if f.Err() != nil {
		return nil, f.Err()
	}
	return files, checkRoot(files, root)
}

// checkWeightName checks that a name stays within the folder.
func checkWeightName(name string) error {
	if name == "" || name == "." || strings.ContainsAny(name, "\\:\x00") || !filepath.IsLocal(filepath.FromSlash(name)) || filepath.ToSlash(filepath.Clean(filepath.FromSlash(name))) != name || strings.HasPrefix(name, ".parts") {
		return fmt.Errorf("%s is no name of a file below a folder", message.Quote(name))
	}
	return nil
}

// checkRoot checks that files give a root.
func checkRoot(files []weightFile, root string) error {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b weightFile) int { return strings.Compare(a.Name, b.Name) })
	h := sha256.New()
	for i, f := range sorted {
		if i > 0 && sorted[i-1].Name == f.Name {
			return signed.Refuse(signed.Path, "%.80q twice", f.Name)
		}
		raw, err := hex.DecodeString(f.Digest)
		if err != nil {
			return signed.Refuse(signed.Form, "%.80q is no sum", f.Digest)
		}
		h.Write(raw)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != root || len(files) == 0 {
		return signed.Refuse(signed.Root, "%d files give the root %s, want %s", len(files), got, root)
	}
	return nil
}

// file fetches a file, unless it is there.
func (c *weightClient) file(ctx context.Context, from string, f weightFile, path, part string) error {
	if h, n, err := sumFile(path, f.Size); err == nil && n == f.Size && hex.EncodeToString(h.Sum(nil)) == f.Digest {
		return nil
	}
	h, at, err := sumFile(part, f.Size)
	if errors.Is(err, os.ErrNotExist) {
		h, at, err = sha256.New(), 0, nil
	}
	if err != nil {
		return err
	}
	if at > f.Size {
		h, at = sha256.New(), 0
	}
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := out.Truncate(at); err != nil {
		return err
	}
	if _, err := out.Seek(at, io.SeekStart); err != nil {
		return err
	}
	if at < f.Size {
		if err := c.rest(ctx, from+"/v1/blobs/sha256/"+f.Digest, io.MultiWriter(out, h), at, f.Size); err != nil {
			return fmt.Errorf("%s: %w", message.Quote(f.Name), err)
		}
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != f.Digest {
		_ = os.Remove(part) // nothing of it can be told right
		return signed.Refuse(signed.Digest, "%.80q is %s, want %s", f.Name, got, f.Digest)
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// rest copies what is missing of a file, and no more.
func (c *weightClient) rest(ctx context.Context, address string, to io.Writer, at, size int64) error {
	got, err := c.get(ctx, address, at)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	if want := fmt.Sprintf("bytes %d-%d/%d", at, size-1, size); at > 0 && got.Header.Get("Content-Range") != want {
		return signed.Refuse(signed.Form, "the range %.80q, want %s", got.Header.Get("Content-Range"), want)
	}
	n, err := io.Copy(to, io.LimitReader(got.Body, size-at))
	if err == nil && n < size-at {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// sumFile sums a file up that has at most so many bytes; a longer one is not read.
func sumFile(path string, most int64) (hash.Hash, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() > most {
		return nil, most + 1, err
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	return h, n, err
}

// FetchModel is FetchWeights from the peers of a configuration, into a folder of the root
// beside the store of the queue.
func (c *Config) FetchModel(ctx context.Context, root string) (string, error) {
	with, err := c.tls()
	if err == nil && with == nil {
		err = fmt.Errorf("models: weights come over HTTPS from peers: [tls] is missing: %w", ErrConfig)
	}
	if err != nil {
		return "", err
	}
	most := int64(MaxModel)
	if c.ModelMB > 0 {
		most = c.ModelMB << 20
	}
	return FetchWeights(ctx, c.peers, with, root, filepath.Join(c.Beside(c.Cluster.Store), "models", root), most)
}
