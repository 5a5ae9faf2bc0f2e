package blitz

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/tokenizer"
)

// FindTemplate returns the chat template of a model, whose tokenizer is t: that of
// its files, else the built-in one of its release. The error wraps ErrNoTemplate
// where there is neither, or says why that of the files cannot be used.
func FindTemplate(path string, t *tokenizer.Tokenizer) (*chat.Template, error) {
	source := t.ChatTemplate()
	toolUse, _ := t.NamedTemplate("tool_use")
	if source != "" || toolUse != "" {
		return chat.NewTemplates(source, toolUse)
	}
	arch, names := declared(path)
	for i := range releases {
		if r := &releases[i]; r.is(arch, names) && r.speaks(t) {
			return chat.Builtin(r.template)
		}
	}
	return nil, ErrNoTemplate
}

// release tells a release by what its files say. No file is known by its path: who
// renames one means nothing by it.
type release struct {
	template string         // see chat.Builtins
	archs    string         // architectures in GGUF and Hugging Face's files, between blanks
	name     *regexp.Regexp // of the model, in lower case, words joined by dashes; nil: any
	not      *regexp.Regexp // other releases whose names match, too; nil: none
	tokens   []string       // that the vocabulary has; <think> is plain text to some
}

// The vocabularies that are written with.
var (
	deepseekTokens = []string{"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>"}
	chatMLTokens   = []string{"<|im_start|>", "<|im_end|>"}
	llamaTokens    = []string{"<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"}
	glmTokens      = []string{"[gMASK]", "<sop>", "<|user|>", "<|assistant|>"}
	kimiTokens     = []string{"<|im_user|>", "<|im_assistant|>", "<|im_system|>", "<|im_middle|>", "<|im_end|>"}
)

const (
	deepseekArchs = " deepseek2 "
	distillArchs  = deepseekArchs + "qwen2 qwen3 llama "
)

// notChat are models that answer no questions, or in another way than their kin.
var notChat = regexp.MustCompile(`(^|-)(base|zero|guard|reranker|embedding|vl|coder|math|omni|audio|nemotron|tulu|prover|ocr)(-|$|\d)`)

// releases are the releases with a built-in template. Of several whose names match
// the first counts.
var releases = []release{
	// V3.2-Exp speaks as V3.1 does, and publishes a template.
	{"DeepSeek-V3.2", " deepseek32 deepseek_v32 ", nil, regexp.MustCompile(`-exp(-|$)`), deepseekTokens},
	{"DeepSeek-V3.2", deepseekArchs, regexp.MustCompile(`deepseek-v3\.2`), regexp.MustCompile(`-exp(-|$)`), deepseekTokens},
	{"DeepSeek-V3.1", deepseekArchs, regexp.MustCompile(`deepseek-v3\.1`), nil, append(deepseekTokens[:4:4], "<think>", "</think>")},
	{"DeepSeek-R1-0528", distillArchs, regexp.MustCompile(`deepseek-r1-0528`), nil, deepseekTokens},
	{"DeepSeek-R1", distillArchs, regexp.MustCompile(`deepseek-r1(-distill|-ud|-bf16|$)`), nil, deepseekTokens},
	{"DeepSeek-V3", deepseekArchs, regexp.MustCompile(`deepseek-v3(-0324|-ud|-bf16|$)`), nil, deepseekTokens},
	{"DeepSeek-V2.5", deepseekArchs, regexp.MustCompile(`deepseek-v2\.5`), nil, deepseekTokens},
	{
		"DeepSeek-V2", deepseekArchs, regexp.MustCompile(`deepseek-(v2(-lite)?-chat|coder-v2(-lite)?-instruct)`),
		regexp.MustCompile(`0628|0724`), deepseekTokens[:2],
	},
	{"DeepSeek-V2", " llama ", regexp.MustCompile(`deepseek-llm-\d+b-chat`), nil, deepseekTokens[:2]},

	{"Qwen2", " qwen2 ", regexp.MustCompile(`^qwen2-.*instruct`), nil, chatMLTokens},
	{"Qwen2.5", " qwen2 ", regexp.MustCompile(`^qwen2\.5-.*instruct`), nil, chatMLTokens},
	{"QwQ", " qwen2 ", regexp.MustCompile(`^qwq-32b($|-gguf)`), nil, chatMLTokens},
	{
		"Qwen3", " qwen3 qwen3moe ", regexp.MustCompile(`^qwen3-\d+(\.\d+)?b(-a\d+(\.\d+)?b)?`),
		regexp.MustCompile(`2507|instruct|thinking`), append(chatMLTokens[:2:2], "<think>", "</think>"),
	},
	{"Llama-3", " llama ", regexp.MustCompile(`^(meta-)?llama-3-\d+b-instruct`), nil, llamaTokens},
	{"Llama-3.1", " llama ", regexp.MustCompile(`^(meta-)?llama-3\.[13]-\d+b-instruct`), nil, llamaTokens},
	{"Llama-3.2", " llama ", regexp.MustCompile(`^(meta-)?llama-3\.2-\d+b-instruct`), nil, llamaTokens},
	{"Gemma-3", " gemma3 ", regexp.MustCompile(`^gemma-3-\d+m?b?-it`), nil, []string{"<start_of_turn>", "<end_of_turn>"}},
	{"GLM-4.7-Flash", " glm4_moe_lite ", nil, nil, glmTokens},
	{"GLM-4.7-Flash", " deepseek2 ", regexp.MustCompile(`^glm-4\.7-flash`), nil, glmTokens},
	{"Kimi-K2-Thinking", " deepseek2 ", regexp.MustCompile(`^kimi-k2-thinking`), nil, kimiTokens},
	{"Kimi-K2", " deepseek2 ", regexp.MustCompile(`^kimi-k2-instruct`), nil, kimiTokens},
	{"Moonlight", " deepseek2 ", regexp.MustCompile(`^moonlight-.*instruct`), nil, kimiTokens},
}

// is says whether a model of this architecture and one of these names belongs to the
// release. One name that says otherwise is enough against it.
func (r *release) is(arch string, names []string) bool {
	if arch == "" || !strings.Contains(r.archs, " "+arch+" ") {
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

// maxConfig bounds a config.json.
const maxConfig = 4 << 20

// declared returns the architecture that a model's files name, and the names of the
// model in them.
func declared(path string) (arch string, names []string) {
	info, err := os.Stat(path)
	if err != nil {
		return "", nil
	}
	folder := path
	if !info.IsDir() {
		if f, err := gguf.Open(path); err == nil {
			defer f.Close()
			return declaredGGUF(f)
		}
		folder = filepath.Dir(path)
	}
	if !exists(filepath.Join(folder, "config.json")) {
		if found := oneGGUF(path); found != "" {
			return declared(found)
		}
		return "", nil
	}
	return declaredHF(filepath.Join(folder, "config.json")), nil
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

// declaredHF reads a config.json. It names no model: the name that older ones note is
// that of the model it was made of.
func declaredHF(path string) (arch string) {
	data, err := readAtMost(path, maxConfig)
	if err != nil {
		return ""
	}
	var c struct {
		ModelType  string `json:"model_type"`
		TextConfig struct {
			ModelType string `json:"model_type"`
		} `json:"text_config"`
	}
	if json.Unmarshal(data, &c) != nil {
		return ""
	}
	if c.TextConfig.ModelType != "" {
		return c.TextConfig.ModelType
	}
	return c.ModelType
}

// plainName brings a model's name into the form that releases are told by.
func plainName(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool {
		return r == ' ' || r == '_' || r == '-'
	}), "-")
}
