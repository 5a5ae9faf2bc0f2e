package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/server"
)

// What the settings file says is taken over while the server runs, but for what the
// command line said; a file that is wrong changes nothing.
func TestReload(t *testing.T) {
	config := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", config)
	t.Setenv("BLITZ_HOME", t.TempDir())
	write := func(text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(config, "blitz"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(config, "blitz", "config.toml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := newServeFlags()
	if err := f.cmd.ParseFlags([]string{"--cors", "https://page.example.org"}); err != nil {
		t.Fatal(err)
	}
	gate, err := f.gate()
	if err != nil {
		t.Fatal(err)
	}
	tools := mcp.New([]mcp.Server{{Name: "before", Command: []string{"cat"}, Timeout: time.Minute}}, mcp.Options{Getenv: os.Getenv})
	site, err := server.OpenSite(server.SiteOptions{Host: host.Options{Home: os.Getenv("BLITZ_HOME")}, Gate: gate, Tools: tools})
	if err != nil {
		t.Fatal(err)
	}
	defer site.Close(t.Context())
	status := func(host, origin string) int {
		r := httptest.NewRequest("GET", "/health", nil)
		r.Host = host
		r.Header.Set("Origin", origin)
		w := httptest.NewRecorder()
		site.Handler().ServeHTTP(w, r)
		return w.Code
	}
	check := func(step string, level *slog.LevelVar, wantLevel slog.Level, box int, servers ...string) {
		t.Helper()
		if got := tools.Servers(); !slices.Equal(got, servers) {
			t.Errorf("%s: the MCP servers are %v, want %v", step, got, servers)
		}
		if got := status("box", "http://box"); got != box {
			t.Errorf("%s: called box it says %d, want %d", step, got, box)
		}
		if got := status("localhost", "https://page.example.org"); got != http.StatusOK {
			t.Errorf("%s: what the command line said gives %d", step, got)
		}
		if level.Level() != wantLevel {
			t.Errorf("%s: level %v, want %v", step, level.Level(), wantLevel)
		}
	}
	level := &slog.LevelVar{}
	check("at the start", level, slog.LevelInfo, http.StatusForbidden, "before")
	write("[serve]\nhosts = [\"box\"]\ncors = \"https://other.example.org\"\nlog-level = \"warn\"\n[mcp.files]\ncommand = [\"cat\"]\n[mcp.web]\nurl = \"https://example.org/mcp\"\n")
	if err := f.reload(site, nil, level); err != nil {
		t.Fatal(err)
	}
	check("read anew", level, slog.LevelWarn, http.StatusOK, "files", "web")
	write("[serve]\nhosts = [\"box:80\"]\nlog-level = \"debug\"\n")
	if err := f.reload(site, nil, level); err == nil {
		t.Error("a host with a port was taken")
	}
	check("after a wrong file", level, slog.LevelWarn, http.StatusOK, "files", "web")
	write("[serve]\nlog-level = \"debug\"\n[mcp.files]\ncomand = [\"cat\"]\n")
	if err := f.reload(site, nil, level); err == nil || !strings.Contains(err.Error(), "comand") {
		t.Errorf("a server without a command: %v", err)
	}
	check("after a wrong server", level, slog.LevelWarn, http.StatusOK, "files", "web")
}
