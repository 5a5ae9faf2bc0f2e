package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/blitz-r1/blitz/internal/fetch"
)

// pagePrefixes begin the addresses of Hugging Face's pages, which are sources
// as they are pasted.
var pagePrefixes = []string{"https://huggingface.co/", "https://www.huggingface.co/", "https://hf.co/", "huggingface.co/", "hf.co/"}

const hfWant = "hf.co/USER/REPO[:QUANT][@REVISION]"

// huggingFacePath returns what stands behind the host of Hugging Face.
func huggingFacePath(text string) (rest string, ok bool) {
	for _, p := range pagePrefixes {
		if len(text) >= len(p) && strings.EqualFold(text[:len(p)], p) {
			return text[len(p):], true
		}
	}
	return "", false
}

// parseHuggingFace reads USER/REPO[:QUANT][@REVISION], and what stands behind
// the host in the address of a page: USER/REPO, with /tree/REVISION, or with
// /blob/REVISION/FILE or /resolve/REVISION/FILE.
func parseHuggingFace(text string) (Source, error) {
	source := "hf.co/" + text
	text, _, _ = strings.Cut(text, "#")
	text, _, _ = strings.Cut(text, "?")
	text = strings.TrimSuffix(text, "/")
	parts := strings.Split(text, "/")
	if len(parts) >= 4 && (parts[2] == "tree" || parts[2] == "blob" || parts[2] == "resolve") {
		return parsePage(source, parts)
	}
	rest, revision, pinned := strings.Cut(text, "@")
	repository, quant, tagged := strings.Cut(rest, ":")
	user, repo, ok := strings.Cut(repository, "/")
	if !ok || !isComponent(user) || !isComponent(repo) || tagged && !isComponent(quant) || pinned && !isRevision(revision) {
		return malformed(source, hfWant)
	}
	if strings.EqualFold(quant, DefaultTag) { // as the store writes a name without a label
		quant = ""
	}
	return Source{Kind: KindHuggingFace, Name: repository, Tag: quant, Revision: revision}, nil
}

// parsePage reads the address of a page: a revision, and perhaps a file or a
// folder of it.
func parsePage(source string, parts []string) (Source, error) {
	src := Source{Kind: KindHuggingFace, Name: parts[0] + "/" + parts[1]}
	revision, err := url.PathUnescape(parts[3])
	if err != nil || !isComponent(parts[0]) || !isComponent(parts[1]) || !isRevision(revision) {
		return malformed(source, hfWant)
	}
	if revision != "main" {
		src.Revision = revision
	}
	if len(parts) > 4 {
		last, err := url.PathUnescape(parts[len(parts)-1])
		if err != nil || !isComponent(last) || parts[2] != "tree" && !strings.HasSuffix(strings.ToLower(last), ".gguf") {
			return malformed(source, hfWant+", or the address of a page, a branch or a GGUF file")
		}
		src.Tag = last
	}
	return src, nil
}

// isRevision reports whether text can be a branch, a tag or a commit.
func isRevision(text string) bool {
	if len(text) > maxComponent {
		return false
	}
	for c := range strings.SplitSeq(text, "/") {
		if !isComponent(c) {
			return false
		}
	}
	return true
}

// huggingFaceName is the name under which a model of hf.co is stored.
func huggingFaceName(src Source) (Name, error) {
	text := "hf.co/" + src.Name
	if src.Tag != "" {
		text += ":" + src.Tag
	}
	if src.Revision != "" {
		text += "@" + src.Revision
	}
	return ParseName(text)
}

// huggingFace asks a hub that speaks as huggingface.co does.
type huggingFace struct {
	client *fetch.Client
	base   string
	src    Source
	token  bool // one is sent
}

const (
	maxPages   = 200
	maxRows    = 200_000
	maxAnswer  = 32 << 20 // bytes of an answer of the API
	maxListing = 64 << 20 // bytes of all pages
)

// pullHuggingFace pulls the files of a repository that a label means.
func (s *Store) pullHuggingFace(ctx context.Context, src Source, meter *meter) (*Model, error) {
	name, err := huggingFaceName(src)
	if err != nil {
		return nil, err
	}
	return s.pullListing(ctx, src, name, meter, s.lookHuggingFace)
}

// lookHuggingFace finds the commit of the revision, and the files of the label
// in it.
func (s *Store) lookHuggingFace(ctx context.Context, src Source, meter *meter) (*listing, error) {
	h, err := s.newHuggingFace(src, meter)
	if err != nil {
		return nil, err
	}
	r, commit, err := h.repository(ctx)
	if err == nil {
		var files []remote
		if files, err = r.choose(src.Tag); err == nil {
			err = h.locate(files, commit)
		}
		l := &listing{source: src, version: commit, client: h.client, files: files, explain: h.explain}
		if one, ok := r.signature(files); ok && err == nil {
			signature := []remote{one}
			err = h.locate(signature, commit)
			l.signature = &signature[0]
		}
		if err == nil {
			return l, nil
		}
	}
	h.client.Close()
	return nil, err
}

func (s *Store) newHuggingFace(src Source, meter *meter) (*huggingFace, error) {
	if s.Settings.HuggingFaceOffline {
		return nil, fmt.Errorf("HF_HUB_OFFLINE is set: %w", ErrOffline)
	}
	base := s.Settings.HuggingFace
	if base == "" {
		base = "https://huggingface.co"
	}
	client, err := s.newClient(base, false, meter)
	if err != nil {
		return nil, fmt.Errorf("HF_ENDPOINT: %w", err)
	}
	h := &huggingFace{client: client, base: base, src: src}
	token := s.Settings.HuggingFaceToken
	if token == "" {
		token = firstLine(s.Settings.HuggingFaceFile)
	}
	if token != "" {
		h.token = true
		client.Authorize(base, bearer(token))
	}
	return h, nil
}

// commitForm is a commit: 40 hexadecimal digits.
var commitForm = regexp.MustCompile(`^[0-9a-f]{40}$`)

// repository lists what the source's repository has at its revision.
func (h *huggingFace) repository(ctx context.Context) (*repository, string, error) {
	commit, err := h.commit(ctx)
	if err != nil {
		return nil, "", h.explain(err)
	}
	rows, err := h.tree(ctx, commit)
	if err != nil {
		return nil, "", h.explain(err)
	}
	return &repository{name: "hf.co/" + h.src.Name, files: rows}, commit, nil
}

// commit pins the revision.
func (h *huggingFace) commit(ctx context.Context) (string, error) {
	revision := h.src.Revision
	if revision == "" {
		revision = "main"
	}
	if commitForm.MatchString(revision) {
		return revision, nil
	}
	at := h.base + "/api/models/" + h.src.Name + "/revision/" + url.PathEscape(revision)
	answer, err := h.client.Get(ctx, fetch.Request{URL: at, Accept: "application/json", Limit: maxAnswer})
	if err != nil {
		return "", err
	}
	var said struct {
		SHA string `json:"sha"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil || !commitForm.MatchString(said.SHA) {
		return "", fmt.Errorf("%s: no description of a repository with the commit in \"sha\" came: %w", fetch.Shown(at), ErrFormat)
	}
	return said.SHA, nil
}

// treeRow is a file of a listing.
type treeRow struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	OID  string `json:"oid"`
	LFS  *struct {
		OID  string `json:"oid"`
		Size int64  `json:"size"`
	} `json:"lfs"`
}

// tree lists the files of a commit, page after page.
func (h *huggingFace) tree(ctx context.Context, commit string) (files []remote, err error) {
	at := h.base + "/api/models/" + h.src.Name + "/tree/" + commit + "?recursive=true"
	left := maxListing
	for range maxPages {
		answer, err := h.client.Get(ctx, fetch.Request{URL: at, Accept: "application/json", Limit: maxAnswer})
		if err != nil {
			return nil, err
		}
		rows, err := parseTree(answer.Body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fetch.Shown(at), err)
		}
		left -= len(answer.Body)
		if files = append(files, rows...); len(files) > maxRows || left < 0 {
			return nil, fmt.Errorf("%s: more than %d files or %d bytes: %w", fetch.Shown(at), maxRows, maxListing, ErrFormat)
		}
		next := fetch.NextPage(answer.Header, answer.URL)
		if next == "" {
			return files, nil
		}
		if !fetch.SameOrigin(next, answer.URL) {
			return nil, fmt.Errorf("%s: its next page is at another host, %s: %w", fetch.Shown(at), fetch.Shown(next), ErrFormat)
		}
		at = next
	}
	return nil, fmt.Errorf("%s: more than %d pages: %w", fetch.Shown(at), maxPages, ErrFormat)
}

// parseTree reads a page of a listing. Rows whose digests are none keep their
// text for locate, which knows the rows that matter.
func parseTree(text []byte) (files []remote, err error) {
	var rows []treeRow
	if err := json.Unmarshal(text, &rows); err != nil || rows == nil {
		return nil, fmt.Errorf("no list of files came: %w", ErrFormat)
	}
	for _, r := range rows {
		if r.Type == "directory" {
			continue
		}
		f := remote{path: r.Path, size: r.Size, sum: r.OID}
		if r.LFS != nil {
			f.size, f.sum, f.large = r.LFS.Size, r.LFS.OID, true
		}
		files = append(files, f)
	}
	return files, nil
}

// locate completes the chosen files: digests, and addresses at the commit.
func (h *huggingFace) locate(files []remote, commit string) error {
	if err := settle(files); err != nil {
		return err
	}
	for i := range files {
		f := &files[i]
		var err error
		if f.large {
			f.digest, err = ParseDigest(f.sum)
			if strings.Contains(f.sum, ":") {
				err = ErrFormat
			}
		} else {
			f.git, err = parseGitDigest(f.sum)
		}
		if err != nil {
			return fmt.Errorf("%s: the listed digest %q is none: %w", printable(f.path), clip(printable(f.sum)), ErrFormat)
		}
		f.url = h.base + "/" + h.src.Name + "/resolve/" + commit + "/" + escapePath(f.path)
	}
	return nil
}

// escapePath escapes each component of a path for an address.
func escapePath(file string) string {
	var parts []string
	for c := range strings.SplitSeq(file, "/") {
		parts = append(parts, url.PathEscape(c))
	}
	return path.Join(parts...)
}

// explain says what a refusal of the hub means, and what can be done.
func (h *huggingFace) explain(err error) error {
	var status *fetch.StatusError
	if !errors.As(err, &status) {
		return err
	}
	repo := "hf.co/" + h.src.Name
	page := "https://huggingface.co/" + h.src.Name
	const login = "HF_TOKEN=… has a token from https://huggingface.co/settings/tokens sent along"
	switch {
	case status.Code == http.StatusTooManyRequests && !h.token:
		return withHint(err, "the hub limits requests without a token more: "+login)
	case status.Reason == "GatedRepo" && status.Code == http.StatusUnauthorized:
		return withHint(fmt.Errorf("%s is gated: %w: %w", repo, ErrDenied, status), "ask for access at "+page+"; "+login)
	case status.Reason == "GatedRepo":
		return withHint(fmt.Errorf("%s is gated, and this token's user has no access: %w: %w", repo, ErrDenied, status), "ask for access at "+page)
	case status.Code == http.StatusUnauthorized && h.token:
		return withHint(fmt.Errorf("the hub refuses the token (HF_TOKEN or the token file), as it does for public repositories too once a token has expired: %w: %w", ErrDenied, status),
			"unset HF_TOKEN or log in again: a new token is made at https://huggingface.co/settings/tokens")
	case status.Code == http.StatusUnauthorized:
		return withHint(fmt.Errorf("%s is not there, or is private, which the hub tells only to those who may see it: %w: %w", repo, ErrNotFound, status), login)
	case status.Reason == "RevisionNotFound":
		return fmt.Errorf("%s has no branch, tag or commit %s: %w", repo, printable(h.src.Revision), ErrNotFound)
	case status.Reason == "RepoNotFound":
		return fmt.Errorf("%s: no such repository: %w", repo, ErrNotFound)
	case status.Code == http.StatusForbidden:
		return fmt.Errorf("%s: %w: %w", repo, ErrDenied, status)
	}
	return err
}
