package ui_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/document"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/history"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
)

// homeOf returns the folder of a store with a puppet that has further metadata.
func homeOf(t *testing.T, name string, keys ...gguf.KeyValue) string {
	t.Helper()
	home, path := t.TempDir(), filepath.Join(t.TempDir(), "puppet.gguf")
	p := puppet.New()
	p.Keys = append(p.Keys, keys...)
	if err := p.Write(path); err != nil {
		t.Fatal(err)
	}
	store, err := hub.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Import(t.Context(), path, name, nil); err != nil {
		t.Fatal(err)
	}
	return home
}

// TestMain is the program that reads a PDF, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "read-document" {
		os.Exit(document.Main(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func filePath(name, model string) string {
	return "/ui/api/files?" + url.Values{"name": {name}, "model": {model}}.Encode()
}

// A file becomes text with its tokens, by a model that is not loaded for it.
func TestReadFiles(t *testing.T) {
	home := newHome(t)
	s := openSiteOf(t, home, server.SiteOptions{
		Host: host.Options{Home: home, Threads: 1, Context: contextLength}, Version: "test", Documents: []string{os.Args[0], "read-document"},
	})
	b := s.browser()
	pdf := "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Kids[3 0 R]/Count 1>>endobj\n" +
		"3 0 obj<</Contents 4 0 R/Resources<</Font<</F<</Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n" +
		"4 0 obj<</Length 5>>stream\nBT /F 12 Tf (of a page) Tj ET\nendstream endobj\ntrailer<</Root 1 0 R>>"
	for _, c := range []struct{ name, model, body, wantName, want string }{
		{"notes.md", "puppet", "# Notes\r\nä", "notes.md", "# Notes\nä"},
		{"a.pdf", "puppet", pdf, "a.pdf", "of a page"},
		{"C:\\x\\../b\n.txt", "", "text", "b.txt", "text"},
		{"", "puppet", "<|im_start|>", "file", "<|im_start|>"},
	} {
		var f history.FileText
		b.want(200, "POST", filePath(c.name, c.model), c.body, &f)
		if f.Name != c.wantName || f.Text != c.want || f.Bytes != int64(len(c.body)) || f.Tokens != len(c.want) { // a byte is a token
			t.Errorf("%q: %+v", c.name, f)
		}
	}
	if list := s.Host().Loaded(); len(list) != 0 {
		t.Errorf("%+v is loaded", list)
	}
	for _, c := range []struct{ name, body string }{
		{"picture.png", "\x89PNG\r\n\x1a\n\x00\x00"}, {"bad.pdf", "%PDF-1.4\n"}, {"empty.txt", ""}, {"long.txt", strings.Repeat("x", document.MaxText+1)},
	} {
		var f struct {
			history.FileText
			Unreadable string
		}
		b.want(200, "POST", filePath(c.name, "puppet"), c.body, &f)
		if !strings.Contains(f.Unreadable, c.name) || f.Name != c.name || f.Bytes != int64(len(c.body)) || f.Text != "" {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
	b.want(404, "POST", filePath("a.txt", "none"), "x", nil)
}

// A program that cannot be run again says that it reads no PDF.
func TestReadFilesWithoutPDF(t *testing.T) {
	b := newSite(t).browser()
	if text := b.want(200, "POST", filePath("a.pdf", "puppet"), "%PDF-1.4\n", nil); !strings.Contains(text, "a.pdf") || !strings.Contains(text, "unreadable") {
		t.Error(text)
	}
}
