package hub

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func sortedKeys(m map[string][]byte) []string { return slices.Sorted(maps.Keys(m)) }

func mustParse(t *testing.T, text string) Source {
	t.Helper()
	src, err := ParseSource(text)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// names returns the names of a model's files.
func names(m *Model) (all []string) {
	for _, f := range m.Files {
		all = append(all, f.Name)
	}
	return all
}

func TestParsePages(t *testing.T) {
	for text, want := range map[string]string{
		"https://huggingface.co/u/R":                                "hf.co/u/R",
		"https://huggingface.co/u/R/":                               "hf.co/u/R",
		"huggingface.co/u/R:Q8_0":                                   "hf.co/u/R:Q8_0",
		"HTTPS://HF.co/u/R?library=x#top":                           "hf.co/u/R",
		"https://huggingface.co/u/R/tree/main":                      "hf.co/u/R",
		"https://huggingface.co/u/R/tree/v1.0":                      "hf.co/u/R@v1.0",
		"https://huggingface.co/u/R/tree/refs%2Fpr%2F1":             "hf.co/u/R@refs/pr/1",
		"https://huggingface.co/u/R/tree/main/Q4_K_M":               "hf.co/u/R:Q4_K_M",
		"https://huggingface.co/u/R/blob/main/x-Q8_0.gguf":          "hf.co/u/R:x-Q8_0.gguf",
		"https://huggingface.co/u/R/resolve/v1/a/x.gguf?download=1": "hf.co/u/R:x.gguf@v1",
		"hf.co/u/R:Q8_0@0123456789012345678901234567890123456789":   "hf.co/u/R:Q8_0@0123456789012345678901234567890123456789",
		"hf.co/u/R:latest":                                          "hf.co/u/R",
	} {
		if src, err := ParseSource(text); err != nil || src.String() != want {
			t.Errorf("%s: %s, %v, want %s", text, src, err, want)
		}
	}
	for _, bad := range []string{"hf.co/u", "hf.co/u/r/more", "hf.co/../x", "hf.co//x", "hf.co/u/r:../x", "hf.co/u/r@", "hf.co/u/r@../x", "hf.co/u/r@a//b", "https://hf.co/u/r/blob/main/README.md", "https://huggingface.co/u/r/tree/../x"} {
		if src, err := ParseSource(bad); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: %+v, %v, want ErrSyntax", bad, src, err)
		}
	}
}

// A pull pins the branch, takes the files of the label, and keeps what it was;
// the next one asks, and fetches nothing.
func TestPullHuggingFace(t *testing.T) {
	q4, q8 := tinyGGUF(t, 1, 200), tinyGGUF(t, 3, 100)
	hub := newFakeHub(t, map[string][]byte{"m-Q4_K_M.gguf": q4, "sub/m-Q8_0.gguf": q8, "README.md": []byte("#"), "mmproj.gguf": q8})
	hub.page = 1
	s := hub.store(t)
	s.Settings.HuggingFaceToken = "hf_secretToken"
	m, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name.String() != "hf.co/user/repo:latest" || m.Origin.Version != hub.commit || len(m.Files) != 1 || m.Files[0].Digest != digestOf(q4) {
		t.Errorf("%+v", m)
	}
	if err := s.Verify(t.Context(), m, nil); err != nil {
		t.Error(err)
	}
	for _, what := range hub.requests {
		got := hub.headers[what].Get("Authorization")
		if at := strings.HasPrefix(what, "/m-"); at && got != "" || !at && got != "Bearer hf_secretToken" {
			t.Errorf("%s got %q", what, got)
		}
	}
	if left := files(t, s.stagingPath(m.Name)); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	hub.reset(nil)
	again, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil)
	if err != nil || !again.PulledAt.Equal(m.PulledAt) || hub.sentBytes() != 0 {
		t.Errorf("again: %v, %d bytes were sent", err, hub.sentBytes())
	}
	m8, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo:q8_0@v1"), nil)
	if err != nil || m8.Name.String() != "hf.co/user/repo:q8_0@v1" || m8.Files[0].Digest != digestOf(q8) {
		t.Errorf("a label at a revision: %+v, %v", m8, err)
	}
	for _, text := range []string{"hf.co/user/repo", "hf.co/user/repo:latest", m.Name.String()} {
		if found, err := s.Find(mustParse(t, text)); err != nil || found.Name != m.Name {
			t.Errorf("find %s: %v, %v", text, found, err)
		}
	}
	hub.reset(nil)
	hub.files["m-Q4_K_M.gguf"], hub.commit = q8, strings.Repeat("d", 40)
	if m, err = s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil); err != nil || m.Origin.Version != hub.commit || m.Files[0].Digest != digestOf(q8) {
		t.Errorf("a newer revision: %+v, %v", m, err)
	}
	if hub.sentBytes() != 0 {
		t.Errorf("%d bytes were sent that the store had under another name", hub.sentBytes())
	}
	if m, err = s.Pull(t.Context(), mustParse(t, "hf.co/old/name:Q8_0"), nil); err != nil || m.Files[0].Digest != digestOf(q8) {
		t.Errorf("a renamed repository: %v", err)
	}
}

func TestPullFolder(t *testing.T) {
	dir := t.TempDir()
	tinyFolder(t, dir)
	all := map[string][]byte{"original/consolidated.00.pth": []byte("PK")}
	for _, name := range files(t, dir) {
		all[name] = read(t, filepath.Join(dir, name))
	}
	hub := newFakeHub(t, all)
	s := hub.store(t)
	m, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := names(m)
	slices.Sort(got)
	if want := "chat_template.jinja config.json model.safetensors tokenizer.json"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
	hub.reset(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/config.json") {
			fmt.Fprint(w, `{"model_type": "qwen4", "text_config": {"max_position_embeddings": 4096}, "max_position_embeddings": 1}`)
			return true
		}
		return false
	})
	s = hub.store(t)
	if _, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil); !errors.Is(err, ErrDigest) || !strings.Contains(err.Error(), "config.json") {
		t.Errorf("a byte of config.json differs: %v, want ErrDigest", err)
	}
}

// What is refused says why and what to do, asks little, and leaves nothing.
func TestHuggingFaceRefusals(t *testing.T) {
	good := map[string][]byte{"m-Q4_K_M.gguf": tinyGGUF(t, 1, 200)}
	answer := func(on string, code int, reason, message string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, on) {
				return false
			}
			refuse(w, code, reason, message)
			return true
		}
	}
	body := func(on, text string) func(w http.ResponseWriter, r *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, on) {
				return false
			}
			fmt.Fprint(w, text)
			return true
		}
	}
	row := `[{"type":"file","path":%s,"size":10,"oid":"` + strings.Repeat("0", 40) + `","lfs":{"oid":%s,"size":%s}}]`
	zeros := `"` + strings.Repeat("0", 64) + `"`
	for _, c := range []struct {
		what, source, token string
		fault               func(w http.ResponseWriter, r *http.Request) bool
		kind                error
		want, hint          string
	}{
		{"not there", "hf.co/user/none", "", nil, ErrNotFound, "user/none", "HF_TOKEN"},
		{"not there, with a token", "hf.co/user/repo", "t0ken-t0ken", answer("/revision/", 404, "RepoNotFound", "Repository not found"), ErrNotFound, "user/repo", ""},
		{"no such revision", "hf.co/user/repo@v9", "", nil, ErrNotFound, "v9", ""},
		{"no such label", "hf.co/user/repo:Q3_K_XL", "", nil, ErrNotFound, "there are Q4_K_M", ""},
		{"gated", "hf.co/user/repo", "", answer("/resolve/", 401, "GatedRepo", "Access is restricted"), ErrDenied, "gated", "HF_TOKEN"},
		{"gated, no access", "hf.co/user/repo", "t0ken-t0ken", answer("/resolve/", 403, "GatedRepo", "not in the authorized list"), ErrDenied, "authorized list", "ask for access at https://huggingface.co/user/repo"},
		{"an expired token", "hf.co/user/repo", "t0ken-t0ken", answer("/revision/", 401, "", "Invalid credentials in Authorization header"), ErrDenied, "token", "HF_TOKEN"},
		{"taken down", "hf.co/user/repo", "", answer("/revision/", 403, "", "Access to this resource is disabled."), ErrDenied, "disabled", ""},
		{"a rate limit", "hf.co/user/repo", "", answer("/revision/", 429, "", "slow down"), ErrUnreachable, "slow down", "HF_TOKEN"},
		{"a page for the repository", "hf.co/user/repo", "", body("/revision/", "<!doctype html>"), ErrFormat, "sha", ""},
		{"null for the repository", "hf.co/user/repo", "", body("/revision/", "null"), ErrFormat, "sha", ""},
		{"a commit with a path", "hf.co/user/repo", "", body("/revision/", `{"sha":"../../x"}`), ErrFormat, "sha", ""},
		{"a page for the files", "hf.co/user/repo", "", body("/tree/", "<!doctype html>"), ErrFormat, "no list", ""},
		{"an object for the files", "hf.co/user/repo", "", body("/tree/", "{}"), ErrFormat, "no list", ""},
		{"brackets", "hf.co/user/repo", "", body("/tree/", strings.Repeat("[", 200_000)), ErrFormat, "no list", ""},
		{"a negative size", "hf.co/user/repo", "", body("/tree/", fmt.Sprintf(row, `"x.gguf"`, zeros, "-5")), ErrFormat, "-5", ""},
		{"a size of text", "hf.co/user/repo", "", body("/tree/", fmt.Sprintf(row, `"x.gguf"`, zeros, `"many"`)), ErrFormat, "no list", ""},
		{"2^62 bytes", "hf.co/user/repo", "", body("/tree/", fmt.Sprintf(row, `"x.gguf"`, zeros, "4611686018427387904")), ErrFormat, "size", ""},
		{"a name of a number", "hf.co/user/repo", "", body("/tree/", fmt.Sprintf(row, `7`, zeros, "5")), ErrFormat, "no list", ""},
		{"a name that climbs", "hf.co/user/repo", "", body("/tree/", fmt.Sprintf(row, `"../x.gguf"`, zeros, "5")), ErrFormat, "../x.gguf", ""},
		{"a digest that is a path", "hf.co/user/repo", "", body("/tree/", fmt.Sprintf(row, `"x.gguf"`, `"../../x"`, "5")), ErrFormat, "../../x", ""},
		{"a digest of another kind", "hf.co/user/repo", "", body("/tree/", fmt.Sprintf(row, `"x.gguf"`, `"md5:00"`, "5")), ErrFormat, "md5", ""},
		{"another size than listed", "hf.co/user/repo", "", body("/m-Q4_K_M.gguf", "GGUF"), ErrDigest, "4 bytes", ""},
		{"a redirect to metadata", "hf.co/user/repo", "", func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/resolve/") {
				return false
			}
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
			return true
		}, ErrFormat, "link-local", ""},
		{"a next page elsewhere", "hf.co/user/repo", "", func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/tree/") {
				return false
			}
			w.Header().Set("Link", `<https://127.0.0.3/x>; rel="next"`)
			fmt.Fprint(w, "[]")
			return true
		}, ErrFormat, "another host", ""},
	} {
		hub := newFakeHub(t, good)
		hub.reset(c.fault)
		s := hub.store(t)
		s.Settings.HuggingFaceToken = c.token
		s.pause = 1
		_, err := s.Pull(t.Context(), mustParse(t, c.source), nil)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %v with %q", c.what, err, c.kind, c.want)
		}
		var hint *HintError
		if errors.As(err, &hint) != (c.hint != "") || c.hint != "" && !strings.Contains(hint.Hint, c.hint) {
			t.Errorf("%s: hint %v, want %q", c.what, hint, c.hint)
		}
		if c.token != "" && strings.Contains(fmt.Sprint(err), c.token) {
			t.Errorf("%s: the token stands in %v", c.what, err)
		}
		if models, err := s.List(); len(models) > 0 || err != nil {
			t.Errorf("%s: stored %v, %v", c.what, models, err)
		}
		if n := folderSize(filepath.Join(s.dir, "staging")); n > 0 {
			t.Errorf("%s: %d bytes stay", c.what, n)
		}
	}
}

// A pull that was cut for good keeps what came, says so, and goes on there.
func TestPullUnfinished(t *testing.T) {
	content := tinyGGUF(t, 1, 5000)
	hub := newFakeHub(t, map[string][]byte{"m-Q4_K_M.gguf": content})
	s := hub.store(t)
	s.pause = 1
	cut := 100_000
	hub.reset(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/m-") {
			if cut > 0 {
				w.Header().Set("Content-Length", fmt.Sprint(len(content)))
				w.Write(content[:cut])
				cut = 0
			}
			panic(http.ErrAbortHandler)
		}
		return false
	})
	_, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil)
	var unfinished *UnfinishedError
	if !errors.As(err, &unfinished) || unfinished.Bytes < 100_000 || !errors.Is(err, ErrUnreachable) {
		t.Fatalf("%v, want an UnfinishedError", err)
	}
	hub.reset(nil)
	m, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil)
	if err != nil || m.Files[0].Digest != digestOf(content) || hub.sentBytes() != int64(len(content)-100_000) {
		t.Errorf("again: %v, %d bytes were sent of %d", err, hub.sentBytes(), len(content))
	}
}

// A large file is fetched once, whatever the names are by which pulls want it at
// once, and what came of it serves a pull by another name; rm drops it.
func TestPullShared(t *testing.T) {
	content := tinyGGUF(t, 1, 20_000)
	hub := newFakeHub(t, map[string][]byte{"m-Q4_K_M.gguf": content})
	s := hub.store(t)
	s.pause = 1
	var group sync.WaitGroup
	for _, text := range []string{"hf.co/user/repo", "hf.co/user/repo:Q4_K_M", "hf.co/user/repo@v1", "hf.co/old/name"} {
		group.Go(func() {
			src, err := ParseSource(text)
			if err == nil {
				_, err = s.Pull(t.Context(), src, nil)
			}
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
		})
	}
	group.Wait()
	if hub.sentBytes() != int64(len(content)) {
		t.Errorf("%d bytes were sent, want %d", hub.sentBytes(), len(content))
	}
	s = hub.store(t)
	s.pause = 1
	var sent atomic.Bool
	hub.reset(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasPrefix(r.URL.Path, "/m-") {
			if !sent.Swap(true) {
				w.Header().Set("Content-Length", fmt.Sprint(len(content)))
				w.Write(content[:1_500_000])
			}
			panic(http.ErrAbortHandler)
		}
		return false
	})
	cut := func(text string) {
		t.Helper()
		sent.Store(false)
		if _, err := s.Pull(t.Context(), mustParse(t, text), nil); !errors.Is(err, ErrUnreachable) {
			t.Fatalf("%v, want ErrUnreachable", err)
		}
	}
	cut("hf.co/user/repo")
	if freed, err := s.Remove(t.Context(), "hf.co/user/repo"); err != nil || freed < 1_500_000 {
		t.Errorf("rm of an unfinished pull: %d bytes, %v", freed, err)
	}
	cut("hf.co/user/repo")
	hub.reset(nil)
	if _, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo:q4_k_m"), nil); err != nil || hub.sentBytes() != int64(len(content)-1_500_000) {
		t.Errorf("by another name: %v, %d bytes were sent of %d", err, hub.sentBytes(), len(content))
	}
}

// Nothing is asked offline, nor where the settings of the hub say so.
func TestHuggingFaceOffline(t *testing.T) {
	hub := newFakeHub(t, nil)
	for _, set := range []func(*Store){func(s *Store) { s.Offline = true }, func(s *Store) { s.Settings.HuggingFaceOffline = true }} {
		s := hub.store(t)
		set(s)
		if _, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil); !errors.Is(err, ErrOffline) {
			t.Errorf("pull: %v, want ErrOffline", err)
		}
		if _, err := s.Offers(t.Context(), mustParse(t, "hf.co/user/repo"), nil); !errors.Is(err, ErrOffline) {
			t.Errorf("list: %v, want ErrOffline", err)
		}
	}
	if len(hub.requests) > 0 {
		t.Errorf("asked %v", hub.requests)
	}
	s := hub.store(t)
	s.Settings.HuggingFace = "http://hub.example"
	if _, err := s.Pull(t.Context(), mustParse(t, "hf.co/user/repo"), nil); err == nil || !strings.Contains(err.Error(), "HF_ENDPOINT") || errors.Is(err, ErrFormat) {
		t.Errorf("plain http to another machine: %v", err)
	}
}

func TestOffers(t *testing.T) {
	body := tinyGGUF(t, 1, 10)
	hub := newFakeHub(t, map[string][]byte{
		"a-Q4_K_M.gguf": body, "a-Q6_K-00001-of-00002.gguf": body, "a-Q6_K-00002-of-00002.gguf": body,
		"b-Q4_K_M.gguf": body, "c-Q8_0-00001-of-00002.gguf": body, "mmproj-F16.gguf": body, "odd name.gguf": body,
	})
	s := hub.store(t)
	o, err := s.Offers(t.Context(), mustParse(t, "hf.co/user/repo@v1"), nil)
	if err != nil || o.Version != hub.commit {
		t.Fatal(o, err)
	}
	var got []string
	for _, m := range o.Models {
		got = append(got, fmt.Sprintf("%s %d %d %v %v", m.Source, m.Files, m.Size/int64(len(body)), m.Default, m.Missing != ""))
	}
	want := []string{"hf.co/user/repo:Q4_K_M@v1 1 1 true false", "hf.co/user/repo:Q6_K@v1 2 2 false false", "hf.co/user/repo:b-Q4_K_M.gguf@v1 1 1 false false", "hf.co/user/repo:c-Q8_0-00001-of-00002.gguf@v1 1 1 false true"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if models, err := s.List(); len(models) > 0 || err != nil {
		t.Errorf("listing stored %v, %v", models, err)
	}
}

func TestReadSettings(t *testing.T) {
	env := map[string]string{"HF_ENDPOINT": "https://mirror.example/hf/", "HF_TOKEN": " t ", "HF_HUB_OFFLINE": "yes", "MODELSCOPE_ENDPOINT": "ms.example", "BLITZ_OLLAMA_REGISTRY": "", "HF_HOME": "/hf", "DOCKER_CONFIG": "/d"}
	got := ReadSettings(func(name string) string { return env[name] })
	want := Settings{
		HuggingFace: "https://mirror.example/hf", HuggingFaceToken: "t", HuggingFaceFile: filepath.FromSlash("/hf/token"), HuggingFaceOffline: true,
		OllamaRegistry: "https://registry.ollama.ai", ModelScope: "https://ms.example", DockerConfig: "/d",
	}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("  first \r\nsecond\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := firstLine(path); got != "first" {
		t.Errorf("%q", got)
	}
	if got := firstLine(path + "x"); got != "" {
		t.Errorf("%q", got)
	}
}
