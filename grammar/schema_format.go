package grammar

import (
	"fmt"
	"sync"
)

// formatExpr returns the strings of a format. ok is false for a format that JSON Schema
// does not have.
func formatExpr(name string) (e Expr, ok bool) {
	e, ok = formatExprs()[name]
	return e, ok
}

// formatExprs are the expressions of formats.
var formatExprs = sync.OnceValue(func() map[string]Expr {
	out := map[string]Expr{}
	for name, src := range formats {
		e, err := regexExpr(src, false)
		if err != nil {
			panic("grammar: the format " + name + ": " + err.Error())
		}
		out[name] = e
	}
	return out
})

// formatUpTo returns strings of a format that have no more than most characters because
// of their parts: to count a format's characters takes an automaton of every length. ok
// is false where that is not needed, or most is too few.
func formatUpTo(name string, most int) (e Expr, ok bool) {
	if most < 40 {
		return Expr{}, false
	}
	label := func(n int) string {
		return fmt.Sprintf(`[A-Za-z0-9](?:[A-Za-z0-9-]{0,%d}[A-Za-z0-9])?`, min(n, 62)-2)
	}
	host := func(n int) string { return label((n-3)/4) + `(?:\.` + label((n-3)/4) + `){0,3}` }
	src := ""
	switch name {
	case "hostname", "idn-hostname":
		src = host(most)
	case "email", "idn-email":
		local := min(most/3, 60)
		src = fmt.Sprintf("%[1]s{1,%[2]d}(?:\\.%[1]s{1,%[2]d}){0,2}@", atomFormat, (local-2)/3) + host(most-local-1)
	case "uri", "iri", "uri-reference", "iri-reference", "uri-template":
		site := min(most/3, 190)
		part := (most - site - 21) / 12 // an escaped character is three; half of them are of the path
		path := fmt.Sprintf(`(?:%s|/){0,%d}`, pathFormat, 2*part)
		after := fmt.Sprintf(`(?:\?%[1]s{0,%[2]d})?(?:#%[1]s{0,%[2]d})?`, pathFormat, part)
		server := `//` + host(site) + `(?::\d{1,4})?(?:/` + path + `)?`
		if src = `[A-Za-z][A-Za-z0-9+.-]{0,9}:(?:` + server + `|` + pathFormat + path + `)` + after; name != "uri" && name != "iri" {
			src += `|/?(?:[A-Za-z0-9._~!$&'()*+,;=@-]|` + escapedFormat + `)` + path + after
		}
	default:
		return Expr{}, false
	}
	e, err := regexExpr(src, false)
	if err != nil {
		panic("grammar: the format " + name + ": " + err.Error())
	}
	if _, usual := lengths(formatExprs()[name].n); usual != Unbounded && usual <= most {
		return Expr{}, false
	}
	return e, true
}

// The formats are held as RFC 3339, 5321, 1123, 4291, 3986, 6901, 6570 and 9562 have them,
// or more strictly: no leap seconds, no comments or quotes in addresses, of the
// international forms only what is ASCII, and as regular expressions those that all
// languages read alike.
const (
	dateFormat = `(?:000[1-9]|00[1-9]\d|0[1-9]\d\d|[1-9]\d{3})-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))` +
		`|(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29`
	timeFormat     = `(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)`
	durationFormat = `P(?:\d{1,5}W|(?:\d{1,5}D|\d{1,5}M(?:\d{1,5}D)?|\d{1,5}Y(?:\d{1,5}M(?:\d{1,5}D)?)?)(?:T` + clockFormat + `)?|T` + clockFormat + `)`
	clockFormat    = `(?:\d{1,5}S|\d{1,5}M(?:\d{1,5}S)?|\d{1,5}H(?:\d{1,5}M(?:\d{1,5}S)?)?)`

	labelFormat = `[A-Za-z0-9](?:[A-Za-z0-9-]{0,28}[A-Za-z0-9])?`
	longFormat  = `[A-Za-z0-9](?:[A-Za-z0-9-]{0,60}[A-Za-z0-9])?`
	// hostFormat is of few long labels or of more short ones: 253 characters at most.
	hostFormat = `(?:` + longFormat + `(?:\.` + longFormat + `){0,2}|` + labelFormat + `(?:\.` + labelFormat + `){0,7})`
	// an address has 246 characters at most
	atomFormat  = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
	localFormat = atomFormat + `{1,20}(?:\.` + atomFormat + `{1,20}){0,2}`
	siteFormat  = `[A-Za-z0-9](?:[A-Za-z0-9-]{0,43}[A-Za-z0-9])?`
	emailFormat = localFormat + `@` + siteFormat + `(?:\.` + siteFormat + `){0,3}`

	byteFormat = `(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
	ipv4Format = byteFormat + `(?:\.` + byteFormat + `){3}`
	hexFormat  = `[0-9A-Fa-f]{1,4}`
	lastFormat = `(?:` + hexFormat + `:` + hexFormat + `|` + ipv4Format + `)`
	ipv6Format = `(?:` + hexFormat + `:){6}` + lastFormat + `|::(?:` + hexFormat + `:){5}` + lastFormat +
		`|(?:` + hexFormat + `)?::(?:` + hexFormat + `:){4}` + lastFormat +
		`|(?:(?:` + hexFormat + `:){0,1}` + hexFormat + `)?::(?:` + hexFormat + `:){3}` + lastFormat +
		`|(?:(?:` + hexFormat + `:){0,2}` + hexFormat + `)?::(?:` + hexFormat + `:){2}` + lastFormat +
		`|(?:(?:` + hexFormat + `:){0,3}` + hexFormat + `)?::` + hexFormat + `:` + lastFormat +
		`|(?:(?:` + hexFormat + `:){0,4}` + hexFormat + `)?::` + lastFormat +
		`|(?:(?:` + hexFormat + `:){0,5}` + hexFormat + `)?::` + hexFormat +
		`|(?:(?:` + hexFormat + `:){0,6}` + hexFormat + `)?::`

	escapedFormat = `%[0-9A-Fa-f]{2}`
	pathFormat    = `(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|` + escapedFormat + `)`
	queryFormat   = `(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|` + escapedFormat + `)*`
	// hosts in addresses are names whose last part is no number, or numbers
	partFormat   = `[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?`
	domainFormat = `(?:` + partFormat + `\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?`
	userFormat   = `(?:[A-Za-z0-9._~-]+(?::(?:[A-Za-z0-9._~!$&'()*+,;=-]|` + escapedFormat + `)*)?@)?`
	serverFormat = `//` + userFormat + `(?:` + domainFormat + `|` + ipv4Format + `|\[(?:::1|(?:` + hexFormat + `:){7}` + hexFormat + `)\])(?::\d{1,4})?(?:/` + pathFormat + `*)*`
	afterFormat  = `(?:\?` + queryFormat + `)?(?:#` + queryFormat + `)?`
	uriFormat    = `(?:file://(?:/` + pathFormat + `*)+|[A-Za-z][A-Za-z0-9+.-]*:(?:` + serverFormat + `|/?` + pathFormat + `+(?:/` + pathFormat + `*)*))` + afterFormat
	// relativeFormat has no colon in its first step.
	relativeFormat = `(?:` + serverFormat + `|/(?:` + pathFormat + `+(?:/` + pathFormat + `*)*)?|(?:[A-Za-z0-9._~!$&'()*+,;=@-]|` + escapedFormat + `)+(?:/` + pathFormat + `*)*)?` + afterFormat

	rangesFormat = `\[\^?(?:a-z|A-Z|0-9|[A-Za-z0-9_ .,:;@%])+\]`
	pieceFormat  = `(?:[A-Za-z0-9_ ,:;=<>@#%&~/'!]|\.|\\[dwsDWS.\\+*?()\[\]{}|^$]|` + rangesFormat + `)(?:[*+?]|\{[1-9]\})?`
	piecesFormat = `(?:` + pieceFormat + `)+(?:\|(?:` + pieceFormat + `)+)*`
	regexFormat  = `\^?(?:` + pieceFormat + `|\((?:\?:)?` + piecesFormat + `\)[*+?]?)*\$?`

	pointerFormat = `(?:/(?:[^~/]|~[01])*)*`
)

// formats are the regular expressions of formats, all of the text.
var formats = map[string]string{
	"date": dateFormat, "time": timeFormat, "date-time": `(?:` + dateFormat + `)[Tt]` + timeFormat, "duration": durationFormat,
	"email": emailFormat, "idn-email": emailFormat,
	"hostname": hostFormat, "idn-hostname": hostFormat,
	"ipv4": ipv4Format, "ipv6": ipv6Format,
	"uri": uriFormat, "iri": uriFormat, "uri-reference": uriFormat + `|` + relativeFormat, "iri-reference": uriFormat + `|` + relativeFormat,
	"uri-template": uriFormat + `|` + relativeFormat,
	"uuid":         `[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`,
	"regex":        regexFormat, "json-pointer": pointerFormat, "relative-json-pointer": `(?:0|[1-9]\d{0,8})(?:#|` + pointerFormat + `)`,
}
