package reward

import (
	"encoding/json"
	"strings"

	"github.com/blitz-r1/blitz/internal/task"
)

// Sample is a completion, and what is known of its problem.
type Sample struct {
	Prompt     string          // what was asked, as text
	Completion string          // all that the model wrote
	Open       bool            // the prompt ended within the reasoning
	Tokens     int             // of the completion
	Truncated  bool            // it ended at the limit of its length
	Row        json.RawMessage // the example: an object with the answer, and all else that rewards ask for; may be nil
}

// The parts of a completion that a reward may look at.
const (
	PartCompletion = "completion" // all of it
	PartReasoning  = "reasoning"  // what stands before the first </think>
	PartContent    = "content"    // what stands behind it; where there is no reasoning, all
	PartAnswer     = "answer"     // the text of the first <answer> of the content
	PartCode       = "code"       // the last block of code of the content
)

// Parts are all of them.
var Parts = []string{PartCompletion, PartReasoning, PartContent, PartAnswer, PartCode}

const (
	opensReasoning  = "<think>"
	closesReasoning = "</think>"
	fence           = "```"
)

// split returns reasoning and content. Reasoning that does not end has no content behind it.
func (s *Sample) split() (reasoning, content string) {
	before, behind, closed := strings.Cut(s.Completion, closesReasoning)
	start, opened := strings.CutPrefix(strings.TrimLeft(before, task.Blanks), opensReasoning)
	switch {
	case closed && opened:
		return start, behind
	case closed:
		return before, behind
	case opened:
		return start, ""
	case s.Open:
		return before, ""
	}
	return "", s.Completion
}

// part returns a part of the completion; ok: it is there.
func (s *Sample) part(name string) (text string, ok bool) {
	reasoning, content := s.split()
	switch name {
	case PartCompletion:
		return s.Completion, true
	case PartReasoning:
		return reasoning, reasoning != ""
	case PartContent:
		return content, content != ""
	case PartAnswer:
		f := task.ReadContent(content)
		return f.Answer, f.Found && f.Last
	}
	return lastBlock(content)
}

// lastBlock returns the last whole block of code between fences, without its first line,
// which names a language.
func lastBlock(text string) (code string, ok bool) {
	inside := false
	var lines []string
	for line := range strings.Lines(text) {
		switch mark := strings.TrimLeft(line, " \t"); {
		case !strings.HasPrefix(mark, fence):
			if inside {
				lines = append(lines, line)
			}
		case inside && strings.Trim(mark, "`"+task.Blanks) == "":
			code, ok, inside = strings.Join(lines, ""), true, false
		case inside: // a fence of other code within the block
			lines = append(lines, line)
		default:
			inside, lines = true, nil
		}
	}
	return code, ok
}

// fields returns the object of the example; an empty one where there is none.
func (s *Sample) fields() (map[string]json.RawMessage, error) {
	fields := map[string]json.RawMessage{}
	if len(s.Row) == 0 {
		return fields, nil
	}
	err := json.Unmarshal(s.Row, &fields)
	if fields == nil {
		fields = map[string]json.RawMessage{}
	}
	return fields, err
}

// text returns a field of the example that has to be a string, "" where there is none.
func (s *Sample) text(name string) (string, error) {
	fields, err := s.fields()
	if err != nil || fields[name] == nil {
		return "", err
	}
	var text string
	err = json.Unmarshal(fields[name], &text)
	return text, err
}
