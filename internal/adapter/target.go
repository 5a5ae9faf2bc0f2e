package adapter

import (
	"fmt"
	"regexp"
	"strings"
)

// Bounds of what is compared with each module's name.
const (
	maxPatterns = 4096
	maxTargets  = 4096
	// maxExpressions bounds the text of regular expressions, which a few characters make
	// large: names as they are do not count.
	maxExpressions = 16 << 10
)

// Pattern is a number of the modules whose names end with what a regular expression
// says, behind a dot or whole.
type Pattern struct {
	Text  string
	Value float64

	compiled *regexp.Regexp // nil: the text has no sign but dots
}

// Patterns are tried in their order; the first that fits counts.
type Patterns []Pattern

// NewPattern compiles a pattern.
func NewPattern(text string, value float64) (Pattern, error) {
	if isName(text) {
		return Pattern{Text: text, Value: value}, nil
	}
	if len(text) > maxExpressions {
		return Pattern{}, errLong
	}
	r, err := regexp.Compile(`^(?:.*\.)?(?:` + text + `)$`)
	if err != nil {
		return Pattern{}, err
	}
	return Pattern{text, value, r}, nil
}

// isName says whether a text has nothing of an expression but dots.
func isName(text string) bool {
	plain := strings.ReplaceAll(text, ".", "")
	return regexp.QuoteMeta(plain) == plain
}

// errLong says that regular expressions are too long.
var errLong = fmt.Errorf("more than %d characters of them", maxExpressions)

// expressions returns the length of the regular expressions.
func (p Patterns) expressions() (n int) {
	for i := range p {
		if p[i].compiled != nil {
			n += len(p[i].Text)
		}
	}
	return n
}

// fits says whether a module's name ends with what the pattern says.
func (p *Pattern) fits(module string) bool {
	if p.compiled != nil {
		return p.compiled.MatchString(module)
	}
	at := len(module) - len(p.Text)
	if at < 0 || at > 0 && module[at-1] != '.' {
		return false
	}
	for i := range len(p.Text) {
		if c := p.Text[i]; c != '.' && c != module[at+i] { // a dot is any character
			return false
		}
	}
	return true
}

// of returns the number of a module, false where no pattern fits.
func (p Patterns) of(module string) (float64, bool) {
	for i := range p {
		if p[i].fits(module) {
			return p[i].Value, true
		}
	}
	return 0, false
}

// AllLinear is the target of all linear layers but the head.
const AllLinear = "all-linear"

// Targets say which modules an adapter is of, as target_modules and exclude_modules do:
// by the ends of their names, or by a regular expression that fits the whole name.
type Targets struct {
	Names    []string
	Pattern  string // AllLinear, too
	Excluded []string
	// ExcludedPattern is what exclude_modules has in place of names.
	ExcludedPattern string

	wanted, unwanted *regexp.Regexp
	unknown          bool // an expression cannot be read
}

// NewTargets returns the targets of a list of names, or of one text alone: AllLinear, or a
// regular expression where it has characters that names have not.
func NewTargets(words ...string) (Targets, error) {
	t := Targets{Names: words}
	if len(words) == 1 && (words[0] == AllLinear || regexp.QuoteMeta(words[0]) != words[0]) {
		t = Targets{Pattern: words[0]}
	}
	if err := t.compile(); err != nil {
		return t, fmt.Errorf("adapter: target modules: %w", err)
	}
	return t, nil
}

func (t *Targets) compile() (err error) {
	if len(t.Pattern)+len(t.ExcludedPattern) > maxExpressions {
		return errLong
	}
	if t.Pattern != "" && t.Pattern != AllLinear {
		if t.wanted, err = regexp.Compile(`^(?:` + t.Pattern + `)$`); err != nil {
			return err
		}
	}
	if t.ExcludedPattern != "" {
		t.unwanted, err = regexp.Compile(`^(?:` + t.ExcludedPattern + `)$`)
	}
	return err
}

// Match says whether a module is one of the targets.
func (t *Targets) Match(module string) bool {
	if named(t.Excluded, module) || t.unwanted != nil && t.unwanted.MatchString(module) {
		return false
	}
	switch {
	case t.unknown || t.Pattern == "" && len(t.Names) == 0:
		return true // the tensors tell
	case t.Pattern == AllLinear:
		return !named([]string{"lm_head"}, module)
	case t.Pattern != "":
		return t.wanted.MatchString(module)
	}
	return named(t.Names, module)
}

// named says whether a module's name is one of names, or ends with one behind a dot.
func named(names []string, module string) bool {
	for _, n := range names {
		if module == n || strings.HasSuffix(module, "."+n) {
			return true
		}
	}
	return false
}
