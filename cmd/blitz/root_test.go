package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

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
		for _, word := range strings.Fields(own) {
			name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
			if strings.HasPrefix(word, "--") && cmd.Flag(name) == nil {
				t.Errorf("%s: the example has --%s, which is no flag", cmd.CommandPath(), name)
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
