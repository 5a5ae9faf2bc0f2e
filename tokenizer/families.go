package tokenizer

// A family is what the name under tokenizer.ggml.pre stands for.
type family struct {
	splits []string // patterns, applied one after the other
	whole  wholeRule
	addBOS bool // where the file does not say
	blanks bool // not byte-level: spaces are ▁, bytes are <0x00>
}

// The splits that several names share.
var (
	splitsGPT2       = []string{patternGPT2}
	splitsDigitGPT2  = []string{`\p{N}`, patternGPT2}
	splitsLlama3     = []string{patternLlama3}
	splitsQwen2      = []string{patternQwen2}
	splitsGPT4o      = []string{patternGPT4o}
	splitsDeepSeekV3 = []string{`\p{N}{1,3}`, patternCJK, patternDeepSeekV3}
	splitsDefault    = []string{`[\p{P}\$\+<=>\^~\|]+`, patternGPT2, `\p{N}+`, patternThreeDigits}
	splitsBloom      = []string{` ?[^(\s|.,!?…。，、।۔،)]+`}
)

// familyOf returns the family of a name; false if it is not known.
func familyOf(pre string) (family, bool) {
	switch pre {
	case "default", "":
		return family{splits: splitsDefault}, true
	case "gpt-2", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "gigachat", "a.x-4.0", "mellum", "modern-bert",
		"mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4":
		return family{splits: splitsGPT2}, true
	case "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2":
		return family{splits: splitsDigitGPT2}, true
	case "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano":
		return family{splits: splitsLlama3, whole: wholeAlways, addBOS: true}, true
	case "dbrx", "smaug-bpe", "glm4", "chatglm-bpe":
		return family{splits: splitsLlama3}, true
	case "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2":
		return family{splits: splitsQwen2}, true
	case "qwen35":
		return family{splits: []string{patternQwen35}}, true
	case "deepseek-llm":
		return family{splits: []string{`[\r\n]`, patternCased, patternPunct, patternTrailing, patternEast, `\p{N}`}}, true
	case "deepseek-coder":
		return family{splits: []string{`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, patternEast, `\p{N}`}}, true
	case "deepseek-v3", "hunyuan-dense", "joyai-llm":
		return family{splits: splitsDeepSeekV3}, true
	case "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2":
		return family{splits: splitsGPT4o}, true
	case "tekken":
		return family{splits: []string{patternTekken}, whole: wholeAlways, addBOS: true}, true
	case "kimi-k2":
		return family{splits: []string{patternKimi}}, true
	case "minicpm5":
		return family{splits: []string{`\p{N}{1,3}`, patternDigitRuns}, whole: wholeAlways}, true
	case "gemma4":
		return family{splits: []string{patternLines}, whole: wholeNewlines, addBOS: true, blanks: true}, true
	case "falcon":
		return family{splits: []string{"[\\p{P}\\$\\+<=>\\^~\\|`]+", patternGPT2, patternThreeDigits}}, true
	case "bloom", "poro-chat", "gpt3-finnish":
		return family{splits: splitsBloom}, true
	case "viking":
		return family{splits: append(splitsBloom[:1:1], `\p{N}`)}, true
	}
	return family{}, false
}

// stagesOf returns the stages of a family.
func (f family) stages() ([]stage, error) {
	var stages []stage
	for _, pattern := range f.splits {
		find, err := newFinder(pattern)
		if err != nil {
			return nil, err
		}
		stages = append(stages, &splitStage{finder: find})
	}
	return stages, nil
}
