// Command train measures steps of training: beside what the machine could do at most, and
// beside PyTorch and PEFT on the CPU, on the same weights and batches.
//
//	go run ./bench/train dense recipe
//	go run ./bench/train -python venv/bin/python dense recipe
//	go run ./bench/train -python venv/bin/python lora=model.gguf
//	go run ./bench/train -python venv/bin/python grpo=demo/base
//
// All make a step in turns, in this one run: medians count, and the median of the ratios of
// each turn. Where other programs want the processors too, ratios of processor time say more.
// The peers are steps.py and lora.py, which want torch, and for lora transformers, peft and
// gguf: PEFT has the same file, dequantised by transformers. That of grpo is trl_grpo.py, which
// wants trl and datasets; FOLDER is what train demo writes.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/machine"
	"github.com/blitz-r1/blitz/internal/train"
)

// settings are the flags.
type settings struct {
	python, scripts, base, profile, peers string
	warm, rounds, threads                 int
	rows, cols, rank                      int
	problems, answers, length             int
	recompute, ends                       bool
}

func main() {
	var s settings
	flag.StringVar(&s.python, "python", "", "`program` with torch, transformers and peft; none: Blitz alone")
	flag.StringVar(&s.scripts, "scripts", "bench/train", "`folder` of steps.py and lora.py")
	flag.StringVar(&s.base, "base", "", "`path` of the model of lora for transformers (default the same)")
	flag.StringVar(&s.profile, "profile", "", "write a profile of Blitz's steps to `FILE`")
	flag.StringVar(&s.peers, "peers", "", "which peers, with commas between; none: plain and compiled, of lora bfloat16 and float32")
	flag.IntVar(&s.rounds, "rounds", 5, "steps of each that count")
	flag.IntVar(&s.warm, "warm", 2, "steps before them that do not")
	flag.IntVar(&s.threads, "threads", runtime.NumCPU(), "processors")
	flag.IntVar(&s.rows, "rows", 16, "rows of a step of dense and recipe")
	flag.IntVar(&s.cols, "cols", 512, "tokens of a step of lora")
	flag.IntVar(&s.rank, "rank", 16, "of the adapter of lora")
	flag.IntVar(&s.problems, "problems", 32, "of a step of grpo")
	flag.IntVar(&s.answers, "answers", 16, "to each of them")
	flag.IntVar(&s.length, "length", 80, "tokens of each answer, or with ends at most")
	flag.BoolVar(&s.ends, "ends", false, "answers of grpo end by themselves")
	flag.BoolVar(&s.recompute, "recompute", false, "Blitz computes layers again on the way back")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: train [flags] dense | recipe | lora=MODEL | grpo=FOLDER …")
		os.Exit(2)
	}
	debug.SetGCPercent(20) // as blitz train does
	for _, name := range flag.Args() {
		if err := s.measure(context.Background(), name); err != nil {
			fmt.Fprintln(os.Stderr, "train:", err)
			os.Exit(1)
		}
	}
}

// resident returns a figure of this process's memory in bytes, on Linux; elsewhere 0.
func resident(what string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			kilobytes, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err == nil {
				return kilobytes << 10
			}
		}
	}
	return 0
}

// contender is one of those that make steps in turns.
type contender struct {
	name string
	runner
	all []taken
}

func (s *settings) measure(ctx context.Context, name string) (err error) {
	folder, err := os.MkdirTemp("", "blitz-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	var list []*contender
	defer func() {
		for _, c := range list {
			if e := c.close(); err == nil {
				err = e
			}
		}
	}()
	tokens, operations, err := s.open(ctx, name, folder, &list)
	if err != nil {
		return err
	}
	peak, err := s.peak(ctx)
	if err != nil {
		return err
	}
	if b, ok := list[0].runner.(*own); ok {
		computed, err := b.t.Memory(ctx, b.batches[0])
		if err != nil {
			return err
		}
		before := resident("VmRSS")
		defer func() {
			fmt.Printf("  memory: %d MiB computed before, %d MiB at most, of which %d MiB were there before the first step\n", computed>>20, resident("VmHWM")>>20, before>>20)
		}()
	}
	if err := s.turns(ctx, list); err != nil {
		return err
	}
	again, err := s.peak(ctx)
	if err != nil {
		return err
	}
	s.report(name, list, tokens, operations, max(peak, again))
	return nil
}

// peak returns the most float32 operations a second that all threads reach together.
func (s *settings) peak(ctx context.Context) (float64, error) {
	l, err := machine.Measure(ctx, machine.Options{Impl: kernel.Current(), Threads: s.threads, Buffer: 64 << 20})
	return l.F32GFLOPs, err
}

// open opens what is to be measured, and returns the tokens of a step and its operations: two
// for each multiply-add of a token with an active parameter, three times, on the way and for
// both gradients. Attention is not counted. Of lora no operations are counted.
func (s *settings) open(ctx context.Context, name, folder string, list *[]*contender) (tokens int, operations float64, err error) {
	if path, ok := strings.CutPrefix(name, "grpo="); ok {
		tokens, err = s.openGRPO(ctx, path, list)
		return tokens, 0, err
	}
	if path, ok := strings.CutPrefix(name, "lora="); ok {
		return s.cols, 0, s.openLora(ctx, path, folder, list)
	}
	x := shapes[name]
	if x == nil {
		return 0, 0, fmt.Errorf("no model %s, there are dense, recipe, lora=MODEL and grpo=FOLDER", name)
	}
	x.rows = s.rows
	if err := x.write(folder); err != nil {
		return 0, 0, err
	}
	var batches []*train.Batch
	ids, err := readIDs(folder, x.rows*x.cols)
	if err != nil {
		return 0, 0, err
	}
	for _, b := range ids {
		batches = append(batches, batchOf(b, x.rows, x.cols))
	}
	b, err := openOwn(folder, s.threads, 0, s.recompute, &x.settings, batches)
	if err != nil {
		return 0, 0, err
	}
	*list = append(*list, &contender{name: "blitz", runner: b})
	for _, how := range s.peersOr("plain", "compiled") {
		p, err := startPeer(ctx, s.python, filepath.Join(s.scripts, "steps.py"), folder, "--threads", fmt.Sprint(s.threads), "--how", how)
		if err != nil {
			return 0, 0, err
		}
		*list = append(*list, &contender{name: "torch " + how, runner: p})
	}
	return x.rows * x.cols, 6 * float64(x.active) * float64(x.rows*x.cols), nil
}

// peersOr returns which peers are wanted.
func (s *settings) peersOr(all ...string) []string {
	switch {
	case s.python == "":
		return nil
	case s.peers != "":
		return strings.Split(s.peers, ",")
	}
	return all
}

// openLora opens a model with an adapter, and PEFT with the same model as s.base holds it.
func (s *settings) openLora(ctx context.Context, path, folder string, list *[]*contender) error {
	x := shape{rows: 1, cols: s.cols, settings: train.Settings{Optimizer: adam, Schedule: rate}}
	ids := x.ids(32000)
	if err := writeIDs(folder, ids); err != nil {
		return err
	}
	var batches []*train.Batch
	for _, b := range ids {
		batches = append(batches, batchOf(b, 1, s.cols))
	}
	b, err := openOwn(path, s.threads, s.rank, s.recompute, &x.settings, batches)
	if err != nil {
		return err
	}
	*list = append(*list, &contender{name: "blitz", runner: b})
	for _, how := range s.peersOr("bfloat16", "float32") {
		base := cmp.Or(s.base, path)
		p, err := startPeer(ctx, s.python, filepath.Join(s.scripts, "lora.py"), base, filepath.Join(folder, "batches.bin"),
			"--threads", fmt.Sprint(s.threads), "--cols", fmt.Sprint(s.cols), "--rank", fmt.Sprint(s.rank), "--type", how)
		if err != nil {
			return err
		}
		*list = append(*list, &contender{name: "peft " + how, runner: p})
	}
	return nil
}

// turns has all make steps in turns, who comes first changing.
func (s *settings) turns(ctx context.Context, list []*contender) error {
	for i := range s.warm + s.rounds {
		if i == s.warm && s.profile != "" {
			f, err := os.Create(s.profile)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return err
			}
			defer pprof.StopCPUProfile()
		}
		for k := range list {
			c := list[(i+k)%len(list)]
			x, err := c.step(ctx, i)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			if i >= s.warm {
				c.all = append(c.all, x)
			}
			fmt.Fprintf(os.Stderr, "%s: step %d, loss %.5f, %.3f s, %.3f s of processors\n", c.name, i, x.Loss, x.Seconds, x.CPU)
		}
	}
	return nil
}

// report writes a line for each: tokens a second, the share of the peak, and how many times
// as fast Blitz was.
func (s *settings) report(name string, list []*contender, tokens int, operations, peak float64) {
	fmt.Printf("%s: %d tokens a step; float32 peak %.0f GFLOP/s\n", name, tokens, peak)
	for i, c := range list {
		wall, cpu := c.median(func(x taken) float64 { return x.Seconds }), c.median(func(x taken) float64 { return x.CPU })
		fmt.Printf("  %-16s %8.1f tokens/s, step %.3f s, processors %.3f s", c.name, float64(tokens)/wall, wall, cpu)
		if operations > 0 {
			fmt.Printf(", %.0f GFLOP/s, %.1f %% of the peak (by processor time %.1f %%)", operations/wall/1e9, 100*operations/wall/1e9/peak, 100*operations/cpu/1e9/peak*float64(s.threads))
		}
		if i > 0 {
			fmt.Printf(", blitz %.2f x (by processor time %.2f x)", ratio(c.all, list[0].all, func(x taken) float64 { return x.Seconds }), ratio(c.all, list[0].all, func(x taken) float64 { return x.CPU }))
		}
		fmt.Println()
	}
}

func (c *contender) median(of func(taken) float64) float64 {
	var v []float64
	for _, x := range c.all {
		v = append(v, of(x))
	}
	return middle(v)
}

// ratio returns the median of what a took beside b, turn by turn.
func ratio(a, b []taken, of func(taken) float64) float64 {
	var v []float64
	for i := range a {
		v = append(v, of(a[i])/of(b[i]))
	}
	return middle(v)
}

func middle(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	return v[len(v)/2]
}
