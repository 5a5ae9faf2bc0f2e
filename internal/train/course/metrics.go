package course

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/blitz-r1/blitz/internal/message"
)

// Metric is a line of metrics.jsonl: what a step did, or what was measured behind it.
type Metric struct {
	Step            int      `json:"step"` // that are done, from 1
	Epoch           float64  `json:"epoch"`
	Loss            float64  `json:"loss"`
	Smoothed        float64  `json:"loss_smoothed"`
	Rate            float64  `json:"learning_rate"`
	GradNorm        float64  `json:"grad_norm"`
	Tokens          int      `json:"tokens"`
	Learned         int      `json:"tokens_learned"`
	Seconds         float64  `json:"seconds"`
	TokensPerSecond float64  `json:"tokens_per_second"`
	Validation      *float64 `json:"validation_loss,omitempty"` // where it was measured behind the step

	Rewards           *Rewards `json:"rewards,omitempty"` // of preferences
	ValidationRewards *Rewards `json:"validation_rewards,omitempty"`
}

// Rewards are what answers are worth by what was learned of preferences: means over those
// of a step. One that there are no answers for is nil.
type Rewards struct {
	Chosen   *float64 `json:"chosen,omitempty"`   // of preferred or desirable answers
	Rejected *float64 `json:"rejected,omitempty"` // of the others
	Margin   *float64 `json:"margin,omitempty"`   // how much more the first are worth
	Accuracy float64  `json:"accuracy"`           // the share of answers that are told apart as they should be
	KL       *float64 `json:"kl,omitempty"`       // how far the model is from what it was, where that is estimated
}

// values returns what there is, with names that begin with a prefix.
func (r *Rewards) values(prefix string) (list []Value) {
	if r == nil {
		return nil
	}
	for _, x := range []struct {
		name string
		v    *float64
	}{{"rewards/chosen", r.Chosen}, {"rewards/rejected", r.Rejected}, {"rewards/margin", r.Margin}, {"rewards/accuracy", &r.Accuracy}, {"kl", r.KL}} {
		if x.v != nil {
			list = append(list, Value{prefix + x.name, *x.v})
		}
	}
	return list
}

// smoothing is how much of the smoothed loss a step leaves.
const smoothing = 0.9

// Smoother is a mean that forgets. As in Adam (Kingma and Ba 2015, section 3), its beginning
// from nothing is taken out.
type Smoother struct {
	sum, weight float64
}

// Add takes a value and returns the mean.
func (s *Smoother) Add(v float64) float64 {
	s.sum = float64(smoothing*s.sum) + float64((1-smoothing)*v)
	s.weight = float64(smoothing*s.weight) + (1 - smoothing)
	return s.sum / s.weight
}

// Sample is a line of samples.jsonl: what the model answers behind some steps.
type Sample struct {
	Step   int    `json:"step"` // that are done
	Prompt string `json:"prompt"`
	Answer string `json:"answer"`
	Wanted string `json:"wanted,omitempty"` // what the examples answer
}

// journal is a file of JSON lines that grows. A line is on the disk once the state behind it
// is: Sync says so.
type journal struct {
	f *os.File
}

// maxMetric bounds a line, in bytes.
const maxMetric = 16 << 20

// openJournal opens a file and calls keep with each line that it has. From the first line on
// that keep does not want, or that was not written to its end, the file is cut.
func openJournal(path string, keep func(line []byte) (bool, error)) (*journal, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is no regular file: %w", message.Clean(path), ErrState)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	end := int64(0)
	in := bufio.NewScanner(f)
	in.Buffer(nil, maxMetric)
	in.Split(WholeLines)
	for in.Scan() {
		ok, err := keep(in.Bytes())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", message.Clean(path), err), f.Close())
		}
		if !ok {
			break
		}
		end += int64(len(in.Bytes())) + 1
	}
	err = in.Err()
	if err == nil {
		err = f.Truncate(end)
	}
	if err == nil {
		_, err = f.Seek(end, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", message.Clean(path), err), f.Close())
	}
	return &journal{f}, nil
}

// WholeLines splits a text into its lines (bufio.SplitFunc), and leaves out what no newline ends.
func WholeLines(b []byte, _ bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1, b[:i], nil
	}
	return 0, nil, nil
}

// write adds a line.
func (j *journal) write(v any) error {
	return Lines(j.f).Encode(v)
}

// sync brings what was written to the disk.
func (j *journal) sync() error { return j.f.Sync() }

func (j *journal) close() error { return j.f.Close() }
