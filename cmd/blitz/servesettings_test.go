package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/server/ui"
	"github.com/blitz-r1/blitz/internal/settings"
)

// Each setting says where it comes from, and no secret is among the values.
func TestServeSettings(t *testing.T) {
	config := filepath.Join(t.TempDir(), "blitz")
	if err := os.MkdirAll(config, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "config.toml"), []byte("[serve]\nqueue = 7\nhosts = [\"one.example\"]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"XDG_CONFIG_HOME": filepath.Dir(config), "BLITZ_GRACE": "7s", "BLITZ_HOME": t.TempDir(), "HF_TOKEN": "hf_secret",
		"HF_ENDPOINT": "https://me:secret@hub.example", "OLLAMA_HOST": "",
	} {
		t.Setenv(name, value)
	}
	f := newServeFlags()
	if err := f.cmd.Flags().Parse([]string{"--sequences", "3"}); err != nil {
		t.Fatal(err)
	}
	if err := applySettings(f.cmd); err != nil {
		t.Fatal(err)
	}
	all := map[string]ui.Setting{}
	for _, s := range f.settings() {
		all[s.Name] = s
		if strings.Contains(s.Value, "secret") {
			t.Errorf("%s tells a secret: %s", s.Name, s.Value)
		}
	}
	for _, want := range []ui.Setting{
		{Name: "sequences", Value: "3", From: ui.FromFlag},
		{Name: "grace", Value: "7s", From: ui.FromEnvironment, Where: "BLITZ_GRACE"},
		{Name: "keep-alive", Value: "5m0s", From: ui.FromDefault},
		{Name: "home", Value: os.Getenv("BLITZ_HOME"), From: ui.FromEnvironment, Where: "BLITZ_HOME"},
		{Name: "HF_TOKEN", Value: hiddenValue, From: ui.FromEnvironment, Where: "HF_TOKEN"},
	} {
		if got := all[want.Name]; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if got := all["queue"]; got.Value != "7" || got.From != ui.FromFile || !strings.Contains(got.Where, "config.toml") {
		t.Errorf("queue: %+v", got)
	}
	next := newServeFlags() // as SIGHUP reads it
	file, err := settings.Open(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("BLITZ_HOSTS", "two.example")
	if err := settings.Apply(next.cmd.Flags(), "serve", os.Getenv, file); err != nil {
		t.Fatal(err)
	}
	f.reloaded.Store(next)
	for _, s := range f.settings() {
		if s.Name == "hosts" && (s.Value != "two.example" || s.From != ui.FromEnvironment) {
			t.Errorf("behind a reload: %+v", s)
		}
	}
}
