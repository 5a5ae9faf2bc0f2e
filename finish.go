package blitz

import (
	"fmt"
	"slices"
)

// Finish says why an answer ended.
type Finish struct {
	Reason    FinishReason `json:"reason"`
	StopToken int32        `json:"stop_token,omitempty"` // with FinishStopToken and FinishToolCalls
	StopText  string       `json:"stop_text,omitempty"`  // with FinishStopText, which one it was
	// Budget says that the reasoning was ended by the budget of Think; the answer
	// went on behind it.
	Budget bool `json:"budget,omitempty"`
}

// FinishReason is the kind of a Finish.
type FinishReason uint8

// The reasons.
const (
	FinishNone      FinishReason = iota // the answer goes on
	FinishStopToken                     // the model ended it, by one of its end tokens
	FinishToolCalls                     // the model ended it behind calls, which wait for their results
	FinishStopText                      // one of the request's stop texts came
	FinishLength                        // it has as many tokens as the request allows
	FinishContext                       // the context is full
	FinishCancelled                     // it was closed, its reader left, or its context was done
	FinishError                         // see Answer.Err
)

var finishReasons = []string{"", "stop_token", "tool_calls", "stop_text", "length", "context", "cancelled", "error"}

// String returns the reason in one word.
func (r FinishReason) String() string {
	if int(r) < len(finishReasons) {
		return finishReasons[r]
	}
	return fmt.Sprintf("FinishReason(%d)", uint8(r))
}

// MarshalText writes the word of String.
func (r FinishReason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads the word of String.
func (r *FinishReason) UnmarshalText(text []byte) error {
	i := slices.Index(finishReasons, string(text))
	if i < 0 {
		return fmt.Errorf("blitz: finish reason %q, want one of %q", text, finishReasons[1:])
	}
	*r = FinishReason(i)
	return nil
}

// String returns what is said of a finish elsewhere: stop, length, tool_calls,
// cancelled or error; "" while the answer goes on.
func (f Finish) String() string {
	switch f.Reason {
	case FinishStopToken, FinishStopText:
		return "stop"
	case FinishContext:
		return FinishLength.String()
	}
	return f.Reason.String()
}
