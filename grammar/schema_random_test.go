package grammar

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// sample is a schema, and a writer of texts that match it, in the order of names that
// grammars have.
type sample struct {
	schema string
	write  func() string
}

// samples makes random schemas.
type samples struct {
	*rand.Rand
	defs []string // bodies of $defs that were made
	ids  int      // tags made so far
}

// document returns a schema with its definitions.
func (s *samples) document() sample {
	root := s.any(3)
	if len(s.defs) == 0 {
		return root
	}
	body := root.schema
	if body[0] != '{' || strings.Contains(body, `"$ref":"#/$defs/d0"`) && strings.HasPrefix(body, `{"$ref"`) {
		body = `{"allOf":[` + body + `]}`
	}
	var defs []string
	for i, d := range s.defs {
		defs = append(defs, fmt.Sprintf(`"d%d":%s`, i, d))
	}
	more := `"$defs":{` + strings.Join(defs, ",") + `}`
	if body == "{}" {
		return sample{"{" + more + "}", root.write}
	}
	return sample{body[:len(body)-1] + "," + more + "}", root.write}
}

func pick[T any](s *samples, of ...T) T { return of[s.IntN(len(of))] }

// any returns a sample whose values are within each other depth deep at most.
func (s *samples) any(depth int) sample {
	if depth == 0 || s.IntN(4) == 0 {
		return pick(s, s.scalar, s.number, s.text, s.constants)()
	}
	switch s.IntN(14) {
	case 0, 1, 2:
		return s.object(depth)
	case 3:
		return s.array(depth)
	case 4:
		return s.tuple(depth)
	case 5:
		return s.anyOf(depth)
	case 6:
		return s.allOf(depth)
	case 7:
		return s.tagged(depth)
	case 8:
		return s.recursive(depth)
	case 9:
		return s.conditional(depth)
	case 10:
		return s.dependent(depth)
	case 11:
		return s.named(depth)
	case 12:
		return s.narrowed()
	}
	return s.contains(depth)
}

func literal(schema string, texts ...string) func(*samples) sample {
	return func(s *samples) sample {
		return sample{schema, func() string { return pick(s, texts...) }}
	}
}

func (s *samples) scalar() sample {
	return pick(s,
		literal(`{"type":"null"}`, `null`), literal(`{"type":"boolean"}`, `true`, `false`), literal(`true`, `1`, `"x"`, `[{"a":[]}]`, `null`),
		literal(`{}`, `-1.5e+30`, `{"x":{"y":""}}`), literal(`{"type":["string","null"],"title":"T"}`, `null`, `"a"`), literal(`{"type":["integer","boolean"]}`, `3`, `true`),
	)(s)
}

func (s *samples) number() sample {
	a, b := s.IntN(400)-200, s.IntN(300)
	whole := func(lo, hi int) func() string {
		return func() string { return strconv.Itoa(lo + s.IntN(hi-lo+1)) }
	}
	real := func(lo, hi float64) func() string {
		return func() string {
			return strconv.FormatFloat(lo+(hi-lo)*float64(s.IntN(1001))/1000, 'f', -1, 64)
		}
	}
	x := float64(s.IntN(4000)-2000) / 8
	switch s.IntN(10) {
	case 0:
		return sample{`{"type":"integer"}`, func() string { return strconv.FormatInt(int64(s.Uint64()), 10) }}
	case 1:
		return sample{fmt.Sprintf(`{"type":"integer","minimum":%d,"maximum":%d}`, a, a+b), whole(a, a+b)}
	case 2:
		return sample{fmt.Sprintf(`{"type":"integer","exclusiveMinimum":%d}`, a), whole(a+1, a+100000)}
	case 3:
		return sample{fmt.Sprintf(`{"type":"integer","exclusiveMaximum":%d}`, a), whole(a-100000, a-1)}
	case 4:
		k := 1 + s.IntN(40)
		return sample{fmt.Sprintf(`{"type":"integer","multipleOf":%d,"minimum":%d}`, k, a), func() string {
			from := a
			for from%k != 0 {
				from++
			}
			return strconv.Itoa(from + k*s.IntN(500))
		}}
	case 5:
		return sample{`{"type":"number"}`, func() string {
			return strconv.FormatFloat(s.NormFloat64()*pick(s, 1, 1e3, 1e-12, 1e25, 1e-200, 1e200), 'g', -1, 64)
		}}
	case 6:
		return sample{fmt.Sprintf(`{"type":"number","minimum":%v,"maximum":%v}`, x, x+50), real(x, x+50)}
	case 7:
		return sample{fmt.Sprintf(`{"type":"number","exclusiveMinimum":%v,"exclusiveMaximum":%v}`, x, x+0.5), real(x+0.001, x+0.499)}
	case 8:
		return sample{`{"type":"number","exclusiveMinimum":0}`, func() string { return strconv.FormatFloat(s.ExpFloat64(), 'g', -1, 64) }}
	}
	return sample{fmt.Sprintf(`{"type":"number","multipleOf":0.25,"maximum":%v}`, x), func() string {
		return strconv.FormatFloat(x-float64(s.IntN(1000))/4-float64(int(x*8)%2+2)/8, 'f', -1, 64)
	}}
}

const odd = "aZ0 _-/\\\"<>&'\b\f\n\r\t\x01\x7fé中😀\u2028"

// runes returns a text of n characters.
func (s *samples) runes(n int, of string) string {
	all := []rune(of)
	out := make([]rune, n)
	for i := range out {
		out[i] = all[s.IntN(len(all))]
	}
	return string(out)
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// patternTexts are patterns and what matches them.
var patternTexts = []struct {
	pattern string
	texts   []string
}{
	{`^[a-z]+$`, []string{"a", "hello"}},
	{`b`, []string{"b", "abc", "é\"b\n"}},
	{`^x`, []string{"x", "x\ty"}},
	{`\d{3}$`, []string{"123", "a<1234"}},
	{`^(foo|ba[rz])$`, []string{"foo", "baz"}},
	{`^[^"/]*$`, []string{"", "a\\b", "😀"}},
	{`^\S+@\S+$`, []string{"a@b", "é@."}},
	{`^(a+)+$`, []string{"a", "aaaa"}},
	{`^a|b$`, []string{"a", "ax", "xb"}},
	{`^.{2,4}$`, []string{"ab", "中😀é"}},
	{`^\w{1,3}(-\w{1,3}){0,2}$`, []string{"a", "ab-c-d"}},
	{`^[\x00-\x1f"\\<]+$`, []string{"\n\t", "\"\\<"}},
	{`^\p{Lu}`, []string{"A", "Éx"}},
}

var formatTexts = map[string][]string{
	"date": {"2024-02-29", "1999-12-31"}, "time": {"23:59:59Z", "00:00:00.123+05:30"}, "date-time": {"2000-02-29T01:02:03Z", "2023-06-30t12:00:00.5-08:00"},
	"duration": {"P1Y2M3DT4H5M6S", "PT1M", "P2W"}, "email": {"a.b+c@example.com", "x@y"}, "hostname": {"localhost", "a-b.example.org"}, "ipv4": {"127.0.0.1", "255.255.255.255"},
	"ipv6": {"::1", "fe80::1:2", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"}, "uri": {"https://a.b/c?d=e#f", "mailto:a@b.c", "urn:x:y"}, "uuid": {"123e4567-e89b-12d3-a456-426614174000"},
	"uri-reference": {"/a/b?c", "x", ""}, "json-pointer": {"", "/a~1b/0"}, "relative-json-pointer": {"0#", "1/a"}, "color": {"anything"},
}

func (s *samples) text() sample {
	switch s.IntN(5) {
	case 0:
		return sample{`{"type":"string"}`, func() string { return quote(s.runes(s.IntN(6), odd)) }}
	case 1:
		lo, more := s.IntN(4), s.IntN(5)
		return sample{fmt.Sprintf(`{"type":"string","minLength":%d,"maxLength":%d}`, lo, lo+more), func() string { return quote(s.runes(lo+s.IntN(more+1), odd)) }}
	case 2:
		p := patternTexts[s.IntN(len(patternTexts))]
		return sample{fmt.Sprintf(`{"type":"string","pattern":%s}`, quote(p.pattern)), func() string { return quote(pick(s, p.texts...)) }}
	case 3:
		p := patternTexts[s.IntN(len(patternTexts))]
		return sample{fmt.Sprintf(`{"type":"string","pattern":%s,"maxLength":20}`, quote(p.pattern)), func() string { return quote(pick(s, p.texts...)) }}
	}
	for name, texts := range formatTexts {
		if s.IntN(6) == 0 {
			return sample{fmt.Sprintf(`{"type":"string","format":%q}`, name), func() string { return quote(pick(s, texts...)) }}
		}
	}
	return sample{`{"type":"string","format":"uuid"}`, func() string { return quote(formatTexts["uuid"][0]) }}
}

var constantTexts = []string{`null`, `true`, `1`, `-2.5`, `"a"`, `"ab"`, `"a\"\\/\n"`, `"é😀"`, `{"k":[1,{}],"j":"x"}`, `[]`, `[1,"2"]`, `"abc"`, `1e-05`, `123456789012`}

func (s *samples) constants() sample {
	if s.IntN(2) == 0 {
		t := pick(s, constantTexts...)
		return sample{`{"const":` + t + `}`, func() string { return t }}
	}
	var texts []string
	for range 1 + s.IntN(5) {
		texts = append(texts, pick(s, constantTexts...))
	}
	return sample{`{"enum":[` + strings.Join(texts, ",") + `]}`, func() string { return pick(s, texts...) }}
}

func (s *samples) array(depth int) sample {
	item := s.any(depth - 1)
	lo, more := s.IntN(3), s.IntN(4)
	return sample{fmt.Sprintf(`{"type":"array","items":%s,"minItems":%d,"maxItems":%d}`, item.schema, lo, lo+more), func() string {
		return brackets(item.write, lo+s.IntN(more+1))
	}}
}

func brackets(write func() string, n int) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = write()
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func (s *samples) tuple(depth int) sample {
	a, b, c := s.any(depth-1), s.any(depth-1), s.any(depth-1)
	lo := s.IntN(3)
	return sample{fmt.Sprintf(`{"type":"array","prefixItems":[%s,%s],"items":%s,"minItems":%d}`, a.schema, b.schema, c.schema, lo), func() string {
		parts := []string{a.write(), b.write(), c.write(), c.write()}
		return "[" + strings.Join(parts[:lo+s.IntN(5-lo)], ",") + "]"
	}}
}

func (s *samples) contains(depth int) sample {
	hit := s.constants()
	least := 1 + s.IntN(2)
	return sample{fmt.Sprintf(`{"type":"array","contains":%s,"minContains":%d}`, hit.schema, least), func() string {
		var parts []string
		for range least {
			if s.IntN(2) == 0 {
				parts = append(parts, `[0]`)
			}
			parts = append(parts, hit.write())
		}
		return "[" + strings.Join(append(parts, `{"z":0}`), ",") + "]"
	}}
}

func (s *samples) anyOf(depth int) sample {
	var all []sample
	var schemas []string
	for range 1 + s.IntN(3) {
		a := s.any(depth - 1)
		all, schemas = append(all, a), append(schemas, a.schema)
	}
	return sample{`{"anyOf":[` + strings.Join(schemas, ",") + `]}`, func() string { return pick(s, all...).write() }}
}
