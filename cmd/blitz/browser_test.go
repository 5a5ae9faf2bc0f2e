package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestBrowserCommand(t *testing.T) {
	for _, c := range []struct{ system, variable, want, fault string }{
		{"linux", "", "", "no screen"},
		{"linux", "DISPLAY", "xdg-open", ""},
		{"freebsd", "WAYLAND_DISPLAY", "xdg-open", ""},
		{"darwin", "", "open", ""},
		{"windows", "", "rundll32 url.dll,FileProtocolHandler", ""},
	} {
		name, args, err := browserCommand(c.system, func(v string) string {
			if v == c.variable {
				return ":0"
			}
			return ""
		})
		got := strings.Join(append([]string{name}, args...), " ")
		if c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) || c.fault == "" && (err != nil || got != c.want) {
			t.Errorf("%s with %s: %q, %v; want %q, %q", c.system, c.variable, got, err, c.want, c.fault)
		}
	}
}

// TestShowPage: the address goes to the system's program, and what that says against it to
// stderr.
func TestShowPage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the program that stands in for the browser is a shell script, and xdg-open the name of Linux; run there")
	}
	folder := t.TempDir()
	shown := filepath.Join(folder, "shown")
	t.Setenv("DISPLAY", ":0")
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, c := range []struct{ script, want, note string }{
		{"#!/bin/sh\necho \"$1\" >" + shown + "\n", "http://127.0.0.1:1\n", ""},
		{"#!/bin/sh\necho no browser >&2\nexit 3\n", "", "no browser); the page is at http://127.0.0.1:1"},
	} {
		if err := os.WriteFile(filepath.Join(folder, "xdg-open"), []byte(c.script), 0o700); err != nil {
			t.Fatal(err)
		}
		_ = os.Remove(shown) // of the case before
		f := newServeFlags()
		var said bytes.Buffer
		f.cmd.SetErr(&said)
		f.showPage("http://127.0.0.1:1")
		if _, err := os.Stat(shown); err == nil || said.Len() > 0 {
			t.Errorf("the page is shown though nobody asked: %s", &said)
		}
		f.open = true
		f.showPage("http://127.0.0.1:1")
		got, _ := os.ReadFile(shown) // not there where the script fails
		if string(got) != c.want || c.note == "" && said.Len() > 0 || !strings.Contains(said.String(), c.note) {
			t.Errorf("%q: shown %q, said %q", c.script, got, &said)
		}
	}
}
