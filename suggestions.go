package blitz

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/gguf"
)

// defaultSampling is used where a model's publisher suggests nothing.
var defaultSampling = Sampling{Temperature: 0.8, TopP: new(float32(0.95)), TopK: 40}

// maxGenerationConfig bounds a generation_config.json.
const maxGenerationConfig = 1 << 20

// readSuggestions reads the settings that come with a model: of
// generation_config.json beside the weights, or of a GGUF's general.sampling keys.
func (m *Model) readSuggestions() error {
	m.sampling = defaultSampling
	info, err := os.Stat(m.path)
	if err != nil {
		return err
	}
	folder := m.path
	if !info.IsDir() {
		folder = filepath.Dir(m.path)
		if f, err := gguf.Open(m.path); err == nil {
			m.suggestedByGGUF(f)
			f.Close()
			return nil
		}
	}
	data, err := readAtMost(filepath.Join(folder, "generation_config.json"), maxGenerationConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return m.suggestedByConfig(data)
}

// readAtMost returns the contents of a file. The error wraps ErrConfig where they are
// more than limit bytes.
func readAtMost(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("blitz: %s has more than %d bytes: %w", filepath.Base(path), limit, ErrConfig)
	}
	return text, err
}

// generationConfig is what is read of generation_config.json.
type generationConfig struct {
	DoSample          *bool    `json:"do_sample"`
	Temperature       *float32 `json:"temperature"`
	TopK              *int     `json:"top_k"`
	TopP              *float32 `json:"top_p"`
	MinP              *float32 `json:"min_p"`
	RepetitionPenalty *float32 `json:"repetition_penalty"`
	EOSTokenID        any      `json:"eos_token_id"`
}

func (m *Model) suggestedByConfig(data []byte) error {
	var c generationConfig
	if err := json.Unmarshal(data, &c); err != nil {
		return fmt.Errorf("blitz: generation_config.json: %w: %w", err, ErrConfig)
	}
	m.addStops(c.EOSTokenID)
	if c.Temperature == nil && c.TopK == nil && c.TopP == nil && c.MinP == nil {
		return nil
	}
	m.suggested = true
	m.sampling = Sampling{Temperature: 1}
	set(&m.sampling.Temperature, c.Temperature)
	set(&m.sampling.TopK, c.TopK)
	m.sampling.TopP = c.TopP
	set(&m.sampling.MinP, c.MinP)
	set(&m.sampling.RepeatPenalty, c.RepetitionPenalty)
	if c.DoSample != nil && !*c.DoSample {
		m.sampling.Temperature = 0
	}
	return m.checkSuggestion("generation_config.json")
}

func set[T any](dst, v *T) {
	if v != nil {
		*dst = *v
	}
}

// addStops adds the end tokens of a configuration: an id or a list of them.
func (m *Model) addStops(v any) {
	switch v := v.(type) {
	case float64:
		if v >= 0 && v < float64(m.VocabSize()) {
			m.stops = append(m.stops, int32(v))
		}
	case []any:
		for _, x := range v {
			if _, nested := x.([]any); !nested {
				m.addStops(x)
			}
		}
	}
}

func (m *Model) suggestedByGGUF(f *gguf.File) {
	s := Sampling{Temperature: 1}
	if v, ok := f.Float("general.sampling.top_p"); ok {
		s.TopP, m.suggested = new(float32(v)), true
	}
	for key, dst := range map[string]*float32{
		"temp": &s.Temperature, "min_p": &s.MinP, "penalty_repeat": &s.RepeatPenalty,
	} {
		if v, ok := f.Float("general.sampling." + key); ok {
			*dst, m.suggested = float32(v), true
		}
	}
	if v, ok := f.Int("general.sampling.top_k"); ok && v >= 0 && v < 1<<30 {
		s.TopK, m.suggested = int(v), true
	}
	if !m.suggested {
		return
	}
	m.sampling = s
	if m.checkSuggestion(f.Name()) != nil { // of a file whose weights are fine: not worth refusing it
		m.sampling, m.suggested = defaultSampling, false
	}
}

func (m *Model) checkSuggestion(file string) error {
	settings := m.sampling.settings()
	if err := settings.Validate(); err != nil {
		return fmt.Errorf("blitz: %s: %w: %w", file, err, ErrConfig)
	}
	return nil
}
