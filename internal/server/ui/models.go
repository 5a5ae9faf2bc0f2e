package ui

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/host"
	modelhub "github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Model is a model as the page lists it.
type Model struct {
	Name         string     `json:"name"`
	Size         int64      `json:"size"` // bytes of its files
	Family       string     `json:"family,omitempty"`
	Parameters   string     `json:"parameters,omitempty"`
	Quantization string     `json:"quantization,omitempty"`
	Context      int64      `json:"context"` // positions that it was made for
	Fits         int        `json:"fits"`    // positions that memory has room for; 0: it does not fit
	State        string     `json:"state"`   // "", waiting, loading or ready
	Done         *float64   `json:"done,omitempty"`
	Reasoning    bool       `json:"reasoning,omitempty"`
	Tools        bool       `json:"tools,omitempty"`
	Licence      string     `json:"licence,omitempty"`
	Modified     *time.Time `json:"modified,omitempty"`
	Used         *time.Time `json:"used,omitempty"` // last
	Digest       string     `json:"digest,omitempty"`
}

// The states of a model.
const (
	stateWaiting = "waiting" // behind another, or for memory
	stateLoading = "loading"
	stateReady   = "ready"
)

// memory is what models may take, in bytes; 0: the system does not say.
type memory struct {
	Total int64 `json:"total"`
	Free  int64 `json:"free"`
}

// The events of this part.
const (
	eventModels = "models"
	eventPulls  = "pulls"
)

// maxShown bounds the text of a fact that a model's files say, in bytes.
const maxShown = 200

func (u *UI) modelRoutes() []wire.Route {
	return []wire.Route{
		route("GET /ui/api/models", wire.Inference, u.listModels),
		route("GET /ui/api/models/details", wire.Inference, u.modelDetails),
		route("POST /ui/api/models/load", wire.Inference, u.loadModel),
		route("POST /ui/api/models/unload", wire.Models, u.unloadModel),
		route("GET /ui/api/models/frees", wire.Models, u.modelFrees),
		route("DELETE /ui/api/models", wire.Models, u.deleteModel),
	}
}

// listModels lists the models that the caller may use.
func (u *UI) listModels(w http.ResponseWriter, r *http.Request) error {
	list, err := u.models(r.Context())
	if err != nil {
		return err
	}
	m := u.host.Memory()
	wire.WriteJSON(w, http.StatusOK, struct {
		Models  []Model `json:"models"`
		Default string  `json:"default"`
		Memory  memory  `json:"memory"`
	}{list, usual(list, u.o.Served), memory{m.Total, m.Free}})
	return nil
}

// models returns the models that the caller may use.
func (u *UI) models(ctx context.Context) ([]Model, error) {
	entries, err := u.service.Models(ctx)
	if err != nil {
		return nil, err
	}
	running := u.running(ctx)
	list := make([]Model, 0, len(entries))
	for _, e := range entries {
		list = append(list, u.modelOf(ctx, e, running))
	}
	return list, nil
}

// offered returns the model that is meant where none is named: the one that the page offers
// first. The error is a *wire.Error.
func (u *UI) offered(ctx context.Context) (string, error) {
	list, err := u.models(ctx)
	if err != nil {
		return "", err
	}
	name := usual(list, u.o.Served)
	if name == "" {
		return "", &wire.Error{Kind: wire.NoModel, Param: "model", Message: "there is no model here yet"}
	}
	return name, nil
}

// usual returns the model that is offered first: the first that the server was started with,
// or else one in memory before the others, and of those the one that was used last.
func usual(list []Model, served []string) string {
	for _, asked := range served {
		name := shortName(asked)
		if i := slices.IndexFunc(list, func(m Model) bool { return strings.EqualFold(m.Name, name) }); i >= 0 {
			return list[i].Name
		}
	}
	var best *Model
	for i := range list {
		if best == nil || before(&list[i], best) {
			best = &list[i]
		}
	}
	if best == nil {
		return ""
	}
	return best.Name
}

func before(a, b *Model) bool {
	if ready := a.State == stateReady; ready != (b.State == stateReady) {
		return ready
	}
	return a.Used != nil && (b.Used == nil || a.Used.After(*b.Used))
}

// running returns what is in memory or on its way there, by name in small letters.
func (u *UI) running(ctx context.Context) map[string]host.Running {
	all := map[string]host.Running{}
	for _, r := range u.service.Loaded(ctx) {
		key := strings.ToLower(r.Name)
		if there, ok := all[key]; !ok || there.Loading {
			all[key] = r
		}
	}
	return all
}

// modelOf returns what the page says of a model.
func (u *UI) modelOf(ctx context.Context, e host.Entry, running map[string]host.Running) Model {
	m := Model{
		Name: shortName(e.Name), Size: e.Size, Family: shown(e.Architecture), Quantization: shown(e.Quantization), Context: e.Context,
		Licence: shown(e.License), Modified: timeOf(e.Modified), Digest: e.Digest,
	}
	if e.Parameters > 0 {
		m.Parameters = countOf(e.Parameters)
	}
	if v, err := u.host.View(ctx, e.Name); err == nil { // else it went meanwhile
		m.Fits, m.Reasoning, m.Tools, m.Used = v.Fits, v.Reasons, v.Calls, timeOf(v.Used)
	}
	r, ok := running[strings.ToLower(e.Name)]
	switch {
	case !ok:
	case r.Waits:
		m.State = stateWaiting
	case r.Loading:
		m.State = stateLoading
		m.Done = new(min(float64(r.Done)/float64(max(r.Weights, 1)), 1))
	default:
		m.State = stateReady
	}
	return m
}

// shortName returns a name without the tag that goes without saying.
func shortName(name string) string {
	n, err := modelhub.ParseName(name)
	if err != nil {
		return name
	}
	return n.Short()
}

// timeOf returns a time as the page has it; nil for none.
func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(t.UTC().Truncate(time.Millisecond))
}

// shown returns a text of a model's files in what the page has room for.
func shown(text string) string { return clip(text, maxShown) }

// clip returns a text as valid UTF-8 of at most so many bytes.
func clip(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// countOf writes a number of parameters as people say it: 134.5M, 1.8B.
func countOf(n int64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "K"}} {
		if x := float64(n) / unit.size; x >= 1 {
			return strings.TrimSuffix(strconv.FormatFloat(x, 'f', 1, 64), ".0") + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// readName reads a request that names a model.
func readName(r *http.Request) (string, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := readBody(r, &in); err != nil {
		return "", err
	}
	return checkName(strings.TrimSpace(in.Name))
}

// queried returns the model that a query names, as it was asked for and as it is there.
func (u *UI) queried(r *http.Request) (name string, e host.Entry, err error) {
	if name, err = checkName(r.URL.Query().Get("name")); err == nil {
		e, err = u.service.Entry(r.Context(), name)
	}
	return name, e, err
}

func checkName(name string) (string, error) {
	if name == "" {
		return "", wire.Refuse("name", "name is missing, want that of a model")
	}
	return name, nil
}

// one answers with what there is to say of one model.
func (u *UI) one(w http.ResponseWriter, r *http.Request, name string) error {
	e, err := u.service.Entry(r.Context(), name)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, u.modelOf(r.Context(), e, u.running(r.Context())))
	return nil
}

// loadModel has a model be in memory, and answers when it is.
func (u *UI) loadModel(w http.ResponseWriter, r *http.Request) error {
	name, err := readName(r)
	if err != nil {
		return err
	}
	if _, err := u.service.Load(r.Context(), name, nil); err != nil {
		return err
	}
	return u.one(w, r, name)
}

// unloadModel lets a model go.
func (u *UI) unloadModel(w http.ResponseWriter, r *http.Request) error {
	name, err := readName(r)
	if err != nil {
		return err
	}
	if _, err := u.service.Entry(r.Context(), name); err != nil {
		return err
	}
	if err := u.service.Unload(r.Context(), name); err != nil {
		return err
	}
	return u.one(w, r, name)
}

// modelFrees says what deleting a model would set free.
func (u *UI) modelFrees(w http.ResponseWriter, r *http.Request) error {
	name, e, err := u.queried(r)
	if err != nil {
		return err
	}
	bytes, shared, err := u.host.Store().Frees(e.Name)
	if errors.Is(err, modelhub.ErrNotFound) { // it is served from a path
		bytes, err = 0, nil
	}
	if err != nil {
		return storeError(name, err)
	}
	if shared == nil {
		shared = []string{}
	}
	wire.WriteJSON(w, http.StatusOK, struct {
		Bytes  int64    `json:"bytes"`
		Shared []string `json:"shared"`
	}{bytes, shared})
	return nil
}

// deleteModel takes a name out of the store, and the files that no other name needs.
func (u *UI) deleteModel(w http.ResponseWriter, r *http.Request) error {
	name, e, err := u.queried(r)
	if err != nil {
		return err
	}
	if err := u.host.Remove(r.Context(), e.Name); err != nil {
		return storeError(name, err)
	}
	if err := u.o.Accounts.Audit(r.Context(), "model.delete", e.Name, nil); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// pullPatience is when a client may ask again for a pull that there was no room for.
const pullPatience = 30 * time.Second

// storeError says, with the name of the model, what cannot be done with it.
func storeError(name string, err error) *wire.Error {
	e := &wire.Error{Kind: wire.Internal, Param: "name", Err: err}
	message, hint := fault.Explain(err)
	var missing *modelhub.NotFoundError
	switch {
	case errors.As(err, &missing):
		e.Kind, message, hint = wire.NoModel, "no model of the store or the catalogue is called so, and it names no source", "want such as qwen3:8b, hf.co/USER/REPO:QUANT or ollama:NAME:TAG"
	case errors.Is(err, host.ErrPulls):
		e.Kind, e.RetryAfter = wire.Overloaded, pullPatience
	case errors.Is(err, modelhub.ErrUnreachable):
		e.Kind = wire.Unavailable
	case fault.Of(err) == fault.NotFound:
		e.Kind = wire.NotFound
	case errors.Is(err, modelhub.ErrUnsupported): // the store's own message has a path
		e.Kind, message = wire.Invalid, "it came from a file: there is no source to pull it from"
	case fault.Of(err) == fault.Usage, fault.Of(err) == fault.Refused:
		e.Kind = wire.Invalid
	case fault.Of(err) == fault.NoRoom:
		e.Kind = wire.Unavailable
	}
	message = strings.TrimPrefix(message, "host: ")
	if quoted := clip(name, maxShown); !strings.Contains(message, quoted) {
		message = quoted + ": " + message
	}
	if hint = cmp.Or(hint, ""); hint != "" && !strings.Contains(hint, "blitz ") { // that is for a terminal
		message += "; " + hint
	}
	e.Message = clip(message, 1000)
	return e
}

// hearModels tells the pages of models that come, go, load or are let go, and while one
// loads, how far it is.
func (u *UI) hearModels() {
	u.hub.say("", eventModels, struct{}{})
	for _, r := range u.host.Loaded() {
		if r.Loading {
			time.AfterFunc(2*bellPause, u.modelBell.change)
			return
		}
	}
}
