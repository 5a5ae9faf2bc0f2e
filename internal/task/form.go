package task

import "strings"

// The tags of an answer. They are exact: no blanks, no other case.
const (
	endOfReasoning = "</think>"
	answerOpens    = "<answer>"
	answerCloses   = "</answer>"
)

// Blanks are the characters that may stand around an answer and behind it.
const Blanks = " \t\r\n"

// A Form is what a completion holds of an answer.
type Form struct {
	Answer string // without blanks around it
	Found  bool   // there is an answer
	Last   bool   // nothing but blanks stands behind it
}

// Read returns the answer of a completion: reasoning ends at the first </think>, the answer
// is the text of the first <answer> behind it up to the next </answer>. Nothing may follow.
func Read(completion string) Form {
	_, rest, ok := strings.Cut(completion, endOfReasoning)
	if !ok {
		return Form{}
	}
	return ReadContent(rest)
}

// ReadContent is Read of what stands behind the reasoning.
func ReadContent(content string) Form {
	_, rest, ok := strings.Cut(content, answerOpens)
	if !ok {
		return Form{}
	}
	answer, rest, ok := strings.Cut(rest, answerCloses)
	if !ok {
		return Form{}
	}
	return Form{Answer: strings.Trim(answer, Blanks), Found: true, Last: strings.Trim(rest, Blanks) == ""}
}
