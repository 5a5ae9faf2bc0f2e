package grpo

import (
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/model"
	"github.com/blitz-r1/blitz/internal/policy"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/train"
)

// open opens one of the tiny models, as a folder of float32 or a GGUF file of another type.
func open(t *testing.T, name string, kind tensor.DType, o model.Options) (*model.Model, *tiny.Model) {
	t.Helper()
	shape, err := tiny.Load(filepath.Join("..", "testdata", "grad", name))
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	if kind == tensor.F32 {
		err = shape.WriteSafetensors(path)
	} else {
		path = filepath.Join(path, "model.gguf")
		err = shape.WriteGGUF(path, kind)
	}
	if err != nil {
		t.Fatal(err)
	}
	files, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	m, err := model.Open(files, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, shape
}

// newPolicy returns a policy that changes these weights of a model.
func newPolicy(t *testing.T, m *model.Model, weights []*model.Weight, a *model.Adapter, threads int) *Policy {
	t.Helper()
	x, err := train.New(m, weights, train.Options{Threads: threads, Adapter: a})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	e, err := engine.New(m, engine.Options{Threads: threads, Context: 64, Sequences: 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return &Policy{Engine: e, Trainer: x, Adapter: a, Ends: []int32{2, 5}, AtOnce: 60}
}

// steps are settings of a few large steps.
var steps = &train.Settings{Optimizer: train.DefaultOptimizer, Schedule: train.Schedule{Kind: "constant", LR: 0.01}}

// draw has the policy answer two prompts, and rewards the answers that have an even number
// of tokens.
func draw(t *testing.T, p *Policy, seed uint64) (groups []Group) {
	t.Helper()
	asks := []Ask{
		{Prompt: []int32{7, 3, 9, 11}, N: 4, MaxTokens: 12, Temperature: 1, Seed: seed, Ends: p.Ends, Adapter: p.Adapter},
		{Prompt: []int32{8}, N: 4, MaxTokens: 9, Temperature: 0.7, Seed: seed, Ends: p.Ends, Adapter: p.Adapter},
	}
	all, err := Rollout(t.Context(), p.Engine, asks)
	if err != nil {
		t.Fatal(err)
	}
	for i, answers := range all {
		g := Group{Prompt: asks[i].Prompt, Answers: answers}
		for k := range answers {
			g.Rewards, g.Correct = append(g.Rewards, float64(k%2)), append(g.Correct, k%2 == 1)
		}
		groups = append(groups, g)
	}
	return groups
}

// TestOnPolicy draws answers and learns of them again and again, with all weights and with an
// adapter over weights of four bits: the log-probabilities of engine and trainer have the same
// bits in every step, and with other threads so have the weights.
func TestOnPolicy(t *testing.T) {
	for _, name := range []string{"llama", "deepseek-v3"} {
		for _, kind := range []tensor.DType{tensor.F32, tensor.Q4_0} {
			var want []float32
			for threads := 1; threads <= 2; threads++ {
				m, _ := open(t, name, kind, model.Options{Masters: kind == tensor.F32, SharedEnds: true})
				weights := m.Weights()
				var a *model.Adapter
				if kind != tensor.F32 {
					made, err := adapter.New(&adapter.Config{Rank: 4, Alpha: 8, Targets: adapter.Targets{Pattern: adapter.AllLinear}}, m.Layers(), 1)
					if err == nil {
						a, err = m.Adapt(made, 0)
					}
					if err != nil {
						t.Fatal(err)
					}
					weights = a.Weights()
				}
				p := newPolicy(t, m, weights, a, threads)
				loss := policy.GRPO()
				l := &Lesson{Loss: loss, Steps: steps, Updates: 1, Referent: p.Trainer.Copy()}
				first := slices.Clone(weights[0].Values())
				var numbers []float32
				for step := range 3 {
					groups := draw(t, p, uint64(step))
					for _, g := range groups {
						for _, x := range g.Answers {
							numbers = append(numbers, x.LogP...)
						}
					}
					x, err := p.Learn(t.Context(), groups, l)
					if err != nil {
						t.Fatal(err)
					}
					if x.LogPDiff != 0 || x.Steps != 1 || x.GradNorm == 0 || x.ClipFraction != 0 || x.KL != 0 && step == 0 || x.KL == 0 && step > 0 {
						t.Errorf("%s %v: step %d is %+v", name, kind, step, x)
					}
				}
				if slices.Equal(first, weights[0].Values()) {
					t.Errorf("%s %v: nothing was learned", name, kind)
				}
				if want == nil {
					want = numbers
				}
				if !slices.Equal(want, numbers) {
					t.Errorf("%s %v: with %d threads other answers are drawn", name, kind, threads)
				}
			}
		}
	}
}

// TestUpdates takes two steps a rollout: the second computes what the weights behind the first
// say.
func TestUpdates(t *testing.T) {
	m, _ := open(t, "llama", tensor.F32, model.Options{Masters: true})
	p := newPolicy(t, m, m.Weights(), nil, 1)
	groups := draw(t, p, 1)
	x, err := p.Learn(t.Context(), groups, &Lesson{Loss: policy.DAPO(), Steps: steps, Updates: 2})
	if err != nil {
		t.Fatal(err)
	}
	if x.Steps != 2 || p.Trainer.Done() != 2 || x.ClipFraction == 0 || len(x.Advantages) != 2 || len(x.Advantages[1]) != 4 {
		t.Errorf("two steps are %+v: want a clip in the second", x)
	}
}

// TestReplay takes two steps a rollout of a model with experts: tokens of the second go where those
// of the rollout went, though the weights between are others, by which routers choose otherwise.
func TestReplay(t *testing.T) {
	m, _ := open(t, "deepseek-v3", tensor.F32, model.Options{Masters: true, SharedEnds: true})
	p := newPolicy(t, m, m.Weights(), nil, 2)
	groups := draw(t, p, 1)
	loads := func() map[int][]int32 {
		p.Trainer.Losses = train.Losses{}
		r, err := p.Trainer.Gradients(t.Context(), pack(groups[1:], p.AtOnce).batches...)
		if err != nil {
			t.Fatal(err)
		}
		return r.Loads
	}
	want := loads()
	large := &train.Settings{Optimizer: train.DefaultOptimizer, Schedule: train.Schedule{Kind: "constant", LR: 0.1}}
	x, err := p.Learn(t.Context(), groups, &Lesson{Loss: policy.DAPO(), Steps: large, Updates: 2})
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, g := range groups {
		for _, a := range g.Answers {
			compared += len(a.IDs)
		}
	}
	if x.LogPDiff != 0 || x.Compared != compared || len(x.Loads) != 2 || len(want) == 0 {
		t.Fatalf("two steps are %+v: want %d log-probabilities compared, and the loads of both", x, compared)
	}
	if load := p.Learning(&Figures{}, x).ExpertLoad; !(load > 1) {
		t.Errorf("the busiest expert has %g of the mean", load)
	}
	now := loads()
	for layer, load := range want {
		if !slices.Equal(x.Loads[1][layer], load) {
			t.Errorf("layer %d: in the second step tokens go to %v, in the rollout to %v", layer, x.Loads[1][layer], load)
		}
		if slices.Equal(now[layer], load) {
			t.Errorf("layer %d: routers choose what they chose before: the test says nothing", layer)
		}
	}
	// An answer of the second part whose log-probability is another than was drawn with: nothing is learned.
	groups = draw(t, p, 2)
	v := &groups[1].Answers[0].LogP[0]
	*v = math.Nextafter32(*v, 0)
	done := p.Trainer.Done()
	if _, err := p.Learn(t.Context(), groups, &Lesson{Loss: policy.DAPO(), Steps: large, Updates: 2}); !errors.Is(err, ErrMismatch) || p.Trainer.Done() != done {
		t.Errorf("another log-probability in the second part: got %v, %d steps, want ErrMismatch before the first", err, p.Trainer.Done()-done)
	}
}

// TestMismatch has an answer whose log-probability is another than the engine drew with.
func TestMismatch(t *testing.T) {
	m, _ := open(t, "llama", tensor.F32, model.Options{Masters: true})
	p := newPolicy(t, m, m.Weights(), nil, 1)
	groups := draw(t, p, 1)
	v := &groups[1].Answers[2].LogP[0]
	*v = math.Nextafter32(*v, 0)
	before := slices.Clone(m.Weights()[3].Values())
	if _, err := p.Learn(t.Context(), groups, &Lesson{Loss: policy.DrGRPO(), Steps: steps}); err == nil {
		t.Error("a constant norm without a length is taken")
	}
	if _, err := p.Learn(t.Context(), groups, &Lesson{Loss: policy.DAPO(), Steps: steps}); !errors.Is(err, ErrMismatch) {
		t.Errorf("got %v, want ErrMismatch", err)
	}
	if !slices.Equal(before, m.Weights()[3].Values()) {
		t.Error("the step was taken all the same")
	}
}

// TestReward raises the probability of what is rewarded.
func TestReward(t *testing.T) {
	m, _ := open(t, "llama", tensor.F32, model.Options{Masters: true})
	p := newPolicy(t, m, m.Weights(), nil, 1)
	loss := policy.GRPO()
	loss.Beta = 0
	l := &Lesson{Loss: loss, Steps: steps}
	ask := Ask{Prompt: []int32{7, 3, 9}, N: 32, MaxTokens: 1, Temperature: 1}
	share := func(step int) float64 {
		ask.Seed = uint64(step)
		all, err := Rollout(t.Context(), p.Engine, []Ask{ask})
		if err != nil {
			t.Fatal(err)
		}
		g := Group{Prompt: ask.Prompt, Answers: all[0]}
		sum := 0.0
		for _, a := range all[0] {
			r := 0.0
			if a.IDs[0] < 32 {
				r = 1
			}
			g.Rewards, g.Correct = append(g.Rewards, r), append(g.Correct, r == 1)
			sum += r
		}
		if g.dead() {
			return sum / 32
		}
		if _, err := p.Learn(t.Context(), []Group{g}, l); err != nil {
			t.Fatal(err)
		}
		return sum / 32
	}
	first := share(0)
	for i := range 6 {
		share(i + 1)
	}
	if last := share(9); first > 0.9 || last < first+0.2 && last < 0.95 {
		t.Errorf("the share of what is rewarded goes from %.2f to %.2f", first, last)
	}
}
