package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// ParseLine reads a loss and a batch from a JSON object: kind, settings, groups, rewards,
// logp_new, logp_old and where wanted logp_ref, mask, correct and truncated. "nan", "inf" and
// "-inf" are strings; a reward of null is a skipped sequence. What is not known is refused.
func ParseLine(line []byte) (*Loss, *Batch, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, nil, fmt.Errorf("want an object: %w", err)
	}
	var kind string
	if err := decode(fields, "kind", "a word", &kind); err != nil {
		return nil, nil, err
	}
	l, err := Named(kind)
	if err != nil {
		return nil, nil, err
	}
	if raw := fields["settings"]; !isNull(raw) {
		if err := l.set(raw); err != nil {
			return nil, nil, err
		}
	}
	b, err := parseBatch(fields)
	return &l, b, err
}

// parseBatch reads the batch of an object. Each field of it is taken from the map.
func parseBatch(fields map[string]json.RawMessage) (*Batch, error) {
	b := &Batch{}
	var rewards floats
	var n, old, ref []floats
	var mask []flags
	var correct, truncated flags
	delete(fields, "settings")
	delete(fields, "kind")
	for _, f := range []struct {
		name, want string
		v          any
		need       bool
	}{
		{"groups", "a list of whole numbers", &b.Groups, true},
		{"rewards", "a list of numbers", &rewards, true},
		{"logp_new", "a list of lists of numbers", &n, true},
		{"logp_old", "a list of lists of numbers", &old, true},
		{"logp_ref", "a list of lists of numbers", &ref, false},
		{"mask", "a list of lists of 0 and 1", &mask, false},
		{"correct", "a list of true and false", &correct, false},
		{"truncated", "a list of true and false", &truncated, false},
	} {
		if !f.need && isNull(fields[f.name]) {
			delete(fields, f.name)
			continue
		}
		if err := decode(fields, f.name, f.want, f.v); err != nil {
			return nil, err
		}
		delete(fields, f.name)
	}
	for name := range fields {
		return nil, fmt.Errorf("%.40q is not known", name)
	}
	b.Rewards, b.Skipped = rewards.v, rewards.null
	var err error
	for _, rows := range []struct {
		to   *[][]float64
		from []floats
		name string
	}{{&b.LogpNew, n, "logp_new"}, {&b.LogpOld, old, "logp_old"}, {&b.LogpRef, ref, "logp_ref"}} {
		if *rows.to, err = values(rows.name, rows.from); err != nil {
			return nil, err
		}
	}
	if mask != nil {
		b.Mask = make([][]bool, len(mask))
		for i := range mask {
			b.Mask[i] = mask[i]
		}
	}
	b.Correct, b.Truncated = correct, truncated
	return b, nil
}

// values returns rows of numbers, of which none is null.
func values(name string, rows []floats) ([][]float64, error) {
	if rows == nil {
		return nil, nil
	}
	out := make([][]float64, len(rows))
	for i, row := range rows {
		if t := slices.Index(row.null, true); t >= 0 {
			return nil, fmt.Errorf("%s[%d][%d] is null, want a number", name, i, t)
		}
		out[i] = row.v
	}
	return out, nil
}

// set takes settings over from a JSON object.
func (l *Loss) set(raw json.RawMessage) error {
	var settings map[string]json.RawMessage
	if err := json.Unmarshal(raw, &settings); err != nil {
		return fmt.Errorf("settings: want an object")
	}
	names := make([]string, 0, len(settings))
	for name := range settings {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if err := l.setOne(settings, name); err != nil {
			return fmt.Errorf("settings: %w", err)
		}
	}
	return nil
}

func (l *Loss) setOne(settings map[string]json.RawMessage, name string) error {
	number := func(v *float64) error { return decode(settings, name, "a number", v) }
	switch name {
	case "scale":
		return decode(settings, name, "a word", &l.Scale)
	case "level":
		return decode(settings, name, "a word", &l.Level)
	case "norm":
		return decode(settings, name, "a word", &l.Norm)
	case "kl":
		var kl string
		if err := decode(settings, name, "a word", &kl); err != nil {
			return err
		}
		return l.UseKL(kl)
	case "std_ddof":
		return decode(settings, name, "a whole number", &l.StdDDoF)
	case "max_tokens":
		return decode(settings, name, "a whole number", &l.MaxTokens)
	case "std_eps":
		return number(&l.StdEps)
	case "eps_low":
		if l.Clip.NoLow = isNull(settings[name]); l.Clip.NoLow {
			return nil
		}
		return number(&l.Clip.Low)
	case "eps_high":
		return number(&l.Clip.High)
	case "beta":
		return number(&l.Beta)
	case "cap":
		return number(&l.Cap)
	case "dynamic":
		return decode(settings, name, "true or false", &l.Dynamic)
	case "filter_truncated":
		return decode(settings, name, "true or false", &l.FilterTruncated)
	case "off_policy_delta":
		if l.OffPolicy = !isNull(settings[name]); !l.OffPolicy {
			return nil
		}
		return number(&l.OffPolicyDelta)
	case "overlong":
		if isNull(settings[name]) {
			l.Overlong = Overlong{}
			return nil
		}
		return l.Overlong.set(settings[name])
	}
	return fmt.Errorf("%.40q is not known", name)
}

// set takes max and cache from a JSON object.
func (o *Overlong) set(raw json.RawMessage) error {
	v := struct {
		Max, Cache *int
	}{}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil || v.Max == nil || v.Cache == nil {
		return fmt.Errorf("overlong is %.40s, want an object with max and cache, whole numbers", raw)
	}
	*o = Overlong{Max: *v.Max, Cache: *v.Cache}
	return nil
}

// decode reads a field that has to be there.
func decode(fields map[string]json.RawMessage, name, want string, v any) error {
	raw := fields[name]
	if isNull(raw) {
		return fmt.Errorf("%s is missing, want %s", name, want)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w, want %s", name, err, want)
	}
	return nil
}

func isNull(raw json.RawMessage) bool { return raw == nil || string(raw) == "null" }

// floats is a JSON list of numbers, "nan", "inf", "-inf" and null.
type floats struct {
	v    []float64
	null []bool
}

// UnmarshalJSON reads the list.
func (f *floats) UnmarshalJSON(b []byte) error {
	return eachItem(b, func(item []byte) error {
		v := 0.0
		switch string(item) {
		case "null":
		case `"nan"`:
			v = math.NaN()
		case `"inf"`:
			v = math.Inf(1)
		case `"-inf"`:
			v = math.Inf(-1)
		default:
			var err error
			if v, err = strconv.ParseFloat(string(item), 64); err != nil || item[0] == '"' {
				return fmt.Errorf("%.40s is no number", item)
			}
		}
		f.v, f.null = append(f.v, v), append(f.null, string(item) == "null")
		return nil
	}, func(n int) { f.v, f.null = make([]float64, 0, n), make([]bool, 0, n) })
}

// flags is a JSON list of true and false, or 1 and 0.
type flags []bool

// UnmarshalJSON reads the list.
func (f *flags) UnmarshalJSON(b []byte) error {
	return eachItem(b, func(item []byte) error {
		switch string(item) {
		case "1", "true", "1.0":
			*f = append(*f, true)
		case "0", "false", "0.0":
			*f = append(*f, false)
		default:
			return fmt.Errorf("%.40s is neither 0 nor 1", item)
		}
		return nil
	}, func(n int) { *f = make(flags, 0, n) })
}

// eachItem hands on the items of a JSON list that is valid and has neither lists nor objects
// in it. begin is told how many there are at most.
func eachItem(b []byte, take func(item []byte) error, begin func(n int)) error {
	if len(b) < 2 || b[0] != '[' {
		return fmt.Errorf("%.40s is no list", b)
	}
	b = bytes.TrimSpace(b[1 : len(b)-1])
	if begin(bytes.Count(b, []byte(",")) + 1); len(b) == 0 {
		return nil
	}
	for item := range bytes.SplitSeq(b, []byte(",")) {
		if err := take(bytes.TrimSpace(item)); err != nil {
			return err
		}
	}
	return nil
}

// MarshalJSON writes a result as a line has it, whose advantages are null where a sequence
// was skipped.
func (r *Result) MarshalJSON() ([]byte, error) {
	advantages := make([]*float64, len(r.Advantages))
	for i := range r.Advantages {
		if !r.skipped[i] {
			advantages[i] = &r.Advantages[i]
		}
	}
	return json.Marshal(struct {
		Loss         float64     `json:"loss"`
		DLogp        [][]float64 `json:"dlogp"`
		Advantages   []*float64  `json:"advantages"`
		Kept         []bool      `json:"kept"`
		Tokens       int         `json:"tokens"`
		KL           float64     `json:"kl"`
		ClipFraction float64     `json:"clip_fraction"`
	}{r.Loss, r.DLogp, advantages, r.Kept, r.Tokens, r.KL, r.ClipFraction})
}
