package tokenizer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A family is what a name under tokenizer.ggml.pre stands for.
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
	splitsLines      = []string{patternLines}
)

// families are the names, in groups: each list stands for what is in front of it.
// familyNames are they in order, the best known of a group first.
var families, familyNames = func() (map[string]family, []string) {
	m := map[string]family{}
	var all []string
	add := func(f family, names string) {
		for _, name := range strings.Fields(names) {
			m[name] = f
			all = append(all, name)
		}
	}
	add(family{splits: splitsDefault}, "default")
	add(family{splits: splitsGPT2}, "gpt-2 phi-2 jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0 mellum modern-bert mpt olmo jais trillion granite-docling exaone4")
	add(family{splits: splitsDigitGPT2}, "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2")
	add(family{splits: splitsLlama3, whole: wholeAlways, addBOS: true}, "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano")
	add(family{splits: splitsLlama3}, "dbrx smaug-bpe glm4 chatglm-bpe")
	add(family{splits: []string{patternJais2}}, "jais-2")
	add(family{splits: splitsQwen2}, "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2")
	add(family{splits: []string{patternQwen35}}, "qwen35")
	add(family{splits: []string{patternBailing}}, "bailingmoe bailingmoe2 llada-moe")
	add(family{splits: []string{patternSeedCoder}}, "seed-coder")
	add(family{splits: []string{patternExaoneMoE}}, "exaone-moe")
	add(family{splits: []string{patternLines, patternQwen2}}, "laguna")
	add(family{splits: []string{`[\r\n]`, patternCased, patternPunct, patternTrailing, patternEast, `\p{N}`}}, "deepseek-llm")
	add(family{splits: []string{`[\r\n]`, `\s?\p{L}+`, `\s?\p{P}+`, patternEast, `\p{N}`}}, "deepseek-coder")
	add(family{splits: splitsDeepSeekV3}, "deepseek-v3 hunyuan-dense joyai-llm")
	add(family{splits: []string{patternNumberGroups, patternAsia, patternDeepSeekV3}}, "afmoe")
	add(family{splits: splitsGPT4o}, "gpt-4o llama4 kanana2 talkie minimax-m2")
	add(family{splits: splitsGPT4o, whole: wholeAlways}, "granite-embed-multi-97m")
	add(family{splits: []string{patternDigitGroups, patternGPT4o}}, "tiny_aya cohere2moe")
	add(family{splits: []string{patternYoutuAsia, patternYoutu}, whole: wholeAlways}, "youtu")
	add(family{splits: []string{patternTekken}, whole: wholeAlways, addBOS: true}, "tekken")
	add(family{splits: []string{patternKimi}}, "kimi-k2")
	add(family{splits: []string{`\p{N}{1,3}`, patternDigitRuns}, whole: wholeAlways}, "minicpm5")
	add(family{splits: []string{`\p{N}+`, patternBeforeThrees}}, "superbpe")
	add(family{splits: splitsLines, whole: wholeNewlines, addBOS: true, blanks: true}, "gemma4 granite-embed-multi-311m")
	add(family{splits: splitsLines, blanks: true}, "sarvam-moe")
	add(family{splits: []string{"[\\p{P}\\$\\+<=>\\^~\\|`]+", patternGPT2, patternThreeDigits}}, "falcon")
	add(family{splits: splitsBloom}, "bloom poro-chat gpt3-finnish")
	add(family{splits: append(splitsBloom[:1:1], `\p{N}`)}, "viking")
	return m, all
}()

// familyOf returns the family of a name.
func familyOf(pre string) (family, error) {
	f, ok := families[pre]
	if !ok {
		return f, fmt.Errorf("tokenizer.ggml.pre %.40q: %w: want one of %s", pre, ErrUnsupported, strings.Join(slices.Sorted(maps.Keys(families)), ", "))
	}
	return f, nil
}

// stages returns the stages of a family.
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
