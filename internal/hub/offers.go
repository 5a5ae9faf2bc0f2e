package hub

import (
	"context"
	"fmt"
	"strings"
)

// Offers are the models that a source has.
type Offers struct {
	Source  string  `json:"source"`
	Version string  `json:"version,omitempty"` // commit, tag or digest
	Models  []Offer `json:"models"`            // in the order of the listing
}

// Offer is one of them.
type Offer struct {
	Source  string `json:"source"`            // what to pull
	Label   string `json:"label,omitempty"`   // that chooses it; empty where nothing has to
	Files   int    `json:"files"`             // that make it up
	Size    int64  `json:"size,omitempty"`    // bytes; 0 where the source does not say
	Default bool   `json:"default,omitempty"` // it is taken where no label is given
	Missing string `json:"missing,omitempty"` // why it is not whole, and cannot be pulled
}

// Offers asks a source what it has, and fetches nothing of it. The errors are
// those of Pull.
func (s *Store) Offers(ctx context.Context, src Source, report func(Progress)) (*Offers, error) {
	if s.Offline {
		return nil, fmt.Errorf("list %s: %w", src, ErrOffline)
	}
	meter := &meter{report: report}
	meter.set(Progress{Stage: Asking, What: src.String()})
	o, err := s.offers(ctx, src, meter)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", src, err)
	}
	return o, nil
}

func (s *Store) offers(ctx context.Context, src Source, meter *meter) (*Offers, error) {
	var ask look
	switch src.Kind {
	case KindHuggingFace:
		h, err := s.newHuggingFace(src, meter)
		if err != nil {
			return nil, err
		}
		defer h.client.Close()
		r, commit, err := h.repository(ctx)
		if err != nil {
			return nil, err
		}
		return r.offers(src, commit)
	case KindHTTPS:
		if _, err := httpsName(src); err != nil {
			return nil, err
		}
		ask = s.lookHTTPS
	case KindModelScope:
		src.Tag = ""
		ask = s.lookModelScope
	case KindOllama:
		ask = s.lookOllama
	case KindOCI:
		ask = s.lookOCI
	default:
		return nil, fmt.Errorf("what there is cannot be listed of %s: %w", src.Kind, ErrUnsupported)
	}
	l, err := ask(ctx, src, meter)
	if err != nil {
		return nil, err
	}
	defer l.client.Close()
	if err := l.check(); err != nil {
		return nil, err
	}
	if l.repository != nil {
		return l.repository.offers(src, l.version)
	}
	one := Offer{Source: src.String(), Label: src.Tag, Files: len(l.files), Size: l.size(), Default: true}
	return &Offers{Source: src.String(), Version: l.version, Models: []Offer{one}}, nil
}

// offers lists the models of a repository, each with a label that chooses it.
func (r *repository) offers(src Source, version string) (*Offers, error) {
	o := &Offers{Source: src.String(), Version: version}
	chosen, chosenErr := r.choose("")
	for _, f := range r.ggufs() {
		if !isCandidate(f.path) {
			continue
		}
		label := labelOf(f.path)
		if got, err := r.choose(label); err != nil || got[0].path != f.path {
			label = f.path[strings.LastIndexByte(f.path, '/')+1:]
		}
		one := Offer{Label: label, Default: chosenErr == nil && chosen[0].path == f.path}
		parts, err := r.parts(r.ggufs(), f)
		if err != nil {
			one.Missing, parts = err.Error(), []remote{f}
		}
		o.add(src, one, parts)
	}
	if len(o.Models) > 0 {
		return o, nil
	}
	if chosenErr != nil {
		return nil, chosenErr
	}
	o.add(src, Offer{Default: true}, chosen)
	return o, nil
}

// add completes an offer by its files. One whose name a source cannot have is
// left out: there is no way to ask for it.
func (o *Offers) add(src Source, one Offer, files []remote) {
	src.Tag = one.Label
	one.Source, one.Files = src.String(), len(files)
	if again, err := ParseSource(one.Source); err != nil || again != src {
		return
	}
	for _, f := range files {
		if f.size < 0 || f.size > maxFileSize || one.Size > maxFileSize {
			return
		}
		one.Size += f.size
	}
	o.Models = append(o.Models, one)
}
