package ollama

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

type shown struct {
	License      string         `json:"license,omitempty"`
	Modelfile    string         `json:"modelfile"`
	Parameters   string         `json:"parameters,omitempty"`
	Template     string         `json:"template"`
	System       string         `json:"system,omitempty"`
	Details      details        `json:"details"`
	ModelInfo    map[string]any `json:"model_info"`
	Tensors      []tensor       `json:"tensors,omitempty"`
	Capabilities []string       `json:"capabilities"`
	ModifiedAt   time.Time      `json:"modified_at"`
}

type tensor struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"`
}

// show tells what a model is.
func (d *dialect) show(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	name, verbose := readModel(o), o.True("verbose")
	if err := o.Err(); err != nil {
		return err
	}
	if _, err := d.service.Entry(r.Context(), name); err != nil {
		return err
	}
	about, err := d.host.Describe(r.Context(), name, verbose)
	if err != nil {
		return changeError(name, err)
	}
	wire.WriteJSON(w, http.StatusOK, newShown(about))
	return nil
}

func newShown(about *host.Description) shown {
	s := shown{
		License: strings.Join(about.LicenseTexts, "\n"), Template: about.Template, Details: newDetails(about.Entry), ModelInfo: map[string]any{},
		Capabilities: capabilities(about), ModifiedAt: about.Modified.UTC(),
	}
	if v := about.Variant; v != nil {
		s.System = v.System
		s.Parameters = parameterLines(v.Parameters, "")
	}
	s.Modelfile = modelfile(about)
	for _, m := range about.Metadata {
		s.ModelInfo[m.Key] = m.Value
	}
	if _, ok := s.ModelInfo["general.parameter_count"]; !ok && about.Parameters > 0 {
		s.ModelInfo["general.parameter_count"] = about.Parameters
	}
	for _, t := range about.Tensors {
		s.Tensors = append(s.Tensors, tensor{t.Name, t.Type, t.Shape})
	}
	return s
}

// capabilities returns Ollama's words for what a model can do.
func capabilities(about *host.Description) []string {
	if about.Encodes {
		return []string{"embedding"}
	}
	can := []string{"completion"}
	if about.Calls {
		can = append(can, "tools")
	}
	if about.Reasons {
		can = append(can, "thinking")
	}
	if about.Infill {
		can = append(can, "insert")
	}
	return can
}

// parameterLines writes settings one on a line, as name and value.
func parameterLines(p hub.Parameters, before string) string {
	text, err := json.Marshal(p)
	var set map[string]json.RawMessage
	if err != nil || json.Unmarshal(text, &set) != nil {
		return ""
	}
	var lines []string
	for _, name := range []string{
		"temperature", "top_k", "top_p", "min_p", "repeat_penalty", "frequency_penalty", "presence_penalty", "seed", "num_ctx", "num_predict",
	} {
		if value, ok := set[name]; ok {
			lines = append(lines, fmt.Sprintf("%s%-30s %s", before, name, value))
		}
	}
	for _, stop := range p.Stop {
		lines = append(lines, fmt.Sprintf("%s%-30s %q", before, "stop", stop))
	}
	return strings.Join(lines, "\n")
}

// modelfile writes what the model is in the language of such files.
func modelfile(about *host.Description) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# To build a new model of this one, replace FROM with:\n# FROM %s\n\nFROM %s\n", about.Name, about.Name)
	if about.Template != "" {
		fmt.Fprintf(&b, "TEMPLATE \"\"\"%s\"\"\"\n", about.Template)
	}
	if v := about.Variant; v != nil {
		if v.System != "" {
			fmt.Fprintf(&b, "SYSTEM \"\"\"%s\"\"\"\n", v.System)
		}
		if lines := parameterLines(v.Parameters, "PARAMETER "); lines != "" {
			b.WriteString(lines + "\n")
		}
	}
	return b.String()
}
