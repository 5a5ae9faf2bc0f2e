package registry

import "strings"

// Challenge is what a server that answers 401 wants: a scheme, such as bearer
// or basic, and its parameters. Scheme and keys are in lower case.
type Challenge struct {
	Scheme     string
	Parameters map[string]string
}

// maxChallenge bounds the text of challenges that is looked at, in bytes.
const maxChallenge = 16 << 10

// ParseChallenges reads the values of WWW-Authenticate headers (RFC 9110,
// section 11.6.1). One value may hold several challenges. Reading ends at what
// is not well-formed; what came before it counts.
func ParseChallenges(values []string) (list []Challenge) {
	for _, v := range values {
		if len(v) <= maxChallenge {
			list = append(list, (&scanner{v}).challenges()...)
		}
	}
	return list
}

// scanner reads a header's value from the front.
type scanner struct{ rest string }

func (s *scanner) challenges() (list []Challenge) {
	for {
		s.skip(" \t,")
		scheme := s.token()
		if scheme == "" {
			return list
		}
		c := Challenge{Scheme: strings.ToLower(scheme), Parameters: map[string]string{}}
		ok := s.parameters(c.Parameters)
		if list = append(list, c); !ok {
			return list
		}
	}
}

// parameters reads key=value pairs up to the next scheme, or the end. It
// reports whether reading can go on behind them.
func (s *scanner) parameters(into map[string]string) bool {
	for {
		s.skip(" \t,")
		before := s.rest
		key := s.token()
		if key == "" {
			return s.rest == ""
		}
		s.skip(" \t")
		if !strings.HasPrefix(s.rest, "=") {
			s.rest = before // the scheme of another challenge
			return true
		}
		s.rest = s.rest[1:]
		s.skip(" \t")
		value, ok := s.value()
		if !ok {
			return false
		}
		if key = strings.ToLower(key); into[key] == "" {
			into[key] = value
		}
	}
}

func (s *scanner) skip(set string) { s.rest = strings.TrimLeft(s.rest, set) }

func (s *scanner) token() string {
	end := strings.IndexFunc(s.rest, func(r rune) bool {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !letter && (r > '~' || !strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
	if end < 0 {
		end = len(s.rest)
	}
	token := s.rest[:end]
	s.rest = s.rest[end:]
	return token
}

// value reads a token or a quoted text.
func (s *scanner) value() (string, bool) {
	if !strings.HasPrefix(s.rest, `"`) {
		t := s.token()
		return t, t != ""
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}
