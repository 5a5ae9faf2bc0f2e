package jinja

import "strings"

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

// joinTexts joins texts whose lengths add up to n.
func (r *rendering) joinTexts(texts []string, separator string, n int) (string, error) {
	if err := r.spendText(n + len(separator)*max(0, len(texts)-1)); err != nil {
		return "", err
	}
	return strings.Join(texts, separator), nil
}
