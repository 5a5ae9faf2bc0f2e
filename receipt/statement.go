package receipt

import (
	"strconv"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// Every is how many tokens a block of the chain has.
const Every = 32

// most is the greatest integer of a receipt.
const most = 1<<53 - 1

// Statement is what a receipt says.
type Statement struct {
	Output      string // commitment
	Model       Model
	Adapter     string // root of its folder; "": none
	Tokenizer   string // sum of its file, or of its entries in a GGUF
	Template    string // sum of its text
	Profile     Profile
	Program     Program
	Prompt      string // commitment
	Constraints string // commitment; "": there are none
	Parameters  Parameters
	Finish      string // stop, length, tool_calls, cancelled, error
	Vocabulary  int64  // logits of a row
	Hashes      []string
	Usage       Usage
	Request     string // 1 to 64 bytes, unique
	Log         string // origin of the log it goes to; "": none
	Started     time.Time
	Finished    time.Time
}

// Model names a model.
type Model struct {
	Name      string // for people
	Root      string // over its files
	Signature string // sum of the signature file that vouched for it; "": none
}

// Profile names the arithmetic.
type Profile struct {
	Name  string // canon-1
	MLA   string // none, absorbed, expanded
	Cache string // f32, f16, bf16, q8
	Rope  string // what was set of rotary embedding, and the context of its frequencies where that matters; "": nothing
}

// object returns the profile as JSON: rope where there is something to say.
func (p *Profile) object() signed.Object {
	o := signed.Object{{Name: "name", Value: p.Name}, {Name: "mla", Value: p.MLA}, {Name: "cache", Value: p.Cache}}
	if p.Rope != "" {
		o = append(o, signed.Member{Name: "rope", Value: p.Rope})
	}
	return o
}

// Program is what computed the answer.
type Program struct {
	Version string
	SHA256  string // of the executable file
}

// Parameters are what an answer was drawn with.
type Parameters struct {
	Temperature, TopP, MinP                          float32
	RepeatPenalty, FrequencyPenalty, PresencePenalty float32
	TopK, MaxTokens                                  int64
	Seed                                             uint64
	Think                                            string // auto, on, off, or a budget
}

// Usage are the counts of an answer.
type Usage struct {
	PromptTokens, CachedTokens, OutputTokens, ReasoningTokens int64
}

// decimals are the parameters that are fractions, and their bounds.
func (p *Parameters) decimals() []struct {
	name     string
	v        *float32
	min, max float32
} {
	return []struct {
		name     string
		v        *float32
		min, max float32
	}{
		{"temperature", &p.Temperature, 0, 100},
		{"top_p", &p.TopP, 0, 1},
		{"min_p", &p.MinP, 0, 1},
		{"repeat_penalty", &p.RepeatPenalty, 1e-3, 1e3},
		{"frequency_penalty", &p.FrequencyPenalty, -100, 100},
		{"presence_penalty", &p.PresencePenalty, -100, 100},
	}
}

// formatDecimal returns the shortest decimal that is this float32, without an exponent.
func formatDecimal(v float32) string {
	if v == 0 {
		return "0"
	}
	return strconv.FormatFloat(float64(v), 'f', -1, 32)
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// WriteParameters returns parameters as JSON, as a receipt and a job have them.
func WriteParameters(p *Parameters) signed.Object {
	o := signed.Object{
		{Name: "top_k", Value: int(p.TopK)},
		{Name: "max_tokens", Value: int(p.MaxTokens)},
		{Name: "seed", Value: strconv.FormatUint(p.Seed, 10)},
		{Name: "think", Value: p.Think},
	}
	for _, d := range p.decimals() {
		o = append(o, signed.Member{Name: d.name, Value: formatDecimal(*d.v)})
	}
	return o
}

// payload returns what is signed.
func (s *Statement) payload() []byte {
	hashes := signed.List{}
	for _, h := range s.Hashes {
		hashes = append(hashes, h)
	}
	st := signed.Statement{
		Subject: []signed.Subject{{Name: "output", SHA256: s.Output}}, PredicateType: PredicateType,
		Predicate: signed.Object{
			{Name: "model", Value: signed.Object{{Name: "name", Value: s.Model.Name}, {Name: "root", Value: s.Model.Root}, {Name: "signature", Value: s.Model.Signature}}},
			{Name: "adapter", Value: s.Adapter},
			{Name: "tokenizer", Value: s.Tokenizer},
			{Name: "template", Value: s.Template},
			{Name: "profile", Value: s.Profile.object()},
			{Name: "program", Value: signed.Object{{Name: "version", Value: s.Program.Version}, {Name: "sha256", Value: s.Program.SHA256}}},
			{Name: "prompt", Value: s.Prompt},
			{Name: "constraints", Value: s.Constraints},
			{Name: "parameters", Value: WriteParameters(&s.Parameters)},
			{Name: "finish", Value: s.Finish},
			{Name: "chain", Value: signed.Object{{Name: "every", Value: Every}, {Name: "vocabulary", Value: int(s.Vocabulary)}, {Name: "hashes", Value: hashes}}},
			{Name: "usage", Value: signed.Object{
				{Name: "prompt_tokens", Value: int(s.Usage.PromptTokens)},
				{Name: "cached_tokens", Value: int(s.Usage.CachedTokens)},
				{Name: "output_tokens", Value: int(s.Usage.OutputTokens)},
				{Name: "reasoning_tokens", Value: int(s.Usage.ReasoningTokens)},
			}},
			{Name: "request", Value: s.Request},
			{Name: "log", Value: s.Log},
			{Name: "started", Value: formatTime(s.Started)},
			{Name: "finished", Value: formatTime(s.Finished)},
		},
	}
	return st.Canonical()
}

// readStatement reads a payload whose signature was checked, strictly.
func readStatement(payload []byte) (*Statement, error) {
	output, f, err := signed.ReadStatement(payload, MaxSize, "output", PredicateType)
	if err != nil {
		return nil, err
	}
	s := &Statement{Output: output}
	s.readWhat(f)
	s.readHow(f)
	s.Finish = f.Choice("finish", "stop", "length", "tool_calls", "cancelled", "error")
	s.readCounts(f)
	s.Request = f.Text("request", 1, 64)
	if s.Log = f.Text("log", 0, 255); s.Log != "" {
		if err := transparency.CheckName(s.Log); err != nil {
			f.Refuse(signed.Form, "log", "%v", err)
		}
	}
	s.Started, s.Finished = f.Time("started"), f.Time("finished")
	if f.Err() == nil && s.Finished.Before(s.Started) {
		f.Refuse(signed.Form, "finished", "before started")
	}
	f.End()
	if f.Err() != nil {
		return nil, f.Err()
	}
	return s, nil
}

// readWhat reads what answered.
func (s *Statement) readWhat(f *signed.Fields) {
	m := f.Object("model")
	s.Model = Model{Name: m.Text("name", 1, 255), Root: m.Digest("root"), Signature: m.DigestOrNone("signature")}
	m.End()
	s.Adapter, s.Tokenizer, s.Template = f.DigestOrNone("adapter"), f.Digest("tokenizer"), f.Digest("template")
	p := f.Object("profile")
	s.Profile = Profile{Name: p.Text("name", 1, 64), MLA: p.Choice("mla", "none", "absorbed", "expanded"), Cache: p.Choice("cache", "f32", "f16", "bf16", "q8")}
	if p.Has("rope") {
		s.Profile.Rope = p.Text("rope", 1, 255)
	}
	p.End()
	g := f.Object("program")
	s.Program = Program{Version: g.Text("version", 1, 255), SHA256: g.Digest("sha256")}
	g.End()
	s.Prompt, s.Constraints = f.Digest("prompt"), f.DigestOrNone("constraints")
}

// readHow reads the parameters.
func (s *Statement) readHow(f *signed.Fields) { s.Parameters = ReadParameters(f.Object("parameters")) }

// ReadParameters reads parameters, strictly, as receipts have them.
func ReadParameters(f *signed.Fields) (p Parameters) {
	for _, d := range p.decimals() {
		text := f.Text(d.name, 1, 64)
		v, err := strconv.ParseFloat(text, 32)
		if err != nil || formatDecimal(float32(v)) != text || !(float32(v) >= d.min && float32(v) <= d.max) {
			f.Refuse(signed.Form, d.name, "%.40q, want the shortest decimal of a number from %v to %v", text, d.min, d.max)
		}
		*d.v = float32(v)
	}
	p.TopK, p.MaxTokens = f.Int("top_k", 0, most), f.Int("max_tokens", 0, most)
	seed := f.Text("seed", 1, 20)
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != seed {
		f.Refuse(signed.Form, "seed", "%q, want a decimal below 2^64", seed)
	}
	p.Seed = n
	switch p.Think = f.Text("think", 1, 20); p.Think {
	case "auto", "on", "off":
	default:
		if n, err := strconv.ParseInt(p.Think, 10, 64); err != nil || n < 1 || n > most || strconv.FormatInt(n, 10) != p.Think {
			f.Refuse(signed.Form, "think", "%q, want auto, on, off or a number of tokens", p.Think)
		}
	}
	f.End()
	return p
}

// readCounts reads the chain and the counts, which have to fit each other.
func (s *Statement) readCounts(f *signed.Fields) {
	c := f.Object("chain")
	c.Int("every", Every, Every)
	s.Vocabulary = c.Int("vocabulary", 1, 1<<32-1)
	for _, v := range c.List("hashes", MaxSize/64) {
		h, _ := v.(string)
		if !signed.IsDigest(h) {
			c.Refuse(signed.Form, "hashes", "%.80q, want 64 hexadecimal digits", h)
		}
		s.Hashes = append(s.Hashes, h)
	}
	c.End()
	u := f.Object("usage")
	s.Usage = Usage{u.Int("prompt_tokens", 0, most), u.Int("cached_tokens", 0, most), u.Int("output_tokens", 0, most), u.Int("reasoning_tokens", 0, most)}
	u.End()
	switch {
	case f.Err() != nil:
	case s.Usage.CachedTokens > s.Usage.PromptTokens:
		u.Refuse(signed.Form, "cached_tokens", "more than prompt_tokens")
	case s.Usage.ReasoningTokens > s.Usage.OutputTokens:
		u.Refuse(signed.Form, "reasoning_tokens", "more than output_tokens")
	case int64(len(s.Hashes)) != (s.Usage.OutputTokens+Every-1)/Every:
		c.Refuse(signed.Form, "hashes", "%d of them, want one for each %d of %d tokens", len(s.Hashes), Every, s.Usage.OutputTokens)
	}
}
