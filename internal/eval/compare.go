package eval

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/blitz-r1/blitz/internal/task"
)

// A Difference is that of a figure of two models over the same parts, with the standard error
// of paired differences: what makes a part hard for both does not count.
type Difference struct {
	Metric string     `json:"metric"`
	A      float64    `json:"a"`
	B      float64    `json:"b"`
	Change task.Score `json:"change"` // B - A
	Higher int        `json:"higher"` // parts where B is above A
	Lower  int        `json:"lower"`  // parts where it is below
}

// A Comparison is of two logs of the same suite.
type Comparison struct {
	A           Header       `json:"a"`
	B           Header       `json:"b"`
	Differences []Difference `json:"differences"`
}

// Read reads the whole log at path. The error wraps ErrLog, or ErrPartial where parts are
// missing.
func Read[T Part](path string) (*Log[T], error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	l := &Log[T]{}
	h, _, err := readLog(f, &l.Parts)
	if err == nil && h == nil {
		err = ErrLog
	}
	if err == nil {
		l.Header = *h
		err = l.Complete()
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return l, nil
}

// ReadHeader reads the header of the log at path. The error wraps ErrLog.
func ReadHeader(path string) (*Header, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h, err := readFirst(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return h, nil
}

// Compare compares the logs at two paths. The error wraps ErrLog, ErrPartial, or ErrOther where
// they are not of the same problems.
func Compare(a, b string, k Ks) (*Comparison, error) {
	ha, err := ReadHeader(a)
	if err != nil {
		return nil, err
	}
	hb, err := ReadHeader(b)
	if err != nil {
		return nil, err
	}
	if ha.Suite != hb.Suite || ha.Source != hb.Source || ha.Parts != hb.Parts {
		return nil, fmt.Errorf("%w: %s has %d parts of %s (%s), %s %d of %s (%s)", ErrOther, a, ha.Parts, ha.Suite, ha.Source, b, hb.Parts, hb.Suite, hb.Source)
	}
	c := &Comparison{A: *ha, B: *hb}
	c.A.Version, c.B.Version = 0, 0
	if ha.Suite == SuiteText {
		return c, c.texts(a, b)
	}
	return c, c.answers(a, b, k)
}

// answers compares answers. Where nothing is asked for, the most answers are those that both
// have.
func (c *Comparison) answers(a, b string, k Ks) error {
	la, errA := Read[Answers](a)
	lb, errB := Read[Answers](b)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	k = k.usual(min(c.A.Settings.Samples, c.B.Settings.Samples))
	ca, errA := columns(la, k)
	cb, errB := columns(lb, k)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	for i := range ca {
		d := paired(ca[i].values, cb[i].values)
		d.Metric = ca[i].name
		c.Differences = append(c.Differences, d)
	}
	return nil
}

// texts compares bits per byte. The tokens of two models differ, and with them the bytes of
// their windows; where they are cut alike the windows are pairs.
func (c *Comparison) texts(a, b string) error {
	la, errA := Read[Window](a)
	lb, errB := Read[Window](b)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	bitsA, bytes, _ := textColumns(la.Parts)
	bitsB, bytesB, _ := textColumns(lb.Parts)
	change := make([]float64, len(bytes))
	d := Difference{Metric: "bits_per_byte"}
	for i := range bytes {
		if bytes[i] != bytesB[i] {
			return fmt.Errorf("%w: window %d has %g bytes in %s, %g in %s: their tokenizers differ, and with them what is a pair", ErrOther, i, bytes[i], a, bytesB[i], b)
		}
		change[i] = bitsB[i] - bitsA[i]
		d.count(change[i])
	}
	var err error
	if d.Change, err = ratio(change, bytes); err != nil {
		return err
	}
	d.A, d.B = sum(bitsA)/sum(bytes), sum(bitsB)/sum(bytes)
	c.Differences = []Difference{d}
	return nil
}

// paired returns the difference of figures of the same parts.
func paired(a, b []float64) Difference {
	change := make([]float64, len(a))
	d := Difference{A: task.Mean(a).Value, B: task.Mean(b).Value}
	for i := range a {
		change[i] = b[i] - a[i]
		d.count(change[i])
	}
	d.Change = task.Mean(change)
	return d
}

func (d *Difference) count(change float64) {
	switch {
	case change > 0:
		d.Higher++
	case change < 0:
		d.Lower++
	}
}

// WriteCSV writes a line for each metric.
func (c *Comparison) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.Write([]string{"model_a", "model_b", "suite", "source", "parts", "metric", "a", "b", "change", "stderr", "higher", "lower"})
	for _, d := range c.Differences {
		out.Write([]string{
			c.A.Model, c.B.Model, c.A.Suite, c.A.Source, strconv.Itoa(c.A.Parts), d.Metric, number(d.A), number(d.B), number(d.Change.Value),
			numberOrNone(d.Change.StandardError), strconv.Itoa(d.Higher), strconv.Itoa(d.Lower),
		})
	}
	out.Flush()
	return out.Error()
}
