package openai

import (
	"net/http"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// rerankAsk is what documents are ranked for, in the form of Jina and Cohere that vLLM and
// llama-server have too.
type rerankAsk struct {
	inference.Reranking
	texts bool // come back with their scores
}

func readRerank(o *wire.Object) (*rerankAsk, error) {
	a := &rerankAsk{}
	a.Model = readModel(o)
	if need(o, "query") {
		if a.Query = o.Text("query"); a.Query == "" && o.Err() == nil {
			o.Refuse("query", "query is empty")
		}
	}
	if need(o, "documents") {
		list := o.Array("documents", inference.MaxPrompts)
		if len(list) == 0 && o.Err() == nil {
			o.Refuse("documents", "documents is empty")
		}
		for _, v := range list {
			a.Documents = append(a.Documents, readDocument(v))
		}
	}
	if n := o.Int("top_n", 1, inference.MaxPrompts); n != nil {
		a.Top = int(*n)
	}
	a.texts = o.True("return_documents")
	return a, o.Err()
}

// readDocument takes a text, or an object with one.
func readDocument(v wire.Value) string {
	if v.IsText() {
		return v.Text()
	}
	o := v.Object()
	if o == nil {
		return ""
	}
	if !o.Has("text") {
		o.Refuse("text", "%s is missing", o.Path("text"))
	}
	return o.Text("text")
}

// reranked is the answer.
type reranked struct {
	ID     string `json:"id"`
	Object string `json:"object"`
	Model  string `json:"model"`
	Usage  struct {
		Prompt int `json:"prompt_tokens"`
		Total  int `json:"total_tokens"`
	} `json:"usage"`
	Results []rerankedDocument `json:"results"`
}

type rerankedDocument struct {
	Index    int           `json:"index"`
	Score    float32       `json:"relevance_score"`
	Document *documentText `json:"document,omitempty"`
}

type documentText struct {
	Text string `json:"text"`
}

// rerank ranks documents by how well they answer a query.
func (d *dialect) rerank(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	a, err := readRerank(o)
	if err != nil {
		return err
	}
	made, err := d.service.Rerank(r.Context(), &a.Reranking)
	if err != nil {
		return err
	}
	x := reranked{ID: wire.NewID("rerank-"), Object: "list", Model: a.Model, Results: []rerankedDocument{}}
	x.Usage.Prompt, x.Usage.Total = made.Tokens, made.Tokens
	for _, doc := range made.Documents {
		one := rerankedDocument{Index: doc.Index, Score: doc.Score}
		if a.texts {
			one.Document = &documentText{a.Documents[doc.Index]}
		}
		x.Results = append(x.Results, one)
	}
	wire.WriteJSON(w, http.StatusOK, x)
	return nil
}
