package openai

import (
	"encoding/base64"
	"encoding/binary"
	"maps"
	"math"
	"net/http"
	"slices"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// maxDimensions bounds the dimensions that may be asked for; no model has as many.
const maxDimensions = 1 << 20

// embedAsk is what embeddings are asked for.
type embedAsk struct {
	inference.Embedding
	packed bool // in base64, not as numbers
}

// readEmbedding reads the fields of embeddings.
func readEmbedding(o *wire.Object) (*embedAsk, error) {
	a := &embedAsk{Embedding: inference.Embedding{Param: "input"}}
	a.Model = readModel(o)
	if need(o, "input") {
		a.Inputs = readPrompts(o, "input", inference.MaxPrompts)
		if v, _ := o.Get("input"); v.IsText() && isEmpty(v) { // as one of several texts may not be
			v.Refuse("input is empty")
		}
	}
	a.packed = o.OneOf("encoding_format", "float", "base64") == "base64"
	if n := o.Int("dimensions", 1, maxDimensions); n != nil {
		a.Dimensions = int(*n)
	}
	a.Type = inputTypes[o.OneOf("input_type", slices.Sorted(maps.Keys(inputTypes))...)]
	a.Prompt = o.Text("prompt_name")
	if a.Prompt != "" && a.Type != blitz.InputText {
		o.Refuse("prompt_name", "prompt_name and input_type both say what goes before a text")
	}
	refuseUnheld(o)
	return a, o.Err()
}

// inputTypes are the words that other servers have for what a text is.
var inputTypes = map[string]blitz.InputType{
	"query": blitz.InputQuery, "search_query": blitz.InputQuery,
	"document": blitz.InputDocument, "passage": blitz.InputDocument, "search_document": blitz.InputDocument,
}

// embeddings are the answer.
type embeddings struct {
	Object string      `json:"object"`
	Data   []embedding `json:"data"`
	Model  string      `json:"model"`
	Usage  struct {
		Prompt int `json:"prompt_tokens"`
		Total  int `json:"total_tokens"`
	} `json:"usage"`
}

type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // []float32, or its bytes in base64
}

// embed makes embeddings of texts.
func (d *dialect) embed(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	a, err := readEmbedding(o)
	if err != nil {
		return err
	}
	made, err := d.service.Embed(r.Context(), &a.Embedding)
	if err != nil {
		return aboutTokens(err, "input")
	}
	x := embeddings{Object: "list", Model: a.Model, Data: []embedding{}}
	x.Usage.Prompt, x.Usage.Total = made.Tokens, made.Tokens
	for i, v := range made.Vectors {
		e := embedding{"embedding", i, v}
		if a.packed {
			e.Embedding = packed(v)
		}
		x.Data = append(x.Data, e)
	}
	wire.WriteJSON(w, http.StatusOK, x)
	return nil
}

// packed returns the little-endian bytes of a vector in base64.
func packed(v []float32) string {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(raw)
}
