package hub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/blitz-r1/blitz/internal/registry"
)

// ollamaLayer begins the media types of Ollama's layers.
const ollamaLayer = "application/vnd.ollama.image."

// Bounds of the layers that are text beside the weights.
const (
	maxTextLayer = 1 << 20 // bytes of one, and of all that become a variant
	maxTexts     = 100
)

// ollamaImage is a model of Ollama's registry: one GGUF, and texts that become
// its variant.
type ollamaImage struct {
	weights registry.Descriptor
	texts   []registry.Descriptor // system, params, license, template: the last of a kind counts, of licenses all
	notes   []string              // what is left out, and why
}

// readOllama takes a manifest of Ollama's registry apart. The error is
// ErrFormat, and says what kind of model is refused.
func readOllama(m *registry.Manifest, config []byte) (*ollamaImage, error) {
	refuse := func(format string, args ...any) (*ollamaImage, error) {
		return nil, fmt.Errorf(format+": %w", append(args, ErrFormat)...)
	}
	var c struct {
		Format      string `json:"model_format"`
		RemoteHost  string `json:"remote_host"`
		RemoteModel string `json:"remote_model"`
	}
	if err := json.Unmarshal(config, &c); err != nil {
		return refuse("its configuration: %w", err)
	}
	if c.RemoteHost != "" || c.RemoteModel != "" {
		return refuse("it runs on the servers of %s and has no weights to fetch", printable(clip(c.RemoteHost)))
	}
	image, weights := &ollamaImage{}, 0
	var texts int64
	for _, l := range m.Layers {
		kind, ok := strings.CutPrefix(l.MediaType, ollamaLayer)
		if !ok {
			image.leaveOut("a layer of type " + printable(clip(l.MediaType)))
			continue
		}
		switch kind {
		case "model":
			image.weights = l
			weights++
		case "tensor":
			return refuse("its weights come as one layer a tensor, in a form of Ollama's own: want a model of one GGUF")
		case "adapter":
			return refuse("it is an adapter over another model, and adapters are not applied: want a model of one GGUF")
		case "system", "params", "license", "template", "prompt":
			if texts += l.Size; l.Size > maxTextLayer || texts > maxTextLayer || len(image.texts) == maxTexts {
				return refuse("its texts are more than %d, or more than %s: the %s has %s", maxTexts, FormatBytes(maxTextLayer), kind, FormatBytes(l.Size))
			}
			image.texts = append(image.texts, l)
		case "projector":
			image.leaveOut("its projector: of models that see, the text part alone is taken")
		case "draft":
			image.leaveOut("its draft model")
		case "messages":
			image.leaveOut("the conversation that it begins with")
		case "embed", "json": // of old models, and beside tensors
		default:
			image.leaveOut("a layer of type " + printable(clip(kind)))
		}
	}
	switch {
	case weights == 0:
		return refuse("it has no weights: no layer of type %smodel", ollamaLayer)
	case weights > 1:
		return refuse("its weights are in %d layers, want one GGUF", weights)
	case c.Format != "" && c.Format != formatGGUF:
		return refuse("its weights are %s, want gguf", printable(clip(c.Format)))
	}
	return image, nil
}

func (i *ollamaImage) leaveOut(what string) { i.notes = append(i.notes, "left out: "+what) }

// variant makes the variant of a model from the texts, which are in the order
// of the descriptors. Ollama's templates are written in Go's language, which is
// not rendered here: the template of the GGUF itself is, and a note says so.
func (i *ollamaImage) variant(texts [][]byte) (*Variant, error) {
	v := new(Variant)
	for n, text := range texts {
		kind := strings.TrimPrefix(i.texts[n].MediaType, ollamaLayer)
		if !utf8.Valid(text) {
			return nil, fmt.Errorf("its %s is not UTF-8: %w", kind, ErrFormat)
		}
		switch kind {
		case "system":
			v.System = string(text)
		case "license":
			v.License = append(v.License, string(text))
		case "params":
			p, unused, err := readOllamaParameters(text)
			if err != nil {
				return nil, fmt.Errorf("its parameters: %w", err)
			}
			if v.Parameters = p; len(unused) > 0 {
				i.leaveOut("its parameters " + printable(clip(strings.Join(unused, ", "))) + ", which have no meaning here")
			}
		case "template", "prompt":
			if len(bytes.TrimSpace(text)) > 0 {
				i.notes = append(i.notes, "its template is in Go's language and is not used: prompts are made by the template in the GGUF, where it has one")
			}
		}
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	if v.IsZero() {
		return nil, nil
	}
	return v, nil
}

// readOllamaParameters reads a params layer: a JSON object of settings by their
// names. Those that have no meaning here are returned by name. A value of
// another kind than its name wants is ErrFormat.
func readOllamaParameters(text []byte) (p Parameters, unused []string, err error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal(text, &values); err != nil {
		return p, nil, fmt.Errorf("%w: %w", err, ErrFormat)
	}
	numbers := map[string]**float64{
		"temperature": &p.Temperature, "top_p": &p.TopP, "min_p": &p.MinP, "repeat_penalty": &p.RepeatPenalty,
		"frequency_penalty": &p.FrequencyPenalty, "presence_penalty": &p.PresencePenalty,
	}
	wholes := map[string]**int64{"top_k": &p.TopK, "seed": &p.Seed, "num_ctx": &p.Context, "num_predict": &p.MaxTokens}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text := values[name]
		var x float64
		switch number, whole := numbers[name], wholes[name]; {
		case name == "stop":
			if p.Stop, err = readStops(text); err != nil {
				return p, nil, err
			}
		case number == nil && whole == nil:
			unused = append(unused, name)
		case json.Unmarshal(text, &x) != nil || string(text) == "null":
			return p, nil, fmt.Errorf("%s is %s, want a number: %w", name, printable(clip(string(text))), ErrFormat)
		case number != nil:
			*number = &x
		case x != math.Trunc(x) || math.Abs(x) > 1<<53:
			return p, nil, fmt.Errorf("%s is %s, want a whole number: %w", name, printable(clip(string(text))), ErrFormat)
		default:
			n := int64(x)
			*whole = &n
		}
	}
	return p, unused, nil
}

// maxStops bounds how many stops a model has.
const maxStops = 1000

// readStops reads one text or a list of them.
func readStops(text json.RawMessage) (stops []string, err error) {
	var one string
	if json.Unmarshal(text, &one) == nil && string(text) != "null" {
		return []string{one}, nil
	}
	if err := json.Unmarshal(text, &stops); err != nil || len(stops) > maxStops {
		return nil, fmt.Errorf("stop is %s, want a list of at most %d texts: %w", printable(clip(string(text))), maxStops, ErrFormat)
	}
	return stops, nil
}
