// Command beside measures what answers keep of their rate while a long prompt is read beside
// them, of a model that needs no tokenizer: prompts are random token ids.
//
//	go run ./bench/beside -prompt 16000 model.gguf
//
// The last line is JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blitz-r1/blitz"
)

// settings are the flags.
type settings struct {
	streams, prompt, known, threads int
	alone                           time.Duration
}

func main() {
	var s settings
	flag.IntVar(&s.streams, "streams", 4, "answers at once")
	flag.IntVar(&s.prompt, "prompt", 16000, "tokens of the long prompt")
	flag.IntVar(&s.known, "known", 0, "tokens of it that are read alone before, so that the rest is measured, at the depth where it costs most")
	flag.IntVar(&s.threads, "threads", 0, "processors; 0: all")
	flag.DurationVar(&s.alone, "alone", 10*time.Second, "`time` in which the answers' rate without it is measured, before and behind")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: beside [flags] MODEL")
		os.Exit(2)
	}
	found, err := s.measure(context.Background(), flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "beside:", err)
		os.Exit(1)
	}
	text, err := json.Marshal(found)
	if err != nil {
		fmt.Fprintln(os.Stderr, "beside:", err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}

// figures are tokens a second, and milliseconds.
type figures struct {
	Prompt      int        `json:"prompt"`
	Known       int        `json:"known"`                      // tokens of it in the prefix cache
	Alone       [2]float64 `json:"streams_alone_tokens_per_s"` // before and behind
	Meanwhile   float64    `json:"streams_meanwhile_tokens_per_s"`
	Kept        float64    `json:"kept"` // of the mean of both
	PromptRate  float64    `json:"prompt_tokens_per_s"`
	ShortMillis float64    `json:"short_first_token_ms"` // of a prompt of 20 tokens, meanwhile
}

func (s *settings) measure(ctx context.Context, path string) (*figures, error) {
	m, err := blitz.Open(path, &blitz.Options{TokensOnly: true})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	e, err := blitz.NewEngine(m, &blitz.EngineOptions{Threads: s.threads, Context: s.prompt + 4096, Stretch: true, Sequences: s.streams + 2, Speculate: "off"})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	long := request(m, s.prompt, 1, 1000)
	if s.known > 0 {
		known := long
		known.Tokens = long.Tokens[:min(s.known, s.prompt)]
		took, err := first(ctx, e, known)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "%d tokens read alone in %.0f s\n", len(known.Tokens), took.Seconds())
	}
	streams, err := s.begin(ctx, m, e)
	if err != nil {
		return nil, err
	}
	defer streams.end()
	f := &figures{Prompt: s.prompt, Known: s.known}
	pause := func() error { time.Sleep(s.alone); return nil }
	f.Alone[0], _ = streams.rate(pause)
	fmt.Fprintf(os.Stderr, "%.1f tokens/s alone\n", f.Alone[0])
	from := time.Now()
	f.Meanwhile, err = streams.rate(func() (err error) {
		f.ShortMillis, err = beside(ctx, e, long, request(m, 20, 2, 1001))
		return err
	})
	if err != nil {
		return nil, err
	}
	f.PromptRate = float64(s.prompt-s.known) / time.Since(from).Seconds()
	f.Alone[1], _ = streams.rate(pause)
	f.Kept = 2 * f.Meanwhile / (f.Alone[0] + f.Alone[1])
	return f, nil
}

// streams are answers that go on.
type streams struct {
	tokens atomic.Int64 // of all
	stop   context.CancelFunc
	all    sync.WaitGroup
}

// begin begins the answers, and returns when all their prompts are read.
func (s *settings) begin(ctx context.Context, m *blitz.Model, e *blitz.Engine) (*streams, error) {
	ctx, stop := context.WithCancel(ctx)
	x := &streams{stop: stop}
	var begun sync.WaitGroup
	for i := range s.streams {
		a, err := e.Generate(ctx, request(m, 64, 4000, uint64(i)))
		if err != nil {
			x.end()
			return nil, err
		}
		begun.Add(1)
		x.all.Go(func() {
			began := sync.OnceFunc(begun.Done)
			defer began()
			for range a.Tokens() {
				x.tokens.Add(1)
				began()
			}
		})
	}
	begun.Wait()
	return x, nil
}

func (x *streams) end() {
	x.stop()
	x.all.Wait()
}

// rate returns how many tokens a second there were while something was done.
func (x *streams) rate(while func() error) (float64, error) {
	from, n := time.Now(), x.tokens.Load()
	err := while()
	return float64(x.tokens.Load()-n) / time.Since(from).Seconds(), err
}

// beside reads a long prompt, and a short one that comes a little later, whose first token
// came after that many milliseconds.
func beside(ctx context.Context, e *blitz.Engine, long, short blitz.Request) (float64, error) {
	a, err := e.Generate(ctx, long)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	time.Sleep(300 * time.Millisecond)
	took, err := first(ctx, e, short)
	if err != nil {
		return 0, err
	}
	for _, err := range a.Tokens() {
		if err != nil {
			return 0, err
		}
	}
	return float64(took) / float64(time.Millisecond), a.Err()
}

// first returns when the first token of an answer came.
func first(ctx context.Context, e *blitz.Engine, r blitz.Request) (time.Duration, error) {
	from := time.Now()
	a, err := e.Generate(ctx, r)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	for _, err := range a.Tokens() {
		return time.Since(from), err
	}
	return 0, a.Err()
}

// request returns a greedy request with a prompt of random tokens.
func request(m *blitz.Model, prompt, most int, seed uint64) blitz.Request {
	r := rand.New(rand.NewPCG(seed, 1))
	ids := make([]int32, prompt)
	for i := range ids {
		ids[i] = int32(r.IntN(m.VocabSize()))
	}
	return blitz.Request{Tokens: ids, MaxTokens: most, Sampling: &blitz.Sampling{}}
}
