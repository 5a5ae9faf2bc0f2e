package grammar

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
)

// validator returns what google/jsonschema-go makes of a schema.
func validator(t testing.TB, schema string) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal([]byte(schema), &s); err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatalf("%s: %v", schema, err)
	}
	return r
}

// validates says whether a text is JSON that validates.
func validates(r *jsonschema.Resolved, text string) error {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return err
	}
	return r.Validate(v)
}

// jsonVocabulary has all bytes, some tokens of several, and an end.
var jsonVocabulary, jsonTokens = func() (*Vocabulary, [][]byte) {
	var tokens [][]byte
	for i := range 256 {
		tokens = append(tokens, []byte{byte(i)})
	}
	for _, s := range []string{`{"`, `":`, `",`, `","`, `"}`, `}}`, `":"`, `": `, `, `, "\n", "\n  ", `[[`, `]]`, `],`, `true`, `false`, `null`, `{}`, `[]`, "\u00e9", "😀", `\u00`, `\"`, `12`, `0.`, `-1`, `kind`, `tag`, `a"`, `""`} {
		tokens = append(tokens, []byte(s))
	}
	tokens = append(tokens, []byte("<end>"))
	v, err := NewVocabulary(tokens, nil, []int32{int32(len(tokens) - 1)})
	if err != nil {
		panic(err)
	}
	return v, tokens
}()

// follows says whether all of a text, in tokens cut at random, may come, and the end
// behind it.
func follows(t *testing.T, rng *rand.Rand, g *Grammar, text string) (at int, ok bool) {
	t.Helper()
	u := begin(t, g, jsonVocabulary)
	for at < len(text) {
		var fit []int32
		for id, b := range jsonTokens[:len(jsonTokens)-1] {
			if strings.HasPrefix(text[at:], string(b)) {
				fit = append(fit, int32(id))
			}
		}
		allowed := maskOf(t, u)
		for _, id := range fit {
			if !allowed[id] {
				return at, false
			}
		}
		id := fit[rng.IntN(len(fit))]
		if u.Accept(id) != nil {
			return at, false
		}
		at += len(jsonTokens[id])
	}
	return at, maskOf(t, u)[len(jsonTokens)-1]
}

// wander takes tokens at random, those that close something more often.
func wander(t *testing.T, rng *rand.Rand, g *Grammar, most int) (string, bool) {
	t.Helper()
	u := begin(t, g, jsonVocabulary)
	var text strings.Builder
	end := len(jsonTokens) - 1
	for n := range most {
		allowed := maskOf(t, u)
		if allowed[end] && rng.IntN(3) == 0 {
			return text.String(), true
		}
		var ids []int32
		for id, is := range allowed[:end] {
			if !is {
				continue
			}
			weight := 1
			switch b := jsonTokens[id]; {
			case bytes.IndexByte([]byte(`"]}`), b[0]) >= 0 && len(b) == 1:
				weight = 10 + n
			case b[0] == ' ' || b[0] == '\n' || b[0] == '\t' || b[0] == '\r' || b[0] >= 0x80 || b[0] == '\\':
				if rng.IntN(8) > 0 {
					weight = 0
				}
			}
			for range weight {
				ids = append(ids, int32(id))
			}
		}
		if len(ids) == 0 {
			for id, is := range allowed[:end] {
				if is {
					ids = append(ids, int32(id))
				}
			}
		}
		if len(ids) == 0 {
			if !allowed[end] {
				t.Fatalf("nothing may come behind %q", text.String())
			}
			return text.String(), true
		}
		id := ids[rng.IntN(len(ids))]
		if err := u.Accept(id); err != nil {
			t.Fatal(err)
		}
		text.Write(jsonTokens[id])
	}
	return text.String(), false
}

// spoilt changes a text a little.
func spoilt(rng *rand.Rand, text, other string) string {
	if text == "" {
		return other
	}
	at := rng.IntN(len(text))
	switch rng.IntN(6) {
	case 0:
		return text[:at] + text[at+1:]
	case 1:
		return text[:at] + string(text[rng.IntN(len(text))]) + text[at:]
	case 2:
		return text[:at] + other + text[at:]
	case 3:
		return strings.Replace(text, `"`, `"b`, 1+rng.IntN(3))
	case 4:
		for _, swap := range []string{`1`, `true`, `null`, `"x"`, `{}`, `[]`} {
			if i := strings.Index(text, swap); i >= 0 && rng.IntN(2) == 0 {
				return text[:i] + other + text[i+len(swap):]
			}
		}
	}
	return other
}

// TestSchemaCorpus (SCHEMA_SEEDS=100000 for a long one) makes random schemas. Texts that match them are taken, whatever the
// tokens and the white space; texts that google/jsonschema-go rejects are not; and what
// the automaton lets through validates.
func TestSchemaCorpus(t *testing.T) {
	corpus(t, 0, seeds(t, 250, 40))
}

// seeds returns how many seeds a test takes: what SCHEMA_SEEDS says, if it is set.
func seeds(t *testing.T, usual, short int) int {
	if s := os.Getenv("SCHEMA_SEEDS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if testing.Short() {
		return short
	}
	return usual
}

func corpus(t *testing.T, from, to int) {
	var took, spoiled, walked, refused, invalid int
	for seed := from; seed < to; seed++ {
		rng := rand.New(rand.NewPCG(14, uint64(seed)))
		s := &samples{Rand: rng}
		doc := s.document()
		valid := validator(t, doc.schema)
		g, err := Schema([]byte(doc.schema), nil)
		if errors.Is(err, ErrUnsupported) {
			refused++
			continue
		}
		if err != nil {
			t.Fatalf("seed %d: %s: %v", seed, doc.schema, err)
		}
		var texts []string
		for range 6 {
			text := doc.write()
			texts = append(texts, text)
			if validates(valid, text) != nil {
				invalid++ // a oneOf of which two match
				if takes(t, g, text) {
					t.Fatalf("seed %d: %s\ntakes %s", seed, doc.schema, text)
				}
				continue
			}
			var wide bytes.Buffer
			if err := json.Indent(&wide, []byte(text), "", pick(s, " ", "  ", "\t")); err != nil {
				t.Fatal(err)
			}
			for _, form := range []string{text, spaced(text), wide.String()} {
				if at, ok := follows(t, rng, g, form); !ok {
					t.Fatalf("seed %d: %s\ndoes not take %s\nbehind %q", seed, doc.schema, form, form[:at])
				}
				took++
			}
		}
		for range 20 {
			text := spoilt(rng, texts[rng.IntN(len(texts))], pick(s, constantTexts...))
			if validates(valid, text) != nil {
				spoiled++
				if takes(t, g, text) {
					t.Fatalf("seed %d: %s\ntakes %s", seed, doc.schema, text)
				}
			}
		}
		for range 2 {
			if text, ended := wander(t, rng, g, 300); ended {
				walked++
				if err := validates(valid, text); err != nil {
					t.Fatalf("seed %d: %s\nlets through %s\n%v", seed, doc.schema, text, err)
				}
			}
		}
	}
	t.Logf("seeds %d to %d: %d texts taken, %d spoilt ones, %d walks, %d schemas refused, %d texts that match two branches", from, to, took, spoiled, walked, refused, invalid)
	if took < 10*(to-from) || walked < (to-from)/2 || refused > (to-from)/5 {
		t.Errorf("the corpus has become too small")
	}
}
