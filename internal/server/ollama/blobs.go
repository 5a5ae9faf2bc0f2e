package ollama

import (
	"net/http"
	"strings"

	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// readDigest reads sha256:HEX or sha256-HEX.
func readDigest(text string) (hub.Digest, error) {
	const kind = len("sha256")
	if len(text) > kind && text[kind] == '-' {
		text = text[:kind] + ":" + text[kind+1:]
	}
	d, err := hub.ParseDigest(text)
	if err != nil || !strings.HasPrefix(text, "sha256:") {
		return d, wire.Refuse("digest", "digest is %s, want sha256: and 64 hexadecimal digits", wire.Quote(text))
	}
	return d, nil
}

// uploaded says whether a file is there.
func (d *dialect) uploaded(w http.ResponseWriter, r *http.Request) error {
	digest, err := readDigest(r.PathValue("digest"))
	if err != nil {
		return err
	}
	if !d.host.Store().Uploaded(digest) {
		return &wire.Error{Kind: wire.NotFound, Message: "there is no such file"}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// upload takes a file for a model that create makes.
func (d *dialect) upload(w http.ResponseWriter, r *http.Request) error {
	digest, err := readDigest(r.PathValue("digest"))
	if err != nil {
		return err
	}
	if err := d.host.Store().Upload(r.Context(), digest, r.Body, r.ContentLength); err != nil {
		return changeError(digest.String(), err)
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}
