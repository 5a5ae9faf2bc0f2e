package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/jinja"
	"github.com/blitz-r1/blitz/receipt"
)

// verifyReceiptFlags are the flags of verify that are about receipts.
type verifyReceiptFlags struct {
	opening         string
	logs, witnesses []string
	quorum          int
	model           string
	prompt, system  string
	cpu             string
	threads         count
	lora            adapterFlags
	set             *cobra.Command
}

func (f *verifyReceiptFlags) add(cmd *cobra.Command) {
	f.set, f.threads = cmd, count{min: 1, max: maxThreads}
	cmd.Flags().StringVar(&f.opening, "opening", "", "`FILE` with the prompt and the answer of a receipt without them: that receipt, whole")
	cmd.Flags().StringArrayVar(&f.logs, "log-key", nil, "`key` of a log (blitz keygen --name) in which the receipt has to stand")
	cmd.Flags().StringArrayVar(&f.witnesses, "witness", nil, "`key` of a witness of that log; may be given several times")
	cmd.Flags().IntVar(&f.quorum, "quorum", 0, "how many of the witnesses have to have cosigned")
	cmd.Flags().StringVar(&f.model, "model", "", "`MODEL` that computes the answer again")
	cmd.Flags().StringVar(&f.prompt, "prompt", "", "`text` that has to have been the prompt")
	cmd.Flags().StringVar(&f.system, "system", "", "`text` that has to have told the model how to behave")
	cmd.Flags().StringVar(&f.cpu, "cpu", "", "`implementation` that computes: portable, avx2, avx512, amx … (default the best there is)")
	cmd.Flags().VarP(&f.threads, "threads", "t", "`processors` that compute (default all)")
	f.lora.add(cmd, "lora")
}

// isReceipt says whether a path is that of a file that begins as a receipt does.
func isReceipt(path string) bool {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var first [1]byte
	n, _ := f.Read(first[:])
	return n == 1 && first[0] == '{'
}

// answer verifies a receipt.
func (f *verifyFlags) answer(cmd *cobra.Command, path string) error {
	r := &f.receipt
	switch {
	case len(f.keys) == 0:
		return fault.Misuse(fmt.Errorf("verify: --key FILE is missing: who has to have signed the receipt?"))
	case r.quorum < 0:
		return fault.Misuse(fmt.Errorf("verify: --quorum %d, want 0 or more", r.quorum))
	case r.model == "" && r.set.Flags().Changed("prompt"):
		return fault.Misuse(fmt.Errorf("verify: --prompt needs --model, whose template and tokenizer make tokens of it"))
	}
	keys, err := readPublicKeys(f.keys)
	if err != nil {
		return err
	}
	whole, err := r.read(path)
	if err != nil {
		return err
	}
	v, err := whole.Verify(receipt.Check{Keys: keys, Logs: r.logs, Witnesses: r.witnesses, Quorum: r.quorum})
	if err != nil {
		return signed.In(path, err)
	}
	if r.model != "" {
		if err := r.again(cmd, v.Statement, whole.Opening); err != nil {
			return signed.In(path, err)
		}
		v.Checked = append(v.Checked, receipt.CheckedEngine)
	}
	if f.asJSON {
		return writeJSON(cmd.OutOrStdout(), v)
	}
	return writeVerdict(cmd, path, v)
}

// read reads the receipt, opened with what is brought along.
func (f *verifyReceiptFlags) read(path string) (*receipt.Receipt, error) {
	r, err := receipt.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &hub.NotFoundError{Name: path, Path: true}
	}
	if err != nil || f.opening == "" {
		return r, err
	}
	text, err := readSigned(f.opening, receipt.MaxSize)
	if err != nil {
		return nil, err
	}
	more, err := receipt.ParseOpening(text)
	if err != nil {
		return nil, signed.In(f.opening, err)
	}
	r.Opening = r.Opening.Add(more)
	return r, nil
}

// writeVerdict says what was checked, and what was not.
func writeVerdict(cmd *cobra.Command, path string, v *receipt.Verdict) error {
	out, s := cmd.OutOrStdout(), v.Statement
	fmt.Fprintf(out, "%s: signed by %s\n", printable(path), v.Key)
	fmt.Fprintf(out, "  model %s, root %s, %s\n", printable(s.Model.Name), s.Model.Root, v.Time)
	if s.Adapter != "" {
		fmt.Fprintf(out, "  with the adapter of root %s\n", s.Adapter)
	}
	fmt.Fprintf(out, "  %s of prompt, %s of answer (%s)\n", counted(int(s.Usage.PromptTokens), "token"), counted(int(s.Usage.OutputTokens), "token"), s.Finish)
	if v.Log != nil {
		fmt.Fprintf(out, "  in the log %s, leaf %d of %d\n", v.Log.Origin, v.Log.Index, v.Log.Size)
	}
	fmt.Fprintf(out, "checked: %s\n", strings.Join(v.Checked, ", "))
	var not []string
	for _, c := range []string{receipt.CheckedPrompt, receipt.CheckedOutput, receipt.CheckedLog, receipt.CheckedWitness, receipt.CheckedEngine} {
		if !slices.Contains(v.Checked, c) {
			not = append(not, c)
		}
	}
	var err error
	if len(not) > 0 {
		_, err = fmt.Fprintf(out, "not checked: %s\n", strings.Join(not, ", "))
	}
	return err
}

// again has a model compute the answer of a receipt again.
func (f *verifyReceiptFlags) again(cmd *cobra.Command, s *receipt.Statement, o *receipt.Opening) error {
	ctx := cmd.Context()
	if s.Profile.Name != blitz.Profile {
		return fault.Lacking(fmt.Errorf("verify: the receipt is of the arithmetic %q, this program has %s", s.Profile.Name, blitz.Profile))
	}
	if f.cpu != "" {
		if err := kernel.Use(strings.ToLower(f.cpu)); err != nil {
			return fmt.Errorf("--cpu: %w", err)
		}
	}
	l, err := locateModel(ctx, cmd, f.model)
	if err != nil {
		return err
	}
	files, err := openLocated(l)
	if err != nil {
		return err
	}
	defer files.Close()
	if err := f.checkRoot(ctx, files, s); err != nil {
		return err
	}
	options := &blitz.Options{MemoryLimit: fit.MemoryLimit(), Packed: openPacked(packedLimit), Interrupted: ctx.Err}
	if s.Profile.MLA != "none" {
		options.MLA = s.Profile.MLA
	}
	rope, ropeContext, err := blitz.ParseRope(s.Profile.Rope)
	if err != nil {
		return signed.Refuse(signed.Form, "the receipt's rotary embedding: %v", err)
	}
	options.Rope = rope
	m, err := loadModel(cmd, files, f.model, options)
	if err != nil {
		return err
	}
	defer m.Close()
	adapter, err := f.checkSubject(ctx, m, l, s)
	if err != nil {
		return err
	}
	if m.Form() != s.Profile.MLA {
		return signed.Refuse(signed.Model, "the receipt is of the form of attention %q, the model's is %q", s.Profile.MLA, m.Form())
	}
	if err := attest.CheckOpened(s, o); err != nil {
		return err
	}
	engineOptions := blitz.EngineOptions{
		Threads: f.threads.v, Cache: s.Profile.Cache, MemoryLimit: fit.MemoryLimit(), Stretch: true, Sequences: 1, Speculate: "off",
		Context: len(o.Prompt.IDs) + max(len(o.Output.IDs), int(min(s.Parameters.MaxTokens, 1<<20))) + 1,
	}
	if engineOptions.Context > m.MaxContext() {
		engineOptions.Context = max(m.MaxContext(), len(o.Prompt.IDs)+len(o.Output.IDs)+1)
	}
	engineOptions.RopeContext = ropeContext
	e, err := blitz.NewEngine(m, &engineOptions)
	if err != nil {
		return err
	}
	defer e.Close()
	if e.Rope() != s.Profile.Rope {
		return signed.Refuse(signed.Model, "the receipt's rotary embedding is %q, the model's %q", s.Profile.Rope, e.Rope())
	}
	if err := f.checkPrompt(ctx, e, s, o); err != nil {
		return err
	}
	return attest.Again(ctx, e, adapter, s, o)
}

// checkRoot compares the model's root before its weights are loaded.
func (f *verifyReceiptFlags) checkRoot(ctx context.Context, files *blitz.Files, s *receipt.Statement) error {
	root, err := files.Root(ctx, digestMemory())
	if err == nil && root != s.Model.Root {
		err = signed.Refuse(signed.Model, "the receipt is of the model %s, %s is %s", s.Model.Root, f.model, root)
	}
	return err
}

// checkSubject compares what the receipt says of the model with the model, and loads the
// adapter.
func (f *verifyReceiptFlags) checkSubject(ctx context.Context, m *blitz.Model, l hub.Location, s *receipt.Statement) (*blitz.Adapter, error) {
	template, err := templateText(f.model, l, m)
	if err != nil {
		return nil, err
	}
	with, err := attest.NewSubject(ctx, m, f.model, template, digestMemory())
	if err != nil {
		return nil, err
	}
	if f.lora.folder != "" {
		if with.Adapter, err = attest.AdapterRoot(ctx, f.lora.folder, digestMemory()); err != nil {
			return nil, err
		}
	}
	if err := attest.CompareSubject(s, with); err != nil {
		return nil, err
	}
	return f.lora.load(ctx, m)
}

// checkPrompt compares the prompt with a text that it has to have been.
func (f *verifyReceiptFlags) checkPrompt(ctx context.Context, e *blitz.Engine, s *receipt.Statement, o *receipt.Opening) error {
	if !f.set.Flags().Changed("prompt") {
		return nil
	}
	r := blitz.Request{}
	switch s.Parameters.Think {
	case "on":
		r.Think.Mode = blitz.ThinkOn
	case "off":
		r.Think.Mode = blitz.ThinkOff
	}
	if n := s.Parameters.Thinking(); n > 0 {
		r.Think = blitz.Think{Mode: blitz.ThinkOn, Budget: n}
	}
	if _, err := e.Model().Template(); errors.Is(err, blitz.ErrNoTemplate) {
		if r.Prompt = f.prompt; f.system != "" {
			r.Prompt = f.system + "\n\n" + f.prompt
		}
	} else {
		if f.system != "" {
			r.Messages = append(r.Messages, chat.Message{Role: "system", Content: jinja.String(f.system)})
		}
		r.Messages = append(r.Messages, chat.Message{Role: "user", Content: jinja.String(f.prompt)})
	}
	for _, plain := range []bool{false, true} { // a receipt does not say how names of special tokens were read
		r.Plain = plain
		ids, err := e.PromptIDs(ctx, r)
		if err != nil {
			return err
		}
		if slices.EqualFunc(ids, o.Prompt.IDs, func(a int32, b uint32) bool { return uint32(a) == b }) {
			return nil
		}
	}
	return signed.Refuse(signed.Opening, "--prompt is not what the model was asked")
}
