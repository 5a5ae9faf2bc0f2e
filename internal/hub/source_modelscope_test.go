package hub

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var noTime time.Time

// scopeServer serves one repository of ModelScope, in whose listing no more than
// a few entries of a folder come at once.
type scopeServer struct {
	files   map[string][]byte
	limit   int // of entries in a listing; 0: none
	token   string
	lie     func(path string) string // digest that is listed
	storage *httptest.Server
	sent    []string
	leaks   int
}

func (f *scopeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	authorized := f.token == "" || r.Header.Get("Authorization") == "Bearer "+f.token && strings.Contains(r.Header.Get("Cookie"), "m_session_id="+f.token)
	if !strings.HasPrefix(r.URL.Path, "/api/v1/models/User/Repo/") || !authorized {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"Code":10010205001,"Success":false,"Message":"nothing is there"}`)
		return
	}
	if r.URL.Path == "/api/v1/models/User/Repo/repo" {
		path := r.FormValue("FilePath")
		f.sent = append(f.sent, path)
		http.Redirect(w, r, f.storage.URL+"/"+path, http.StatusFound)
		return
	}
	var rows, folders []string
	for path, data := range f.files {
		root := r.FormValue("Root")
		if root != "" && !strings.HasPrefix(path, root+"/") {
			continue
		}
		sum := digestOf(data).Hex()
		if f.lie != nil {
			sum = f.lie(path)
		}
		rows = append(rows, fmt.Sprintf(`{"Path":%q,"Type":"blob","Size":%d,"Sha256":%q}`, path, len(data), sum))
		if dir := filepath.ToSlash(filepath.Dir(path)); root == "" && dir != "." {
			folders = append(folders, fmt.Sprintf(`{"Path":%q,"Type":"tree"}`, dir))
		}
	}
	slices.Sort(rows)
	if f.limit > 0 && len(rows) > f.limit {
		rows = rows[:f.limit]
	}
	slices.Sort(folders)
	fmt.Fprintf(w, `{"Code":200,"Success":true,"Data":{"Files":[%s]}}`, strings.Join(append(slices.Compact(folders), rows...), ","))
}

// newScope returns a server of a repository, and a store that asks it.
func newScope(t *testing.T, files map[string][]byte) (*scopeServer, *Store) {
	f := &scopeServer{files: files}
	f.storage = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization")+r.Header.Get("Cookie") != "" {
			f.leaks++
		}
		http.ServeContent(w, r, "", noTime, bytes.NewReader(f.files[strings.TrimPrefix(r.URL.Path, "/")]))
	}))
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	t.Cleanup(f.storage.Close)
	s := newStore(t)
	s.Settings.ModelScope = server.URL
	return f, s
}

func TestPullModelScope(t *testing.T) {
	good, other := tinyGGUF(t, 5, 16), tinyGGUF(t, 6, 16)
	f, s := newScope(t, map[string][]byte{"m-Q4_K_M.gguf": good, "m-Q8_0.gguf": other, "sub/m-Q2_K.gguf": good, "README.md": []byte("# x"), "configuration.json": []byte("{}")})
	m, _, err := pullFrom(t, s, "modelscope.cn/User/Repo")
	if err != nil || m.Name != (Name{"modelscope.cn/User/Repo", "latest"}) || len(m.Files) != 1 || m.Files[0].Digest != digestOf(good) || m.Origin.Version != "master" {
		t.Errorf("got %+v, %v", m, err)
	}
	if m, _, err = pullFrom(t, s, "modelscope.cn/User/Repo:q8_0"); err != nil || m.Name.Tag != "q8_0" || m.Files[0].Digest != digestOf(other) {
		t.Errorf("a label: %+v, %v", m, err)
	}
	f.limit = 2 // and yet the file in the folder is found
	if m, _, err = pullFrom(t, s, "modelscope.cn/User/Repo:Q2_K"); err != nil || m.Files[0].Name != "m-Q2_K.gguf" {
		t.Errorf("behind a cut listing: %+v, %v", m, err)
	}
	f.limit = 0
	sent := len(f.sent)
	if _, _, err = pullFrom(t, s, "modelscope.cn/User/Repo"); err != nil || len(f.sent) != sent {
		t.Errorf("again: %v, %d requests for files", err, len(f.sent)-sent)
	}
	f.files["m-Q4_K_M.gguf"] = other // the branch has moved
	if m, _, err = pullFrom(t, s, "modelscope.cn/User/Repo"); err != nil || m.Files[0].Digest != digestOf(other) {
		t.Errorf("after it moved: %+v, %v", m, err)
	}
	checkStore(t, s)
	for source, want := range map[string]error{"modelscope.cn/User/Nosuch": ErrNotFound, "modelscope.cn/User/Repo:Q3_K_XL": ErrNotFound} {
		if _, _, err := pullFrom(t, s, source); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", source, err, want)
		}
	}
}

func TestPullModelScopeFolder(t *testing.T) {
	dir := t.TempDir()
	tinyFolder(t, dir)
	all := map[string][]byte{"README.md": []byte("# x"), "pytorch_model.bin": []byte("x")}
	for _, name := range files(t, dir) {
		all[name] = read(t, filepath.Join(dir, name))
	}
	_, s := newScope(t, all)
	if m, _, err := pullFrom(t, s, "modelscope.cn/User/Repo"); err != nil || len(m.Files) != tinyFolderFiles {
		t.Errorf("got %+v, %v, want %d files", m, err, tinyFolderFiles)
	}
	checkStore(t, s)
}

func TestPullModelScopeRefuses(t *testing.T) {
	good := tinyGGUF(t, 5, 16)
	for name, sum := range map[string]string{"none": "", "a path": "../../x", "another algorithm": "d41d8cd98f00b204e9800998ecf8427e", "no digits": strings.Repeat("z", 64)} {
		f, s := newScope(t, map[string][]byte{"m-Q8_0.gguf": good})
		f.lie = func(string) string { return sum }
		if _, _, err := pullFrom(t, s, "modelscope.cn/User/Repo"); !errors.Is(err, ErrFormat) {
			t.Errorf("digest %s: %v, want ErrFormat", name, err)
		}
	}
	f, s := newScope(t, map[string][]byte{"m-Q8_0.gguf": good})
	f.lie = func(string) string { return digestOf([]byte("other")).Hex() }
	if _, _, err := pullFrom(t, s, "modelscope.cn/User/Repo"); !errors.Is(err, ErrDigest) {
		t.Errorf("another digest: %v, want ErrDigest", err)
	}
	f, s = newScope(t, map[string][]byte{"m-Q8_0.gguf": good})
	f.token = "ms-token-of-a-reader"
	if _, _, err := pullFrom(t, s, "modelscope.cn/User/Repo"); !errors.Is(err, ErrNotFound) || !strings.Contains(hintOf(err), "MODELSCOPE_API_TOKEN") {
		t.Errorf("private: %v (%s), want ErrNotFound and a hint", err, hintOf(err))
	}
	s.Settings.ModelScopeToken = f.token
	if _, _, err := pullFrom(t, s, "modelscope.cn/User/Repo"); err != nil || f.leaks > 0 {
		t.Errorf("private, with its token: %v, %d leaks", err, f.leaks)
	}
	for name, text := range map[string]string{
		"a page": "<html>", "null": "null", "other JSON": "[]", "no listing": `{"Code":200}`, "deep": strings.Repeat("[", 100_000), "refused": `{"Code":500,"Success":false,"Message":"no"}`,
		"a size in words": `{"Success":true,"Data":{"Files":[{"Path":"a.gguf","Type":"blob","Size":"1"}]}}`, "a size below 0": `{"Success":true,"Data":{"Files":[{"Path":"a.gguf","Type":"blob","Size":-1,"Sha256":"` + digestOf(nil).Hex() + `"}]}}`,
		"a path that leaves": `{"Success":true,"Data":{"Files":[{"Path":"../a.gguf","Type":"blob","Size":1,"Sha256":"` + digestOf(nil).Hex() + `"}]}}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }))
		s.Settings.ModelScope = server.URL
		if _, _, err := pullFrom(t, s, "modelscope.cn/User/Repo"); !errors.Is(err, ErrFormat) && !errors.Is(err, ErrDenied) {
			t.Errorf("%s: %v, want ErrFormat or ErrDenied", name, err)
		}
		server.Close()
	}
}
