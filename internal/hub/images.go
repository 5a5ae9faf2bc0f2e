package hub

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/blitz-r1/blitz/internal/fetch"
	"github.com/blitz-r1/blitz/internal/registry"
)

// images asks one repository of a registry of images: Ollama's, or any other.
type images struct {
	store      *Store
	client     *fetch.Client
	meter      *meter
	base       string // the registry's address, without a slash at its end
	repository string
	why        error // why the last challenge was not met
	unknown    error // why there was no password where a challenge was met without one
}

// manifest asks for a manifest by a tag, and returns the digest of what came.
func (r *images) manifest(ctx context.Context, reference, accept string) (*registry.Manifest, Digest, error) {
	answer, err := r.client.Get(ctx, fetch.Request{
		URL: r.base + "/v2/" + r.repository + "/manifests/" + reference, Accept: accept, Limit: registry.MaxManifest,
	})
	if err != nil {
		return nil, Digest{}, err
	}
	m, err := registry.ParseManifest(answer.Body)
	if err != nil {
		return nil, Digest{}, fmt.Errorf("%s: %w: %w", fetch.Shown(answer.URL), err, ErrFormat)
	}
	return m, sha256.Sum256(answer.Body), nil
}

// pinned asks for the manifest of a digest. What comes has to be that: the
// header in which a registry names a digest is only what it says.
func (r *images) pinned(ctx context.Context, d Digest, accept string) (*registry.Manifest, error) {
	m, came, err := r.manifest(ctx, d.String(), accept)
	if err == nil && came != d {
		err = fmt.Errorf("manifest %s: the registry sent one with %s: %w", d, came, ErrDigest)
	}
	return m, err
}

// blob is the address of a blob.
func (r *images) blob(d Digest) string {
	return r.base + "/v2/" + r.repository + "/blobs/" + d.String()
}

// text fetches a small blob whole.
func (r *images) text(ctx context.Context, l registry.Descriptor) ([]byte, error) {
	if l.Size > maxTextLayer {
		return nil, fmt.Errorf("blob %s: %s, %s at most: %w", Digest(l.Digest), FormatBytes(l.Size), FormatBytes(maxTextLayer), ErrFormat)
	}
	if l.Size == 0 && l.Digest == sha256.Sum256(nil) {
		return nil, nil
	}
	answer, err := r.client.Get(ctx, fetch.Request{URL: r.blob(l.Digest), Limit: max(l.Size, 1)})
	if err != nil {
		return nil, err
	}
	if came := Digest(sha256.Sum256(answer.Body)); came != l.Digest {
		return nil, fmt.Errorf("blob %s: the registry sent %d bytes with %s: %w", Digest(l.Digest), len(answer.Body), came, ErrDigest)
	}
	return answer.Body, nil
}

// texts fetches small blobs in their order.
func (r *images) texts(ctx context.Context, list []registry.Descriptor) (texts [][]byte, err error) {
	for _, l := range list {
		text, err := r.text(ctx, l)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// logins are Docker's credentials for registries.
func (s *Store) logins() (*registry.Credentials, error) {
	if s.Settings.DockerConfig == "" {
		return nil, nil
	}
	path := s.loginsPath()
	text, err := readFile(path, registry.MaxCredentials)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := registry.ParseCredentials(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func (s *Store) loginsPath() string { return filepath.Join(s.Settings.DockerConfig, "config.json") }

// answer meets the challenge of a registry that wants a token, or a user and
// password. Those are sent to the registry itself only, and by Docker Hub to
// the server that it keeps for its tokens; any other server of tokens is asked
// without them. When it cannot, the reason stays in why.
func (r *images) answer(ctx context.Context, refusal *fetch.StatusError) error {
	if refusal.Code != http.StatusUnauthorized {
		return refusal
	}
	r.why = r.meet(ctx, refusal)
	return r.why
}

func (r *images) meet(ctx context.Context, refusal *fetch.StatusError) error {
	base, err := url.Parse(r.base)
	if err != nil {
		return err
	}
	login, unknown, err := r.login(ctx, base.Host)
	if err != nil {
		return err
	}
	for _, c := range registry.ParseChallenges(refusal.Header.Values("WWW-Authenticate")) {
		switch {
		case c.Scheme == "bearer" && c.Parameters["realm"] != "":
			token, err := r.token(ctx, base, c.Parameters, login)
			if err != nil {
				return err
			}
			r.client.Authorize(r.base, bearer(token))
			r.unknown = unknown // the token may be good for what all may have, and for no more
			return nil
		case c.Scheme == "basic" && unknown == nil:
			r.client.Authorize(r.base, basic(login))
			return nil
		}
	}
	return unknown
}

// login returns the name and password for a registry, of Docker's credential file or of the
// program that it names, or in unknown why there are none.
func (r *images) login(ctx context.Context, host string) (login registry.Login, unknown, err error) {
	logins, err := r.store.logins()
	if err != nil {
		return login, nil, err
	}
	login, known := logins.For(host)
	program := logins.Helper(host)
	switch {
	case known:
		return login, nil, nil
	case program == "":
		return login, errors.New("it wants credentials, and there are none for it"), nil
	}
	k := keeper(program)
	if login, err = k.login(ctx, host); err != nil {
		unknown = fmt.Errorf("its password is kept by %s: %w", printable(clip(k.program())), err)
	}
	return login, unknown, context.Cause(ctx)
}

// basic is the header of a user and password.
func basic(l registry.Login) http.Header {
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(l.User+":"+l.Password))}}
}

// maxToken bounds the answer of a server of tokens, in bytes.
const maxToken = 256 << 10

// token asks the server that a challenge names for a token.
func (r *images) token(ctx context.Context, base *url.URL, challenge map[string]string, login registry.Login) (string, error) {
	realm, err := base.Parse(challenge["realm"])
	if err != nil {
		return "", fmt.Errorf("the server of its tokens is %q: %w", clip(printable(challenge["realm"])), ErrFormat)
	}
	query := realm.Query()
	if service := challenge["service"]; service != "" {
		query.Set("service", service)
	}
	query.Set("scope", "repository:"+r.repository+":pull")
	if scope := challenge["scope"]; scope != "" {
		query.Set("scope", scope)
	}
	realm.RawQuery, realm.Fragment = query.Encode(), ""
	options := r.client.Options
	options.Base, options.Within, options.Challenge = realm.String(), r.client, nil
	client, err := fetch.New(options)
	if err != nil {
		return "", fmt.Errorf("the server of its tokens: %w", err)
	}
	defer client.Close()
	if login.User != "" && registry.MaySend(base.Host, realm.Host) && realm.Scheme == base.Scheme {
		client.Authorize(realm.String(), basic(login))
	}
	answer, err := client.Get(ctx, fetch.Request{URL: realm.String(), Accept: "application/json", Limit: maxToken})
	if err != nil {
		return "", fmt.Errorf("the server of its tokens: %w", err)
	}
	var said struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(answer.Body, &said); err != nil {
		return "", fmt.Errorf("the server of its tokens: %w: %w", err, ErrFormat)
	}
	token := said.Token
	if token == "" {
		token = said.AccessToken
	}
	if token == "" || strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return "", fmt.Errorf("the server of its tokens sent none: %w", ErrFormat)
	}
	return token, nil
}
