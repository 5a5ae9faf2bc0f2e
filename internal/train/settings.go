package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
)

// Settings are those of the steps of a run.
type Settings struct {
	Optimizer      Optimizer `json:"optimizer"`
	Schedule       Schedule  `json:"schedule"`
	MTPWeight      float64   `json:"mtp_weight"`
	BalanceAlpha   float64   `json:"balance_alpha"`
	LabelSmoothing float64   `json:"label_smoothing"` // 0: none
	ZLoss          float64   `json:"z_loss"`          // 0: none
	// BiasGamma is how far the correction bias of each expert moves behind a step, towards
	// even loads: DeepSeek-V3, section 2.1.2.
	BiasGamma float64 `json:"bias_gamma"`
}

// Losses returns what is added to the loss of the next tokens.
func (s *Settings) Losses() Losses {
	return Losses{s.MTPWeight, s.BalanceAlpha, s.LabelSmoothing, s.ZLoss}
}

// ParseSettings reads settings from JSON. The error wraps ErrSettings and names the key.
func ParseSettings(raw []byte) (*Settings, error) {
	s := &Settings{Optimizer: DefaultOptimizer, MTPWeight: DefaultMTPWeight}
	if err := strictJSON(raw, s); err != nil {
		return nil, err
	}
	return s, s.Check()
}

// ParseSchedule reads a schedule from JSON, as ParseSettings does.
func ParseSchedule(raw []byte) (*Schedule, error) {
	s := &Schedule{}
	if err := strictJSON(raw, s); err != nil {
		return nil, err
	}
	return s, s.Check()
}

// strictJSON reads one value that has no key that v lacks.
func strictJSON(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = fmt.Errorf("more behind the value")
		}
	}
	if err != nil {
		return fmt.Errorf("train: settings: %s: %w", strings.TrimPrefix(err.Error(), "json: "), ErrSettings)
	}
	return nil
}

// Check returns an error that names the first setting that cannot be.
func (s *Settings) Check() error {
	if err := s.Optimizer.Check(); err != nil {
		return err
	}
	if err := s.Schedule.Check(); err != nil {
		return err
	}
	losses := s.Losses()
	if err := losses.Check(); err != nil {
		return err
	}
	if !(s.BiasGamma >= 0 && s.BiasGamma <= math.MaxFloat32) {
		return wrongSetting("bias_gamma", s.BiasGamma, "0 or more")
	}
	return nil
}
