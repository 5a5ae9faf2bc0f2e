package hub

import (
	"net/url"
	"strings"
)

// parseHTTPS reads an address of a file. What is not encrypted is not fetched.
func parseHTTPS(text string) (Source, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "":
		return malformed(text, "https://HOST/PATH")
	case !strings.EqualFold(u.Scheme, "https"):
		return malformed(text, "https:, not "+strings.ToLower(u.Scheme)+":")
	case u.User != nil:
		return malformed("https://"+u.Host+u.Path, "an address without a password in it")
	}
	return Source{Kind: KindHTTPS, Name: u.String()}, nil
}

// pullHTTPS is where fetching a file by its address belongs; Download does the
// work.
func (s *Store) pullHTTPS(src Source) (*Model, error) {
	return nil, notFetched(src, "an address")
}
