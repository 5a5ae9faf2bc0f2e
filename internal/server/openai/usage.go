package openai

import (
	"encoding/json"

	"github.com/blitz-r1/blitz"
)

// usage counts tokens.
type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Total      int `json:"total_tokens"`
	PromptOf   struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionOf struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func usageOf(u blitz.Usage) *usage {
	x := &usage{Prompt: u.PromptTokens, Completion: u.OutputTokens, Total: u.PromptTokens + u.OutputTokens}
	x.PromptOf.Cached, x.CompletionOf.Reasoning = u.CachedTokens, u.ReasoningTokens
	return x
}

// noUsage is the usage of a chunk of a stream whose last chunk has one.
var noUsage = json.RawMessage("null")
