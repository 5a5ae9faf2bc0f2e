package fetch

import (
	"net/http"
	"net/url"
	"strings"
)

// NextPage returns the address of the next page of a listing, as the header
// Link of an answer names it (RFC 8288, rel="next"), "" if there is none.
// address is that of the page.
func NextPage(h http.Header, address string) string {
	for _, line := range h.Values("Link") {
		for line != "" {
			var target, parameters string
			_, rest, ok := strings.Cut(line, "<")
			if !ok {
				break
			}
			if target, rest, ok = strings.Cut(rest, ">"); !ok {
				break
			}
			parameters, line = cutLink(rest)
			if !isNext(parameters) {
				continue
			}
			base, err := url.Parse(address)
			if err != nil {
				return ""
			}
			next, err := base.Parse(target)
			if err != nil {
				return ""
			}
			return next.String()
		}
	}
	return ""
}

// cutLink cuts the parameters of one link off those that follow: at the first
// comma outside quotes.
func cutLink(text string) (parameters, rest string) {
	quoted := false
	for i := range len(text) {
		switch text[i] {
		case '"':
			quoted = !quoted
		case ',':
			if !quoted {
				return text[:i], text[i+1:]
			}
		}
	}
	return text, ""
}

// isNext reports whether one of the parameters is rel=next.
func isNext(parameters string) bool {
	for p := range strings.SplitSeq(parameters, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(strings.TrimSpace(key), "rel") {
			for word := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
				if strings.EqualFold(word, "next") {
					return true
				}
			}
		}
	}
	return false
}
