package model

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// blankSource is a checkpoint that has a config.json and no weights: it has each tensor
// that is asked for, of zeros.
type blankSource struct {
	called  string // its folder, for messages
	tensors map[string]tensor.Tensor
	room    int64 // bytes that are left for tensors; negative: any
	zeros   []byte
}

// openBlank reads the configuration of a model whose weights may take limit bytes; 0: any.
func openBlank(files *checkpoint.Checkpoint, limit int64) (*blankSource, *Config, error) {
	text, err := files.Config()
	if errors.Is(err, checkpoint.ErrFormat) {
		err = fmt.Errorf("model: %w: %w", err, ErrConfig)
	}
	if err != nil {
		return nil, nil, err
	}
	c, err := parseConfig(files.ConfigName(), bytes.NewReader(text))
	if err != nil {
		return nil, nil, err
	}
	if limit == 0 {
		limit = -1
	}
	return &blankSource{called: files.Name(), tensors: map[string]tensor.Tensor{}, room: limit}, c, nil
}

// want makes a tensor, unless it is there. The error wraps ErrNoRoom.
func (s *blankSource) want(name string, shape []int) (tensor.Tensor, error) {
	if t, ok := s.tensors[name]; ok {
		return t, nil
	}
	n, ok := tensor.Elements(shape)
	if ok && s.room >= 0 {
		ok = int64(n) <= s.room/4
		s.room -= 4 * int64(n)
	}
	if !ok {
		return tensor.Tensor{}, fmt.Errorf("model: %s: tensor %s: no room is left for %s: %w", s.called, name, tensor.ShapeString(shape), ErrNoRoom)
	}
	t := tensor.Tensor{Name: name, DType: tensor.F32, Shape: append([]int(nil), shape...)}
	s.tensors[name] = t
	return t, nil
}

func (s *blankSource) name() string    { return s.called }
func (s *blankSource) names() []string { return sortedKeys(s.tensors) }

func (s *blankSource) find(name string) (tensor.Tensor, bool) {
	t, ok := s.tensors[name]
	return t, ok
}

// data returns zeros, which all tensors share.
func (s *blankSource) data(name string) ([]byte, error) {
	n, _ := tensor.Elements(s.tensors[name].Shape)
	if 4*n > len(s.zeros) {
		s.zeros = tensor.Aligned(4 * n)
	}
	return s.zeros[:4*n], nil
}

func (s *blankSource) writer(string) rowWriter       { return nil }
func (s *blankSource) release(string)                {}
func (s *blankSource) guard(read func() error) error { return read() }
