package grammar

import (
	"fmt"
	"strings"
)

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
		return `{"v":` + value.write() + `,"kids":` + brackets(func() string { return write(deep - 1) }, s.IntN(3)) + `}`
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
