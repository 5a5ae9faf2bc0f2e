package grammar

// formatExpr returns the strings of a format. known is false for a format that JSON
// Schema does not have; held is false for one that it has and that cannot be held.
func formatExpr(name string) (e Expr, known, held bool) {
	if name == "regex" {
		return Expr{}, true, false
	}
	src, ok := formats[name]
	if !ok {
		return Expr{}, false, false
	}
	e, err := regexExpr(src, false)
	if err != nil {
		panic("grammar: the format " + name + ": " + err.Error())
	}
	return e, true, true
}

// The formats are held as RFC 3339, 5321, 1123, 4291, 3986, 6901, 6570 and 9562 have them,
// or more strictly: no leap seconds, no comments or quotes in addresses, and of the
// international forms only what is ASCII.
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
	atomFormat  = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}"
	localFormat = atomFormat + `(?:\.` + atomFormat + `){0,2}`
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
	uriFormat    = `[A-Za-z][A-Za-z0-9+.-]*:(?:` + serverFormat + `|/?` + pathFormat + `+(?:/` + pathFormat + `*)*)` + afterFormat
	// relativeFormat has no colon in its first step.
	relativeFormat = `(?:` + serverFormat + `|/(?:` + pathFormat + `+(?:/` + pathFormat + `*)*)?|(?:[A-Za-z0-9._~!$&'()*+,;=@-]|` + escapedFormat + `)+(?:/` + pathFormat + `*)*)?` + afterFormat

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
	"json-pointer": pointerFormat, "relative-json-pointer": `(?:0|[1-9]\d{0,8})(?:#|` + pointerFormat + `)`,
}
