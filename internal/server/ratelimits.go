package server

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/account"
)

// showLimits tells a client how much of its key's limits is left, in the headers of the
// dialect that it speaks. A request that is counted is so in what is left.
func (g *Gate) showLimits(w http.ResponseWriter, r *http.Request, c account.Caller) {
	s := g.accounts.Standing(c)
	if s.MonthIsUsedUp {
		w.Header().Set("X-Should-Retry", "false") // clients would ask again and again for days
	}
	if s.Requests != nil && r.Method == http.MethodPost && s.Requests.Remaining > 0 {
		s.Requests.Remaining--
	}
	show := openaiLimit
	if strings.HasPrefix(r.URL.Path, "/v1/messages") || r.Header.Get("Anthropic-Version") != "" {
		show = anthropicLimit
	}
	if s.Requests != nil {
		show(w.Header(), "requests", s.Requests)
	}
	if s.Tokens != nil {
		show(w.Header(), "tokens", s.Tokens)
	}
}

func openaiLimit(h http.Header, what string, l *account.Level) {
	h.Set("X-Ratelimit-Limit-"+what, strconv.FormatInt(l.Limit, 10))
	h.Set("X-Ratelimit-Remaining-"+what, strconv.FormatInt(l.Remaining, 10))
	h.Set("X-Ratelimit-Reset-"+what, shortDuration(l.Reset))
}

// shortDuration writes a time as 1s, 6m0s, 250ms.
func shortDuration(d time.Duration) string {
	if d > time.Second {
		return (d + time.Second - 1).Truncate(time.Second).String()
	}
	return fmt.Sprintf("%dms", (d+time.Millisecond-1)/time.Millisecond)
}

func anthropicLimit(h http.Header, what string, l *account.Level) {
	prefix := "Anthropic-Ratelimit-" + what + "-"
	h.Set(prefix+"Limit", strconv.FormatInt(l.Limit, 10))
	h.Set(prefix+"Remaining", strconv.FormatInt(l.Remaining, 10))
	h.Set(prefix+"Reset", time.Now().Add(l.Reset).UTC().Format(time.RFC3339))
}
