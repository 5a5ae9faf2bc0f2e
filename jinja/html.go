package jinja

import (
	"html"
	"strings"
)

var htmlEscapes = strings.NewReplacer("&", "&amp;", ">", "&gt;", "<", "&lt;", "'", "&#39;", `"`, "&#34;")

// escapeHTML replaces the five characters that mean something in HTML.
func escapeHTML(s string) string { return htmlEscapes.Replace(s) }

// escape is escapeHTML under the limits.
func (r *rendering) escape(s string) (string, error) {
	if !strings.ContainsAny(s, "&<>'\"") {
		return s, r.work(len(s))
	}
	if err := r.spendText(5 * len(s)); err != nil {
		return "", err
	}
	return escapeHTML(s), nil
}

// escapeObject is a value as HTML; Markup stays as it is.
func (r *rendering) escapeObject(o object) (markup, error) {
	if m, ok := o.(markup); ok {
		return m, nil
	}
	s, err := r.text(o)
	if err != nil {
		return "", err
	}
	s, err = r.escape(s)
	return markup(s), err
}

// joinMarkup is the operator ~ where escaping is on.
func (r *rendering) joinMarkup(parts []object) (object, error) {
	escaped := false
	for _, p := range parts {
		_, m := p.(markup)
		escaped = escaped || m
	}
	texts, n, err := r.printed(parts, escaped)
	if err != nil {
		return nil, err
	}
	s, err := r.joinTexts(texts, "", n)
	if escaped && err == nil {
		return markup(s), nil
	}
	return s, err
}

// printed prints the parts, as HTML where escaped says so, and adds up their lengths.
func (r *rendering) printed(parts []object, escaped bool) (texts []string, n int, err error) {
	texts = make([]string, len(parts))
	for i, p := range parts {
		if escaped {
			var m markup
			m, err = r.escapeObject(p)
			texts[i] = string(m)
		} else {
			texts[i], err = r.text(p)
		}
		if err != nil {
			return nil, 0, err
		}
		n += len(texts[i])
	}
	return texts, n, nil
}

// joinTexts joins texts whose lengths add up to n.
func (r *rendering) joinTexts(texts []string, separator string, n int) (string, error) {
	if err := r.spendText(n + len(separator)*max(0, len(texts)-1)); err != nil {
		return "", err
	}
	return strings.Join(texts, separator), nil
}

// stripTags takes comments and tags out of HTML, makes white space single
// spaces and replaces entities.
func stripTags(s string) string {
	s = cutAll(s, "<!--", "-->")
	s = cutAll(s, "<", ">")
	return html.UnescapeString(strings.Join(strings.FieldsFunc(s, isSpace), " "))
}

// cutAll removes everything from open to end, as often as both are there.
func cutAll(s, open, end string) string {
	if !strings.Contains(s, open) {
		return s
	}
	var b strings.Builder
	for {
		i := strings.Index(s, open)
		if i < 0 {
			break
		}
		j := strings.Index(s[i:], end)
		if j < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i+j+len(end):]
	}
	b.WriteString(s)
	return b.String()
}
