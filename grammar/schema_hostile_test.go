package grammar

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// hostileSchemas are schemas that explode where they are written out, or ask for what
// nobody can give. Each has the errors that it may end in; nil means that it compiles.
func hostileSchemas() map[string]struct {
	schema string
	want   []error
} {
	much := 1 // how much less there is of what takes long
	if testing.Short() {
		much = 10
	}
	deep := `{"type":"string"}`
	deep = strings.Repeat(`{"type":"object","properties":{"a":`, 3000) + deep + strings.Repeat(`},"required":["a"]}`, 3000)
	var wide, names, values []string
	for i := range 20_000 / much {
		wide = append(wide, fmt.Sprintf(`"k%d":{"type":"string"}`, i))
	}
	for i := range 40 {
		names = append(names, fmt.Sprintf(`"d%d":{"anyOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]}`, i, i+1, i+1))
	}
	for i := range 200_000 / much {
		values = append(values, fmt.Sprintf(`"value-%d"`, i))
	}
	power := `{"type":"integer"}`
	for i := range 12 - much/4 {
		power = fmt.Sprintf(`{"anyOf":[%s,{"type":"array","items":%s,"minItems":%d}]}`, power, power, i%3)
	}
	var branches []string
	for i := range 60 {
		branches = append(branches, fmt.Sprintf(`{"anyOf":[{"properties":{"p%d":{"type":"integer"}}},{"required":["q%d"]}]}`, i, i))
	}
	var ones []string
	for i := range 60 {
		ones = append(ones, fmt.Sprintf(`{"properties":{"p%d":{"type":"array","items":{"type":"string"}}},"required":["p%d"]}`, i, i))
	}
	chain := []string{`"d0":{"type":"null"}`}
	for i := range 20_000 {
		chain = append(chain, fmt.Sprintf(`"d%d":{"$ref":"#/$defs/d%d"}`, i+1, i))
	}
	type c = struct {
		schema string
		want   []error
	}
	return map[string]c{
		"3,000 levels":             {deep, nil},
		"20,000 properties":        {`{"type":"object","properties":{` + strings.Join(wide, ",") + `}}`, []error{nil, ErrTooLarge}},
		"20,000 and others":        {`{"type":"object","properties":{` + strings.Join(wide, ",") + `},"additionalProperties":true}`, []error{nil, ErrTooLarge}},
		"a power of 2 by anyOf":    {power, []error{nil, ErrTooLarge}},
		"2^40 by references":       {`{"$defs":{` + strings.Join(names, ",") + `,"d40":{"type":"null"}},"$ref":"#/$defs/d0"}`, nil},
		"2^60 by allOf of anyOf":   {`{"type":"object","allOf":[` + strings.Join(branches, ",") + `]}`, []error{nil, ErrTooLarge}},
		"oneOf of 60 that overlap": {`{"type":"object","oneOf":[` + strings.Join(ones, ",") + `]}`, []error{nil, ErrTooLarge, ErrUnsupported}},
		"a ring":                   {`{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}`, []error{ErrUnsupported}},
		"a ring by anyOf":          {`{"anyOf":[{"type":"null"},{"$ref":"#"}]}`, []error{ErrUnsupported}},
		"a ring by not":            {`{"not":{"$ref":"#"}}`, []error{ErrUnsupported}},
		"a ring by if":             {`{"if":{"$ref":"#"},"then":false}`, []error{ErrUnsupported}},
		"itself":                   {`{"$ref":"#"}`, []error{ErrUnsupported}},
		"a chain of references":    {`{"$defs":{` + strings.Join(chain, ",") + `},"$ref":"#/$defs/d20000"}`, []error{ErrTooLarge}},
		"a tree":                   {`{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#"}}}}`, nil},
		"no end":                   {`{"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]}`, []error{ErrEmpty}},
		"(a+)+$":                   {`{"type":"string","pattern":"^(a+)+$"}`, nil},
		"a{1000000000}":            {`{"type":"string","pattern":"^a{1000000000}$"}`, []error{nil, ErrTooLarge}},
		"a{1000000000}, bounded":   {`{"type":"string","pattern":"^a{1000000000}$","maxLength":5}`, []error{ErrEmpty, ErrTooLarge}},
		"nested counts":            {`{"type":"string","pattern":"^([\\w\\W]{1,1000}){1,1000}$"}`, []error{nil, ErrTooLarge}},
		"2^n by a pattern":         {`{"type":"string","pattern":"^(a|b)*a(a|b){40}$","maxLength":200}`, []error{nil, ErrTooLarge}},
		"no pattern":               {`{"type":"string","pattern":"("}`, []error{ErrSyntax}},
		"minLength 10^9":           {`{"type":"string","minLength":1000000000}`, []error{nil, ErrTooLarge}},
		"maxLength 10^9":           {`{"type":"string","maxLength":1000000000}`, []error{nil, ErrTooLarge}},
		"maxLength 10^300":         {`{"type":"string","maxLength":1e300}`, nil},
		"minItems 10^9":            {`{"type":"array","items":{"type":"null"},"minItems":1000000000}`, []error{nil, ErrTooLarge}},
		"minItems over maxItems":   {`{"type":"array","minItems":5,"maxItems":1}`, []error{ErrEmpty}},
		"200,000 values":           {`{"enum":[` + strings.Join(values, ",") + `]}`, []error{nil, ErrTooLarge}},
		"no values":                {`{"enum":[]}`, []error{ErrEmpty}},
		"false":                    {`false`, []error{ErrEmpty}},
		"a list":                   {`[]`, []error{ErrSyntax}},
		"a number":                 {`7`, []error{ErrSyntax}},
		"no type":                  {`{"type":"hologram"}`, []error{ErrSyntax}},
		"0 to 10^300":              {`{"type":"integer","minimum":0,"maximum":1` + strings.Repeat("0", 300) + `}`, nil},
		"0 to 10^999999999":        {`{"type":"integer","minimum":0,"maximum":1e999999999}`, nil},
		"10^999999999 and more":    {`{"type":"integer","minimum":1e999999999}`, []error{ErrEmpty}},
		"multipleOf 0":             {`{"type":"number","multipleOf":0}`, []error{ErrSyntax}},
		"multipleOf 999999937":     {`{"type":"integer","multipleOf":999999937}`, []error{ErrTooLarge}},
		"required and not listed":  {`{"type":"object","required":["x"]}`, nil},
		"not anything":             {`{"not":{}}`, []error{ErrEmpty}},
		"a contradiction":          {`{"allOf":[{"type":"string"},{"type":"integer"}]}`, []error{ErrEmpty}},
		"50 names of a pattern":    {`{"type":"object","propertyNames":{"pattern":"^(a|b|ab)*c$"},"minProperties":50}`, []error{ErrUnsupported}},
		"a name of 1 MB":           {`{"type":"object","properties":{"` + strings.Repeat("k", 1_000_000) + `":{"type":"null"}},"required":["` + strings.Repeat("k", 1_000_000) + `"]}`, []error{nil, ErrTooLarge}},
		"a const of 1 MB":          {`{"const":"` + strings.Repeat("x", 1_000_000) + `"}`, []error{nil, ErrTooLarge}},
		"100,000 [":                {strings.Repeat("[", 100_000), []error{ErrTooLarge}},
		"10 MB":                    {strings.Repeat(" ", 10<<20), []error{ErrTooLarge}},
		"a name twice":             {`{"type":"string","type":"integer"}`, []error{ErrSyntax}},
		"NaN":                      {`{"type":"number","minimum":NaN}`, []error{ErrSyntax}},
		"not UTF-8":                {"{\"const\":\"\xff\"}", []error{ErrSyntax}},
		"half a pair":              {`{"const":"\ud800"}`, []error{ErrSyntax}},
		"behind the end":           {`{} {}`, []error{ErrSyntax}},
		"nothing":                  {``, []error{ErrSyntax}},
		"another place":            {`{"$ref":"http://127.0.0.1:1/schema.json"}`, []error{ErrUnsupported}},
		"a file":                   {`{"$ref":"file:///etc/passwd"}`, []error{ErrUnsupported}},
		"another host":             {`{"$ref":"//127.0.0.1/x"}`, []error{ErrUnsupported}},
		"nowhere":                  {`{"$ref":"#/nowhere"}`, []error{ErrSyntax}},
		"5,000 patterns of names":  {`{"patternProperties":{` + patternNames(5000) + `}}`, []error{ErrUnsupported}},
		"a tuple of 5,000":         {`{"prefixItems":[` + strings.Repeat("{},", 4999) + `{}],"items":false}`, []error{nil, ErrTooLarge}},
		"contains of a million":    {`{"type":"array","contains":{"type":"null"},"minContains":1000000}`, []error{nil, ErrTooLarge, ErrUnsupported}},
		"half of 2,000":            {`{"type":"object","properties":{` + strings.Join(wide[:2000], ",") + `},"minProperties":1000,"maxProperties":1000}`, []error{nil, ErrTooLarge}},
	}
}

func patternNames(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"^p%d":{}`, i)
	}
	return strings.Join(all, ",")
}

// TestSchemaHostile: each schema that explodes is compiled, or refused by a bound, in the
// steps that there are, and its error is short.
func TestSchemaHostile(t *testing.T) {
	for name, c := range hostileSchemas() {
		g, err := Schema([]byte(c.schema), nil)
		ok := err == nil && c.want == nil
		for _, want := range c.want {
			ok = ok || errors.Is(err, want)
		}
		if !ok {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
		if err == nil {
			u := g.Guide(bytesVocabulary)
			if err := u.Begin(nil); err != nil && !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
