package jinja

import (
	"context"
	"errors"
	"math/big"
	"runtime"
	"strings"
	"testing"
)

// render runs a template on variables that JSON text gives.
func render(t testing.TB, source, variables string) (string, error) {
	t.Helper()
	tmpl, err := NewChatTemplate(source)
	if err != nil {
		t.Fatalf("%s: %v", source, err)
	}
	return tmpl.Render(t.Context(), variablesOf(t, []byte(variables)))
}

// TestNothingChanges: arithmetic makes new values. Neither a variable nor a constant of
// the template nor a value of the caller is another one behind it.
func TestNothingChanges(t *testing.T) {
	const large = "1180591620717411303424" // 2 ** 70
	for _, op := range []string{"x + 1", "1 + x", "x - 1", "x * 3", "x // 7", "x % 7", "x / 7", "x ** 2", "-x", "+x", "x|abs", "(-x)|abs", "x|round(-3)", "[x, x]|sum", "x|round(-3, 'floor')", "x|string", "x|int", "'%d %x' % (x, x)", "'{:,}'.format(x)", "x < x + 1", "[x, -x]|sort", "{x: 1}[x]"} {
		for source, want := range map[string]string{
			"{% set x = 2 ** 70 %}{% set y = " + op + " %}{{ x }} {{ x == 2 ** 70 }}":                                    large + " True",
			"{% macro m() %}{% set x = " + large + " %}{% set y = " + op + " %}{{ x }} {% endmacro %}{{ m() }}{{ m() }}": large + " " + large + " ",
			"{% set y = " + op + " %}{{ x }}": large,
		} {
			tmpl, err := NewTemplate(source)
			if err != nil {
				t.Fatalf("%s: %v", source, err)
			}
			d := variablesOf(t, []byte(`{"x": `+large+`}`))
			for range 2 {
				if got, err := tmpl.Render(t.Context(), d); err != nil || got != want {
					t.Errorf("%s: got %q, %v, want %q", source, got, err, want)
				}
			}
			x, _ := d.Get("x")
			if i, _ := x.o.(*big.Int); i.String() != large {
				t.Errorf("%s: the caller's x is %v, want %s", source, i, large)
			}
		}
	}
}

// TestLargeInts: exact up to the limit, and refused beyond.
func TestLargeInts(t *testing.T) {
	for source, want := range map[string]string{
		"{{ 2 ** 200 }}":                                 "1606938044258990275541962092341162602522202993782792835301376",
		"{{ (10 ** 4299)|string|length }}":               "4300",
		"{{ (2 ** 16383) % 1000007 }}":                   new(big.Int).Mod(new(big.Int).Lsh(big.NewInt(1), 16383), big.NewInt(1000007)).String(),
		"{{ 2 ** 16383 > 2 ** 16382, 2 ** 70 > 1e300 }}": "(True, False)",
	} {
		if got, err := render(t, source, "{}"); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", source, got, err, want)
		}
	}
	for _, source := range []string{"{{ 2 ** 16384 }}", "{{ 2 ** 16000 * 2 ** 16000 }}", "{{ 3 ** 100000 }}"} {
		if got, err := render(t, source, "{}"); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: got %.20q, %v, want ErrLimit", source, got, err)
		}
	}
	// Python prints ints of 4300 digits at most.
	if got, err := render(t, "{{ 10 ** 4300 }}", "{}"); err == nil {
		t.Errorf("4301 digits: got %.20q, want an error", got)
	}
}

// TestPartsKeepNothing: what a template keeps of a long string or list does not keep
// the whole of it.
func TestPartsKeepNothing(t *testing.T) {
	for _, part := range []string{
		"w|first", "w|last", "w[0]", "w[-1]", "w[:1]", "w[5:9]", "w[::999999]", "(' ' * 40000 ~ i).strip()", "(' ' * 40000 ~ i)|trim", "w.rstrip('x \\n0123456789')", "(' ' * 40000 ~ i).lstrip()", "(i ~ ' ' * 40000).rstrip()", "w.split()[0]", "w.split('b')[0]", "w.rsplit(none, 1)[0]",
		"w.splitlines()[1]", "w.partition('b')[0]", "w.rpartition('x')[2]", "w.removeprefix(w[:-1])", "w.removesuffix(w[1:])", "w|list|first", "w|reverse|first", "w|truncate(5, true)", "w|truncate(9)", "w|batch(3)|first",
		"w|min", "w|max", "w|unique|first", "w|map('upper')|first", "('%.3s' % w)", "'{:.3}'.format(w)", "w|replace(w[1:], '')", "(w|list)[:1]", "(w|list)|slice(30000)|first", "[1] * 100000 and ([2] * 100000)[1:2]",
	} {
		source := "{% set ns = namespace(l=[]) %}{% for i in range(12) %}{% set w = 'b' ~ ' ' * 40000 ~ '\\nx' ~ i %}{% set ns.l = ns.l + [" + part + "] %}{% endfor %}"
		tmpl, err := NewTemplate(source + "{{ measure() }}")
		if err != nil {
			t.Fatalf("%s: %v", part, err)
		}
		var kept uint64
		heap := func() uint64 {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return m.HeapAlloc
		}
		before := heap()
		d := &Dict{}
		d.setText("measure", &function{name: "measure", call: func(*rendering, arguments) (object, error) {
			kept = heap()
			return "", nil
		}})
		if _, err := tmpl.Render(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", part, err)
		}
		if grown := int64(kept) - int64(before); grown > 240_000 {
			t.Errorf("%s: 12 parts of 40 kB keep %d bytes", part, grown)
		}
	}
}

// TestMuchAlive: a template that holds much and runs on is not measured at every
// statement.
func TestMuchAlive(t *testing.T) {
	got, err := render(t, "{% set l = [0] * 4500000 %}{% for i in range(20000) %}{% set x = i %}{% endfor %}{{ l|length }}", "{}")
	if err != nil || got != "4500000" {
		t.Errorf("got %q, %v, want 4500000", got, err)
	}
}

// TestContext: a rendering ends when its context does, whatever it is doing.
func TestContext(t *testing.T) {
	for _, source := range []string{
		"{% for i in range(100000) %}{% for j in range(100000) %}{% if stop() %}{% endif %}{% endfor %}{% endfor %}",
		"{{ [1, 2]|map('string')|join(stop()|string) }}{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
		"{% macro m(n) %}{% if n == 100 %}{{ stop() }}{% endif %}{{ m(n + 1) if n < 150 }}{% for i in range(100000) %}{% set x = ('a' * 1000)|upper %}{% endfor %}{% endmacro %}{{ m(1) }}",
	} {
		tmpl, err := NewTemplate(source)
		if err != nil {
			t.Fatal(err)
		}
		tmpl.Limits.Steps = 1 << 40 // it has to be the context that ends it
		ctx, cancel := context.WithCancelCause(t.Context())
		d := &Dict{}
		d.setText("stop", &function{name: "stop", call: func(*rendering, arguments) (object, error) {
			cancel(errors.New("enough"))
			return false, nil
		}})
		if _, err := tmpl.Render(ctx, d); err == nil || !strings.Contains(err.Error(), "enough") {
			t.Errorf("%s: got %v, want the cause of the context", source, err)
		}
	}
	tmpl, err := NewTemplate("{{ 1 }}")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := tmpl.Render(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("done before: got %q, %v, want context.Canceled", got, err)
	}
}

// TestFromJSON: the filter of llama.cpp's templates.
func TestFromJSON(t *testing.T) {
	for source, want := range map[string]string{
		`{% for k, v in (s|from_json).items() %}{{ k }}={{ v }};{% endfor %}`: `b=[1, 2.5, None];a={'é': True};`,
		`{{ '"x"'|from_json }}{{ ('12'|from_json) + 1 }}`:                     `x13`,
		`{{ ['1', '[2]']|map('from_json')|list }}`:                            `[1, [2]]`,
		`{{ 'from_json' is filter }}`:                                         `True`,
	} {
		if got, err := render(t, source, `{"s": "{\"b\": [1, 2.5, null], \"a\": {\"\\u00e9\": true}}"}`); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", source, got, err, want)
		}
	}
	for _, source := range []string{"{{ '{'|from_json }}", "{{ 1|from_json }}", "{{ nothing|from_json }}", "{{ ''|from_json }}", "{{ {}|from_json }}"} {
		if got, err := render(t, source, "{}"); err == nil {
			t.Errorf("%s: got %q, want an error", source, got)
		}
	}
	// The reference does not have it.
	if _, err := NewTemplate("{{ '1'|from_json }}"); !errors.Is(err, ErrSyntax) {
		t.Errorf("in the reference: got %v, want ErrSyntax", err)
	}
}
