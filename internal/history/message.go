package history

// Roles of messages.
const (
	User      = "user"
	Assistant = "assistant"
	Tool      = "tool" // results of calls
)

// Status is how an answer stands; "" of messages that no model wrote.
type Status string

const (
	Running     Status = "running"
	Complete    Status = "complete"
	Length      Status = "length"      // ended by a limit
	Stopped     Status = "stopped"     // by a person
	Failed      Status = "failed"      // Error says why
	Interrupted Status = "interrupted" // by the end of the server
	Calls       Status = "calls"       // waits for the results of calls
)

// known says whether there is such a status.
func (s Status) known() bool {
	switch s {
	case "", Running, Complete, Length, Stopped, Failed, Interrupted, Calls:
		return true
	}
	return false
}

// Message is a node of a chat's tree. Those with the same parent are its versions.
type Message struct {
	ID         string      `json:"id"`
	Parent     string      `json:"parent,omitempty"` // "": it begins the chat
	Role       string      `json:"role"`
	Content    string      `json:"content"`
	Reasoning  string      `json:"reasoning,omitempty"`
	Files      []FileText  `json:"files,omitempty"`
	Calls      []Call      `json:"calls,omitempty"`
	Results    []Result    `json:"results,omitempty"`
	Model      string      `json:"model,omitempty"`
	Parameters *Parameters `json:"parameters,omitempty"` // an answer's
	Status     Status      `json:"status,omitempty"`
	Error      string      `json:"error,omitempty"`
	Figures    *Figures    `json:"figures,omitempty"`
	Beside     string      `json:"beside,omitempty"` // the other answer of a comparison
	Edited     bool        `json:"edited,omitempty"`
	Created    Time        `json:"created"`

	// Of an answer that runs; not stored.
	Seq             int64 `json:"seq,omitempty"`
	Tokens          int   `json:"tokens,omitempty"`
	ReasoningTokens int   `json:"reasoning_tokens,omitempty"`
	Thinking        bool  `json:"thinking,omitempty"`
}

// FileText is an attached file.
type FileText struct {
	Name   string `json:"name"`
	Bytes  int64  `json:"bytes"`
	Tokens int    `json:"tokens"`
	Text   string `json:"text,omitempty"` // only where it is asked for
}

// Call is a call of a tool that a model wants.
type Call struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // as the model wrote them
}

// Result is what a call gave.
type Result struct {
	Call    string `json:"call"` // its id
	Name    string `json:"name"`
	Content string `json:"content"`
	Failed  bool   `json:"failed,omitempty"`
}

// Figures are what an answer cost.
type Figures struct {
	PromptTokens    int     `json:"prompt_tokens"`
	CachedTokens    int     `json:"cached_tokens"`
	AnswerTokens    int     `json:"answer_tokens"` // with reasoning
	ReasoningTokens int     `json:"reasoning_tokens"`
	FirstTokenMS    float64 `json:"first_token_ms"`
	TokensPerSecond float64 `json:"tokens_per_second"`
	ReasoningMS     float64 `json:"reasoning_ms"`
	Context         int     `json:"context"`       // positions that are used
	ContextLimit    int     `json:"context_limit"` // positions that there are
	// Receipt names what says how the answer came to be; "": there is none.
	Receipt string `json:"receipt,omitempty"`
}

// check says what the figures cannot be: JSON has no infinite numbers.
func (f *Figures) check() error {
	for _, v := range []float64{f.FirstTokenMS, f.TokensPerSecond, f.ReasoningMS} {
		if v != v || v < 0 || v > 1e15 {
			return refuse("figures", "finite numbers that are not negative")
		}
	}
	if len(f.Receipt) > maxReceipt {
		return refuse("figures", "the name of a receipt of at most %d bytes", maxReceipt)
	}
	return nil
}

// maxReceipt bounds the name of a receipt.
const maxReceipt = 64
