package ollama

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// details are what is said of a model wherever it is named.
type details struct {
	ParentModel       string   `json:"parent_model"`
	Format            string   `json:"format"`
	Family            string   `json:"family"`
	Families          []string `json:"families"`
	ParameterSize     string   `json:"parameter_size"`
	QuantizationLevel string   `json:"quantization_level"`
}

func newDetails(e host.Entry) details {
	return details{
		Format: e.Format, Family: e.Architecture, Families: []string{e.Architecture},
		ParameterSize: formatCount(e.Parameters), QuantizationLevel: e.Quantization,
	}
}

// formatCount writes a number of parameters as 134.5M or 1.8B.
func formatCount(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "K"}} {
		if n >= unit.size {
			return strconv.FormatFloat(float64(n)/float64(unit.size), 'f', 1, 64) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// listed is a model of the store.
type listed struct {
	Name       string    `json:"name"`
	Model      string    `json:"model"`
	ModifiedAt time.Time `json:"modified_at"`
	Size       int64     `json:"size"`
	Digest     string    `json:"digest"`
	Details    details   `json:"details"`
}

// tags lists the models that there are.
func (d *dialect) tags(w http.ResponseWriter, r *http.Request) error {
	entries, err := d.service.Models(r.Context())
	if err != nil {
		return err
	}
	list := []listed{}
	for _, e := range entries {
		list = append(list, listed{e.Name, e.Name, e.Modified.UTC(), e.Size, e.Digest, newDetails(e)})
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"models": list})
	return nil
}

// loaded is a model in memory.
type loaded struct {
	Name          string    `json:"name"`
	Model         string    `json:"model"`
	Size          int64     `json:"size"`
	Digest        string    `json:"digest"`
	Details       details   `json:"details"`
	ExpiresAt     time.Time `json:"expires_at"`
	SizeVRAM      int64     `json:"size_vram"`
	ContextLength int       `json:"context_length"`
}

// forEver is when a model expires that does not.
const forEver = 200 * 365 * 24 * time.Hour

// ps lists the models in memory.
func (d *dialect) ps(w http.ResponseWriter, r *http.Request) error {
	list := []loaded{}
	for _, x := range d.service.Loaded(r.Context()) {
		if x.Loading {
			continue
		}
		l := loaded{Name: x.Name, Model: x.Name, Size: x.Size, Digest: x.Digest, ExpiresAt: x.Expires.UTC(), ContextLength: x.Context}
		if e, err := d.host.Entry(r.Context(), x.Name); err == nil { // one whose name was taken away is there still
			l.Details = newDetails(e)
			l.Digest = e.Digest
		}
		if x.Expires.IsZero() {
			l.ExpiresAt = time.Now().Add(forEver).UTC()
		}
		list = append(list, l)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"models": list})
	return nil
}

// copyModel gives a model a further name.
func (d *dialect) copyModel(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	from, to := o.Text("source"), o.Text("destination")
	if from == "" || to == "" {
		o.Refuse("destination", "source and destination are required")
	}
	if err := o.Err(); err != nil {
		return err
	}
	if err := d.host.Copy(r.Context(), from, to); err != nil {
		return changeError(from, err)
	}
	if err := d.audit(r.Context(), "model.copy", to, map[string]string{"from": from}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// deleteModel takes a name away.
func (d *dialect) deleteModel(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	name := readModel(o)
	if err := o.Err(); err != nil {
		return err
	}
	if err := d.host.Remove(r.Context(), name); err != nil {
		return changeError(name, err)
	}
	if err := d.audit(r.Context(), "model.delete", name, nil); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// push is what no model can be.
func (d *dialect) push(_ http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	name := readModel(o)
	if err := o.Err(); err != nil {
		return err
	}
	return wire.Refuse("model", "%s cannot be pushed: this server sends models nowhere", fmt.Sprintf("%.64q", name))
}
