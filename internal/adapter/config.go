package adapter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blitz-r1/blitz/internal/message"
)

// The files of an adapter.
const (
	ConfigName  = "adapter_config.json"
	WeightsName = "adapter_model.safetensors"
)

// maxConfig bounds an adapter_config.json, in bytes.
const maxConfig = 4 << 20

// maxRank bounds ranks before there are shapes to compare with.
const maxRank = 1 << 20

// Config is what adapter_config.json says.
type Config struct {
	Base         string // base_model_name_or_path: what the trainer called the model
	Rank         int
	Alpha        float64
	RSLoRA       bool
	RankPattern  Patterns
	AlphaPattern Patterns
	Targets      Targets
}

// RankOf returns the rank of a module.
func (c *Config) RankOf(module string) int {
	if v, ok := c.RankPattern.of(module); ok {
		return int(v)
	}
	return c.Rank
}

// ScaleOf returns what multiplies B (A x) in a module.
func (c *Config) ScaleOf(module string) float32 {
	alpha := c.Alpha
	if v, ok := c.AlphaPattern.of(module); ok {
		alpha = v
	}
	r := float64(c.RankOf(module))
	if c.RSLoRA {
		r = math.Sqrt(r)
	}
	return float32(alpha / r)
}

// fields are the values of a configuration by key. The first error is kept.
type fields struct {
	folder string
	values map[string]json.RawMessage
	err    error
}

// readConfig reads the configuration in a folder.
func readConfig(folder string) (*Config, error) {
	path := filepath.Join(folder, ConfigName)
	f := &fields{folder: filepath.Base(folder)}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // opening a pipe would wait
		return nil, f.refuse("is no regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("adapter: %w", err)
	}
	if len(text) > maxConfig {
		return nil, f.refuse("is longer than %d bytes", maxConfig)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&f.values); err != nil || f.values == nil {
		return nil, f.refuse("is no JSON object: %v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, f.refuse("holds more than one JSON object")
	}
	return f.config()
}

// config reads the keys that count.
func (f *fields) config() (*Config, error) {
	if kind := f.text("peft_type", ""); f.err == nil && kind != "LORA" {
		f.fail("peft_type", "LORA")
	}
	f.refuseOthers()
	c := &Config{
		Base: f.text("base_model_name_or_path", ""), Rank: int(f.number("r", 8)), Alpha: f.number("lora_alpha", 8), RSLoRA: f.bool("use_rslora"),
		RankPattern: f.patterns("rank_pattern"), AlphaPattern: f.patterns("alpha_pattern"), Targets: f.targets(),
	}
	if r := f.number("r", 8); r != float64(c.Rank) || r < 1 || r > maxRank {
		f.fail("r", "a whole number of 1 or more")
	}
	for _, p := range c.RankPattern {
		if p.Value != math.Trunc(p.Value) || p.Value < 1 || p.Value > maxRank {
			f.fail("rank_pattern", "whole numbers of 1 or more")
		}
	}
	return c, f.err
}

// refuseOthers refuses what is more than A and B of linear layers, or means other weights
// than the base's.
func (f *fields) refuseOthers() {
	for _, key := range []string{
		"use_dora", "use_qalora", "use_bdlora", "lora_bias", "fan_in_fan_out",
		"modules_to_save", "target_parameters", "trainable_token_indices", "layer_replication", "alora_invocation_tokens",
		"arrow_config", "kasa_config", "velora_config", "monteclora_config",
	} {
		if !f.isEmpty(key) {
			f.fail(key, "none: only plain LoRA is read")
		}
	}
	if bias := f.text("bias", "none"); bias != "none" {
		f.fail("bias", "none: trained biases are not read")
	}
	// These begin with other base weights than the model's own.
	init := strings.ToLower(string(f.values["init_lora_weights"]))
	for _, name := range []string{"pissa", "olora", "corda", "loftq", "lora_ga"} {
		if strings.Contains(init, name) {
			f.fail("init_lora_weights", "an adapter of the model's own weights: save it converted, as PEFT's path_initial_model_for_weight_conversion does")
		}
	}
}

// isEmpty says whether a key is missing or says nothing.
func (f *fields) isEmpty(key string) bool {
	switch strings.Join(strings.Fields(string(f.values[key])), "") {
	case "", "null", "false", "[]", "{}", `""`:
		return true
	}
	return false
}

// refuse returns an error about the configuration.
func (f *fields) refuse(format string, a ...any) error {
	return fmt.Errorf("adapter: %s: %s %s: %w", message.Clean(f.folder), ConfigName, fmt.Sprintf(format, a...), ErrFormat)
}

// fail refuses the value of a key.
func (f *fields) fail(key, want string) {
	if f.err == nil {
		got := "missing"
		if v, ok := f.values[key]; ok {
			got = message.Clean(string(v))
		}
		f.err = fmt.Errorf("adapter: %s: %s: %s is %s, want %s: %w", message.Clean(f.folder), ConfigName, key, got, want, ErrFormat)
	}
}

// read decodes a key; false where it is missing or null.
func (f *fields) read(key string, v any, want string) bool {
	if text := f.values[key]; len(text) == 0 || string(text) == "null" {
		return false
	}
	if json.Unmarshal(f.values[key], v) != nil {
		f.fail(key, want)
		return false
	}
	return true
}

func (f *fields) text(key, missing string) string {
	if f.read(key, &missing, "a text"); !isPlain(missing) {
		f.fail(key, "a short text")
	}
	return missing
}

// isPlain says whether a text may be a name.
func isPlain(s string) bool { return len(s) <= 4096 && !strings.ContainsRune(s, 0) }

func (f *fields) number(key string, missing float64) float64 {
	f.read(key, &missing, "a number")
	return missing
}

func (f *fields) bool(key string) (v bool) {
	f.read(key, &v, "true or false")
	return v
}

// patterns reads an object of numbers, in its order: the first that fits counts.
func (f *fields) patterns(key string) (list Patterns) {
	if f.isEmpty(key) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(f.values[key]))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		f.fail(key, "an object of numbers")
		return nil
	}
	for d.More() {
		name, _ := d.Token()
		value, err := d.Token()
		v, ok := value.(float64)
		if err != nil || !ok {
			f.fail(key, "an object of numbers")
			return nil
		}
		p, err := NewPattern(name.(string), v)
		if err != nil {
			f.fail(key, "regular expressions: "+err.Error())
			return nil
		}
		if list = append(list, p); len(list) > maxPatterns || list.expressions() > maxExpressions {
			f.fail(key, fmt.Sprintf("at most %d patterns, and %d characters of expressions", maxPatterns, maxExpressions))
			return nil
		}
	}
	return list
}

// targets reads target_modules and exclude_modules.
func (f *fields) targets() (t Targets) {
	var err error
	if t.Names, t.Pattern, err = f.modules("target_modules"); err == nil {
		t.Excluded, t.ExcludedPattern, err = f.modules("exclude_modules")
	}
	if err != nil && f.err == nil {
		f.err = err
	}
	if err := t.compile(); err != nil {
		t.unknown = true // an expression that Python alone reads: the tensors tell
	}
	return t
}

// modules reads a list of names, or one regular expression.
func (f *fields) modules(key string) (names []string, pattern string, err error) {
	if f.isEmpty(key) {
		return nil, "", nil
	}
	if json.Unmarshal(f.values[key], &pattern) == nil {
		return nil, pattern, nil
	}
	if json.Unmarshal(f.values[key], &names) != nil || slices.ContainsFunc(names, func(s string) bool { return !isPlain(s) }) {
		f.fail(key, "a list of names, or a regular expression")
	}
	if len(names) > maxTargets {
		f.fail(key, fmt.Sprintf("at most %d names", maxTargets))
	}
	return names, "", f.err
}

var (
	// ErrFormat is wrapped by every error that is about what an adapter holds.
	ErrFormat = errors.New("refused adapter")
	// ErrBase is an adapter that was trained on other files than the model's. It is
	// ErrFormat.
	ErrBase = fmt.Errorf("of other files than the model's: %w", ErrFormat)
)
