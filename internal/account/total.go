package account

import (
	"slices"
	"strconv"
)

// TotalHead returns the names of the columns of Total.Row.
func TotalHead(by []string) []string {
	var head []string
	for _, word := range Groups {
		if slices.Contains(by, word) {
			head = append(head, word)
		}
	}
	return append(head, "requests", "failed", "prompt_tokens", "cached_tokens", "answer_tokens", "reasoning_tokens", "seconds")
}

// Row returns the total as texts: what it is told apart by, in the order of Groups, and its
// figures.
func (t *Total) Row(by []string) []string {
	var row []string
	for i, text := range []string{t.Key, t.Model, t.Day, t.Month} {
		if slices.Contains(by, Groups[i]) {
			row = append(row, text)
		}
	}
	for _, n := range []int64{t.Requests, t.Failed, t.Prompt, t.Cached, t.Answer, t.Reasoning} {
		row = append(row, strconv.FormatInt(n, 10))
	}
	return append(row, strconv.FormatFloat(t.Seconds, 'f', 1, 64))
}
