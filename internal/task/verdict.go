package task

import "strings"

// A Verdict is what is thought of a completion.
type Verdict struct {
	Reward  float64 `json:"reward"`  // 1 or 0
	Format  bool    `json:"format"`  // the answer stands where it should and has the form
	Correct bool    `json:"correct"` // and it is right
	Answer  *string `json:"answer"`  // without blanks around it; nil: there is none
}

// A Problem is one whose answer can be checked.
type Problem interface {
	// Question is the problem in words, with the form that the answer is to have.
	Question() string
	// Short is the problem without words.
	Short() string
	// Check says whether an answer has its form, and whether it is right.
	Check(answer string) (formed, right bool)
}

// Judge returns the verdict of a completion: reasoning and an answer.
func Judge(p Problem, completion string) Verdict { return judge(p, Read(completion)) }

// JudgeContent is Judge of what stands behind the reasoning. The answer to a question of a
// user need not stand between tags.
func JudgeContent(p Problem, content string) Verdict {
	if q, ok := p.(*Question); ok {
		return q.judge(content)
	}
	return judge(p, ReadContent(content))
}

// JudgeAnswer is JudgeContent of what stands behind the first </think> of a text. Where there is
// none, that is all of it, or with reasoning nothing.
func JudgeAnswer(p Problem, text string, reasoning bool) Verdict {
	_, content, ok := strings.Cut(text, endOfReasoning)
	switch {
	case !ok && reasoning:
		return Verdict{}
	case !ok:
		content = text
	}
	return JudgeContent(p, content)
}

func judge(p Problem, f Form) Verdict {
	if !f.Found {
		return Verdict{}
	}
	v := Verdict{Answer: &f.Answer}
	if !f.Last {
		return v
	}
	if v.Format, v.Correct = p.Check(f.Answer); v.Correct {
		v.Reward = 1
	}
	return v
}
