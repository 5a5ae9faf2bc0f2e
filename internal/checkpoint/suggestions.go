package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/gguf"
)

// Suggestions are the settings of sampling that a model's publisher suggests; nil where
// nothing is said.
type Suggestions struct {
	Temperature   *float32 // 0: greedy
	TopK          *int     // 0: off
	TopP          *float32
	MinP          *float32
	RepeatPenalty *float32
}

// Any says whether anything is suggested.
func (s *Suggestions) Any() bool {
	return s.Temperature != nil || s.TopK != nil || s.TopP != nil || s.MinP != nil || s.RepeatPenalty != nil
}

// generation is what is read of generation_config.json.
type generation struct {
	Suggestions
	ends []int64 // eos_token_id
}

const (
	generationName = "generation_config.json"
	// maxGeneration bounds a generation_config.json, in bytes.
	maxGeneration = 1 << 20
)

// Suggestions returns what the publisher suggests: by the general.sampling keys of a
// GGUF file, else by generation_config.json in a folder. What cannot be used is passed
// over with a note: it never closes a model.
func (c *Checkpoint) Suggestions() Suggestions {
	g, _ := c.generation.get(func() (*generation, error) {
		g := &generation{}
		if c.gguf != nil {
			c.suggestedByGGUF(g)
		}
		if c.alone || g.Any() {
			return g, nil
		}
		text, err := c.read(generationName, maxGeneration)
		if err == nil {
			err = c.suggestedByConfig(g, text)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			c.note("%s is passed over: %v", generationName, err)
		}
		return g, nil
	})
	return g.Suggestions
}

// suggestedByConfig reads a generation_config.json.
func (c *Checkpoint) suggestedByConfig(g *generation, text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return errors.New("it is empty")
	}
	d := json.NewDecoder(bytes.NewReader(PlainJSON(text)))
	d.UseNumber()
	var values map[string]any
	if err := d.Decode(&values); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return fmt.Errorf("it is a JSON %s, want an object", kind.Value)
		}
		return err
	}
	read := func(key string) any {
		v := values[key]
		if t, ok := v.([]any); ok && len(t) == 1 {
			v = t[0]
		}
		return v
	}
	note := func(key, want string) {
		c.note("%s: %s %s is passed over, want %s", generationName, key, shown(values[key]), want)
	}
	g.set(read, note, names{"temperature", "top_k", "top_p", "min_p", "repetition_penalty"})
	switch sample, ok := asBool(values["do_sample"]); {
	case ok && !sample:
		g.Temperature = new(float32)
	case !ok && values["do_sample"] != nil:
		note("do_sample", "true or false")
	}
	g.ends = c.endIDs(generationName, "eos_token_id", values["eos_token_id"])
	return nil
}

// suggestedByGGUF reads the keys of a GGUF file.
func (c *Checkpoint) suggestedByGGUF(g *generation) {
	value := func(key string) any {
		v, ok := c.gguf.Value("general.sampling." + key)
		if !ok {
			return nil
		}
		return plainValue(v)
	}
	g.set(value, func(key, want string) {
		c.note("%s: general.sampling.%s %s is passed over, want %s", c.gguf.Name(), key, shown(value(key)), want)
	}, names{"temp", "top_k", "top_p", "min_p", "penalty_repeat"})
}

// plainValue returns a value of a GGUF file as JSON would have it.
func plainValue(v gguf.Value) any {
	if i, ok := v.Int(); ok {
		return json.Number(strconv.FormatInt(i, 10))
	}
	if x, ok := v.Float(); ok {
		return json.Number(strconv.FormatFloat(x, 'g', -1, 64))
	}
	if s, ok := v.Text(); ok {
		return s
	}
	return v.String()
}

// names are the keys of settings in the order of Suggestions.
type names struct{ temperature, topK, topP, minP, repeat string }

// set reads the settings. note is called for one that is there and cannot be used.
func (g *generation) set(value func(key string) any, note func(key, want string), n names) {
	number := func(dst **float32, key string, min, max float64, want string) {
		v := value(key)
		if v == nil {
			return
		}
		x, ok := asNumber(v)
		if !ok || !(x >= min && x <= max) {
			note(key, want)
			return
		}
		f := float32(x)
		*dst = &f
	}
	number(&g.Temperature, n.temperature, 0, 100, "a number from 0 to 100")
	number(&g.TopP, n.topP, 0, 1, "a number from 0 to 1")
	number(&g.MinP, n.minP, 0, 1, "a number from 0 to 1")
	number(&g.RepeatPenalty, n.repeat, 1e-3, 1e3, "a number from 0.001 to 1000")
	v := value(n.topK)
	if v == nil {
		return
	}
	x, ok := asNumber(v)
	if !ok || x != math.Trunc(x) || x < -1 {
		note(n.topK, "an integer, -1 or 0 for none")
		return
	}
	k := 0 // none, and more than any vocabulary has
	if x > 0 && x <= maxTopK {
		k = int(x)
	}
	g.TopK = &k
}

// maxTopK is more than any vocabulary has.
const maxTopK = 1 << 30

// asNumber returns a number, or a string that is one. NaN and infinities are none.
func asNumber(v any) (float64, bool) {
	s, ok := v.(string)
	if n, is := v.(json.Number); is {
		s, ok = n.String(), true
	}
	if !ok {
		return 0, false
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return x, err == nil && !math.IsInf(x, 0) && !math.IsNaN(x)
}

// asBool returns a truth, or what stands for one elsewhere.
func asBool(v any) (value, ok bool) {
	switch v := v.(type) {
	case bool:
		return v, true
	case json.Number:
		x, err := v.Float64()
		return x != 0, err == nil && (x == 0 || x == 1)
	case string:
		switch strings.ToLower(v) {
		case "true", "1":
			return true, true
		case "false", "0":
			return false, true
		}
	}
	return false, false
}

// shown returns a value as a note shows it, cut short.
func shown(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return printable(fmt.Sprint(v))
	}
	if s := string(b); len(s) <= 60 {
		return s
	}
	return strings.ToValidUTF8(string(b[:57]), "") + "…"
}
