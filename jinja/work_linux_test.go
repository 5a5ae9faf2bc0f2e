package jinja

import (
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// workValues are what filters and methods are given: small and large, plain and made
// to be dear.
func workValues() *Dict {
	huge := new(big.Int).Lsh(big.NewInt(1), maxIntBits-1)
	huge.Add(huge, big.NewInt(12345))
	numbers, texts := &list{}, &list{}
	keys, nested := &Dict{}, object(&list{})
	for i := range 3000 {
		numbers.items = append(numbers.items, int64(7*i%3001))
		texts.items = append(texts.items, fmt.Sprint("text ", i*7919%3001))
		nested = &list{[]object{nested, int64(i)}}
		if i%20 == 0 {
			nested = &list{}
		}
	}
	h := &rendering{limits: DefaultLimits, steps: 1 << 40, ctx: nil}
	long := strings.Repeat("k", 20000)
	for i := range 7 {
		if err := keys.set(h, &tuple{items: []object{long, int64(i)}}, int64(i)); err != nil {
			panic(err)
		}
	}
	d := &Dict{}
	for name, o := range map[string]object{
		"n0": int64(0), "n3": int64(3), "neg": int64(-5), "huge": huge, "big": new(big.Int).Lsh(big.NewInt(1), 70), "f": 2.5, "tiny": 5e-324,
		"t": true, "no": none, "s": "abc", "e": "", "sp": " a b ", "digits": strings.Repeat("9", 4200), "fmt": strings.Repeat("%c%65535d", 50), "pf": strings.Repeat("%s%d%%", 300),
		"ascii": strings.Repeat("some words, ", 4000), "blank": strings.Repeat(" ", 50000), "sigma": strings.Repeat("Σ.", 10000), "ctl": strings.Repeat("\x01\u2028", 10000),
		"wide": strings.Repeat("éß中😊", 4000), "html": strings.Repeat("<&'\">", 8000), "lines": strings.Repeat("x\r\n\n", 10000), "nearly": strings.Repeat("aaaaaaab", 6000),
		"m": markup(strings.Repeat("<b>&", 5000)), "json": "[" + strings.Repeat("{\"a\": [1, \"\\u00e9\"]}, ", 2000) + "1]", "path": strings.Repeat("a.", 900) + "a",
		"list": numbers, "texts": texts, "nested": nested, "bigs": &list{slices.Repeat([]object{huge}, 100)}, "keys": keys, "pair": &tuple{items: []object{long, huge}},
		"named": "upper", "is": "eq", "long": strings.Repeat("n", 300000),
	} {
		d.setText(name, o)
	}
	return d
}

// threadTime is the processor time of this thread.
func threadTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	const thread = 1 // RUSAGE_THREAD
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Skipf("no processor time of a thread here: %v", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// workExpressions are calls of everything that a template can call, with arguments
// drawn from r, and all operators.
func workExpressions(r *rand.Rand, names []string) []string {
	pick := func() string { return names[r.IntN(len(names))] }
	args := func(n int) string {
		a := make([]string, n)
		for i := range a {
			a[i] = pick()
		}
		return strings.Join(a, ", ")
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		for range 10 {
			out = append(out, fmt.Sprintf("%s|%s(%s)", pick(), name, args(r.IntN(4))))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		if strings.ContainsAny(name, "<>=!") {
			continue
		}
		for range 4 {
			out = append(out, fmt.Sprintf("%s is %s(%s)", pick(), name, args(r.IntN(2))))
		}
	}
	for _, methods := range []map[string]callee{stringMethods, listMethods, dictMethods, intMethods, floatMethods, spanMethods} {
		for _, name := range slices.Sorted(maps.Keys(methods)) {
			for range 12 {
				out = append(out, fmt.Sprintf("%s.%s(%s)", pick(), name, args(r.IntN(4))))
			}
		}
	}
	for _, name := range names {
		out = append(out, name+"[long]", name+".missing", name+"[pair]", name+"[1:-1]", name+"[::2]", name+"[3]", name+"|int", name+"|float", name+"|string", name+"|tojson",
			"'%s' % "+name, "'{0!r:>20}'.format("+name+")", name+"|list", name+" == "+name, "{"+name+": 1}", name+" ~ "+name, "dict(a="+name+")", "strftime_now("+name+")", "-"+name,
			name+"|upper", name+"|lower", name+"|title", name+"|wordcount", name+"|sort", name+"|first", name+"|last", name+"|map('string')|join", name+"|round(-3)", name+"|length")
		for _, op := range operatorText {
			out = append(out, fmt.Sprintf("%s %s %s", name, op, pick()), fmt.Sprintf("%s %s %s", name, op, name))
		}
	}
	return out
}

// TestWork holds that what a template does is counted: nothing that it can call takes
// much processor time for each step that is counted for it. A step takes some 35 ns;
// the bound is far above, since machines differ and processors are shared, and far
// below what work that is not counted takes.
func TestWork(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const (
		steps = 8_000
		bound = 1500 // ns a step
		tries = 3
	)
	values := workValues()
	var names []string
	for name := range values.All() {
		names = append(names, name)
	}
	slices.Sort(names)
	expressions := workExpressions(rand.New(rand.NewPCG(1, 2)), names)
	for _, e := range expressions {
		tmpl, err := NewTemplate("{% for i in range(100000) %}{% if 1 %}{% set y = " + e + " %}{% endif %}{% endfor %}")
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		least := 1e18
		for range tries {
			r := &rendering{
				ctx: t.Context(), tree: tmpl.tree, limits: DefaultLimits, input: values,
				now: func() time.Time { return time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC) }, steps: steps, next: steps,
			}
			from := threadTime(t)
			_, err = r.render()
			took := threadTime(t) - from
			least = min(least, float64(took)/float64(max(steps-r.steps, 200)))
			if least < bound/4 {
				break
			}
		}
		if least > bound {
			t.Errorf("%s: %.0f ns of processor time for each step, want at most %d (%v)", e, least, bound, err)
		}
	}
}
