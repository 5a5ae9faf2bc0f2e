package jinja

import (
	"errors"
	"strings"
	"testing"
)

// Templates that hide what they hold, or the work that they make, from one of the
// limits.
func TestLimitsHostile(t *testing.T) {
	keep := func(n, kept string) string {
		return "{% set ns = namespace(all=[]) %}{% for i in range(" + n + ") %}{% set ns.all = ns.all + [" + kept + "] %}{% endfor %}"
	}
	for _, source := range []string{
		// What lazy filters keep for later.
		keep("20", "[1]|map('default', 'a' * 10000000)"),
		keep("20", "[1]|map('default', default_value='a' * 10000000)"),
		keep("20", "[1]|select('eq', 'a' * 10000000)"),
		keep("20", "[1]|selectattr('x', 'eq', 'a' * 10000000)"),
		keep("20", "[1]|batch(2, 'a' * 10000000)"),
		keep("20", "[1]|slice(2, 'a' * 10000000)"),
		`{% set x = -(2 ** 60000) %}{% set y = ([x] * 100000)|map('abs')|list %}`,
		// Work on long texts and large numbers.
		`{% set s = 'a' * 8000000 %}{{ (s ~ 'b').startswith((s ~ 'c',) * 2000) }}`,
		`{% set s = 'x' * 8000000 %}{% for i in range(1000) %}{% set y = s|int %}{% endfor %}`,
		`{% set s = '1' * 60000 %}{% for i in range(5000) %}{% set y = s|float %}{% endfor %}`,
		// Paths of many attributes, and those that are read again and again.
		`{{ [1]|map(attribute='a.' * 1000) is string }}`,
		`{{ [1]|selectattr('a.' * 1000) is string }}`,
		`{{ [1]|unique(attribute='a.' * 1000) is string }}`,
		`{% for i in range(100000) %}{{ []|sum(attribute='a.' * 900) }}{% endfor %}`,
		`{% for i in range(100000) %}{{ []|join(attribute='a.' * 900) }}{% endfor %}`,
	} {
		tmpl, err := NewTemplate(source)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		tmpl.Limits.Steps = 15_000_000
		if _, err := tmpl.Render(t.Context(), nil); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: got %v, want %v", source, err, ErrLimit)
		}
	}
}

// What is counted gives what it gave: stripping many characters from a long text, and
// arithmetic on large integers.
func TestWorkKeepsResults(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{`{{ ('ab' * 4000000 ~ 'X' ~ 'ba' * 10).strip('xy' * 100000 ~ 'ab') }}`, "X"},
		{`{{ 'ééXéé'.strip('0123456789abcdefé') }}`, "X"},
		{`{{ 'ééXéé'.lstrip('é') }}`, "Xéé"},
		{`{{ -3|abs }} {{ (-(2 ** 70))|abs == 2 ** 70 }} {{ true|abs }}`, "3 True 1"},
	} {
		tmpl, err := NewTemplate(c.source)
		if err != nil {
			t.Fatalf("%s: %v", c.source, err)
		}
		got, err := tmpl.Render(t.Context(), nil)
		if err != nil || got != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.source, strings.TrimSpace(got[:min(len(got), 40)]), err, c.want)
		}
	}
}

// TestKeptIsMeasured: whatever keeps a long string alive counts with it.
func TestKeptIsMeasured(t *testing.T) {
	for _, keep := range []string{
		"w", "[w]", "(w,)", "{w: 1}", "{1: w}", "{(w, 1): 2}", "w.upper", "joiner(w)", "cycler(1, w)", "namespace(a=w)", "{'a': w}.values()", "{'a': w}.items", "[w]|map('upper')", "[1]|map('replace', 'a', w)", "w|batch(2)", "w|reverse",
		"['x'][w]", "w|safe", "[w]|select('eq', w)", "[w].index", "[[w]]|groupby(0)", "loop", "loop.cycle", "loop.changed", "[1]|map(attribute='a', default=w)", "[w]|unique", "w|slice(2)",
	} {
		source := "{% set ns = namespace(l=[]) %}{% for i in range(60) %}{% for w in ['b' * 100000 ~ i] %}{% set _ = loop.index %}{% set ns.l = ns.l + [" + keep + "] %}{% endfor %}{% endfor %}"
		tmpl, err := NewTemplate(source)
		if err != nil {
			t.Fatalf("%s: %v", keep, err)
		}
		tmpl.Limits.Memory = 2_000_000
		if _, err := tmpl.Render(t.Context(), nil); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: 60 strings of 100 kB are kept under a limit of %d bytes: got %v, want ErrLimit", keep, tmpl.Limits.Memory, err)
		}
	}
	// What nobody keeps may be as much as it likes.
	tmpl, err := NewTemplate("{% for i in range(60) %}{% set w = 'b' * 100000 ~ i %}{% endfor %}{{ 'ok' }}")
	if err != nil {
		t.Fatal(err)
	}
	tmpl.Limits.Memory = 2_000_000
	if got, err := tmpl.Render(t.Context(), nil); err != nil || got != "ok" {
		t.Errorf("nothing kept: got %q, %v", got, err)
	}
}

// TestWorkOfReplace counts each place where text is replaced: finding and copying
// many short ones takes much longer than the bytes tell.
func TestWorkOfReplace(t *testing.T) {
	const places = 200_000
	for _, source := range []string{"{{ s|replace('ab', 'a')|length }}", "{{ s.replace('ab', '')|length }}"} {
		tmpl, err := NewTemplate(source)
		if err != nil {
			t.Fatal(err)
		}
		variables := &Dict{}
		variables.Set("s", String(strings.Repeat("ab", places)))
		tmpl.Limits.Steps = places / 2
		if _, err := tmpl.Render(t.Context(), variables); !errors.Is(err, ErrLimit) {
			t.Errorf("%s in %d steps: got %v, want ErrLimit", source, places/2, err)
		}
	}
}
