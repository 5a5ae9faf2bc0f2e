package openai

import (
	"net/http"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/tokenizer"
)

// chatAsk is what a chat completion is asked for.
type chatAsk struct {
	inference.Request
	stream   streamed
	thinking thinking
}

// readChat reads the fields of a chat completion.
func readChat(o *wire.Object) (*chatAsk, error) {
	a := &chatAsk{}
	r := &a.Request
	r.Model = readModel(o)
	readMessages(o, r)
	if o.Err() != nil {
		return nil, o.Err()
	}
	readTools(o, r)
	readSampling(o, r)
	for _, name := range []string{"max_tokens", "max_completion_tokens"} { // the newer name counts
		readMaxTokens(o, name, r)
	}
	readFormat(o, &r.Format)
	a.thinking = readThinking(o, r)
	a.stream = readStream(o)
	readLogprobs(o, r)
	if o.True("echo") {
		o.Refuse("echo", "echo is not supported in a conversation")
	}
	refuseUnheld(o)
	return a, o.Err()
}

// readLogprobs reads which log-probabilities come with an answer.
func readLogprobs(o *wire.Object, r *inference.Request) {
	r.Logprobs = o.True("logprobs")
	if top := o.Int("top_logprobs", 0, inference.MaxTopTokens); top != nil && *top > 0 {
		r.TopTokens = int(*top)
		if !r.Logprobs {
			o.Refuse("top_logprobs", "top_logprobs is given, and logprobs is not true")
		}
	}
}

// chat answers a conversation.
func (d *dialect) chat(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	a, err := readChat(o)
	if err != nil {
		return err
	}
	events := wire.EventsIf(a.stream.on, w)
	defer events.Close()
	answers, err := d.service.Answer(r.Context(), &a.Request)
	if err != nil {
		return brokenOff(events, err)
	}
	defer answers.Close()
	answers.Tell(w, events)
	head := answered{wire.NewID("chatcmpl-"), "chat.completion", time.Now().Unix(), a.Model, blitz.Profile}
	if a.stream.on {
		return a.streamTo(events, answers, head)
	}
	whole, err := a.whole(answers, head)
	if err == nil {
		wire.WriteJSON(w, http.StatusOK, whole)
	}
	return err
}

// chatAnswer is a whole answer.
type chatAnswer struct {
	answered
	Choices []chatChoice `json:"choices"`
	Usage   *usage       `json:"usage"`
}

type chatChoice struct {
	Index    int         `json:"index"`
	Message  message     `json:"message"`
	Logprobs *chatScores `json:"logprobs"`
	Finish   string      `json:"finish_reason"`
}

// message is what the model says.
type message struct {
	Role      string  `json:"role"`
	Content   *string `json:"content"`
	Refusal   *string `json:"refusal"`
	Reasoning string  `json:"reasoning_content,omitempty"`
	Calls     []call  `json:"tool_calls,omitempty"`
}

// call is a call of a tool.
type call struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function calledByName `json:"function"`
}

type calledByName struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// chatScores are the log-probabilities of the tokens of the content.
type chatScores struct {
	Content []logprob `json:"content"`
}

// whole waits for all answers, and returns them.
func (a *chatAsk) whole(answers *inference.Answers, head answered) (*chatAnswer, error) {
	tokens := answers.Engine().Model().Tokenizer()
	scores := newScorers(a.Logprobs, answers.Len())
	for e, err := range answers.Events() {
		if err != nil {
			return nil, err
		}
		scores.add(tokens, &e, answers)
	}
	x := &chatAnswer{answered: head, Usage: usageOf(answers.Usage())}
	for i := range answers.Len() {
		x.Choices = append(x.Choices, a.choice(answers.Choice(i), i, scores))
	}
	return x, nil
}

// choice returns one answer.
func (a *chatAsk) choice(answer *blitz.Answer, i int, scores scorers) chatChoice {
	c := chatChoice{Index: i, Message: message{Role: "assistant"}, Logprobs: scores.of(i), Finish: answer.Finish().String()}
	if a.NoTokens {
		c.Message.Content, c.Finish = new(""), "length"
		return c
	}
	said := answer.Output()
	if c.Message.Content = said.Content; said.Content == nil && len(said.ToolCalls) == 0 {
		c.Message.Content = new("")
	}
	if said.ReasoningContent != nil && !a.thinking.hidden {
		c.Message.Reasoning = *said.ReasoningContent
	}
	for _, called := range said.ToolCalls {
		c.Message.Calls = append(c.Message.Calls, callOf(called))
	}
	return c
}

// callOf returns a call; its id is that which the model gave it, if it gave one.
func callOf(c chat.ToolCall) call {
	return call{idOf(c.ID), "function", calledByName{c.Name, c.Arguments}}
}

func idOf(own string) string {
	if own == "" {
		return wire.NewID("call_")
	}
	return own
}

// scorers collect the log-probabilities of several answers; nil: none are wanted.
type scorers []scorer

// scorer collects those of one answer.
type scorer struct {
	holder holder
	list   []logprob
}

func newScorers(wanted bool, n int) scorers {
	if !wanted {
		return nil
	}
	return make(scorers, n)
}

// add takes in what happened to an answer.
func (s scorers) add(tokens *tokenizer.Tokenizer, e *inference.Event, answers *inference.Answers) {
	if s == nil {
		return
	}
	one := &s[e.Choice]
	var certain []blitz.Token
	if e.Over {
		certain = one.holder.end(answers.Choice(e.Choice).Finish())
	} else {
		certain = one.holder.add(&e.Token)
	}
	for i := range certain {
		one.list = append(one.list, logprobOf(tokens, &certain[i]))
	}
}

// take returns what became certain of an answer since it was last asked, nil for none.
func (s scorers) take(i int) *chatScores {
	if s == nil || len(s[i].list) == 0 {
		return nil
	}
	list := s[i].list
	s[i].list = nil
	return &chatScores{list}
}

// of returns those of a whole answer, which may be none; nil where none are wanted.
func (s scorers) of(i int) *chatScores {
	if s == nil {
		return nil
	}
	return &chatScores{append([]logprob{}, s[i].list...)}
}
