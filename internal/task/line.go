package task

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
)

// Kinds are the tasks whose problems ParseLine reads.
var Kinds = []string{"countdown", "arithmetic"}

// maxTarget bounds the digits of a target.
const maxTarget = 1000

// ParseLine reads a problem, as ParseProblem does, and a completion from a JSON object.
func ParseLine(kind string, line []byte) (p Problem, completion string, err error) {
	fields, err := parseFields(line)
	if err != nil {
		return nil, "", err
	}
	if p, err = parseProblem(kind, fields); err == nil {
		err = field(fields, "completion", "a string", &completion)
	}
	return p, completion, err
}

// ParseProblem reads a problem from a JSON object: countdown has numbers and target,
// arithmetic expression. Other keys are passed over.
func ParseProblem(kind string, line []byte) (Problem, error) {
	fields, err := parseFields(line)
	if err != nil {
		return nil, err
	}
	return parseProblem(kind, fields)
}

func parseFields(line []byte) (fields map[string]json.RawMessage, err error) {
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, fmt.Errorf("want an object: %w", err)
	}
	return fields, nil
}

func parseProblem(kind string, fields map[string]json.RawMessage) (Problem, error) {
	switch kind {
	case "countdown":
		return parseCountdown(fields)
	case "arithmetic":
		var text string
		if err := field(fields, "expression", "a string", &text); err != nil {
			return nil, err
		}
		return NewArithmetic(text)
	}
	return nil, fmt.Errorf("task %q, want one of %v", kind, Kinds)
}

func parseCountdown(fields map[string]json.RawMessage) (Problem, error) {
	var list []json.Number
	if err := field(fields, "numbers", "a list of whole numbers", &list); err != nil {
		return nil, err
	}
	var numbers []int64
	for i, text := range list {
		n, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("numbers[%d] is %.40s, want a whole number of %d digits at most", i, text, maxDigits)
		}
		numbers = append(numbers, n)
	}
	var text json.Number
	if err := field(fields, "target", "a number", &text); err != nil {
		return nil, err
	}
	target, ok := parseTarget(string(text))
	if !ok {
		return nil, fmt.Errorf("target is %.40s, want a whole number or a decimal of %d digits at most", text, maxTarget)
	}
	return NewCountdown(numbers, target)
}

// parseTarget reads a JSON number without an exponent.
func parseTarget(text string) (*big.Rat, bool) {
	if len(text) > maxTarget || bytes.ContainsAny([]byte(text), "eE") {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// field reads a field that has to be there. A string is no number, whatever is in it.
func field(fields map[string]json.RawMessage, name, want string, v any) error {
	raw, ok := fields[name]
	if !ok || string(raw) == "null" {
		return fmt.Errorf("%s is missing, want %s", name, want)
	}
	_, number := v.(*json.Number)
	if err := json.Unmarshal(raw, v); err != nil || number && raw[0] == '"' {
		return fmt.Errorf("%s is %.40s, want %s", name, raw, want)
	}
	return nil
}
