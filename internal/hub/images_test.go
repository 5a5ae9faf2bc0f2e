package hub

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/blitz-r1/blitz/internal/registry"
)

// fakeRegistry serves manifests and blobs of images, and storage at another
// origin that blobs redirect to.
type fakeRegistry struct {
	server, storage *httptest.Server

	mu        sync.Mutex
	manifests map[string][]byte // by REPOSITORY:TAG and REPOSITORY:DIGEST
	blobs     map[Digest][]byte
	auth      string // "", token, user or basic
	realm     string // empty: its own
	uses      int    // that a token is good for; 0: any
	used      int    // of the last token
	asked     []string
	leaks     []string // requests with a password or token that have no business with it
	sent      map[Digest]int
}

const (
	fakeUser, fakePassword = "puller", "sesame-opens"
	fakeToken              = "token-of-the-registry"
)

func newFakeRegistry(t *testing.T) *fakeRegistry {
	f := &fakeRegistry{manifests: map[string][]byte{}, blobs: map[Digest][]byte{}, sent: map[Digest]int{}}
	f.server = httptest.NewServer(http.HandlerFunc(f.serve))
	f.storage = httptest.NewServer(http.HandlerFunc(f.store))
	t.Cleanup(f.server.Close)
	t.Cleanup(f.storage.Close)
	return f
}

func (f *fakeRegistry) host() string { return strings.TrimPrefix(f.server.URL, "http://") }

func (f *fakeRegistry) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r.URL.Path)
	authorization := r.Header.Get("Authorization")
	user, password, isBasic := r.BasicAuth()
	if r.URL.Path == "/token" {
		if isBasic && (user != fakeUser || password != fakePassword) {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		f.used = 0
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":60}`, fakeToken+map[bool]string{true: "-user"}[isBasic])
		return
	}
	if isBasic && f.auth != "basic" {
		f.leaks = append(f.leaks, r.URL.Path)
	}
	ok := map[string]bool{
		"": true, "token": strings.HasPrefix(authorization, "Bearer "+fakeToken), "user": authorization == "Bearer "+fakeToken+"-user", "basic": isBasic && password == fakePassword,
	}[f.auth]
	if f.uses > 0 && ok {
		f.used++
		ok = f.used <= f.uses
	}
	if !ok {
		realm := f.realm
		if realm == "" {
			realm = f.server.URL + "/token"
		}
		challenge := fmt.Sprintf(`Bearer realm=%q,service="fake",scope="repository:x:pull"`, realm)
		if f.auth == "basic" {
			challenge = `Basic realm="files"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
		return
	}
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v2/"), "/")
	if len(parts) < 3 {
		http.NotFound(w, r)
		return
	}
	repository, kind, reference := strings.Join(parts[:len(parts)-2], "/"), parts[len(parts)-2], parts[len(parts)-1]
	if kind == "manifests" {
		if text := f.manifests[repository+":"+reference]; text != nil {
			w.Write(text)
			return
		}
	} else if d, err := ParseDigest(reference); err == nil && f.blobs[d] != nil {
		http.Redirect(w, r, f.storage.URL+"/"+d.Hex()+"?signature=x", http.StatusTemporaryRedirect)
		return
	}
	http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
}

func (f *fakeRegistry) store(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		f.leaks = append(f.leaks, "storage")
	}
	d, err := ParseDigest(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil || f.blobs[d] == nil {
		http.NotFound(w, r)
		return
	}
	f.sent[d]++
	http.ServeContent(w, r, "", noTime, bytes.NewReader(f.blobs[d]))
}

// layer is a layer of a manifest that a test writes.
type layer struct {
	kind string
	data []byte
	path string // its annotation, if not empty
}

// publish puts an image under a repository and tag, and returns the digest of its
// manifest.
func (f *fakeRegistry) publish(repository, tag, configType, config string, layers ...layer) Digest {
	f.mu.Lock()
	defer f.mu.Unlock()
	add := func(kind string, data []byte, path string) map[string]any {
		d := digestOf(data)
		f.blobs[d] = data
		row := map[string]any{"mediaType": kind, "digest": d.String(), "size": len(data)}
		if path != "" {
			row["annotations"] = map[string]string{pathAnnotations[0]: path}
		}
		return row
	}
	rows := []any{}
	for _, l := range layers {
		rows = append(rows, add(l.kind, l.data, l.path))
	}
	text, _ := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": registry.TypeManifest, "config": add(configType, []byte(config), ""), "layers": rows})
	d := digestOf(text)
	f.manifests[repository+":"+tag], f.manifests[repository+":"+d.String()] = text, text
	return d
}

// storeFor returns a store whose settings name the registry.
func (f *fakeRegistry) storeFor(t *testing.T) *Store {
	s := newStore(t)
	s.Settings.OllamaRegistry = f.server.URL
	s.Settings.DockerConfig = t.TempDir()
	return s
}

func pullFrom(t *testing.T, s *Store, source string) (*Model, []string, error) {
	t.Helper()
	src, err := ParseSource(source)
	if err != nil {
		t.Fatal(err)
	}
	var notes []string
	m, err := s.Pull(t.Context(), src, func(p Progress) {
		if p.Stage == Noting {
			notes = append(notes, p.What)
		}
	})
	return m, notes, err
}

func (f *fakeRegistry) noLeaks(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.leaks) > 0 {
		t.Errorf("credentials went to %v", f.leaks)
	}
}

const dockerConfig = dockerLayer + "model.config.v0.1+json"

func TestPullOllama(t *testing.T) {
	f := newFakeRegistry(t)
	weights := tinyGGUF(t, 5, 16)
	digest := f.publish("library/tiny", "latest", "application/vnd.docker.container.image.v1+json", `{"model_format":"gguf"}`,
		layer{kind: ollamaLayer + "model", data: weights}, layer{kind: ollamaLayer + "template", data: []byte("{{ .Prompt }}")}, layer{kind: ollamaLayer + "license", data: []byte("MIT")},
		layer{kind: ollamaLayer + "params", data: []byte(`{"temperature":0.6,"num_gpu":1}`)}, layer{kind: ollamaLayer + "system", data: []byte("Be brief.")},
		layer{kind: ollamaLayer + "projector", data: tinyGGUF(t, 6, 8)})
	s := f.storeFor(t)
	m, notes, err := pullFrom(t, s, "ollama:tiny")
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != (Name{"tiny", "latest"}) || m.Origin.Source != "ollama:tiny" || m.Origin.Version != digest.String() || len(m.Files) != 1 || m.Files[0].Digest != digestOf(weights) || m.Files[0].Name != "tiny.gguf" {
		t.Errorf("got %+v", m)
	}
	if v := m.Variant; v == nil || v.System != "Be brief." || v.Template != "" || !slices.Equal(v.License, []string{"MIT"}) || *v.Parameters.Temperature != 0.6 {
		t.Errorf("variant %+v", m.Variant)
	}
	if len(notes) != 3 {
		t.Errorf("notes %q, want three: of the projector, the parameter and the template", notes)
	}
	checkStore(t, s)
	if again, _, err := pullFrom(t, s, "ollama:tiny"); err != nil || !again.PulledAt.Equal(m.PulledAt) || f.sent[digestOf(weights)] != 1 {
		t.Errorf("again: %v, fetched %d times", err, f.sent[digestOf(weights)])
	}
	// Texts that change make another variant of the same files.
	f.publish("library/tiny", "latest", "application/vnd.docker.container.image.v1+json", `{"model_format":"gguf"}`,
		layer{kind: ollamaLayer + "model", data: weights}, layer{kind: ollamaLayer + "system", data: []byte("Be long.")})
	if m, _, err = pullFrom(t, s, "ollama:tiny"); err != nil || m.Variant == nil || m.Variant.System != "Be long." || f.sent[digestOf(weights)] != 1 {
		t.Errorf("after a change: %+v, %v, fetched %d times", m, err, f.sent[digestOf(weights)])
	}
	f.publish("user/tiny", "1b-q8_0", "application/vnd.docker.container.image.v1+json", `{}`, layer{kind: ollamaLayer + "model", data: weights})
	if m, _, err = pullFrom(t, s, "ollama:user/tiny:1b-q8_0"); err != nil || m.Name != (Name{"user/tiny", "1b-q8_0"}) || m.Files[0].Name != "tiny-1b-q8_0.gguf" || m.Variant != nil {
		t.Errorf("a user's: %+v, %v", m, err)
	}
	for _, source := range []string{"ollama:nosuch", "ollama:tiny:nosuch"} {
		if _, _, err := pullFrom(t, s, source); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "nosuch") {
			t.Errorf("%s: %v, want ErrNotFound", source, err)
		}
	}
	f.noLeaks(t)
}

// What Ollama has already is not fetched.
func TestPullOllamaFound(t *testing.T) {
	f := newFakeRegistry(t)
	weights := tinyGGUF(t, 5, 16)
	f.publish("library/tiny", "latest", "application/vnd.docker.container.image.v1+json", "{}", layer{kind: ollamaLayer + "model", data: weights})
	s := f.storeFor(t)
	s.Places = places(t)
	write(t, filepath.Join(s.Places.Ollama[0], "blobs", "sha256-"+digestOf(weights).Hex()), weights)
	if _, _, err := pullFrom(t, s, "ollama:tiny"); err != nil || f.sent[digestOf(weights)] != 0 {
		t.Errorf("%v, fetched %d times", err, f.sent[digestOf(weights)])
	}
	checkStore(t, s)
}

func TestPullOllamaRefuses(t *testing.T) {
	f := newFakeRegistry(t)
	const config = "application/vnd.docker.container.image.v1+json"
	gguf := layer{kind: ollamaLayer + "model", data: tinyGGUF(t, 5, 16)}
	f.publish("library/cloud", "latest", config, `{"remote_host":"https://ollama.com"}`)
	f.publish("library/adapter", "latest", config, "{}", gguf, layer{kind: ollamaLayer + "adapter", data: []byte("x")})
	f.publish("library/tensors", "latest", config, "{}", layer{kind: ollamaLayer + "tensor", data: []byte("x")})
	f.publish("library/none", "latest", config, "{}", layer{kind: ollamaLayer + "model", data: []byte("this is no GGUF")})
	f.publish("library/params", "latest", config, "{}", gguf, layer{kind: ollamaLayer + "params", data: []byte("no JSON")})
	f.publish("library/other", "latest", config, "{}", layer{kind: ollamaLayer + "model", data: tinyGGUF(t, 7, 16)})
	f.blobs[digestOf(tinyGGUF(t, 7, 16))] = tinyGGUF(t, 8, 16)
	f.manifests["library/page:latest"] = []byte("<html>log in</html>")
	for name, want := range map[string]error{
		"cloud": ErrFormat, "adapter": ErrFormat, "tensors": ErrFormat, "none": ErrFormat, "params": ErrFormat, "page": ErrFormat, "other": ErrDigest,
	} {
		s := f.storeFor(t)
		if m, _, err := pullFrom(t, s, "ollama:"+name); !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v, want %v", name, m, err, want)
		}
		if models, _ := s.List(); len(models) != 0 {
			t.Errorf("%s: is stored", name)
		}
	}
	f.auth = "token"
	asked := len(f.asked)
	if _, _, err := pullFrom(t, f.storeFor(t), "ollama:cloud"); !errors.Is(err, ErrDenied) || len(f.asked) != asked+1 {
		t.Errorf("what wants a key: %v after %d requests, want ErrDenied after one", err, len(f.asked)-asked)
	}
}

// tinyFolderFiles is how many files of tinyFolder belong to its model.
const tinyFolderFiles = 4

func TestPullOCI(t *testing.T) {
	f := newFakeRegistry(t)
	weights := tinyGGUF(t, 5, 16)
	folder := t.TempDir()
	tinyFolder(t, folder)
	var raw, tarred2 []layer
	var members []tarred
	for _, name := range files(t, folder) {
		data := read(t, filepath.Join(folder, name))
		raw = append(raw, layer{modelPackLayer + "weight.config.v1.raw", data, name})
		members = append(members, tarred{"model/" + name, data})
	}
	tarred2 = append(tarred2, layer{kind: modelPackLayer + "weight.v1.tar+gzip", data: tarBytes(t, true, members...)})
	pack := modelPackLayer + "config.v1+json"
	d := f.publish("models/tiny", "latest", dockerConfig, `{"config":{"format":"gguf"}}`, layer{kind: dockerLayer + "gguf.v3", data: weights}, layer{kind: dockerLayer + "license", data: []byte("MIT")})
	f.publish("models/pack", "v1", pack, "{}", layer{modelPackLayer + "weight.v1.raw", weights, "a/b/Tiny-Q8_0.gguf"}, layer{modelPackLayer + "doc.v1.raw", []byte("# x"), "README.md"})
	f.publish("models/folder", "latest", pack, `{"config":{"format":"safetensors"}}`, raw...)
	f.publish("models/archive", "latest", pack, `{"config":{"format":"safetensors"}}`, tarred2...)
	f.publish("models/plain", "latest", pack, "{}", layer{kind: modelPackLayer + "weight.v1.tar", data: tarBytes(t, false, tarred{"x.py", nil}, tarred{"tiny.gguf", weights})})
	index := []byte(`{"schemaVersion":2,"mediaType":"` + registry.TypeIndex + `","manifests":[{"mediaType":"` + registry.TypeManifest + `","digest":"` + d.String() + `","size":1}]}`)
	f.manifests["models/tiny:index"] = index
	for source, want := range map[string]struct {
		version, name, file string
		files               int
	}{
		"models/tiny":               {d.String(), "models/tiny:latest", "tiny.gguf", 2},
		"models/tiny:latest":        {d.String(), "models/tiny:latest", "tiny.gguf", 2},
		"models/tiny@" + d.String(): {d.String(), "models/tiny:sha256-" + d.Hex(), "tiny.gguf", 2},
		"models/tiny:index":         {digestOf(index).String(), "models/tiny:index", "tiny-index.gguf", 2},
		"models/pack:v1":            {"", "models/pack:v1", "Tiny-Q8_0.gguf", 1},
		"models/folder":             {"", "models/folder:latest", "", tinyFolderFiles},
		"models/archive":            {"", "models/archive:latest", "", tinyFolderFiles},
		"models/plain":              {"", "models/plain:latest", "tiny.gguf", 1},
	} {
		s := f.storeFor(t)
		m, _, err := pullFrom(t, s, "oci://"+f.host()+"/"+source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if m.Name.String() != f.host()+"/"+want.name || len(m.Files) != want.files || want.file != "" && m.Files[0].Name != want.file || want.version != "" && m.Origin.Version != want.version {
			t.Errorf("%s: %+v, want %+v", source, m, want)
		}
		checkStore(t, s)
		before := maps.Clone(f.sent)
		if again, _, err := pullFrom(t, s, "oci://"+f.host()+"/"+source); err != nil || !again.PulledAt.Equal(m.PulledAt) {
			t.Errorf("%s again: %v", source, err)
		}
		for _, l := range m.Files {
			if f.sent[l.Digest] != before[l.Digest] {
				t.Errorf("%s: %s was fetched again", source, l.Name)
			}
		}
	}
	s := f.storeFor(t)
	f.manifests["models/tiny:sha256:"+strings.Repeat("ab", 32)] = f.manifests["models/tiny:latest"]
	f.publish("models/image", "latest", "application/vnd.oci.image.config.v1+json", "{}", layer{kind: "application/vnd.oci.image.layer.v1.tar+gzip", data: []byte("x")})
	f.publish("models/bomb", "latest", pack, "{}", layer{kind: modelPackLayer + "weight.v1.tar+gzip", data: tarBytes(t, true, tarred{"m.gguf", make([]byte, 64<<20)})})
	f.publish("models/escape", "latest", pack, "{}", layer{kind: modelPackLayer + "weight.v1.tar", data: tarBytes(t, false, tarred{"../m.gguf", weights})})
	for source, want := range map[string]error{
		"models/tiny@sha256:" + strings.Repeat("ab", 32): ErrDigest, "models/nosuch": ErrNotFound, "models/tiny:nosuch": ErrNotFound,
		"models/image": ErrFormat, "models/bomb": ErrFormat, "models/escape": ErrFormat,
	} {
		if m, _, err := pullFrom(t, s, "oci://"+f.host()+"/"+source); !errors.Is(err, want) {
			t.Errorf("%s: %+v, %v, want %v", source, m, err, want)
		}
	}
	if models, _ := s.List(); len(models) != 0 || folderSize(filepath.Join(s.dir, "staging")) != 0 {
		t.Errorf("%d models and %d bytes of what was refused stay", len(models), folderSize(filepath.Join(s.dir, "staging")))
	}
	f.noLeaks(t)
}

// login keeps a user and password as docker login does.
func login(t *testing.T, s *Store, host, password string) {
	auth := base64.StdEncoding.EncodeToString([]byte(fakeUser + ":" + password))
	write(t, filepath.Join(s.Settings.DockerConfig, "config.json"), []byte(`{"auths":{"`+host+`":{"auth":"`+auth+`"}}}`))
}

func TestPullOCICredentials(t *testing.T) {
	f := newFakeRegistry(t)
	f.publish("m", "latest", dockerConfig, `{"config":{"format":"gguf"}}`, layer{kind: dockerLayer + "gguf.v3", data: tinyGGUF(t, 5, 16)})
	other := newFakeRegistry(t)
	for name, c := range map[string]struct {
		auth, realm    string
		host, password string
		want           error
		says           string
	}{
		"an anonymous token":       {auth: "token"},
		"a token for a user":       {auth: "user", host: f.host(), password: fakePassword},
		"a password":               {auth: "basic", host: f.host(), password: fakePassword},
		"no login":                 {auth: "user", want: ErrDenied, says: "docker login"},
		"no login, basic":          {auth: "basic", want: ErrDenied, says: "docker login"},
		"a wrong password":         {auth: "user", host: f.host(), password: "wrong", want: ErrDenied},
		"a wrong password, basic":  {auth: "basic", host: f.host(), password: "wrong", want: ErrDenied},
		"that of another registry": {auth: "user", host: "registry.example", password: fakePassword, want: ErrDenied},
		"a realm of another host":  {auth: "user", realm: other.server.URL + "/v2/token/x", host: f.host(), password: fakePassword, want: ErrDenied},
		"a realm of a cloud":       {auth: "user", realm: "http://169.254.169.254/token", host: f.host(), password: fakePassword, want: ErrDenied},
		"a realm that is none":     {auth: "user", realm: "file:///etc/passwd", host: f.host(), password: fakePassword, want: ErrDenied},
	} {
		s := f.storeFor(t)
		f.auth, f.realm = c.auth, c.realm
		if c.host != "" {
			login(t, s, c.host, c.password)
		}
		asked := len(f.asked)
		_, _, err := pullFrom(t, s, "oci://"+f.host()+"/m")
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), fakePassword) || strings.Contains(err.Error(), fakeToken)) {
			t.Errorf("%s: a secret stands in %v", name, err)
		}
		if text := fmt.Sprint(err, hintOf(err)); !strings.Contains(text, c.says) {
			t.Errorf("%s: %s, want %q", name, text, c.says)
		}
		if n := len(f.asked) - asked; n > 8 {
			t.Errorf("%s: %d requests", name, n)
		}
		f.noLeaks(t)
		other.noLeaks(t)
	}
}

func TestPullOCIEnds(t *testing.T) {
	f := newFakeRegistry(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	src, _ := ParseSource("oci://" + f.host() + "/m")
	if _, err := f.storeFor(t).Pull(ctx, src, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the end", err)
	}
}

// hintOf returns what an error says that can be done.
func hintOf(err error) string {
	var h *HintError
	if errors.As(err, &h) {
		return h.Hint
	}
	return ""
}

// A token that ends while a file comes is asked for anew.
func TestPullOCITokenEnds(t *testing.T) {
	f := newFakeRegistry(t)
	weights := tinyGGUF(t, 5, 16)
	f.publish("m", "latest", dockerConfig, `{"config":{"format":"gguf"}}`, layer{kind: dockerLayer + "gguf.v3", data: weights})
	f.auth, f.uses = "token", 2 // of manifest and configuration
	if _, _, err := pullFrom(t, f.storeFor(t), "oci://"+f.host()+"/m"); err != nil {
		t.Error(err)
	}
	if n := strings.Count(strings.Join(f.asked, " "), "/token"); n != 2 {
		t.Errorf("asked for %d tokens, want 2", n)
	}
	f.noLeaks(t)
}
