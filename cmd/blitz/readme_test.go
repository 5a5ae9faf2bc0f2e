package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// commands returns the command lines of the README, without the program.
func commands(t *testing.T) [][]string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for i, part := range strings.Split(string(b), "`") {
		if i%2 == 0 && !strings.Contains(part, "$ ") {
			continue
		}
		for line := range strings.Lines(part) {
			line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "$ "), "  #")
			rest, ok := strings.CutPrefix(strings.Replace(line, "go run ./cmd/blitz ", "blitz ", 1), "blitz ")
			if !ok {
				continue
			}
			for _, end := range []string{" < ", " > ", " && "} {
				rest, _, _ = strings.Cut(rest, end)
			}
			all = append(all, words(rest))
		}
	}
	return all
}

// words cuts a line as a shell does, as far as the README needs.
func words(line string) []string {
	var list []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			list = append(list, part)
			continue
		}
		list = append(list, strings.Fields(part)...)
	}
	return list
}

// TestReadmeCommands wants every command of the README to be one, with flags that
// there are and the arguments that it wants.
func TestReadmeCommands(t *testing.T) {
	all := commands(t)
	if len(all) < 5 {
		t.Fatalf("found %d commands in the README: %q", len(all), all)
	}
	for _, args := range all {
		root := newRoot()
		cmd, rest, err := root.Find(args)
		if err != nil || cmd == root {
			t.Errorf("blitz %s: no such verb: %v", strings.Join(args, " "), err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("blitz %s: %v", strings.Join(args, " "), err)
			continue
		}
		if cmd.Args != nil {
			if err := cmd.Args(cmd, cmd.Flags().Args()); err != nil {
				t.Errorf("blitz %s: %v", strings.Join(args, " "), err)
			}
		}
	}
}

// TestReadmeAnswer wants the answer of the README's first command from its model.
func TestReadmeAnswer(t *testing.T) {
	cache := os.Getenv("BLITZ_TEST_CACHE")
	if dir, err := os.UserCacheDir(); cache == "" && err == nil {
		cache = filepath.Join(dir, "blitz-accept")
	}
	model := filepath.Join(cache, "smollm2.gguf")
	if _, err := os.Stat(model); err != nil {
		t.Skip("needs smollm2.gguf: run the acceptance check `real` once, or set BLITZ_TEST_CACHE to its cache folder")
	}
	all := commands(t)
	at := slices.IndexFunc(all, func(args []string) bool { return args[0] == "run" })
	if at < 0 {
		t.Fatal("the README runs no model")
	}
	args := all[at]
	for i, a := range args {
		if strings.HasPrefix(a, "pip:") {
			args[i] = model
		}
	}
	out, err := execute(t, "", args...)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), "\n"+strings.TrimSpace(out)+"\n$ go test") {
		t.Errorf("blitz %s says %q, the README says otherwise", strings.Join(args, " "), out)
	}
}
