package blitz

import (
	"slices"
	"time"
)

// Profile names the arithmetic: what docs/CANON.md defines.
const Profile = "canon-1"

// Record is an answer written down: what it came from, how, and what came. The same
// model, profile, form, cache, prompt and settings give the same tokens on any machine.
type Record struct {
	Model    string    `json:"model"`          // the root digest of its files; "" where it was not made, see Model.Root
	Profile  string    `json:"profile"`        // Profile
	Form     string    `json:"form"`           // of latent attention: absorbed or expanded; none
	Cache    string    `json:"cache"`          // f32, f16, bf16 or q8
	Rope     string    `json:"rope,omitempty"` // Engine.Rope
	Prompt   []int32   `json:"prompt"`
	Tokens   []int32   `json:"tokens"`           // the end token included
	Forced   []int     `json:"forced,omitempty"` // which of Tokens, from 0, were not drawn
	Rendered bool      `json:"rendered"`         // the prompt is that of a conversation
	Guided   bool      `json:"guided,omitempty"` // Guides of the request took part
	Settings Settings  `json:"settings"`
	Finish   Finish    `json:"finish"`
	Error    string    `json:"error,omitempty"` // with FinishError and FinishCancelled
	Usage    Usage     `json:"usage"`
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`
}

// Record returns what can be written down of the answer so far.
func (a *Answer) Record() Record {
	r := Record{
		Model: a.engine.model.root(), Profile: Profile, Form: a.engine.model.Form(), Cache: a.engine.Cache(), Rope: a.engine.Rope(),
		Prompt: slices.Clone(a.prompt), Tokens: slices.Clone(a.ids), Forced: slices.Clone(a.forced),
		Rendered: a.parser != nil, Guided: a.guided,
		Settings: a.settings, Finish: a.finish, Usage: a.Usage(), Started: a.started, Finished: a.finished,
	}
	if a.err != nil {
		r.Error = a.err.Error()
	}
	return r
}

// Request returns the request that gives the same answer again. The guides of the
// first one have to be put in again.
func (r *Record) Request() Request {
	return Request{
		Tokens: r.Prompt, Rendered: r.Rendered, Think: r.Settings.Think, Sampling: r.Settings.sampling(),
		MaxTokens: r.Settings.MaxTokens, Stop: r.Settings.Stop,
	}
}
