package ollama

// generateWriter makes the lines of generate.
type generateWriter struct {
	context bool // the tokens of the conversation are told at the end
}

type generateLine struct {
	head
	Response string    `json:"response"`
	Thinking string    `json:"thinking,omitempty"`
	Logprobs []logprob `json:"logprobs,omitempty"`
	ending
	Context []int32 `json:"context,omitempty"`
}

func (generateWriter) line(h head, p piece) any {
	return generateLine{head: h, Response: p.content, Thinking: p.thinking, Logprobs: p.logprobs}
}

func (w generateWriter) last(h head, p piece, e ending, context func() []int32) any {
	l := generateLine{head: h, Response: p.content, Thinking: p.thinking, Logprobs: p.logprobs, ending: e}
	if w.context {
		l.Context = context()
	}
	return l
}

// chatWriter makes the lines of chat.
type chatWriter struct{}

type chatLine struct {
	head
	Message  message   `json:"message"`
	Logprobs []logprob `json:"logprobs,omitempty"`
	ending
}

type message struct {
	Role      string `json:"role"`
	Content   string `json:"content"`
	Thinking  string `json:"thinking,omitempty"`
	ToolCalls []call `json:"tool_calls,omitempty"`
}

func (chatWriter) line(h head, p piece) any {
	return chatLine{head: h, Message: message{"assistant", p.content, p.thinking, p.calls}, Logprobs: p.logprobs}
}

func (chatWriter) last(h head, p piece, e ending, _ func() []int32) any {
	return chatLine{head: h, Message: message{"assistant", p.content, p.thinking, p.calls}, Logprobs: p.logprobs, ending: e}
}
