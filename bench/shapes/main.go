// Command shapes writes checkpoints of random weights in the shapes, names and types of
// published models. What a model computes per token does not depend on its weights, so its
// speed is measured where the real ones are out of reach; what it writes is noise.
//
//	go run ./bench/shapes -layers 6 gpt-oss-20b FOLDER
//
// A GGUF file of it is what `blitz convert` makes.
package main

import (
	"embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
)

//go:embed configs
var configs embed.FS

// settings are the flags.
type settings struct {
	layers, experts int
}

func main() {
	var s settings
	flag.IntVar(&s.layers, "layers", 0, "fewer `layers` of the same widths; 0: all")
	flag.IntVar(&s.experts, "experts", 0, "fewer `experts` a layer, of which as many are used; 0: all")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: shapes [flags] MODEL FOLDER\nmodels:", strings.Join(names(), " "))
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := s.write(flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "shapes:", err)
		os.Exit(1)
	}
}

// names returns the models that there are.
func names() (list []string) {
	files, _ := configs.ReadDir("configs") // of the program itself
	for _, f := range files {
		list = append(list, strings.TrimSuffix(f.Name(), ".json"))
	}
	return list
}

// write writes a model into a folder, which is made.
func (s *settings) write(name, folder string) error {
	raw, err := configs.ReadFile("configs/" + name + ".json")
	if err != nil {
		return fmt.Errorf("no model %q; there are %s", name, strings.Join(names(), ", "))
	}
	if raw, err = s.change(raw); err != nil {
		return err
	}
	m := &tiny.Model{Raw: raw, Seed: 1}
	if err := json.Unmarshal(raw, &m.Config); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "config.json"), raw, 0o644); err != nil {
		return err
	}
	return writeTensors(filepath.Join(folder, "model.safetensors"), m)
}

// ratios are those of DeepSeek-V4-Flash's layers: two windows, then both kinds in turn.
func ratios(layers int) (list []int) {
	for i := range layers {
		list = append(list, []int{4, 128}[i%2])
	}
	for i := range min(2, layers) {
		list[i] = 0
	}
	return list
}

// change sets what the flags ask for, and what has a value for each layer.
func (s *settings) change(raw []byte) ([]byte, error) {
	var outer map[string]any
	if err := json.Unmarshal(raw, &outer); err != nil {
		return nil, err
	}
	c := outer
	if text, nested := outer["text_config"].(map[string]any); nested {
		c = text
	}
	layers := int(c["num_hidden_layers"].(float64))
	if s.layers > 0 {
		layers = min(layers, s.layers)
	}
	c["num_hidden_layers"] = layers
	for _, key := range []string{"num_experts", "num_local_experts", "n_routed_experts"} {
		if n, has := c[key].(float64); has && s.experts > 0 {
			c[key] = min(int(n), s.experts)
		}
	}
	switch c["model_type"] {
	case "deepseek_v4":
		c["compress_ratios"] = ratios(layers)
		c["num_hash_layers"] = min(3, layers)
	case "gpt_oss":
		c["layer_types"] = kinds(layers, "sliding_attention", 2)
	case "qwen3_5_moe_text":
		c["layer_types"] = kinds(layers, "linear_attention", 4)
	}
	return json.MarshalIndent(outer, "", " ")
}

// kinds returns the kind of each layer: every so many are of full attention, the others of
// another one.
func kinds(layers int, other string, every int) (list []string) {
	for i := range layers {
		if i%every == every-1 {
			list = append(list, "full_attention")
		} else {
			list = append(list, other)
		}
	}
	return list
}
