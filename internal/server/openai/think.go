package openai

import (
	"slices"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/jinja"
)

// maxKwargs bounds the variables that a client gives a template, in bytes.
const maxKwargs = 256 << 10

// ownVariables are those that the conversation itself makes.
var ownVariables = []string{
	"messages", "tools", "add_generation_prompt", "continue_final_message", "chat_template", "bos_token", "eos_token", "unk_token", "pad_token",
}

// budgetNames are the names that servers have for how many tokens of reasoning an answer
// may have: DashScope's, vLLM's and llama-server's.
var budgetNames = []string{"thinking_budget", "thinking_token_budget", "thinking_budget_tokens", "reasoning_budget_tokens", "reasoning_budget"}

// thinking is what is said of reasoning.
type thinking struct {
	blitz.Think
	hidden bool // it is not shown
}

// readThinking reads how much a model may reason, in the words of several servers. What
// is said outright counts before what an effort stands for.
func readThinking(o *wire.Object, r *inference.Request) thinking {
	effort := o.OneOf("reasoning_effort", inference.Efforts...)
	t := thinking{Think: inference.Effort(effort)}
	r.TellEffort(effort)
	if x := object(o, "reasoning"); x != nil { // OpenRouter's
		if effort := x.OneOf("effort", inference.Efforts...); effort != "" {
			t.Think = inference.Effort(effort)
			r.TellEffort(effort)
		}
		t.budget(x, "max_tokens")
		t.switched(x, "enabled")
		t.hidden = x.True("exclude")
	}
	if x := object(o, "thinking"); x != nil { // DeepSeek's, GLM's and Kimi's
		t.budget(x, "budget_tokens")
		switch x.OneOf("type", "enabled", "disabled", "auto", "adaptive") {
		case "enabled":
			t.Mode = blitz.ThinkOn
		case "disabled":
			t.Think = blitz.Think{Mode: blitz.ThinkOff}
		}
	}
	t.switched(o, "enable_thinking") // Qwen's
	for _, name := range budgetNames {
		t.budget(o, name)
	}
	if shown := o.Bool("include_reasoning"); shown != nil && !*shown {
		t.hidden = true
	}
	readKwargs(o, r, &t)
	r.Think = t.Think
	return t
}

// switched reads a field that switches reasoning.
func (t *thinking) switched(o *wire.Object, name string) {
	switch on := o.Bool(name); {
	case on == nil:
	case *on && t.Mode != blitz.ThinkOn:
		t.Think = blitz.Think{Mode: blitz.ThinkOn}
	case !*on:
		t.Think = blitz.Think{Mode: blitz.ThinkOff}
	}
}

// budget reads a field that says how many tokens reasoning may have; none at all switch
// it off, -1 stands for any number.
func (t *thinking) budget(o *wire.Object, name string) {
	switch n := o.Int(name, -1, inference.MaxTokens); {
	case n == nil:
	case *n == 0:
		t.Think = blitz.Think{Mode: blitz.ThinkOff}
	default:
		t.Budget = int(max(*n, 0))
	}
}

// readKwargs reads variables for the template.
func readKwargs(o *wire.Object, r *inference.Request, t *thinking) {
	v, ok := get(o, "chat_template_kwargs")
	if !ok {
		return
	}
	if len(v.Raw()) > maxKwargs {
		v.Refuse("chat_template_kwargs has %d bytes, want at most %d", len(v.Raw()), maxKwargs)
		return
	}
	x := v.Object()
	if x == nil {
		return
	}
	for _, name := range x.Names() {
		switch v, given := x.Get(name); {
		case !given:
		case slices.Contains(ownVariables, name):
			v.Refuse("%s is not for clients to set", v.Path())
		case name == "enable_thinking", name == "thinking" && v.IsBool():
			t.switched(x, name)
		case slices.Contains(budgetNames, name):
			t.budget(x, name)
		default:
			value, err := jinja.ParseJSON(v.Raw())
			if err != nil {
				v.Refuse("%s is too large", v.Path())
			}
			if r.Variables == nil {
				r.Variables = &jinja.Dict{}
			}
			r.Variables.Set(name, value)
		}
	}
}
