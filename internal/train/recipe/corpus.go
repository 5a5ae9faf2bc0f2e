package recipe

import (
	"fmt"
	"strconv"
)

// Corpus is what base models read.
type Corpus struct {
	Lines      float64 `toml:"lines" help:"the share of tokens that are single lines of searches"`
	Arithmetic float64 `toml:"arithmetic" help:"the share of problems that are arithmetic"`
	Traces     float64 `toml:"traces" help:"the share of problems that are answered by reasoning"`
	Long       float64 `toml:"long" help:"of those answers whose manner is learned, the share that reasons"`
	Wrong      float64 `toml:"wrong" help:"the share of guesses that are wrong"`
	Mixed      float64 `toml:"mixed" help:"the share of searches whose lines are each in a language of their own"`
}

// Example is a line of examples.jsonl: what is learned is the completion, or some tokens of it.
type Example struct {
	Prompt     string   `json:"prompt"`
	Completion string   `json:"completion"`
	Learned    [][2]int `json:"learned,omitempty"` // tokens of the completion, from and up to; none: all
}

// add puts a text behind the completion. n is how many tokens that has so far.
func (x *Example) add(n *int, text string, learned bool) {
	ids, err := vocabulary.Encode(nil, text)
	if err != nil {
		panic(err) // our own text
	}
	from := *n
	*n += len(ids)
	x.Completion += text
	if k := len(x.Learned); learned && k > 0 && x.Learned[k-1][1] == from {
		x.Learned[k-1][1] = *n
	} else if learned {
		x.Learned = append(x.Learned, [2]int{from, *n})
	}
}

// line returns a line of a search by itself: only what comes of the numbers is learned, and where
// it comes to the target the answer behind it, too. In most it does, which in searches is rare.
func (s *source) line(c *Corpus) (x Example) {
	n := s.numbers(practice)
	pair := pairs[s.below(len(pairs))]
	a, b, third := n[pair[0]], n[pair[1]], n[pair[2]]
	var first byte
	between, ok := 0, false
	for !ok {
		first = operations[s.below(len(operations))]
		between, ok = s.p.combine(first, a, b)
	}
	var ends []branch
	for _, op := range []byte(operations) {
		if end, ok := s.p.combine(op, between, third); ok {
			ends = append(ends, branch{pair, first, op, between, end})
		}
	}
	target := s.p.LeastTarget + s.below(s.p.MostTarget-s.p.LeastTarget+1)
	if len(ends) > 0 && s.share(hits) {
		target = ends[s.below(len(ends))].end
	}
	language, at := s.tongue(c.Mixed), 0
	x.Prompt = formula(first, a, b, strconv.Itoa(a), strconv.Itoa(b)) + "="
	x.add(&at, strconv.Itoa(between), true)
	x.add(&at, fmt.Sprintf(" %d %d:", third, target), false)
	for _, e := range ends {
		x.add(&at, string(e.second)+strconv.Itoa(e.end), true)
		if e.end == target {
			x.add(&at, words[language()][1]+answer(e.expression(n)), true)
			return x
		}
	}
	x.add(&at, words[language()][0]+"\n", true)
	return x
}

// hits is the share of single lines whose target is one of what comes of them.
const hits = 0.6

// example returns a problem with an answer: reasoning, or a guess that may be wrong.
//
// The first token of an answer decides its manner. There is more reasoning than the model is to
// choose by itself, since a search takes more to learn than its beginning does: of the surplus
// the first token is not learned.
func (s *source) example(c *Corpus) (x Example) {
	reasons := s.share(c.Traces)
	var text string
	if s.share(c.Arithmetic) {
		n, b := s.arithmetic(practice)
		x.Prompt = prompt(toArithmetic(n, b))
		result := b.end
		if !reasons && s.share(c.Wrong) {
			result = 1 + (result+s.below(nearby))%s.p.MostStep
		}
		if text = answer(strconv.Itoa(result)); reasons {
			text = b.steps(n, s.tongue(c.Mixed)) + text
		}
	} else {
		n, target, right, wrong := s.countdown(practice)
		x.Prompt = prompt(toCountdown(n, target))
		if reasons {
			found, hit, _ := s.p.search(n, target, s.tongue(c.Mixed))
			text = found + answer(hit.expression(n))
		} else {
			b := right[0]
			if s.share(c.Wrong) {
				b = wrong[s.below(len(wrong))]
			}
			text = answer(b.expression(n))
		}
	}
	at := 0
	if !reasons {
		x.add(&at, text, true)
		return x
	}
	// Long = kept·Traces / (kept·Traces + 1-Traces)
	kept := c.Long * (1 - c.Traces) / (c.Traces * (1 - c.Long))
	x.add(&at, text[:1], s.share(kept))
	x.add(&at, text[1:], true)
	return x
}

// nearby is how far a wrong sum is from a right one.
const nearby = 9

// read calls take with what a base model of a seed reads, of so many tokens in all.
func (c *Corpus) read(p *Problems, seed uint64, tokens int, take func(x *Example) error) error {
	s := newSource(p, "corpus", seed, 0)
	all, lines := 0, 0
	for all < tokens {
		var x Example
		line := float64(lines) < c.Lines*float64(all)
		if line {
			x = s.line(c)
		} else {
			x = s.example(c)
		}
		ids, err := vocabulary.Encode(nil, x.Prompt+x.Completion)
		if err != nil {
			return err
		}
		if all += len(ids); line {
			lines += len(ids)
		}
		if err := take(&x); err != nil {
			return err
		}
	}
	return nil
}
