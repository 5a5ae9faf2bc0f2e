package grammar

import (
	"slices"
	"strings"
)

// A pattern of a schema is a regular expression that is searched for: it matches a text
// in which it occurs. Beside what Regex takes, look-ahead is held where a pattern begins
// with it, as those of passwords do: ^(?=.*\d)(?!.*\s).{8,}$.

// patternExpr returns the texts in which a pattern occurs.
func patternExpr(pattern string) (Expr, error) {
	rest, anchor := strings.CutPrefix(pattern, "^")
	var all, not []Expr
	for anchor && (strings.HasPrefix(rest, "(?=") || strings.HasPrefix(rest, "(?!")) {
		end := groupEnd(rest)
		if end < 0 || branches(rest) {
			break
		}
		e, err := regexExpr("^(?:"+rest[3:end]+")", true)
		if err != nil {
			return Expr{}, err
		}
		if rest[2] == '=' {
			all = append(all, e)
		} else {
			not = append(not, e)
		}
		rest = rest[end+1:]
	}
	if len(all)+len(not) == 0 {
		return regexExpr(pattern, true)
	}
	e, err := regexExpr("^"+rest, true)
	if err != nil {
		return Expr{}, err
	}
	if e = And(append(all, e)...); len(not) > 0 {
		e = Without(e, Or(not...))
	}
	return e, nil
}

// groupEnd returns the place of the parenthesis that closes the one at the begin.
func groupEnd(pattern string) int {
	depth := 0
	end := -1
	patternBytes(pattern, func(i int, c byte) bool {
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				end = i
			}
		}
		return end < 0
	})
	return end
}

// branches says whether a pattern has alternatives that are in no group.
func branches(pattern string) bool {
	depth, found := 0, false
	patternBytes(pattern, func(_ int, c byte) bool {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case '|':
			found = found || depth == 0
		}
		return !found
	})
	return found
}

// patternBytes goes through what stands for more than itself in a pattern: what is
// neither escaped nor in a class.
func patternBytes(pattern string, yield func(i int, c byte) bool) {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '[':
			for i++; i < len(pattern) && pattern[i] != ']'; i++ {
				if pattern[i] == '\\' {
					i++
				}
			}
		default:
			if slices.Contains([]byte("()|"), pattern[i]) && !yield(i, pattern[i]) {
				return
			}
		}
	}
}
