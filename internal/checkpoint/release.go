package checkpoint

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/tokenizer"
)

// release tells a release by what its files say. No file is known by its path: who
// renames one means nothing by it.
type release struct {
	template string         // see chat.Builtins
	archs    []string       // architectures, as GGUF and as Hugging Face's files name them
	name     *regexp.Regexp // of the model, in lower case, words joined by dashes; nil: any
	not      *regexp.Regexp // other releases whose names match, too; nil: none
	tokens   []string       // that the vocabulary has; <think> is plain text to some
}

// Tokens that tell the vocabularies.
var (
	deepseekTokens = []string{"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"}
	chatMLTokens   = []string{"<|im_start|>", "<|im_end|>"}
	llamaTokens    = []string{"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}
	glmTokens      = []string{"[gMASK]", "<sop>", "<|user|>", "<|assistant|>"}
	kimiTokens     = []string{"<|im_user|>", "<|im_assistant|>", "<|im_system|>", "<|im_middle|>", "<|im_end|>"}
)

var (
	deepseekArchs  = []string{"deepseek2"}
	deepseek4Archs = []string{"deepseek4", "deepseek_v4"}
	distillArchs   = []string{"deepseek2", "qwen2", "qwen3", "llama"}
)

// notChat are models that answer no questions, or in another way than their kin.
var notChat = regexp.MustCompile(`(^|-)(base|zero|guard|reranker|embedding|vl|coder|math|omni|audio|nemotron|tulu|prover|ocr)(-|$|\d)`)

// releases are the releases with a built-in template. Of several whose names match
// the first counts.
var releases = []release{
	// V3.2-Exp speaks as V3.1 does, and publishes a template.
	{"DeepSeek-V3.2", []string{"deepseek32", "deepseek_v32"}, nil, regexp.MustCompile(`-exp(-|$)`), deepseekTokens},
	{"DeepSeek-V3.2", deepseekArchs, regexp.MustCompile(`deepseek-v3\.2`), regexp.MustCompile(`-exp(-|$)`), deepseekTokens},
	{"DeepSeek-V4-0731", deepseek4Archs, regexp.MustCompile(`0731`), nil, deepseekTokens},
	{"DeepSeek-V4", deepseek4Archs, nil, nil, deepseekTokens},
	{"DeepSeek-V3.1", deepseekArchs, regexp.MustCompile(`deepseek-v3\.1`), nil, append(deepseekTokens[:4:4], "<think>", "</think>")},
	{"DeepSeek-R1-0528", distillArchs, regexp.MustCompile(`deepseek-r1-0528`), nil, deepseekTokens},
	{"DeepSeek-R1", distillArchs, regexp.MustCompile(`deepseek-r1(-distill|-ud|-bf16|$)`), nil, deepseekTokens},
	{"DeepSeek-V3", deepseekArchs, regexp.MustCompile(`deepseek-v3(-0324|-ud|-bf16|$)`), nil, deepseekTokens},
	{"DeepSeek-V2.5", deepseekArchs, regexp.MustCompile(`deepseek-v2\.5`), nil, deepseekTokens},
	{
		"DeepSeek-V2", deepseekArchs, regexp.MustCompile(`deepseek-(v2(-lite)?-chat|coder-v2(-lite)?-instruct)`),
		regexp.MustCompile(`0628|0724`), deepseekTokens[:2],
	},
	{"DeepSeek-V2", []string{"llama"}, regexp.MustCompile(`deepseek-llm-\d+b-chat`), nil, deepseekTokens[:2]},

	{"Qwen2", []string{"qwen2"}, regexp.MustCompile(`^qwen2-.*instruct`), nil, chatMLTokens},
	{"Qwen2.5", []string{"qwen2"}, regexp.MustCompile(`^qwen2\.5-.*instruct`), nil, chatMLTokens},
	{"QwQ", []string{"qwen2"}, regexp.MustCompile(`^qwq-32b($|-gguf)`), nil, chatMLTokens},
	{
		"Qwen3",
		[]string{"qwen3", "qwen3moe"},
		regexp.MustCompile(`^qwen3-\d+(\.\d+)?b(-a\d+(\.\d+)?b)?`),
		regexp.MustCompile(`2507|instruct|thinking`), append(chatMLTokens[:2:2], "<think>", "</think>"),
	},
	{"Llama-3", []string{"llama"}, regexp.MustCompile(`^(meta-)?llama-3-\d+b-instruct`), nil, llamaTokens},
	{"Llama-3.1", []string{"llama"}, regexp.MustCompile(`^(meta-)?llama-3\.[13]-\d+b-instruct`), nil, llamaTokens},
	{"Llama-3.2", []string{"llama"}, regexp.MustCompile(`^(meta-)?llama-3\.2-\d+b-instruct`), nil, llamaTokens},
	{"Gemma-3", []string{"gemma3"}, regexp.MustCompile(`^gemma-3-\d+m?b?-it`), nil, []string{"<start_of_turn>", "<end_of_turn>"}},
	{"GLM-4.7-Flash", []string{"glm4_moe_lite"}, nil, nil, glmTokens},
	{"GLM-4.7-Flash", []string{"deepseek2"}, regexp.MustCompile(`^glm-4\.7-flash`), nil, glmTokens},
	{"Kimi-K2-Thinking", []string{"deepseek2"}, regexp.MustCompile(`^kimi-k2-thinking`), nil, kimiTokens},
	{"Kimi-K2", []string{"deepseek2"}, regexp.MustCompile(`^kimi-k2-instruct`), nil, kimiTokens},
	{"Moonlight", []string{"deepseek2"}, regexp.MustCompile(`^moonlight-.*instruct`), nil, kimiTokens},
}

// is says whether a model of this architecture and one of these names belongs to the
// release. One name that says otherwise is enough against it.
func (r *release) is(arch string, names []string) bool {
	if !slices.Contains(r.archs, arch) {
		return false
	}
	found := r.name == nil
	for _, name := range names {
		if notChat.MatchString(strings.ReplaceAll(name, "coder-v2", "")) || r.not != nil && r.not.MatchString(name) {
			return false
		}
		found = found || r.name != nil && r.name.MatchString(name)
	}
	return found
}

// speaks says whether the vocabulary has the release's tokens.
func (r *release) speaks(t *tokenizer.Tokenizer) bool {
	for _, piece := range r.tokens {
		if _, ok := t.ID(piece); !ok {
			return false
		}
	}
	return true
}

// declared returns the architecture that a model's files name, and the names of the
// model in them.
func (c *Checkpoint) declared() (arch string, names []string) {
	if c.gguf != nil {
		return declaredGGUF(c.gguf)
	}
	// It names no model: the name that older ones note is that of the model it was made of.
	text, err := c.Config()
	if err != nil {
		return "", nil
	}
	var v struct {
		ModelType string `json:"model_type"`
		DSpark    int    `json:"dspark_block_size"` // V4's of July 2026 have it
		Text      struct {
			ModelType string `json:"model_type"`
		} `json:"text_config"`
	}
	if json.Unmarshal(PlainJSON(text), &v) != nil {
		return "", nil
	}
	if v.Text.ModelType != "" {
		return v.Text.ModelType, nil
	}
	if v.DSpark > 0 {
		names = append(names, "deepseek-v4-0731")
	}
	return v.ModelType, names
}

// declaredGGUF reads the keys of a GGUF file. A name may be in one key, or in pieces.
func declaredGGUF(f *gguf.File) (arch string, names []string) {
	arch, _ = f.String("general.architecture")
	if name, _ := f.String("general.name"); name != "" {
		names = append(names, plainName(name))
	}
	var pieces []string
	for _, key := range []string{"basename", "size_label", "finetune"} {
		if s, _ := f.String("general." + key); s != "" {
			pieces = append(pieces, s)
		}
	}
	if name := plainName(strings.Join(pieces, "-")); name != "" {
		names = append(names, name)
	}
	return arch, names
}

// plainName brings a model's name into the form that releases are told by.
func plainName(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return r == ' ' || r == '_' || r == '-'
	}), "-")
}
