package output

import (
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/chat"
)

// FormatOf tells which format the models of a template speak, one of Formats or "".
func FormatOf(t *chat.Template) string {
	switch t.Release() { // no templates: see chat.Builtin
	case "DeepSeek-V3.2":
		return "deepseek-v3.2"
	case "DeepSeek-V4", "DeepSeek-V4-0731":
		return deepseekV4
	}
	if u := t.ToolUse(); u != nil { // it is the one that shows the form of calls
		if format := DetectFormat(u.Source()); format != "" {
			return format
		}
	}
	return DetectFormat(t.Source())
}

// DetectFormat tells which format the models of a chat template speak, by the
// markers in its source; "" if it is none of Formats. A template whose calls have
// another form, but whose reasoning stands between think tags, gives qwen3: the
// reasoning is split off, and such calls stay content.
func DetectFormat(template string) string {
	for _, f := range formats {
		if name := f.detect(template); name != "" {
			return name
		}
	}
	return ""
}

// hasReasoning reports whether a template knows reasoning between think tags.
func hasReasoning(template string) bool {
	return strings.Contains(template, thinkOpen) || strings.Contains(template, thinkClose)
}

// opensReasoning reports whether a template ends its prompts in <think>, which
// such templates write right after the marker of the assistant's turn.
func opensReasoning(template string) bool {
	for _, turn := range []string{"<｜Assistant｜>", "<|im_start|>assistant\\n", "<|im_start|>assistant\n"} {
		if strings.Contains(template, turn+thinkOpen) {
			return true
		}
	}
	return false
}

// OpensReasoning reports whether a prompt ends inside reasoning that it has just
// opened: what Options.Open has to say.
func OpensReasoning(prompt string) bool {
	text := strings.TrimRightFunc(prompt, isSpace)
	return slices.ContainsFunc(formats, func(f *format) bool {
		begin, _ := f.thinkTags()
		return strings.HasSuffix(text, begin)
	})
}
