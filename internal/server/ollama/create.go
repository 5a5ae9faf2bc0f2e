package ollama

import (
	"context"
	"net/http"

	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// made is a model that is to be made.
type made struct {
	name    string
	from    string                // a model, or
	files   map[string]hub.Digest // files that were sent
	variant hub.Variant
	stream  bool
}

// Bounds of create.
const (
	maxMadeFiles = 1000
	maxLicenses  = 100
)

// create makes a model of another one, or of files that were sent.
func (d *dialect) create(w http.ResponseWriter, r *http.Request) error {
	o, err := wire.ReadObject(r)
	if err != nil {
		return err
	}
	m := readMade(o)
	if err := o.Err(); err != nil {
		return err
	}
	isFetched := false
	if m.from != "" {
		_, err := d.service.Entry(r.Context(), m.from)
		if isFetched = err != nil && d.host.Fetchable(m.from); err != nil && !isFetched {
			return err
		}
	}
	s := newSteps(w, m.stream)
	if isFetched {
		if err := d.fetchFrom(r.Context(), m, s); err != nil {
			return s.end(err)
		}
	}
	if err := d.make(r.Context(), m, s); err != nil {
		return s.end(err)
	}
	detail := map[string]any{"from": m.from, "files": len(m.files)}
	return s.end(d.audit(r.Context(), "model.create", m.name, detail))
}

// fetchFrom fetches what a model is made of.
func (d *dialect) fetchFrom(ctx context.Context, m *made, s *steps) error {
	from, err := d.fetch(ctx, m.from, s)
	if err != nil {
		return err
	}
	m.from = from.Name.String()
	return d.auditPull(ctx, from, "create "+m.name)
}

func (d *dialect) make(ctx context.Context, m *made, s *steps) error {
	if m.from != "" {
		if err := d.host.Derive(ctx, m.from, m.name, m.variant); err != nil {
			return changeError(m.from, err)
		}
		s.tell(status{Status: "using existing model"})
		s.tell(status{Status: "writing manifest"})
		return nil
	}
	if err := d.host.CheckFree(m.name); err != nil {
		return changeError(m.name, err)
	}
	_, err := d.host.Store().Assemble(ctx, m.name, m.files, m.variant, func(p hub.Progress) {
		if p.Stage == hub.Copying {
			s.tell(status{Status: "parsing " + p.What, Total: p.Total, Completed: p.Done})
		}
	})
	if err != nil {
		return changeError(m.name, err)
	}
	d.host.Changed()
	s.tell(status{Status: "writing manifest"})
	return nil
}

// readMade takes what is to be made.
func readMade(o *wire.Object) *made {
	m := &made{name: readModel(o), from: o.Text("from"), stream: readStream(o)}
	m.variant.System, m.variant.Template = o.Text("system"), o.Text("template")
	m.variant.License = readLicense(o)
	m.variant.Parameters = readParameters(o.Object("parameters"))
	m.files = readFiles(o)
	switch {
	case m.from == "" && len(m.files) == 0:
		o.Refuse("from", "neither from nor files is given")
	case m.from != "" && len(m.files) > 0:
		o.Refuse("files", "from and files do not go together")
	}
	for _, name := range []string{"quantize", "adapters", "modelfile", "path", "messages"} {
		if v, ok := o.Get(name); ok && !isEmpty(v) {
			v.Refuse("%s is not supported: want from or files, and system, template, parameters and license", name)
		}
	}
	return m
}

// isEmpty says whether a value says nothing.
func isEmpty(v wire.Value) bool {
	switch string(v.Raw()) {
	case `""`, "[]", "{}", "false":
		return true
	}
	return false
}

// readFiles takes the files of a model by their names.
func readFiles(o *wire.Object) map[string]hub.Digest {
	f := o.Object("files")
	if f == nil {
		return nil
	}
	if len(f.Names()) > maxMadeFiles {
		o.Refuse("files", "files has more than %d entries", maxMadeFiles)
		return nil
	}
	files := map[string]hub.Digest{}
	for _, name := range f.Names() {
		text := f.Text(name)
		d, err := readDigest(text)
		switch {
		case !hub.PlainName(name):
			o.Refuse("files", "files has the name %s, want the plain name of a file", wire.Quote(name))
		case err != nil:
			f.Refuse(name, "%s is %s, want sha256: and 64 hexadecimal digits", f.Path(name), wire.Quote(text))
		}
		files[name] = d
	}
	return files
}

// readLicense takes a text or a list of them.
func readLicense(o *wire.Object) []string {
	v, ok := o.Get("license")
	switch {
	case !ok:
		return nil
	case v.IsText():
		if text := v.Text(); text != "" {
			return []string{text}
		}
		return nil
	}
	var texts []string
	for _, one := range v.Array(maxLicenses) {
		texts = append(texts, one.Text())
	}
	return texts
}

// readParameters takes the settings of a model.
func readParameters(o *wire.Object) hub.Parameters {
	x := readOptions(o)
	s := x.sampling
	return hub.Parameters{
		Temperature: s.Temperature, TopK: s.TopK, TopP: s.TopP, MinP: s.MinP, RepeatPenalty: s.RepeatPenalty,
		FrequencyPenalty: s.FrequencyPenalty, PresencePenalty: s.PresencePenalty, Seed: s.Seed,
		Context: x.context, MaxTokens: x.maxTokens, Stop: x.stop,
	}
}
