package ui_test

import (
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/ui"
)

// models is what the page lists.
type models struct {
	Models  []ui.Model
	Default string
	Memory  struct{ Total, Free int64 }
}

func (b *browser) models() (list models) {
	b.t.Helper()
	b.get("/ui/api/models", &list)
	return list
}

// model returns one of the list, nil where it is not there.
func (b *browser) model(name string) *ui.Model {
	b.t.Helper()
	for _, x := range b.models().Models {
		if x.Name == name {
			return &x
		}
	}
	return nil
}

// Models say what they are and whether they fit before they are loaded; loading, letting go
// and deleting are seen, and told to every page.
func TestModels(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	list := b.models()
	if len(list.Models) != 1 || list.Default != "puppet" || list.Memory.Total < list.Memory.Free {
		t.Fatalf("%+v", list)
	}
	p := list.Models[0]
	if p.Name != "puppet" || p.Size == 0 || p.Fits != contextLength || p.State != "" || !p.Reasoning || !p.Tools || p.Family != "llama" || p.Used != nil || p.Modified == nil {
		t.Errorf("%+v", p)
	}
	tab := b.open("")
	var loaded ui.Model
	b.want(200, "POST", "/ui/api/models/load", m{"name": "puppet"}, &loaded)
	if loaded.State != "ready" || loaded.Used == nil {
		t.Errorf("%+v", loaded)
	}
	tab.until("models", nil)
	b.want(200, "POST", "/ui/api/models/unload", m{"name": "puppet"}, nil)
	if x := b.model("puppet"); x.State != "" {
		t.Errorf("%+v", x)
	}
	tab.until("models", nil)
	b.want(200, "POST", "/ui/api/models/unload", m{"name": "puppet"}, nil) // it is gone already

	b.want(200, "POST", "/api/copy", m{"source": "puppet", "destination": "second"}, nil)
	tab.until("models", func(event) bool { return b.model("second") != nil })
	var frees struct {
		Bytes  int64
		Shared []string
	}
	b.get("/ui/api/models/frees?name=second", &frees)
	if frees.Bytes != 0 || len(frees.Shared) != 1 || frees.Shared[0] != "puppet" {
		t.Errorf("%+v", frees)
	}
	b.want(204, "DELETE", "/ui/api/models?name=second", nil, nil)
	tab.until("models", func(event) bool { return b.model("second") == nil })
	for _, c := range []struct{ method, path string }{
		{"GET", "/ui/api/models/details?name=second"}, {"GET", "/ui/api/models/frees?name=second"}, {"DELETE", "/ui/api/models?name=second"},
	} {
		b.want(404, c.method, c.path, nil, nil)
	}
	b.want(404, "POST", "/ui/api/models/load", m{"name": "second"}, nil)
	b.want(400, "POST", "/ui/api/models/load", m{"name": ""}, nil)
	b.want(400, "POST", "/ui/api/models/load", m{"name": "puppet", "more": 1}, nil)
}

// What the files of a model say is shown as text, in bounds.
func TestDetails(t *testing.T) {
	home := homeOf(t, "odd", gguf.KeyValue{Key: "general.license", Value: gguf.ValueOf("<b>\xff" + strings.Repeat("x", 10_000))},
		gguf.KeyValue{Key: "general.odd", Value: gguf.ValueOf(strings.Repeat("é", 10_000))})
	b := openSite(t, home).browser()
	var d struct {
		ui.Model
		Template string
		Facts    []struct{ Name, Value string }
	}
	b.get("/ui/api/models/details?name=odd", &d)
	if !strings.Contains(d.Template, "im_start") || d.Fits != contextLength || len(d.Licence) > 300 || !strings.HasPrefix(d.Licence, "<b>") {
		t.Errorf("%+v", d.Model)
	}
	odd := 0
	for _, f := range d.Facts {
		if len(f.Value) > 1100 {
			t.Errorf("%s has %d bytes", f.Name, len(f.Value))
		}
		if f.Name == "general.odd" {
			odd++
		}
	}
	if odd != 1 {
		t.Errorf("%+v", d.Facts)
	}
}

// A key sees the models that it may use, and changes none without the scope.
func TestModelsOfKeys(t *testing.T) {
	s := newSite(t)
	s.browser().want(200, "POST", "/api/copy", m{"source": "puppet", "destination": "second"}, nil)
	k := s.signedIn(account.NewKey{Name: "plain", Scopes: account.Scopes{account.Inference}, Limits: account.Limits{Models: []string{"second:latest"}}})
	if list := k.models(); len(list.Models) != 1 || list.Models[0].Name != "second" || list.Default != "second" {
		t.Errorf("%+v", list)
	}
	k.want(403, "GET", "/ui/api/models/details?name=puppet", nil, nil)
	k.want(403, "POST", "/ui/api/models/load", m{"name": "puppet"}, nil)
	k.want(200, "POST", "/ui/api/models/load", m{"name": "second"}, nil)
	k.want(403, "POST", "/ui/api/models/unload", m{"name": "second"}, nil)
	k.want(403, "DELETE", "/ui/api/models?name=second", nil, nil)
	k.want(403, "GET", "/ui/api/status", nil, nil)
	k.want(403, "GET", "/ui/api/settings", nil, nil)
}

// The status counts what is in memory and what went wrong; settings are the program's.
func TestStatus(t *testing.T) {
	b := newSite(t).browser()
	b.want(200, "POST", "/ui/api/models/load", m{"name": "puppet"}, nil)
	var s ui.Status
	b.get("/ui/api/status", &s)
	if s.Queue.Limit != 512 || s.Memory.Weights == 0 || len(s.Models) != 1 || s.Models[0].State != "ready" || s.Cache.Pages == 0 || len(s.Errors) != 0 {
		t.Errorf("%+v", s)
	}
	b.want(200, "GET", "/ui/api/settings", nil, nil)
}
