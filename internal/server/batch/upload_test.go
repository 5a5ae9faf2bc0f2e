package batch

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

func TestFiles(t *testing.T) {
	now := time.Unix(1e9, 0)
	x := openBench(t, t.TempDir(), func() time.Time { return now })
	contents := strings.Repeat("line\n", 100_000)
	f := x.put("a", contents)
	if f.Object != "file" || f.Bytes != int64(len(contents)) || f.Filename != "lines.jsonl" || f.Purpose != "batch" || f.ExpiresAt != nil || f.CreatedAt != 1e9 {
		t.Errorf("%+v", f)
	}
	if status, got := x.send("a", "GET", "/v1/files/"+f.ID+"/content", "", ""); status != http.StatusOK || got != contents {
		t.Errorf("%d, %d bytes", status, len(got))
	}
	kind, body := form(map[string]string{"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}, "b", "x")
	status, text := x.send("a", "POST", "/v1/files", kind, body)
	short := decoded[*file](t, status, text)
	if short.ExpiresAt == nil || *short.ExpiresAt != 1e9+3600 {
		t.Errorf("%+v", short)
	}
	type filePage struct {
		Data    []*file
		FirstID string `json:"first_id"`
		HasMore bool   `json:"has_more"`
	}
	list := func(query string) filePage {
		status, text := x.send("a", "GET", "/v1/files"+query, "", "")
		return decoded[filePage](t, status, text)
	}
	if p := list("?limit=1"); len(p.Data) != 1 || !p.HasMore || p.FirstID != p.Data[0].ID {
		t.Errorf("%+v", p)
	}
	if p := list("?purpose=other"); len(p.Data) != 0 {
		t.Errorf("%+v", p)
	}
	if p := list("?order=asc&after=" + f.ID); len(p.Data) != 1 || p.Data[0].ID != short.ID {
		t.Errorf("%+v", p)
	}
	now = now.Add(time.Hour)
	if status, _ := x.send("a", "GET", "/v1/files/"+short.ID, "", ""); status != http.StatusNotFound {
		t.Errorf("an expired file is there with %d", status)
	}
	x.b.sweep()
	if _, err := os.Stat(x.b.files.path(short.ID)); err == nil {
		t.Error("what expired is on the disk")
	}
	if p := list(""); len(p.Data) != 1 || p.Data[0].ID != f.ID {
		t.Errorf("%+v", p)
	}
}

// What has no row is swept away at the start, and nothing else.
func TestSweep(t *testing.T) {
	home := t.TempDir()
	x := openBench(t, home, nil)
	f := x.put("a", "x")
	for _, name := range []string{"file-HALF" + partialEnd, "file-NOROW", "foreign"} {
		if err := os.WriteFile(x.b.files.path(name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names, err := os.ReadDir(openBench(t, home, nil).b.files.folder)
	if err != nil || len(names) != 4 { // another process may be writing them
		t.Errorf("%v, %v", names, err)
	}
	old := time.Now().Add(-restAge)
	for _, name := range names {
		if err := os.Chtimes(x.b.files.path(name.Name()), old, old); err != nil {
			t.Fatal(err)
		}
	}
	y := openBench(t, home, nil)
	names, err = os.ReadDir(y.b.files.folder)
	if err != nil || len(names) != 2 || names[0].Name() != f.ID || names[1].Name() != "foreign" {
		t.Errorf("%v, %v", names, err)
	}
}

func TestUploadRefused(t *testing.T) {
	x := openBench(t, t.TempDir(), nil)
	type upload struct{ kind, body string }
	with := func(fields map[string]string, name string) upload {
		kind, body := form(fields, name, "x")
		return upload{kind, body}
	}
	two := `--a
Content-Disposition: form-data; name="file"; filename="a"

x
--a
Content-Disposition: form-data; name="file"; filename="b"

y
--a--
`
	for name, c := range map[string]upload{
		"no form":       {"application/json", "{}"},
		"no boundary":   {"multipart/form-data", "x"},
		"empty":         {"multipart/form-data; boundary=a", ""},
		"no end":        {"multipart/form-data; boundary=a", "--a\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx"},
		"no file":       with(map[string]string{"purpose": "batch"}, ""),
		"no purpose":    with(nil, "a"),
		"purpose":       with(map[string]string{"purpose": "world domination"}, "a"),
		"long purpose":  with(map[string]string{"purpose": strings.Repeat("x", 5000)}, "a"),
		"anchor":        with(map[string]string{"purpose": "batch", "expires_after[anchor]": "now", "expires_after[seconds]": "3600"}, "a"),
		"seconds":       with(map[string]string{"purpose": "batch", "expires_after[anchor]": "created_at", "expires_after[seconds]": "1"}, "a"),
		"two files":     {"multipart/form-data; boundary=a", strings.ReplaceAll(two, "\n", "\r\n")},
		"many parts":    {"multipart/form-data; boundary=a", strings.Repeat("--a\r\n\r\n", 100_000)},
		"many headers":  {"multipart/form-data; boundary=a", "--a\r\n" + strings.Repeat("X: y\r\n", 100_000) + "\r\nx\r\n--a--"},
		"long boundary": {"multipart/form-data; boundary=" + strings.Repeat("x", 100_000), "x"},
	} {
		if status, text := x.send("a", "POST", "/v1/files", c.kind, c.body); status != http.StatusBadRequest || len(text) > 1000 {
			t.Errorf("%s: %d %s, want 400", name, status, text)
		}
	}
	names, err := os.ReadDir(x.b.files.folder)
	if err != nil || len(names) != 0 {
		t.Errorf("%v, %v: want nothing left of what was refused", names, err)
	}
	r := httptest.NewRequestWithContext(context.Background(), "POST", "/v1/files", http.MaxBytesReader(nil, http.NoBody, 1))
	r.Header.Set("Content-Encoding", "gzip")
	w := httptest.NewRecorder()
	if x.mux.ServeHTTP(w, r); w.Code != wire.MediaType.Status() {
		t.Errorf("packed: %d, want 415", w.Code)
	}
}

func TestLabel(t *testing.T) {
	for name, want := range map[string]string{
		"jobs.jsonl": "jobs.jsonl", "": "file", ".": "file", "..": "file", "../../evil": "evil", "/etc/x": "x", `C:\a\b.txt`: "b.txt", "a\x00b": "ab", `a"b`: "ab", "a\nb": "ab",
		"CON": "CON", "naïve 🦜.jsonl": "naïve 🦜.jsonl", " x ": "x", "a/": "file", "\xff\xfe": "file",
	} {
		if got := label(name); got != want {
			t.Errorf("%q is called %q, want %q", name, got, want)
		}
	}
}

func FuzzLabel(f *testing.F) {
	f.Add("../a\x00\"b")
	f.Add(strings.Repeat("é", 300))
	f.Fuzz(func(t *testing.T, name string) {
		got := label(name)
		if got == "" || len(got) > maxLabel || strings.ContainsAny(got, "/\\\"\x00\r\n") || !utf8.ValidString(got) || got == "." || got == ".." {
			t.Fatalf("%q is called %q", name, got)
		}
	})
}

// A line is read or refused, whatever it is.
func FuzzLine(f *testing.F) {
	f.Add([]byte(lines(1)))
	f.Add([]byte(`{"custom_id":"a","method":"POST","url":"/v1/completions","body":{"stream":true}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := readLine(text, 1, "/v1/completions")
		if err != nil {
			if e := wire.AsError(err); e.Kind != wire.Invalid || len(e.Message) > 1000 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if l.customID == "" || len(l.customID) > maxCustomID || len(l.body) < 2 || l.body[0] != '{' {
			t.Fatalf("%q was taken as %+v", text, l)
		}
	})
}
