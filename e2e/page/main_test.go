package page

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/document"
	"github.com/blitz-r1/blitz/internal/server"
)

// chromium is the browser of all tests; noChromium says why there is none.
var (
	chromium   *Chromium
	noChromium error
)

// TestMain is the program that reads a PDF, too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "read-document" {
		os.Exit(document.Main(os.Args[2:]))
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	path, err := FindChromium()
	if err != nil {
		noChromium = err
		return m.Run()
	}
	if chromium, err = StartChromium(path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer chromium.Close()
	return m.Run()
}

// open returns a server with the puppet, and a tab of a new browser that shows it.
func open(t *testing.T, path string, o Options) (*Server, *Tab) {
	t.Helper()
	s := serve(t, nil)
	return s, browse(t, s, path, o)
}

// serve returns a server with a store of its own.
func serve(t *testing.T, change func(*server.SiteOptions)) *Server {
	t.Helper()
	if noChromium != nil {
		t.Skip(noChromium)
	}
	home := filepath.Join(t.TempDir(), "home")
	if err := NewHome(t.Context(), home); err != nil {
		t.Fatal(err)
	}
	s, err := Open(home, change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// browse opens a tab of a new browser.
func browse(t *testing.T, s *Server, path string, o Options) *Tab {
	t.Helper()
	tab := chromium.Open(t, s.URL, path, o)
	t.Cleanup(tab.Close)
	return tab
}
