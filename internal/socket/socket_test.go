package socket

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// folder returns a folder whose path is short enough for a socket.
func folder(t *testing.T) string {
	dir, err := os.MkdirTemp("", "bz")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestListen(t *testing.T) {
	path := filepath.Join(folder(t), "own", "s.sock")
	if Client(path) != nil {
		t.Fatal("a client where nobody listens")
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); !errors.Is(err, ErrTaken) {
		t.Errorf("a second listener: %v, want ErrTaken", err)
	}
	if info, err := os.Stat(path); runtime.GOOS != "windows" && (err != nil || info.Mode().Perm() != 0o600) {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello "+r.URL.Path) }))
	c := Client(path)
	if c == nil {
		t.Fatal("no client")
	}
	r, err := c.Get("http://blitz/x")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if string(body) != "hello /x" {
		t.Errorf("%q", body)
	}
	c.CloseIdleConnections()
	l.Close()
}

// What a killed program leaves is taken over.
func TestListenBehindTheDead(t *testing.T) {
	path := filepath.Join(folder(t), "own", "s.sock")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestFolderOfOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes of folders; run on Linux or macOS")
	}
	dir := filepath.Join(folder(t), "open")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(dir, "s.sock")); err == nil || !strings.Contains(err.Error(), "0700") {
		t.Errorf("%v, want a refusal", err)
	}
	if Client(filepath.Join(dir, "s.sock")) != nil {
		t.Error("a client by a folder of others")
	}
}

func TestPath(t *testing.T) {
	env := map[string]string{"XDG_RUNTIME_DIR": "/run/user/7"}
	a, err := Path("/srv/a", func(k string) string { return env[k] })
	if err != nil || !strings.HasPrefix(a, filepath.FromSlash("/run/user/7/blitz/serve-")) {
		t.Errorf("%s, %v", a, err)
	}
	if b, _ := Path("/srv/b", func(k string) string { return env[k] }); b == a {
		t.Error("two stores have one socket")
	}
	env["XDG_RUNTIME_DIR"] = "/" + strings.Repeat("x", 200)
	if long, err := Path("/srv/a", func(k string) string { return env[k] }); err != nil || len(long) > maxPath {
		t.Errorf("%s, %v", long, err)
	}
}
