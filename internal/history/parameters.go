package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// Parameters say what is asked of a model. What is nil or empty is the server's default.
type Parameters struct {
	Model           string          `json:"model,omitempty"`
	System          string          `json:"system,omitempty"`
	Temperature     *float64        `json:"temperature,omitempty"`
	TopP            *float64        `json:"top_p,omitempty"`
	TopK            *int            `json:"top_k,omitempty"`
	MinP            *float64        `json:"min_p,omitempty"`
	RepeatPenalty   *float64        `json:"repeat_penalty,omitempty"`
	Seed            *int64          `json:"seed,omitempty"`
	MaxTokens       *int            `json:"max_tokens,omitempty"`
	Reasoning       string          `json:"reasoning,omitempty"` // "on", "off"
	ReasoningBudget *int            `json:"reasoning_budget,omitempty"`
	Schema          json.RawMessage `json:"schema,omitempty"`  // an object
	Tools           json.RawMessage `json:"tools,omitempty"`   // an array of objects, in OpenAI's form
	MCP             []string        `json:"mcp,omitempty"`     // servers
	Allowed         []string        `json:"allowed,omitempty"` // "server/tool", for this chat
}

// check says what parameters cannot be. field is where they stand.
func (p *Parameters) check(field string) error {
	for _, t := range []struct {
		name, text string
		most       int
	}{{"model", p.Model, maxName}, {"system", p.System, maxSystem}} {
		if len(t.text) > t.most {
			return refuse(field+"."+t.name, "at most %d bytes", t.most)
		}
	}
	for _, n := range []struct {
		name        string
		value       *float64
		least, most float64
	}{
		{"temperature", p.Temperature, 0, 100},
		{"top_p", p.TopP, 0, 1},
		{"min_p", p.MinP, 0, 1},
		{"repeat_penalty", p.RepeatPenalty, 0, 100},
		{"top_k", number(p.TopK), 0, math.MaxInt32},
		{"max_tokens", number(p.MaxTokens), 1, math.MaxInt32},
		{"reasoning_budget", number(p.ReasoningBudget), 0, math.MaxInt32},
		{"seed", number(p.Seed), -(1 << 53), 1 << 53},
	} {
		if n.value != nil && !(*n.value >= n.least && *n.value <= n.most) {
			return refuse(field+"."+n.name, "a number from %v to %v", n.least, n.most)
		}
	}
	if p.Reasoning != "" && p.Reasoning != "on" && p.Reasoning != "off" {
		return refuse(field+".reasoning", `"on" or "off"`)
	}
	if err := checkJSON(field+".schema", p.Schema, '{', maxSchema); err != nil {
		return err
	}
	if err := checkJSON(field+".tools", p.Tools, '[', maxTools); err != nil {
		return err
	}
	for name, list := range map[string][]string{"mcp": p.MCP, "allowed": p.Allowed} {
		if len(list) > maxNames {
			return refuse(field+"."+name, "at most %d names", maxNames)
		}
		for i, s := range list {
			if s == "" || len(s) > maxName {
				return refuse(fmt.Sprintf("%s.%s[%d]", field, name, i), "1 to %d bytes", maxName)
			}
		}
	}
	return nil
}

// checkJSON says what an object or an array cannot be.
func checkJSON(field string, text json.RawMessage, first byte, most int) error {
	text = bytes.TrimSpace(text)
	kind := map[byte]string{'{': "an object", '[': "an array"}[first]
	switch {
	case len(text) == 0 || string(text) == "null":
		return nil
	case len(text) > most:
		return refuse(field, "at most %d bytes", most)
	case text[0] != first || !json.Valid(text):
		return refuse(field, "%s", kind)
	}
	return nil
}

// number returns a whole number as the bounds have it; nil stays nil.
func number[T int | int64](n *T) *float64 {
	if n == nil {
		return nil
	}
	f := float64(*n)
	return &f
}

// text returns the parameters as they are stored.
func (p *Parameters) text() (string, error) {
	q := *p
	for _, raw := range []*json.RawMessage{&q.Schema, &q.Tools} {
		if t := bytes.TrimSpace(*raw); len(t) == 0 || string(t) == "null" {
			*raw = nil
		}
	}
	text, err := json.Marshal(&q)
	return string(text), err
}
