package ollama

import (
	"net/http"
	"time"

	"github.com/blitz-r1/blitz/chat"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/tokenizer"
)

// generate answers a prompt: a question, a text to go on with (raw), or a gap between two
// texts (suffix).
func (d *dialect) generate(w http.ResponseWriter, r *http.Request) error {
	began := time.Now()
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	a := readAsked(o)
	prompt, raw := o.Text("prompt"), o.True("raw")
	readPrompt(o, a, prompt, raw)
	if err := o.Err(); err != nil {
		return err
	}
	answer := &reply{asked: a, began: began, writer: generateWriter{context: !raw}}
	if prompt == "" && a.request.Prompts == nil {
		return d.load(w, r, answer)
	}
	return d.answer(w, r, answer)
}

// readPrompt takes what generate alone has.
func readPrompt(o *wire.Object, a *asked, prompt string, raw bool) {
	q := &a.request
	system, template, suffix := o.Text("system"), o.Text("template"), o.Text("suffix")
	refuseImages(o)
	if v, ok := o.Get("context"); ok {
		if q.Before = v.IDs(inference.MaxIDs); len(q.Before) == 0 {
			q.Before = nil
		}
	}
	switch {
	case suffix != "":
		q.Prompts = []inference.Prompt{{Gap: &tokenizer.Gap{Before: prompt, Behind: suffix}, Param: "suffix"}}
	case raw:
		q.Prompts = []inference.Prompt{{Text: prompt}}
	default:
		if system != "" {
			q.Messages = append(q.Messages, chat.System(system))
		}
		q.Messages = append(q.Messages, chat.User(prompt))
	}
	if (raw || suffix != "") && (system != "" || template != "" || q.Before != nil) {
		o.Refuse("raw", "raw and suffix go on with a text: they go with none of system, template and context")
	}
	if raw && prompt == "" {
		q.Prompts = nil
	}
	if template != "" {
		t, err := chat.NewTemplate(template)
		if err != nil {
			o.Refuse("template", "template is no chat template in the language Jinja: %s", shorten(err))
		}
		q.Template = t
	}
}

// shorten returns an error that a client made, as far as it is of use.
func shorten(err error) string {
	const most = 200
	text := []rune(err.Error())
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}
