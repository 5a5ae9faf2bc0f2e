package reward

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/task"
)

// verdict is the reward of a task whose verifier there is: 1 for a right answer in its form.
func verdict(kind string) Func {
	return func(_ context.Context, s *Sample) (Score, error) {
		p, err := task.ParseProblem(kind, s.Row)
		if err != nil {
			return Score{}, err
		}
		return Score{Value: task.Judge(p, s.Completion).Reward}, nil
	}
}

// right is 1 for what is right.
func right(ok bool) Score {
	if ok {
		return Score{Value: 1}
	}
	return Score{}
}

// compared compares a part with the answer of the example, as an evaluation does.
func compared(r *Reward, part string) (Func, error) {
	if r.Pattern != "" {
		pattern, err := regexp.Compile(r.Pattern)
		if err != nil {
			return nil, fmt.Errorf("pattern: %w", err)
		}
		return func(_ context.Context, s *Sample) (Score, error) {
			text, ok := s.part(part)
			return right(ok && pattern.MatchString(text)), nil
		}, nil
	}
	return func(_ context.Context, s *Sample) (Score, error) {
		q, err := question(r, s)
		if err != nil {
			return Score{}, err
		}
		text, ok := s.part(part)
		if !ok {
			return Score{}, nil
		}
		return right(task.JudgeContent(q, text).Correct), nil
	}, nil
}

// question returns the question of a sample.
func question(r *Reward, s *Sample) (*task.Question, error) {
	fields, err := s.fields()
	if err != nil {
		return nil, err
	}
	// What it asks is not compared, and need not be a text in the example.
	fields["prompt"] = json.RawMessage(`"the prompt"`)
	delete(fields, "score")
	if r.Kind != Choice {
		delete(fields, "choices")
	}
	switch {
	case r.Kind != Numeric:
		delete(fields, "tolerance")
	case r.Tolerance != 0:
		fields["tolerance"] = json.RawMessage(strconv.FormatFloat(r.Tolerance, 'g', -1, 64))
	}
	line, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return task.ParseQuestion(line, task.Scoring(r.Kind))
}

// format is 1 for reasoning that ends, and behind it one answer between tags with nothing
// following; plain: for reasoning that ends with something behind it. DeepSeek-AI, "DeepSeek-R1",
// 2025, section 2.2.2. Tags within the reasoning or the answer are none of the form.
func format(plain bool) Func {
	return func(_ context.Context, s *Sample) (Score, error) {
		before, behind, closed := strings.Cut(s.Completion, closesReasoning)
		before = strings.TrimLeft(before, task.Blanks)
		inner, opened := strings.CutPrefix(before, opensReasoning)
		if !closed || !opened && !s.Open || opened && s.Open || strings.Contains(inner, opensReasoning) || strings.Contains(behind, opensReasoning) || strings.Contains(behind, closesReasoning) {
			return Score{}, nil
		}
		if plain {
			return right(strings.Trim(behind, task.Blanks) != ""), nil
		}
		f := task.ReadContent(behind)
		return right(f.Found && f.Last && f.Answer != "" && strings.Count(behind, "<answer>") == 1 && strings.Count(behind, "</answer>") == 1), nil
	}
}

// overlong is DAPO's penalty of long answers (Yu and others, "DAPO", 2025, equation 13): 0 up
// to max-cache tokens, from there on falling to -penalty at max.
func overlong(r *Reward) Func {
	penalty := r.Penalty
	if penalty == 0 {
		penalty = 1
	}
	return func(_ context.Context, s *Sample) (Score, error) {
		free := r.Max - r.Cache
		switch {
		case s.Tokens <= free && s.Tokens <= r.Max:
			return Score{}, nil
		case s.Tokens >= r.Max:
			return Score{Value: -penalty}, nil
		}
		return Score{Value: float64(penalty * float64(free-s.Tokens) / float64(r.Cache))}, nil
	}
}

// usualNgram is how many words repeat together, and maxWords how many of a part are looked at.
const (
	usualNgram = 3
	maxWords   = 1 << 18
)

// repetition is -penalty times the share of word n-grams that stood there before: Yeo and
// others, "Demystifying Long Chain-of-Thought Reasoning in LLMs", 2025, as open-r1 has it.
func repetition(r *Reward, part string) Func {
	penalty, n := r.Penalty, r.Ngram
	if penalty == 0 {
		penalty = 1
	}
	if n == 0 {
		n = usualNgram
	}
	return func(_ context.Context, s *Sample) (Score, error) {
		text, _ := s.part(part)
		var words []string
		for w := range strings.FieldsSeq(strings.ToLower(text)) {
			if words = append(words, w); len(words) == maxWords {
				break
			}
		}
		all := len(words) - n + 1
		if all < 1 {
			return Score{}, nil
		}
		// Words are numbered, so that an n-gram is compared by numbers and costs no text.
		numbers := map[string]int32{}
		ids := make([]byte, 0, 4*len(words))
		for _, w := range words {
			id, ok := numbers[w]
			if !ok {
				id = int32(len(numbers))
				numbers[w] = id
			}
			ids = append(ids, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
		}
		seen := map[string]struct{}{}
		for i := range all {
			seen[string(ids[4*i:4*(i+n)])] = struct{}{}
		}
		return Score{Value: -penalty * float64(all-len(seen)) / float64(all)}, nil
	}
}
