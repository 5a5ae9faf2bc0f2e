package server

import (
	"encoding/csv"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Bounds of what an administrator may ask for at once.
const (
	maxEntries  = 1000
	maxAdmin    = 64 << 10 // bytes of a body
	maxAdminInt = 1 << 50
)

// admin returns the routes by which keys are made and usage is read.
func (s *Site) admin() *wire.Dialect {
	route := func(pattern string, scope wire.Scope, handle func(http.ResponseWriter, *http.Request) error) wire.Route {
		return wire.Route{Pattern: pattern, Scope: scope, Handle: handle, MaxBody: maxAdmin}
	}
	return &wire.Dialect{
		Name: "admin",
		Routes: []wire.Route{
			route("GET /admin/caller", wire.AnyKey, s.caller),
			route("GET /admin/keys", wire.Admin, s.keys),
			route("POST /admin/keys", wire.Admin, s.createKey),
			route("DELETE /admin/keys/{name}", wire.Admin, s.revokeKey),
			route("GET /admin/usage", wire.Admin, s.usage),
			route("GET /admin/audit", wire.Admin, s.audit),
		},
		WriteError: writeAdminError,
	}
}

// writeAdminError writes an error with the field that is wrong, for forms.
func writeAdminError(w http.ResponseWriter, _ *http.Request, e *wire.Error) {
	body := map[string]string{"error": e.Message}
	if e.Param != "" {
		body["param"] = e.Param
	}
	wire.WriteJSON(w, e.Kind.Status(), body)
}

// adminError says what is wrong with what an administrator wants.
func adminError(err error) error {
	var bad *account.ValueError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &bad):
		return &wire.Error{Kind: wire.Invalid, Param: bad.Field, Message: bad.Field + ": want " + bad.Want, Err: err}
	case errors.Is(err, account.ErrTaken):
		return &wire.Error{Kind: wire.Conflict, Param: "name", Message: "another key has this name", Err: err}
	case errors.Is(err, account.ErrUnknown):
		return &wire.Error{Kind: wire.NotFound, Param: "name", Message: "there is no such key", Err: err}
	}
	return recordsError(err)
}

// caller says who asks, and what they may do.
func (s *Site) caller(w http.ResponseWriter, r *http.Request) error {
	c := account.CallerOf(r.Context())
	wire.WriteJSON(w, http.StatusOK, map[string]any{"id": c.ID, "name": c.Name, "owner": c.IsOwner(), "scopes": c.Scopes, "limits": c.Limits})
	return nil
}

// listedKey is a key with what becomes of it.
type listedKey struct {
	account.Key
	State string `json:"state"`
	Text  string `json:"key,omitempty"` // once, where it is made
}

func (s *Site) keys(w http.ResponseWriter, r *http.Request) error {
	list, err := s.accounts.List(r.Context())
	if err != nil {
		return adminError(err)
	}
	now := time.Now()
	all := r.URL.Query().Get("all") == "true"
	keys := []listedKey{}
	for _, k := range list {
		if all || k.Revoked.IsZero() {
			keys = append(keys, listedKey{Key: k, State: k.State(now)})
		}
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"keys": keys})
	return nil
}

func (s *Site) createKey(w http.ResponseWriter, r *http.Request) error {
	n, err := readNewKey(r)
	if err != nil {
		return err
	}
	k, text, err := s.accounts.Create(r.Context(), n)
	if err != nil {
		return adminError(err)
	}
	w.Header().Set("Cache-Control", "no-store")
	wire.WriteJSON(w, http.StatusCreated, listedKey{k, k.State(time.Now()), text})
	return nil
}

// readNewKey reads what a key is to be.
func readNewKey(r *http.Request) (n account.NewKey, err error) {
	o, err := wire.ReadObject(r)
	if err != nil {
		return n, err
	}
	n.Name = o.Text("name")
	for _, v := range o.Array("scopes", len(account.AllScopes)) {
		n.Scopes = append(n.Scopes, account.Scope(v.Text()))
	}
	for name, to := range map[string]*int64{
		"rpm": &n.Limits.RequestsPerMinute, "tpm": &n.Limits.TokensPerMinute, "concurrent": &n.Limits.Concurrent, "monthly_tokens": &n.Limits.MonthlyTokens,
	} {
		if v := o.Int(name, 0, maxAdminInt); v != nil {
			*to = *v
		}
	}
	for _, v := range o.Array("models", 100) {
		n.Limits.Models = append(n.Limits.Models, v.Text())
	}
	expires := o.Text("expires")
	if err := o.Err(); err != nil {
		return n, err
	}
	n.Expires, err = account.ParseExpiry(expires, time.Now())
	return n, adminError(err)
}

func (s *Site) revokeKey(w http.ResponseWriter, r *http.Request) error {
	k, err := s.accounts.Revoke(r.Context(), r.PathValue("name"))
	if err != nil {
		return adminError(err)
	}
	wire.WriteJSON(w, http.StatusOK, listedKey{Key: k, State: k.State(time.Now())})
	return nil
}

// usage answers as JSON, or as CSV where format=csv.
func (s *Site) usage(w http.ResponseWriter, r *http.Request) error {
	q, form, err := readUsageQuery(r.URL.Query())
	if err != nil {
		return err
	}
	totals, err := s.accounts.Usage(r.Context(), q)
	if err != nil {
		return adminError(err)
	}
	if form == "json" {
		wire.WriteJSON(w, http.StatusOK, map[string]any{"usage": totals})
		return nil
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="usage.csv"`)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wire.WritePatience)) // tests have writers without one
	out := csv.NewWriter(w)
	_ = out.Write(account.TotalHead(q.By)) // a client that is gone is nobody's fault
	for i := range totals {
		_ = out.Write(totals[i].Row(q.By))
	}
	out.Flush()
	return nil
}

func readUsageQuery(v url.Values) (q account.Query, form string, err error) {
	q = account.Query{By: []string{"key", "model"}, Since: v.Get("since"), Till: v.Get("till")}
	if v.Has("by") {
		q.By = strings.FieldsFunc(v.Get("by"), func(r rune) bool { return r == ',' })
	}
	switch form = v.Get("format"); form {
	case "":
		form = "json"
	case "json", "csv":
	default:
		return q, "", wire.Refuse("format", "format is %s, want json or csv", wire.Quote(form))
	}
	for _, name := range q.By {
		if !slices.Contains(account.Groups, name) {
			return q, "", wire.Refuse("by", "by is %s, want %s", wire.Quote(name), strings.Join(account.Groups, ","))
		}
	}
	return q, form, nil
}

func (s *Site) audit(w http.ResponseWriter, r *http.Request) error {
	number := func(name string, otherwise, most int64) (int64, error) {
		text := r.URL.Query().Get(name)
		if text == "" {
			return otherwise, nil
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || n > most {
			return 0, wire.Refuse(name, "%s is %s, want a whole number from 1 to %d", name, wire.Quote(text), most)
		}
		return n, nil
	}
	before, err := number("before", 0, 1<<62)
	if err != nil {
		return err
	}
	most, err := number("limit", 100, maxEntries)
	if err != nil {
		return err
	}
	list, err := s.accounts.Entries(r.Context(), before, int(most))
	if err != nil {
		return adminError(err)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"entries": list})
	return nil
}
