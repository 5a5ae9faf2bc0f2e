package eval

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/task"
)

// A Metric is a figure of a model with its standard error.
type Metric struct {
	Name string `json:"metric"`
	task.Score
}

// A Report is what a log says.
type Report struct {
	Header
	Metrics []Metric `json:"metrics"`
}

// Complete returns ErrPartial where parts are missing.
func (l *Log[T]) Complete() error {
	if !l.Done() {
		return fmt.Errorf("%w: %d of %d parts", ErrPartial, len(l.Parts), l.Header.Parts)
	}
	return nil
}

// Ks are the numbers of answers of pass@k and maj@k that are reported.
type Ks struct{ Pass, Majority []int }

// usual returns 1 and all samples, and for votes all where there is more than one.
func (k Ks) usual(samples int) Ks {
	if k.Pass == nil {
		k.Pass = []int{1}
		if samples > 1 {
			k.Pass = append(k.Pass, samples)
		}
	}
	if k.Majority == nil && samples > 1 {
		k.Majority = []int{samples}
	}
	return k
}

// Check returns an error where there are fewer samples than a k.
func (k Ks) Check(samples int) error {
	for _, n := range slices.Concat(k.Pass, k.Majority) {
		if n < 1 || n > samples {
			return fmt.Errorf("k is %d, want 1 to %d, the samples of each problem", n, samples)
		}
	}
	return nil
}

// column is a figure of each part.
type column struct {
	name   string
	values []float64
}

// columns returns the figures of all problems. The log is complete.
func columns(l *Log[Answers], k Ks) ([]column, error) {
	if err := k.Check(l.Header.Settings.Samples); err != nil {
		return nil, err
	}
	problems := make([]task.Samples, len(l.Parts))
	for i, a := range l.Parts {
		problems[i] = task.Samples{N: len(a.Correct), Correct: a.Correct, Answers: a.Answers, C: count(a.Correct)}
	}
	var all []column
	add := func(name string, ks []int, score func(int, []task.Samples) ([]float64, error)) error {
		for _, n := range ks {
			values, err := score(n, problems)
			if err != nil {
				return err
			}
			all = append(all, column{name + "@" + strconv.Itoa(n), values})
		}
		return nil
	}
	if err := add("pass", k.Pass, task.PassAt); err != nil {
		return nil, err
	}
	if err := add("maj", k.Majority, task.MajorityAt); err != nil {
		return nil, err
	}
	for _, x := range []struct {
		name string
		of   func(a *Answers) float64
	}{
		{"formed", func(a *Answers) float64 { return share(a.Formed) }},
		{"cut", func(a *Answers) float64 { return share(a.Cut) }},
		{"tokens", func(a *Answers) float64 {
			sum := 0.0
			for _, n := range a.Tokens {
				sum += float64(n)
			}
			return sum / float64(len(a.Tokens))
		}},
	} {
		c := column{x.name, make([]float64, len(l.Parts))}
		for i := range l.Parts {
			c.values[i] = x.of(&l.Parts[i])
		}
		all = append(all, c)
	}
	return all, nil
}

func count(is []bool) (n int) {
	for _, x := range is {
		if x {
			n++
		}
	}
	return n
}

func share(is []bool) float64 { return float64(count(is)) / float64(len(is)) }

// ReportAnswers returns the figures of answers. The error wraps ErrPartial.
func ReportAnswers(l *Log[Answers], k Ks) (*Report, error) {
	if err := l.Complete(); err != nil {
		return nil, err
	}
	all, err := columns(l, k.usual(l.Header.Settings.Samples))
	if err != nil {
		return nil, err
	}
	r := &Report{Header: l.Header}
	for _, c := range all {
		r.Metrics = append(r.Metrics, Metric{c.name, task.Mean(c.values)})
	}
	return r, nil
}

// ReportText returns the figures of a text that was predicted. The error wraps ErrPartial.
func ReportText(l *Log[Window]) (*Report, error) {
	if err := l.Complete(); err != nil {
		return nil, err
	}
	bits, bytes, tokens := textColumns(l.Parts)
	perByte, err := ratio(bits, bytes)
	if err != nil {
		return nil, err
	}
	perToken, err := ratio(bits, tokens)
	if err != nil {
		return nil, err
	}
	p := kernel.Exp64(perToken.Value * math.Ln2)
	perplexity := task.Score{Value: p}
	if e := perToken.StandardError; e != nil {
		perplexity.StandardError = new(p * *e * math.Ln2)
	}
	return &Report{Header: l.Header, Metrics: []Metric{
		{"bits_per_byte", perByte},
		{"bits_per_token", perToken},
		{"perplexity", perplexity},
		{"tokens", task.Score{Value: sum(tokens)}},
		{"bytes", task.Score{Value: sum(bytes)}},
	}}, nil
}

func textColumns(windows []Window) (bits, bytes, tokens []float64) {
	for _, w := range windows {
		bits, bytes, tokens = append(bits, w.Bits), append(bytes, float64(w.Bytes)), append(tokens, float64(w.Tokens))
	}
	return bits, bytes, tokens
}

func sum(x []float64) (s float64) {
	for _, v := range x {
		s += v
	}
	return s
}

// ratio returns R = sum of a / sum of b over windows, and its standard error by the variance of
// a - R b: Cochran, Sampling Techniques, section 2.11.
func ratio(a, b []float64) (task.Score, error) {
	total := sum(b)
	if total == 0 {
		return task.Score{}, fmt.Errorf("the tokens of the text stand for nothing")
	}
	s := task.Score{Value: sum(a) / total}
	m := float64(len(a))
	if len(a) < 2 {
		return s, nil
	}
	square := 0.0
	for i := range a {
		d := a[i] - float64(s.Value*b[i])
		square += float64(d * d)
	}
	s.StandardError = new(math.Sqrt(m/(m-1)*square) / total)
	return s, nil
}

// WriteCSV writes a line for each metric.
func (r *Report) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	c.Write([]string{"model", "root", "adapter", "suite", "name", "source", "parts", "samples", "metric", "value", "stderr"})
	for _, m := range r.Metrics {
		c.Write([]string{
			r.Model, r.Root, r.Adapter, r.Suite, r.Name, r.Source, strconv.Itoa(r.Parts), strconv.Itoa(r.Settings.Samples), m.Name, number(m.Value), numberOrNone(m.StandardError),
		})
	}
	c.Flush()
	return c.Error()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func numberOrNone(v *float64) string {
	if v == nil {
		return ""
	}
	return number(*v)
}

// Right returns the share of right answers so far.
func Right(l *Log[Answers]) float64 {
	right, all := 0, 0
	for _, a := range l.Parts {
		right += count(a.Correct)
		all += len(a.Correct)
	}
	return float64(right) / float64(max(all, 1))
}
