package output

import (
	"strings"

	"github.com/blitz-r1/blitz/chat"
)

// FormatOf tells which format the models of a template speak, one of Formats or "".
func FormatOf(t *chat.Template) string {
	if t.Release() == "DeepSeek-V3.2" {
		return "deepseek-v3.2" // no template: see chat.Builtin
	}
	return DetectFormat(t.Source())
}

// DetectFormat tells which format the models of a chat template speak, by the
// markers in its source; "" if it is none of Formats. A template whose calls have
// another form, but whose reasoning stands between think tags, gives qwen3: the
// reasoning is split off, and such calls stay content.
func DetectFormat(template string) string {
	has := func(s string) bool { return strings.Contains(template, s) }
	thinks := has(thinkOpen) || has(thinkClose)
	switch {
	case has("｜DSML｜"):
		return "deepseek-v3.2"
	case has(deepseekSep) && !has("```"):
		return "deepseek-v3.1"
	case has(deepseekSep) || has("<｜Assistant｜>") && thinks:
		if opensReasoning(template) {
			return "deepseek-r1"
		}
		return "deepseek-r1-0528"
	case has(kimiCallsBegin):
		return "kimi-k2"
	case has(argKeyOpen) && has(argKeyClose+argValueOpen):
		return "glm-4.7"
	case has(argKeyOpen):
		return "glm-4.5"
	case has(llamaPythonTag), has("<|start_header_id|>") && has(`"parameters"`):
		return "llama-3.1"
	case has(toolCallOpen) && has(`arguments`) && !has("<function=") && !thinks:
		return "hermes"
	case thinks && !has("enable_thinking") && opensReasoning(template):
		return "qwq"
	case thinks:
		return "qwen3"
	}
	return ""
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
	return strings.HasSuffix(strings.TrimRightFunc(prompt, outputSpaceRune), thinkOpen)
}

// nearestFormats names the formats that a wrong name is close to, for an error.
func nearestFormats(name string) string {
	if len(name) > 64 {
		return ""
	}
	name = strings.ToLower(name)
	best, near := 4, []string{}
	for _, f := range Formats() {
		d := editDistance(name, f)
		if strings.HasPrefix(f, name) && name != "" || strings.HasPrefix(name, f) {
			d = 1
		}
		if d < best {
			best, near = d, near[:0]
		}
		if d == best {
			near = append(near, f)
		}
	}
	if best > 3 || len(near) == 0 {
		return ""
	}
	return " (nearest: " + strings.Join(near, ", ") + ")"
}

// editDistance counts the bytes to insert, delete or replace to get from a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
