package settings

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// folder returns an environment whose settings file has this text.
func folder(t *testing.T, text string, pairs ...string) func(string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "blitz"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "blitz", "config.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return func(name string) string {
		for _, p := range append(pairs, "XDG_CONFIG_HOME="+dir) {
			if value, ok := strings.CutPrefix(p, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// The command line counts before the environment, that before a verb's table, that
// before the file's top, and that before the default.
func TestApply(t *testing.T) {
	getenv := folder(t, "a = 1\nb = 1\nc = 1\nd = 1\nlist = [1, \"x\"]\n[run]\na = 2\nb = 2\nc = 2\n", "BLITZ_B=3", "BLITZ_C=3")
	file, err := Open(getenv)
	if err != nil {
		t.Fatal(err)
	}
	flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
	values := map[string]*string{}
	for _, name := range []string{"a", "b", "c", "d", "e", "list"} {
		values[name] = flags.String(name, "default", "")
	}
	if err := flags.Parse([]string{"--c=4"}); err != nil {
		t.Fatal(err)
	}
	if err := Apply(flags, "run", getenv, file); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		"a": {"2", file.Path() + ":run.a"}, "b": {"3", "BLITZ_B"}, "c": {"4", "command line"},
		"d": {"1", file.Path() + ":d"}, "e": {"default", "default"}, "list": {"1,x", file.Path() + ":list"},
	} {
		if got := [2]string{*values[name], Origin(flags.Lookup(name))}; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if err := WithOrigin(flags, errors.New("--a is odd")); !strings.HasSuffix(err.Error(), "(set by "+file.Path()+":run.a)") {
		t.Errorf("got %v, want where --a came from", err)
	}
	if err := WithOrigin(flags, errors.New("--c is odd, and --ab")); err.Error() != "--c is odd, and --ab" {
		t.Errorf("got %v, want it as it was", err)
	}
}

func TestBadSettings(t *testing.T) {
	for text, want := range map[string]string{
		"n = \"many\"":                 `config.toml:n is "many": want a number`,
		"n = [[1]]":                    "config.toml:n: want a text, a number",
		"n = 99999999999999":           "want a smaller number",
		"yes = 3":                      `config.toml:yes is "3": want true or false`,
		"n = = 1":                      "config.toml: line 1: ",
		"home = \"models\"":            "want an absolute path, or one that begins with ~/",
		strings.Repeat("#", maxFile+1): "is longer than",
	} {
		getenv := folder(t, text)
		file, err := Open(getenv)
		if err == nil {
			flags := pflag.NewFlagSet("run", pflag.ContinueOnError)
			flags.Int32("n", 0, "")
			flags.Bool("yes", false, "")
			if err = Apply(flags, "run", getenv, file); err == nil {
				_, _, err = Home(getenv, file)
			}
		}
		var wrong *Error
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s: %v, want an Error with %q", text, err, want)
		}
	}
}

func TestHome(t *testing.T) {
	for text, want := range map[string]string{"": "", "home = \"/m\"": "/m", "home = \"~/m\"": "/h/m"} {
		getenv := folder(t, text, "HOME=/h")
		file, err := Open(getenv)
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := Home(getenv, file); filepath.ToSlash(got) != want || err != nil {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
	getenv := folder(t, "home = \"/m\"", "BLITZ_HOME=/e")
	file, err := Open(getenv)
	if err != nil {
		t.Fatal(err)
	}
	if got, from, err := Home(getenv, file); got != "/e" || from != "BLITZ_HOME" || err != nil {
		t.Errorf("%q from %s, %v; want the variable's", got, from, err)
	}
	none, err := Open(func(string) string { return "" })
	if err != nil || none.Path() != "" {
		t.Errorf("without a home folder: %q, %v", none.Path(), err)
	}
}

func TestUnknown(t *testing.T) {
	known := Known{"": {"home", "threads", "temp"}, "run": {"threads", "temp"}, "list": nil}
	for text, want := range map[string]string{
		"threads = 1\n[run]\ntemp = 1": "",
		"thredas = 1":                  "unknown key thredas; nearest: threads",
		"run = 5":                      "run is a verb, want a table of its settings: [run]",
		"[run]\ntmp = 1":               "unknown key run.tmp; nearest: temp",
		"[rnu]\ntemp = 1":              "unknown key rnu; nearest: run",
		"[mcp.x]\ncommand = [\"a\"]":   "",
	} {
		file, err := Open(folder(t, text))
		if err != nil {
			t.Fatal(err)
		}
		got := file.Unknown(known)
		if want == "" && len(got) > 0 || want != "" && !slices.ContainsFunc(got, func(m string) bool { return strings.HasSuffix(m, want) }) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
