package ollama

import (
	"net/http"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

type embedded struct {
	Model           string        `json:"model"`
	Embeddings      [][]float32   `json:"embeddings"`
	TotalDuration   time.Duration `json:"total_duration"`
	LoadDuration    time.Duration `json:"load_duration"`
	PromptEvalCount int           `json:"prompt_eval_count"`
}

// embed returns the vectors of texts, of length 1.
func (d *dialect) embed(w http.ResponseWriter, r *http.Request) error {
	began := time.Now()
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	e := readEmbedding(o, "input")
	if v, ok := o.Get("input"); ok {
		e.Inputs = readInputs(v)
	}
	if n := o.Int("dimensions", 0, 1<<20); n != nil {
		e.Dimensions = int(*n)
	}
	if err := o.Err(); err != nil {
		return err
	}
	out := embedded{Model: e.Model, Embeddings: [][]float32{}}
	if len(e.Inputs) == 0 { // it is loaded, and that is all
		out.LoadDuration, err = d.service.Load(r.Context(), e.Model, e.KeepAlive)
	} else {
		var got *inference.Embeddings
		if got, err = d.service.Embed(r.Context(), e); err == nil {
			out.Embeddings, out.LoadDuration, out.PromptEvalCount = got.Vectors, got.Load, got.Tokens
		}
	}
	if err != nil {
		return err
	}
	out.TotalDuration = time.Since(began)
	wire.WriteJSON(w, http.StatusOK, out)
	return nil
}

// embeddings is the older form, for one text.
func (d *dialect) embeddings(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	e := readEmbedding(o, "prompt")
	prompt := o.Text("prompt")
	if err := o.Err(); err != nil {
		return err
	}
	vector := []float32{}
	if prompt == "" {
		_, err = d.service.Load(r.Context(), e.Model, e.KeepAlive)
	} else {
		e.Inputs = []inference.Prompt{{Text: prompt}}
		var got *inference.Embeddings
		if got, err = d.service.Embed(r.Context(), e); err == nil {
			vector = got.Vectors[0]
		}
	}
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, map[string][]float32{"embedding": vector})
	return nil
}

// readEmbedding takes what both forms have in common.
func readEmbedding(o *wire.Object, input string) *inference.Embedding {
	readOptions(o.Object("options"))
	truncate := o.Bool("truncate")
	return &inference.Embedding{
		Model: readModel(o), KeepAlive: readKeepAlive(o), Length: blitz.LengthOne, Truncate: truncate == nil || *truncate, Param: input,
	}
}

// readInputs takes a text, or a list of them. A text that is empty is none.
func readInputs(v wire.Value) []inference.Prompt {
	if v.IsText() && v.Text() == "" {
		return nil
	}
	if v.IsText() {
		return []inference.Prompt{{Text: v.Text()}}
	}
	if !v.IsArray() {
		v.Refuse("%s is neither a string nor a list of strings", v.Path())
		return nil
	}
	var inputs []inference.Prompt
	for _, one := range v.Array(inference.MaxPrompts) {
		inputs = append(inputs, inference.Prompt{Text: one.Text()})
	}
	return inputs
}
