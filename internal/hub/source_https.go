package hub

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/fetch"
)

// parseHTTPS reads an address of a file. What is not encrypted is not fetched.
func parseHTTPS(text string) (Source, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return malformed(text, "https://HOST/PATH")
	case !strings.EqualFold(u.Scheme, "https"):
		return malformed(fetch.Shown(text), "https:, not "+strings.ToLower(u.Scheme)+":")
	case u.User != nil:
		return malformed("https://"+u.Host+u.Path, "an address without a password in it")
	}
	return Source{Kind: KindHTTPS, Name: u.String()}, nil
}

// httpsName is the name under which the file of an address is stored: the
// address without scheme, query and ending, as far as a name can be that.
func httpsName(src Source) (Name, error) {
	u, err := url.Parse(src.Name)
	if err != nil {
		return Name{}, fmt.Errorf("source %q: %w", clip(src.Name), ErrSyntax)
	}
	base := path.Base(u.Path)
	if !strings.HasSuffix(strings.ToLower(base), ".gguf") || !PlainName(base) || strings.HasSuffix(u.Path, "/") {
		return Name{}, fmt.Errorf("source %q: want the address of a .gguf file: %w", clip(fetch.Shown(src.Name)), ErrSyntax)
	}
	if m := checkpoint.SplitName.FindStringSubmatch(base); m != nil && m[2] != "00001" {
		return Name{}, fmt.Errorf("source %q: want the address of the first part, -00001-of-%s.gguf, which brings the others: %w", clip(fetch.Shown(src.Name)), m[3], ErrSyntax)
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	parts[len(parts)-1] = stemOf(base)
	for i := range parts {
		parts[i] = componentOf(parts[i])
	}
	host := strings.ToLower(u.Host)
	if strings.HasPrefix(host, "[") {
		host = "ip6_" + componentOf(host)
	}
	if name, err := ParseName(host + "/" + strings.Join(parts, "/")); err == nil {
		return name, nil
	}
	return ParseName(host + "/" + parts[len(parts)-1])
}

// componentOf makes text a component of a name.
func componentOf(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < 0x80 && isAlphanumeric(byte(r)) || strings.ContainsRune("_.-", r) {
			return r
		}
		return '_'
	}, text)
	for strings.Contains(text, "..") {
		text = strings.ReplaceAll(text, "..", "._")
	}
	text = strings.Trim(text, ".-")
	if text == "" {
		return "_"
	}
	return text[:min(len(text), maxComponent)]
}

// pullHTTPS pulls the file of an address, and the other parts of a split one
// from beside it.
func (s *Store) pullHTTPS(ctx context.Context, src Source, meter *meter) (*Model, error) {
	name, err := httpsName(src)
	if err != nil {
		return nil, err
	}
	return s.pullListing(ctx, src, name, meter, s.lookHTTPS)
}

// maxHTTPSParts bounds the parts of a split file that is known by its first part alone.
const maxHTTPSParts = 1000

// lookHTTPS asks for the headers of the files. A server that does not answer
// that is asked for the file all the same.
func (s *Store) lookHTTPS(ctx context.Context, src Source, meter *meter) (l *listing, err error) {
	u, err := url.Parse(src.Name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrSyntax)
	}
	client, err := s.newClient(src.Name, true, meter)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			client.Close()
		}
	}()
	l = &listing{source: src, client: client, explain: explainHTTPS}
	addresses, err := partAddresses(u)
	if err != nil {
		return nil, err
	}
	var marks []string
	for _, at := range addresses {
		f := remote{name: path.Base(at.Path), path: path.Base(at.Path), url: at.String()}
		header, size, err := client.Head(ctx, f.url)
		var status *fetch.StatusError
		switch {
		case err == nil:
			mark := fetch.Mark(header)
			f.hint = max(0, size)
			f.ranges = mark != "" && strings.EqualFold(header.Get("Accept-Ranges"), "bytes")
			marks = append(marks, mark)
		case errors.As(err, &status) && status.Code == http.StatusNotFound && len(addresses) > 1:
			return nil, fmt.Errorf("part %s of the split file is missing: %w", f.name, err)
		case ctx.Err() != nil:
			return nil, err
		default:
			marks = append(marks, "") // the request for the file itself says what is wrong
		}
		l.files = append(l.files, f)
	}
	l.mark = joinMarks(marks)
	beside := *u
	beside.Path, beside.RawPath = u.Path+".sig", ""
	l.signature = &remote{path: path.Base(beside.Path), url: beside.String()}
	return l, nil
}

// partAddresses returns an address, or those of all parts of the split file
// whose first part it is of.
func partAddresses(u *url.URL) ([]*url.URL, error) {
	dir, base := path.Split(u.Path)
	m := checkpoint.SplitName.FindStringSubmatch(base)
	if m == nil {
		return []*url.URL{u}, nil
	}
	count, err := strconv.Atoi(m[3])
	if err != nil || count < 1 || count > maxHTTPSParts {
		return nil, fmt.Errorf("%s: split into %s files, want 1 to %d: %w", base, m[3], maxHTTPSParts, ErrSyntax)
	}
	var all []*url.URL
	for i := 1; i <= count; i++ {
		part := *u
		part.Path, part.RawPath = dir+fmt.Sprintf("%s-%05d-of-%s%s", m[1], i, m[3], base[len(base)-len(".gguf"):]), ""
		all = append(all, &part)
	}
	return all, nil
}

// joinMarks makes one mark of those of the parts, "" if one has none.
func joinMarks(marks []string) string {
	for _, m := range marks {
		if m == "" {
			return ""
		}
	}
	all := strings.Join(marks, " ")
	if len(all) > 100 {
		all = Digest(sha256.Sum256([]byte(all))).String()
	}
	return all
}

// explainHTTPS says what a refusal of a server means.
func explainHTTPS(err error) error {
	var status *fetch.StatusError
	if errors.As(err, &status) && status.Code == http.StatusUnauthorized {
		return withHint(err, "the server wants a password, and none is ever sent to an address: fetch it with another program, and blitz import takes it from the disk")
	}
	return err
}
