package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPlainJSON(t *testing.T) {
	for text, want := range map[string]string{
		``: ``, `{"a": 1}`: `{"a": 1}`, "{ // c\n\"a\": /* x */ 1, }": "{ \n\"a\":  1}", `["//", "/*", "\"//",]`: `["//", "/*", "\"//"]`,
		`{"a": "unfinished`: `{"a": "unfinished`, `/* never`: ``, `"x\`: `"x\`,
	} {
		if got := string(plainJSON([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestSettingsFile(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("AppData", home)
	f := pointZed(&pointing{url: "http://127.0.0.1:1", model: "m", ctx: 4096}).file
	name, err := f.name()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1, 0)
	if kept, err := f.write(now); kept != "" || err != nil {
		t.Fatalf("a new file: %q, %v", kept, err)
	}
	if kept, err := f.write(now); kept != "" || err != nil {
		t.Errorf("nothing changes: %q, %v", kept, err)
	}
	before := "{\n  // mine\n  \"theme\": \"One\", \"agent\": {\"always_allow\": true},\n}\n"
	if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, err := f.write(now)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(kept); string(text) != before || err != nil {
		t.Errorf("the copy has %q, %v", text, err)
	}
	var after struct {
		Theme string
		Agent struct {
			Allow bool                             `json:"always_allow"`
			Model struct{ Provider, Model string } `json:"default_model"`
		}
		Models map[string]struct {
			URL string `json:"api_url"`
		} `json:"language_models"`
	}
	text, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &after)
	}
	if err != nil || after.Theme != "One" || !after.Agent.Allow || after.Agent.Model.Model != "m" || after.Models["ollama"].URL != "http://127.0.0.1:1" {
		t.Errorf("%s, %v", text, err)
	}
	if err := os.WriteFile(name, []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.write(now); err == nil {
		t.Error("a file that cannot be read was written over")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(name), "*")); len(left) != 2 {
		t.Errorf("files %v, want the settings and one copy", left)
	}
}

func TestShellQuote(t *testing.T) {
	for word, want := range map[string]string{"": "''", "a-b": "a-b", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'"} {
		if got := shellQuote(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}
