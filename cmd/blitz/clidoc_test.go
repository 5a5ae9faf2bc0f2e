package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// cliPreface stands before the verbs in docs/CLI.md.
const cliPreface = `# The command line

Written from the program by ` + "`go test ./cmd/blitz -run TestCLIDoc -update`" + `; the same test holds that it is current.

` + "`blitz VERB [flags] [args]`" + `. What a person reads goes to stdout, progress, notes and errors to stderr: a bar or a line that is drawn over where stderr
is a terminal, plain lines elsewhere. ` + "`NO_COLOR`" + ` turns styles off. An error is one line, ` + "`blitz: error: …`" + `, and where there is something to do
another, ` + "`blitz: hint: …`" + `.

| exit code | what |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | wrong use: an unknown flag, a bad value |
| 3 | not found: a model, a file, a tag |
| 4 | refused input: damaged or hostile, an architecture that is not built, a wrong digest |
| 5 | no room: memory, disk, context |
| 130 | interrupted |

MODEL is, in this order: a path (a GGUF file, the first of a split one, a Hugging Face folder), a name in the store, a name of the catalogue
(` + "`deepseek-r1:1.5b`" + `, see ` + "`blitz models`" + ` and [CATALOGUE.md](CATALOGUE.md)), or a source; ` + "`countdown`" + ` is the small one [in the program](TRAINING.md#the-recipe), and no other may have that name. Names of the catalogue and sources are pulled first, and a large model of the catalogue is
asked for. A word without a slash and an ending is a name before it is a file. Nothing is fetched unless a source or a name of the catalogue is given; ` + "`--offline`" + ` forbids even that.

Every flag is a setting too: of the command line, else of the environment (` + "`BLITZ_TOP_P`" + ` for ` + "`--top-p`" + `), else of ` + "`config.toml`" + `, else its default;
` + "`blitz config`" + ` shows all of them. ` + "`BLITZ_HOME`" + ` is the folder of the store, ` + "`BLITZ_CATALOGUE`" + ` the file of another catalogue.

| verb | what |
|---|---|
`

// cliDoc returns docs/CLI.md.
func cliDoc(root *cobra.Command) string {
	var text strings.Builder
	text.WriteString(cliPreface)
	var verbs []*cobra.Command
	for _, c := range root.Commands() {
		if c.Hidden {
			continue
		}
		verbs = append(verbs, c)
		fmt.Fprintf(&text, "| [`%s`](#%s) | %s |\n", c.Name(), c.Name(), c.Short)
	}
	fmt.Fprintf(&text, "\nFlags of every verb:\n\n```\n%s```\n", root.PersistentFlags().FlagUsagesWrapped(helpWidth))
	for _, c := range verbs {
		writeVerb(&text, c, "##")
		for _, sub := range c.Commands() {
			writeVerb(&text, sub, "###")
		}
	}
	return text.String()
}

// writeVerb writes what a verb's help says of it.
func writeVerb(text *strings.Builder, c *cobra.Command, level string) {
	name := strings.TrimPrefix(c.CommandPath(), "blitz ")
	fmt.Fprintf(text, "\n%s %s\n\n```\n%s\n```\n", level, name, c.UseLine())
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	for paragraph := range strings.SplitSeq(strings.TrimSpace(long), "\n\n") {
		text.WriteString("\n")
		lines := strings.Split(paragraph, "\n")
		from := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "  ") })
		if from < 0 {
			from = len(lines)
		}
		for _, l := range lines[:from] {
			text.WriteString(l + "\n")
		}
		if from < len(lines) {
			fmt.Fprintf(text, "```\n%s\n```\n", strings.Join(lines[from:], "\n"))
		}
	}
	fmt.Fprintf(text, "\n```\n%s\n```\n", c.Example)
	var flags pflag.FlagSet
	c.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			flags.AddFlag(f)
		}
	})
	if flags.HasFlags() {
		fmt.Fprintf(text, "\n```\n%s```\n", flags.FlagUsagesWrapped(helpWidth))
	}
}

// TestCLIDoc holds docs/CLI.md to the commands.
func TestCLIDoc(t *testing.T) {
	const path = "../../docs/CLI.md"
	want := cliDoc(newRoot())
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/CLI.md is not what the commands say: go test ./cmd/blitz -run TestCLIDoc -update writes it")
	}
}
