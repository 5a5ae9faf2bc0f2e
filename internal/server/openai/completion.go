package openai

import (
	"net/http"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/tokenizer"
)

// defaultTokens is how many tokens a completion has at most, unless the request says so.
const defaultTokens = 16

// completionAsk is what a completion is asked for.
type completionAsk struct {
	inference.Request
	stream streamed
	echo   bool // the prompt is part of the text
	scores bool // with log-probabilities
}

// readCompletion reads the fields of a completion.
func readCompletion(o *wire.Object) (*completionAsk, error) {
	a := &completionAsk{}
	r := &a.Request
	r.Model = readModel(o)
	if need(o, "prompt") {
		r.Prompts = readPrompts(o, "prompt", inference.MaxChoices)
	}
	if o.Err() != nil {
		return nil, o.Err()
	}
	readSampling(o, r)
	if n := max(r.N, 1) * len(r.Prompts); n > inference.MaxChoices {
		o.Refuse("n", "n answers to each prompt are %d, want at most %d", n, inference.MaxChoices)
	}
	r.MaxTokens = defaultTokens
	readMaxTokens(o, "max_tokens", r)
	readFormat(o, &r.Format)
	a.stream = readStream(o)
	a.echo = o.True("echo")
	if top := o.Int("logprobs", 0, inference.MaxTopTokens); top != nil {
		a.scores, r.Logprobs, r.TopTokens = true, true, int(*top)
	}
	r.Echo = a.echo && a.scores
	readSuffix(o, a)
	refuseUnheld(o)
	return a, o.Err()
}

// readPrompts reads texts or token ids: a string, a list of strings, ids, or a list of
// lists of ids.
func readPrompts(o *wire.Object, name string, most int) []inference.Prompt {
	v, _ := o.Get(name)
	if v.IsText() {
		return []inference.Prompt{{Text: v.Text()}}
	}
	if !v.IsArray() {
		v.Refuse("%s is neither a string nor a list of strings or token ids", name)
		return nil
	}
	if isEmpty(v) {
		v.Refuse("%s is empty", name)
		return nil
	}
	if v.First().IsNumber() {
		return []inference.Prompt{{Tokens: v.IDs(inference.MaxIDs)}}
	}
	var prompts []inference.Prompt
	for _, one := range v.Array(most) {
		switch {
		case isEmpty(one):
			one.Refuse("%s is empty", one.Path())
		case one.IsText():
			prompts = append(prompts, inference.Prompt{Text: one.Text()})
		case one.IsArray():
			prompts = append(prompts, inference.Prompt{Tokens: one.IDs(inference.MaxIDs)})
		default:
			one.Refuse("%s is neither a string nor a list of token ids", one.Path())
		}
	}
	return prompts
}

// readSuffix reads what comes behind the text that is wanted, which makes the prompts
// what stands in front of it.
func readSuffix(o *wire.Object, a *completionAsk) {
	suffix := o.Text("suffix")
	if suffix == "" {
		return
	}
	if a.echo {
		o.Refuse("suffix", "suffix and echo do not go together")
	}
	for i := range a.Prompts {
		p := &a.Prompts[i]
		if p.Tokens != nil {
			o.Refuse("suffix", "suffix goes with prompts that are texts")
			return
		}
		p.Gap, p.Param = &tokenizer.Gap{Before: p.Text, Behind: suffix}, "suffix"
	}
}

// complete goes on with texts.
func (d *dialect) complete(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	a, err := readCompletion(o)
	if err != nil {
		return err
	}
	events := wire.EventsIf(a.stream.on, w)
	defer events.Close()
	answers, err := d.service.Answer(r.Context(), &a.Request)
	if err != nil {
		return brokenOff(events, aboutTokens(err, "prompt"))
	}
	defer answers.Close()
	answers.Tell(w, events)
	head := answered{wire.NewID("cmpl-"), "text_completion", time.Now().Unix(), a.Model, blitz.Profile}
	writers := a.writers(answers)
	if a.stream.on {
		return a.streamTo(events, answers, head, writers)
	}
	for e, err := range answers.Events() {
		if err != nil {
			return err
		}
		writers[e.Choice].add(&e)
	}
	x := completionAnswer{answered: head, Usage: usageOf(answers.Usage())}
	for _, one := range writers {
		x.Choices = append(x.Choices, one.take(true))
	}
	wire.WriteJSON(w, http.StatusOK, x)
	return nil
}

// completionAnswer is a whole answer, or a chunk of one.
type completionAnswer struct {
	answered
	Choices []completionChoice `json:"choices"`
	Usage   any                `json:"usage,omitempty"`
	Receipt string             `json:"receipt,omitempty"` // in a stream; see chatChunk
}

type completionChoice struct {
	Index    int     `json:"index"`
	Text     string  `json:"text"`
	Logprobs *scores `json:"logprobs"`
	Finish   *string `json:"finish_reason"`
}

// streamTo writes the answers as a stream.
func (a *completionAsk) streamTo(events *wire.Events, answers *inference.Answers, head answered, writers []*completionWriter) error {
	send := func(usage any, receipt string, choice completionChoice) error {
		return events.Send("", completionAnswer{head, []completionChoice{choice}, usage, receipt})
	}
	var other any
	if a.stream.usage {
		other = noUsage
	}
	for e, err := range answers.Events() {
		if err != nil {
			return brokenOff(events, err)
		}
		one := writers[e.Choice]
		one.add(&e)
		receipt := ""
		if e.Over {
			receipt = answers.Receipt(e.Choice)
		}
		if !one.isEmpty() && send(other, receipt, one.take(e.Over)) != nil {
			return nil // nobody is there any more
		}
	}
	if a.stream.usage {
		_ = events.Send("", completionAnswer{head, []completionChoice{}, usageOf(answers.Usage()), answers.Receipts()})
	}
	_ = events.Done()
	return nil
}
