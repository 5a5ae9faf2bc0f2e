// Command load puts a load on a server that speaks OpenAI's API, and says how fast it
// answers. It knows nothing of Blitz, so that other servers can be measured by it.
//
//	go run ./bench/load -url http://127.0.0.1:11434 -model smollm2 one
//
// The loads:
//
//	one     one stream after the other: its rate, and its first token
//	many    -clients streams at once, of -tokens each: the rate of all together
//	beside  streams at once, and a prompt of -prompt tokens read beside them: the rate of
//	        the streams before and meanwhile, and the first token of a short prompt
//	mixed   -clients that ask again and again, prompts and answers of mixed lengths behind
//	        one system prompt, for -for: tokens/s, and the first token's percentiles
//	open    requests that arrive by themselves, -rate a second, for -for, and -slow clients
//	        that hardly read: what is answered, what refused, what fails
//
// Prompts are made from -seed. The last line is JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

// settings are the flags.
type settings struct {
	url, model, key string
	clients, tokens int
	prompt, repeat  int
	rate            float64
	slow            int
	span            time.Duration
	seed            uint64
	pid             int
}

func main() {
	var s settings
	flag.StringVar(&s.url, "url", "http://127.0.0.1:11434", "`address` of the server")
	flag.StringVar(&s.model, "model", "", "`name` of the model")
	flag.StringVar(&s.key, "key", "", "a `key` to send")
	flag.IntVar(&s.clients, "clients", 8, "clients at once")
	flag.IntVar(&s.tokens, "tokens", 64, "tokens of an answer")
	flag.IntVar(&s.prompt, "prompt", 7000, "tokens of the long prompt")
	flag.IntVar(&s.repeat, "repeat", 20, "streams of one")
	flag.Float64Var(&s.rate, "rate", 10, "arrivals a second")
	flag.IntVar(&s.slow, "slow", 0, "clients that hardly read")
	flag.DurationVar(&s.span, "for", 0, "`time` that mixed and open take (default 30s), and that beside reads at most")
	flag.Uint64Var(&s.seed, "seed", 1, "of prompts and arrivals")
	flag.IntVar(&s.pid, "pid", 0, "process of the server, whose memory and files are looked at")
	flag.Parse()
	loads := map[string]func(context.Context, *client) (any, error){
		"one": one, "many": many, "beside": beside, "mixed": mixed, "open": open,
	}
	load, ok := loads[flag.Arg(0)]
	if !ok || flag.NArg() != 1 || s.model == "" {
		fmt.Fprintln(os.Stderr, "load: want -model NAME and one of one, many, beside, mixed, open")
		os.Exit(2)
	}
	if s.span == 0 {
		s.span = 30 * time.Second
		if flag.Arg(0) == "beside" {
			s.span = 24 * time.Hour
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	result, err := load(ctx, newClient(s))
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	text, err := json.Marshal(result)
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}
