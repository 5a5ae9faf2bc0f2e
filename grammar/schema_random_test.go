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
	{`^[a-z]+$`, []string{"a", "hello"}}, {`b`, []string{"b", "abc", "é\"b\n"}}, {`^x`, []string{"x", "x\ty"}}, {`\d{3}$`, []string{"123", "a<1234"}},
	{`^(foo|ba[rz])$`, []string{"foo", "baz"}}, {`^[^"/]*$`, []string{"", "a\\b", "😀"}}, {`^\S+@\S+$`, []string{"a@b", "é@."}}, {`^(a+)+$`, []string{"a", "aaaa"}},
	{`^a|b$`, []string{"a", "ax", "xb"}}, {`^.{2,4}$`, []string{"ab", "中😀é"}}, {`^\w{1,3}(-\w{1,3}){0,2}$`, []string{"a", "ab-c-d"}}, {`^[\x00-\x1f"\\<]+$`, []string{"\n\t", "\"\\<"}},
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
		return list1(item.write, lo+s.IntN(more+1))
	}}
}

func list1(write func() string, n int) string {
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

// part is one property.
type part struct {
	name     string
	value    sample
	required bool
}

var partNames = []string{"a", "b", "key", "with space", "q\"uote", "é", "x/y", "~t", "long_name_of_a_property", "0", "<tag>", ""}

func (s *samples) parts(depth, most int, prefix string) []part {
	var out []part
	for _, i := range s.Perm(len(partNames))[:s.IntN(most+1)] {
		out = append(out, part{prefix + partNames[i], s.any(depth - 1), s.IntN(2) == 0})
	}
	return out
}

// objectSchema writes the keywords of an object.
func objectSchema(parts []part, more ...string) string {
	var props, required []string
	for _, p := range parts {
		props = append(props, quote(p.name)+":"+p.value.schema)
		if p.required {
			required = append(required, quote(p.name))
		}
	}
	words := append([]string{`"type":"object"`, `"properties":{` + strings.Join(props, ",") + `}`, `"required":[` + strings.Join(required, ",") + `]`}, more...)
	return "{" + strings.Join(words, ",") + "}"
}

// members writes members of parts, those that are not required by chance.
func (s *samples) members(parts []part) []string {
	var out []string
	for _, p := range parts {
		if p.required || s.IntN(2) == 0 {
			out = append(out, quote(p.name)+":"+p.value.write())
		}
	}
	return out
}

func braces(members []string) string { return "{" + strings.Join(members, ",") + "}" }

func (s *samples) object(depth int) sample {
	parts := s.parts(depth, 5, "")
	switch s.IntN(5) {
	case 0:
		return sample{objectSchema(parts), func() string { return braces(s.members(parts)) }}
	case 1:
		return sample{objectSchema(parts, `"additionalProperties":false`), func() string { return braces(s.members(parts)) }}
	case 2:
		other := s.any(depth - 1)
		return sample{objectSchema(parts, `"additionalProperties":`+other.schema), func() string {
			m := s.members(parts)
			for i := range s.IntN(3) {
				m = append(m, quote(fmt.Sprintf("other%d<", i))+":"+other.write())
			}
			return braces(m)
		}}
	case 3:
		other := s.any(depth - 1)
		return sample{objectSchema(parts, `"patternProperties":{"^p_":`+other.schema+`}`, `"additionalProperties":false`), func() string {
			m := s.members(parts)
			for i := range s.IntN(3) {
				m = append(m, quote(fmt.Sprintf("p_%d", i))+":"+other.write())
			}
			return braces(m)
		}}
	}
	lo, hi := s.IntN(3), s.IntN(4)
	for i := range parts {
		parts[i].required = false
	}
	if lo > len(parts) {
		lo = len(parts)
	}
	hi = min(max(lo, hi), len(parts))
	return sample{objectSchema(parts, fmt.Sprintf(`"minProperties":%d,"maxProperties":%d`, lo, hi)), func() string {
		all := append([]part{}, parts...)
		for n := lo + s.IntN(hi-lo+1); len(all) > n; {
			i := s.IntN(len(all))
			all = append(all[:i], all[i+1:]...)
		}
		for i := range all {
			all[i].required = true
		}
		return braces(s.members(all))
	}}
}

func (s *samples) allOf(depth int) sample {
	a, b := s.parts(depth, 3, "A"), s.parts(depth, 3, "B")
	return sample{`{"allOf":[` + objectSchema(a) + `,` + objectSchema(b) + `]}`, func() string {
		return braces(append(s.members(a), s.members(b)...))
	}}
}

// tagged is a union by a constant, with oneOf or anyOf.
func (s *samples) tagged(depth int) sample {
	var all [][]part
	var schemas []string
	s.ids++
	for i := range 2 + s.IntN(2) {
		tag := quote(fmt.Sprintf("tag%d", i))
		parts := append([]part{{"kind", sample{`{"const":` + tag + `}`, func() string { return tag }}, s.IntN(4) > 0}}, s.parts(depth, 3, "")...)
		all, schemas = append(all, parts), append(schemas, objectSchema(parts))
	}
	return sample{`{` + pick(s, `"oneOf"`, `"anyOf"`) + `:[` + strings.Join(schemas, ",") + `]}`, func() string { return braces(s.members(pick(s, all...))) }}
}

// recursive is a list or a tree by $ref.
func (s *samples) recursive(depth int) sample {
	n := len(s.defs)
	ref := fmt.Sprintf(`{"$ref":"#/$defs/d%d"}`, n)
	s.defs = append(s.defs, "")
	value := s.any(depth - 1)
	if s.IntN(2) == 0 {
		s.defs[n] = fmt.Sprintf(`{"type":"object","properties":{"v":%s,"next":{"anyOf":[%s,{"type":"null"}]}},"required":["v","next"],"additionalProperties":false}`, value.schema, ref)
		var write func(deep int) string
		write = func(deep int) string {
			next := "null"
			if deep > 0 {
				next = write(deep - 1)
			}
			return `{"v":` + value.write() + `,"next":` + next + `}`
		}
		return sample{ref, func() string { return write(s.IntN(4)) }}
	}
	s.defs[n] = fmt.Sprintf(`{"type":"object","properties":{"v":%s,"kids":{"type":"array","items":%s}}}`, value.schema, ref)
	var write func(deep int) string
	write = func(deep int) string {
		if deep == 0 {
			return `{}`
		}
		return `{"v":` + value.write() + `,"kids":` + list1(func() string { return write(deep - 1) }, s.IntN(3)) + `}`
	}
	return sample{ref, func() string { return write(s.IntN(3)) }}
}

// conditional has if, then and else about a tag.
func (s *samples) conditional(depth int) sample {
	a, b := s.any(depth-1), s.any(depth-1)
	schema := fmt.Sprintf(`{"type":"object","properties":{"kind":{"enum":["x","y","z"]},"v":{}},"required":["kind","v"],"if":{"properties":{"kind":{"const":"x"}}},"then":{"properties":{"v":%s}},"else":{"properties":{"v":%s}}}`, a.schema, b.schema)
	return sample{schema, func() string {
		if s.IntN(2) == 0 {
			return `{"kind":"x","v":` + a.write() + `}`
		}
		return `{"kind":"` + pick(s, "y", "z") + `","v":` + b.write() + `}`
	}}
}

func (s *samples) dependent(depth int) sample {
	a, b := s.any(depth-1), s.any(depth-1)
	schema := fmt.Sprintf(`{"type":"object","properties":{"card":%s,"address":%s,"n":{"type":"integer"}},"dependentRequired":{"card":["address"]}}`, a.schema, b.schema)
	return sample{schema, func() string {
		switch s.IntN(3) {
		case 0:
			return `{"card":` + a.write() + `,"address":` + b.write() + `}`
		case 1:
			return `{"address":` + b.write() + `,"n":4}`
		}
		return `{"n":0}`
	}}
}

// named is an object whose names are bounded.
func (s *samples) named(depth int) sample {
	v := s.any(depth - 1)
	if s.IntN(2) == 0 {
		return sample{`{"type":"object","propertyNames":{"enum":["n1","n2","n3"]},"additionalProperties":` + v.schema + `}`, func() string {
			var m []string
			for i := range 3 {
				if s.IntN(2) == 0 {
					m = append(m, fmt.Sprintf(`"n%d":%s`, i+1, v.write()))
				}
			}
			return braces(m)
		}}
	}
	return sample{`{"type":"object","propertyNames":{"pattern":"^[a-z]+$","maxLength":3},"additionalProperties":` + v.schema + `,"minProperties":1}`, func() string {
		return braces([]string{`"abc":` + v.write(), `"x":` + v.write()})
	}}
}

// narrowed are schemas that are narrowed by others.
func (s *samples) narrowed() sample {
	return pick(s,
		literal(`{"type":"string","not":{"enum":["a","ab"]}}`, `""`, `"abc"`, `"b"`, `"\n"`),
		literal(`{"type":"string","not":{"pattern":"b"}}`, `""`, `"ac"`),
		literal(`{"type":["integer","string"],"not":{"type":"string","maxLength":2}}`, `5`, `"abc"`),
		literal(`{"not":{"type":["object","array","string"]}}`, `null`, `5`, `true`, `-1.5`),
		literal(`{"type":"integer","not":{"minimum":5,"maximum":9}}`, `4`, `10`, `-3`),
		literal(`{"type":"integer","allOf":[{"minimum":3},{"maximum":30},{"multipleOf":4},{"multipleOf":6}]}`, `12`, `24`),
		literal(`{"allOf":[{"type":"string","minLength":2},{"pattern":"^a"},{"pattern":"c$"}]}`, `"ac"`, `"abc"`),
		literal(`{"type":"array","items":{"enum":[1,"2",null]},"uniqueItems":true,"minItems":1}`, `[1]`, `[null,"2",1]`),
		literal(`{"oneOf":[{"type":"integer"},{"type":"number","minimum":2}]}`, `1`, `2.5`),
		literal(`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"oneOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1}`, `{"b":2}`),
		literal(`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},"anyOf":[{"required":["a"]},{"required":["b"]}]}`, `{"a":1}`, `{"b":2}`, `{"a":1,"b":2}`),
		literal(`{"allOf":[{"enum":["a","b","c"]},{"enum":["b","c","d"]}],"not":{"const":"c"}}`, `"b"`),
		literal(`{"type":"object","properties":{"a":{"type":"string"}},"allOf":[{"properties":{"a":{"minLength":2}}},{"properties":{"a":{"maxLength":3}},"required":["a"]}]}`, `{"a":"xyz"}`),
		literal(`{"type":"number","not":{"const":0}}`, `1`, `-0.5`, `10`),
		literal(`{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}}}],"properties":{"b":{"type":"integer"}},"unevaluatedProperties":false}`, `{"b":1,"a":2}`, `{}`),
	)(s)
}

// spaced puts a space behind commas and colons, as Python does.
func spaced(text string) string {
	var b strings.Builder
	in := false
	for i := 0; i < len(text); i++ {
		b.WriteByte(text[i])
		switch {
		case in && text[i] == '\\':
			i++
			b.WriteByte(text[i])
		case text[i] == '"':
			in = !in
		case !in && (text[i] == ',' || text[i] == ':'):
			b.WriteByte(' ')
		}
	}
	return b.String()
}
