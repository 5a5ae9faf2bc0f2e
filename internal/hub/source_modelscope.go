package hub

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/blitz-r1/blitz/internal/fetch"
)

// modelScopePrefix begins a source of ModelScope.
const modelScopePrefix = "modelscope.cn/"

// modelScopeRevision is the branch that ModelScope's repositories have.
const modelScopeRevision = "master"

// modelScopePages begin the addresses of ModelScope's pages, which are sources
// as they are pasted.
var modelScopePages = []string{"https://modelscope.cn/models/", "https://www.modelscope.cn/models/", "www.modelscope.cn/models/"}

// parseModelScope reads modelscope.cn/USER/REPO[:QUANT], and the address of a
// page of a repository.
func parseModelScope(text string) (Source, error) {
	rest, isPage := text, false
	for _, page := range append(modelScopePages, modelScopePrefix+"models/") {
		if len(text) > len(page) && strings.EqualFold(text[:len(page)], page) {
			rest, isPage = text[len(page):], true
		}
	}
	if isPage {
		rest, _, _ = strings.Cut(rest, "?")
		parts := strings.SplitN(strings.TrimSuffix(rest, "/"), "/", 3)
		isPage = len(parts) >= 2 // modelscope.cn/models/REPO is of a user of that name
		rest = strings.Join(parts[:min(2, len(parts))], "/")
	}
	if !isPage {
		rest = text[min(len(modelScopePrefix), len(text)):]
	}
	repository, quant, tagged := strings.Cut(rest, ":")
	user, repo, ok := strings.Cut(repository, "/")
	if !ok || !isComponent(user) || !isComponent(repo) || tagged && !isComponent(quant) {
		return malformed(text, modelScopePrefix+"USER/REPO[:QUANT]")
	}
	return Source{Kind: KindModelScope, Name: repository, Tag: quant}, nil
}

// modelScopeName is the name under which a model of ModelScope is stored.
func modelScopeName(src Source) Name {
	name := Name{Path: modelScopePrefix + src.Name, Tag: DefaultTag}
	if src.Tag != "" {
		name.Tag = src.Tag
	}
	return name
}

// pullModelScope pulls the files of a repository that a label means.
func (s *Store) pullModelScope(ctx context.Context, src Source, meter *meter) (*Model, error) {
	return s.pullListing(ctx, src, modelScopeName(src), meter, s.lookModelScope)
}

// modelScope asks ModelScope for one repository.
type modelScope struct {
	client *fetch.Client
	base   string // address of the repository
	token  bool   // one is sent
}

// scopeFile is a file or folder as ModelScope lists it.
type scopeFile struct {
	Path   string `json:"Path"`
	Type   string `json:"Type"` // blob or tree
	Size   int64  `json:"Size"`
	SHA256 string `json:"Sha256"`
}

// lookModelScope asks ModelScope for the files of a model. Each has a SHA-256
// in the listing, so that a branch that moves meanwhile is noticed.
func (s *Store) lookModelScope(ctx context.Context, src Source, meter *meter) (*listing, error) {
	base := cmp.Or(s.Settings.ModelScope, "https://modelscope.cn")
	client, err := s.newClient(base, false, meter)
	if err != nil {
		return nil, fmt.Errorf("MODELSCOPE_ENDPOINT: %w", err)
	}
	if token := s.Settings.ModelScopeToken; token != "" {
		header := bearer(token)
		header.Set("Cookie", (&http.Cookie{Name: "m_session_id", Value: token}).String()) // what its older endpoints read
		client.Authorize(base, header)
	}
	h := &modelScope{client, base + "/api/v1/models/" + src.Name, s.Settings.ModelScopeToken != ""}
	l, err := h.list(ctx, src)
	if err != nil {
		client.Close()
		return nil, h.refused(err)
	}
	return l, nil
}

func (h *modelScope) list(ctx context.Context, src Source) (*listing, error) {
	all, err := h.files(ctx)
	if err != nil {
		return nil, err
	}
	r := &repository{name: modelScopePrefix + src.Name}
	seen := make(map[string]bool)
	for _, f := range all {
		if f.Type != "tree" && !seen[f.Path] {
			seen[f.Path] = true
			r.files = append(r.files, remote{path: f.Path, size: f.Size, sum: f.SHA256})
		}
	}
	files, err := r.choose(src.Tag)
	if err == nil {
		err = settle(files)
	}
	if err != nil {
		return nil, err
	}
	for i := range files {
		f := &files[i]
		if f.digest, err = ParseDigest(strings.ToLower(f.sum)); err != nil {
			return nil, fmt.Errorf("%s: the listed digest %q is none: %w", printable(f.path), clip(printable(f.sum)), ErrFormat)
		}
		f.url = h.address(f.path)
	}
	l := &listing{source: src, version: modelScopeRevision, client: h.client, repository: r, files: files, explain: h.refused}
	if one, ok := r.signature(files); ok {
		one.url = h.address(one.path)
		l.signature = &one
	}
	return l, nil
}

// address returns where a file is.
func (h *modelScope) address(file string) string {
	query := url.Values{"Revision": {modelScopeRevision}, "FilePath": {file}}
	return h.base + "/repo?" + query.Encode()
}

// Bounds of a listing.
const (
	maxScopeListing = 16 << 20 // bytes of an answer
	maxScopeFolders = 100      // that are asked for again
)

// files lists the repository. A listing ends without a word where it is long:
// folders of which nothing was listed are asked for again, one by one.
func (h *modelScope) files(ctx context.Context) ([]scopeFile, error) {
	all, err := h.folder(ctx, "")
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, f := range all {
		for dir := path.Dir(f.Path); dir != "." && dir != "/" && f.Type == "blob"; dir = path.Dir(dir) {
			seen[dir] = true
		}
	}
	asked := 0
	for i := 0; i < len(all); i++ { // all grows by what is found
		f := all[i]
		if f.Type != "tree" || seen[f.Path] {
			continue
		}
		seen[f.Path] = true
		if asked++; asked > maxScopeFolders {
			break
		}
		more, err := h.folder(ctx, f.Path)
		if err != nil {
			return nil, err
		}
		if all = append(all, more...); len(all) > maxFiles {
			return nil, fmt.Errorf("more than %d files are listed: %w", maxFiles, ErrFormat)
		}
	}
	return all, nil
}

// folder lists what is in a folder of the repository, at any depth.
func (h *modelScope) folder(ctx context.Context, root string) ([]scopeFile, error) {
	query := url.Values{"Revision": {modelScopeRevision}, "Recursive": {"True"}}
	if root != "" {
		query.Set("Root", root)
	}
	answer, err := h.client.Get(ctx, fetch.Request{URL: h.base + "/repo/files?" + query.Encode(), Accept: "application/json", Limit: maxScopeListing})
	if err != nil {
		return nil, err
	}
	var said struct {
		Code    int    `json:"Code"`
		Success *bool  `json:"Success"`
		Message string `json:"Message"`
		Data    struct {
			Files []scopeFile `json:"Files"`
		} `json:"Data"`
	}
	where := fetch.Shown(answer.URL)
	if err := json.Unmarshal(answer.Body, &said); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", where, err, ErrFormat)
	}
	switch {
	case said.Success == nil:
		return nil, fmt.Errorf("%s: no listing came: %w", where, ErrFormat)
	case !*said.Success && said.Code == http.StatusNotFound:
		return nil, fmt.Errorf("%s: %s: %w", where, printable(said.Message), ErrNotFound)
	case !*said.Success:
		return nil, fmt.Errorf("%s: refused with code %d: %s: %w", where, said.Code, printable(said.Message), ErrDenied)
	case len(said.Data.Files) > maxFiles:
		return nil, fmt.Errorf("%s: %d files, %d at most: %w", where, len(said.Data.Files), maxFiles, ErrFormat)
	}
	return said.Data.Files, nil
}

// refused says what a refusal may mean: ModelScope does not tell a private
// repository from one that is missing.
func (h *modelScope) refused(err error) error {
	var status *fetch.StatusError
	switch {
	case !errors.As(err, &status) || !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDenied):
		return err
	case h.token:
		return withHint(err, "a private repository looks the same to a token that may not read it, as that in MODELSCOPE_API_TOKEN may be")
	}
	return withHint(err, "a private repository looks the same: MODELSCOPE_API_TOKEN=… has the token of an account sent along")
}
