package ui

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Bounds of what the page is told of a model's files, which may say anything.
const (
	maxTemplate = 256 << 10 // bytes
	maxLicence  = 256 << 10
	maxFacts    = 300
	maxFact     = 1000 // bytes of a value
)

// fact is something that a model's files say of it.
type fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// modelDetails tells what is known of a model.
func (u *UI) modelDetails(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	name, e, err := u.queried(r)
	if err != nil {
		return err
	}
	about, err := u.host.Describe(ctx, e.Name, false)
	if err != nil {
		return storeError(name, err)
	}
	wire.WriteJSON(w, http.StatusOK, struct {
		Model
		Template    string `json:"template"`
		LicenceText string `json:"licence_text,omitempty"`
		Facts       []fact `json:"facts"`
	}{u.modelOf(ctx, about.Entry, u.running(ctx)), clip(about.Template, maxTemplate), clip(strings.Join(about.LicenseTexts, "\n\n"), maxLicence), factsOf(about)})
	return nil
}

// factsOf returns what the files say, as text.
func factsOf(about *host.Description) []fact {
	facts := []fact{}
	if about.Format != "" {
		facts = append(facts, fact{"format", shown(about.Format)})
	}
	for _, m := range about.Metadata {
		if len(facts) == maxFacts {
			break
		}
		if m.Key == "tokenizer.chat_template" || m.List && m.Value == nil {
			continue // it is shown by itself, or too long
		}
		facts = append(facts, fact{shown(m.Key), clip(valueText(m.Value), maxFact)})
	}
	if v := about.Variant; v != nil && v.System != "" {
		facts = append(facts, fact{"system", clip(v.System, maxFact)})
	}
	return facts
}

func valueText(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return string(text)
}
