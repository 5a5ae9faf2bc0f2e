package wire

import (
	"net/http"
	"strings"
)

// WordHeader is where a page says the word without which it may not change anything.
const WordHeader = "X-Blitz-Csrf"

// CookieName returns the name of the cookie that holds a session, for a request with that
// Host. Browsers tell cookies apart by hosts, not by ports: two servers on one machine
// would otherwise sign each other's people out.
func CookieName(host string) string {
	const name = "blitz_session"
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return name + "_" + strings.Map(digit, host[i+1:])
	}
	return name
}

func digit(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// SessionToken returns the session that a browser sends, "" where it sends none.
func SessionToken(r *http.Request) string {
	c, err := r.Cookie(CookieName(r.Host))
	if err != nil {
		return ""
	}
	return c.Value
}
