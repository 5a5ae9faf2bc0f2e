package jinja

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestValues: the values that a caller makes and reads.
func TestValues(t *testing.T) {
	d := &Dict{}
	d.Set("b", Int(1))
	d.Set("a\xff", Float(2.5))
	d.Set("b", Bool(true))
	d.Merge(nil)
	other := &Dict{}
	other.Set("c", List(String("x\xff"), Value{}))
	d.Merge(other)
	if d.Len() != 3 {
		t.Errorf("got %d entries, want 3", d.Len())
	}
	if got, err := d.Value().Print(); err != nil || got != "{'b': True, 'a\ufffd': 2.5, 'c': ['x\ufffd', None]}" {
		t.Errorf("got %s, %v", got, err)
	}
	names := ""
	for name, v := range d.All() {
		names += name + ":" + v.TypeName() + " "
		if name == "c" {
			break
		}
	}
	if names != "b:bool a\ufffd:float c:list " {
		t.Errorf("got %q", names)
	}
	v, ok := d.Get("c")
	if items, isList := v.List(); !ok || !isList || len(items) != 2 || !items[1].IsNone() || items[1].Truth() || !items[0].Truth() {
		t.Errorf("c: got %v, %v", v, ok)
	}
	if _, ok := v.Text(); ok {
		t.Error("a list is a text")
	}
	if _, ok := v.Dict(); ok {
		t.Error("a list is a dict")
	}
	if _, ok := String("x").List(); ok {
		t.Error("a text is a list")
	}
	if _, ok := d.Get("zz"); ok {
		t.Error("zz is there")
	}
	deep := List()
	for range 300 {
		deep = List(deep)
	}
	if _, err := deep.Print(); !errors.Is(err, ErrLimit) {
		t.Errorf("nested 300 deep: got %v, want ErrLimit", err)
	}
	if v, err := ValueOf(struct {
		B int `json:"b"`
		A []string
	}{1, []string{"x"}}); err != nil {
		t.Error(err)
	} else if got, _ := v.Print(); got != "{'b': 1, 'A': ['x']}" {
		t.Errorf("a struct: got %s", got)
	}
	if _, err := ValueOf(func() {}); err == nil {
		t.Error("a function is a value")
	}
}

// TestErrors: what an error wraps, and that it says the line.
func TestErrors(t *testing.T) {
	var raised *RaisedError
	for source, want := range map[string]error{
		"{% if": ErrSyntax, "{{ x|nothing }}": ErrSyntax, "\n{{ 'a'|wordwrap }}": ErrRefused, "\n{{ 'a'.translate({}) }}": ErrRefused, "\n{{ (1).bit_length() }}": ErrRefused,
		"\n{% include 'x' %}": ErrRefused, "\n{{ lipsum() }}": ErrRefused, "\n{{ 'a'.__class__() }}": ErrRefused, "\n{{ 2.5 ** 0.3 }}": ErrRefused, "\n{{ (-8.0) ** 0.5 }}": ErrRefused,
		"\n{% autoescape true %}a{% endautoescape %}": ErrRefused, "\n{{ [].append(1) }}": ErrRefused, "\n{{ range(10) * 2 }}": nil, "\n{{ [1] * 100000000 }}": ErrLimit, "{{ '" + strings.Repeat("a", maxSource) + "' }}": ErrLimit,
	} {
		tmpl, err := NewTemplate(source)
		if err == nil {
			_, err = tmpl.Render(t.Context(), nil)
		}
		var at *Error
		if err == nil || want != nil && !errors.Is(err, want) || !errors.As(err, &at) || at.Line != 1+strings.Count(source, "\n") {
			t.Errorf("%.60q: got %v, want %v with its line", source, err, want)
		}
		if !strings.HasPrefix(err.Error(), "jinja: line ") || len(err.Error()) > 300 {
			t.Errorf("%.60q: got the message %.400q", source, err)
		}
	}
	tmpl, err := NewTemplate("{{ raise_exception('roles ' ~ 1) }}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Render(t.Context(), nil); !errors.As(err, &raised) || raised.Message != "roles 1" || raised.Error() != "roles 1" {
		t.Errorf("got %v, want a RaisedError", err)
	}
	if _, err := NewTemplate("\xff"); !errors.Is(err, ErrSyntax) {
		t.Errorf("not UTF-8: got %v", err)
	}
	if tmpl.Source() != "{{ raise_exception('roles ' ~ 1) }}" {
		t.Errorf("source: got %q", tmpl.Source())
	}
}

// TestNamesInErrors: a long name is cut, whatever it is the name of.
func TestNamesInErrors(t *testing.T) {
	for _, source := range []string{
		"{{ 'a'[s]() }}", "{{ {}[s]() }}", "{{ [][s] + 1 }}", "{{ (s|int) + (s|float) }}{{ {}[(s, s)]() }}", "{{ namespace()|attr(s) + 1 }}", "{{ '%(' ~ s ~ ')s' }}{{ ('%(' ~ s ~ ')s') % {} }}",
		"{{ ('{' ~ s ~ '}').format() }}", "{{ dict(**{s: 1}).x() }}{{ range(**{s: 1}) }}", "{{ [1]|map(s)|list }}", "{{ [1]|select(s)|list }}", "{{ [1]|map(attribute=s)|list + 1 }}", "{{ ('{!' ~ s ~ '}').format(1) }}",
	} {
		tmpl, err := NewTemplate(source)
		if err != nil {
			t.Fatal(err)
		}
		d := &Dict{}
		d.Set("s", String(strings.Repeat("é'", 100_000)))
		if _, err := tmpl.Render(t.Context(), d); err == nil || len(err.Error()) > 600 {
			t.Errorf("%s: got %.700v, want a short error", source, err)
		}
	}
}

// FuzzTemplate runs whatever is a template under small limits, twice, with the same
// outcome.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"{% for m in messages %}{{ m.role ~ m['content'] | upper }}{% else %}{% endfor %}", "{% macro m(a, b=1) %}{{ a }}{{ caller() }}{% endmacro %}{% call m(2) %}x{% endcall %}",
		"{% set ns = namespace(x=0) %}{% for i in range(9) recursive %}{% set ns.x = ns.x + i ** 9 %}{{ loop([]) }}{% endfor %}", "{{ '%5.2f|%s' % (1.5, {'a': [1, none]}) }}{{ '{:>9}'.format('x') }}",
		"{% block a scoped %}{{ self.a }}{% endblock %}{% filter trim %} {% endfilter %}{%- raw %}{{{% endraw -%}", "{{ messages|map(attribute='role')|groupby(0)|list|tojson(indent=1) }}{# c #}",
	} {
		f.Add(s)
	}
	variables := variablesOf(f, []byte(`{"messages": [{"role": "user", "content": "Hi é"}, {"role": "tool", "n": [1, 2.5, 123456789012345678901]}], "x": {"a": null}}`))
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := NewChatTemplate(source)
		if err != nil {
			if !errors.Is(err, ErrSyntax) && !errors.Is(err, ErrLimit) {
				t.Fatalf("%q: error %v is of no kind", source, err)
			}
			return
		}
		tmpl.Limits = Limits{Steps: 20_000, Memory: 1 << 20, Output: 1 << 16, Depth: 40}
		tmpl.Now = func() time.Time { return time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC) }
		text, err := tmpl.Render(t.Context(), variables)
		again, errAgain := tmpl.Render(t.Context(), variables)
		if text != again || (err == nil) != (errAgain == nil) {
			t.Fatalf("%q: got %q, %v, then %q, %v", source, text, err, again, errAgain)
		}
		if int64(len(text)) > tmpl.Limits.Output {
			t.Fatalf("%q: %d bytes of text", source, len(text))
		}
	})
}
