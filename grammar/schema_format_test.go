package grammar

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// unbounded are not written where there is a bound.
var unbounded = []string{"https://u:p@a.b:80/c/d?e=f#g", "file:///a", "../x?y#z", "?q", "#f"}

// TestSchemaFormats: each format takes what it is to take, with and without a bound of
// its length, and nothing else.
func TestSchemaFormats(t *testing.T) {
	for _, c := range []struct{ format, yes, no string }{
		{"date", "2024-02-29 2000-02-29 1999-12-31 0001-01-01 0004-02-29", "2023-02-29 1900-02-29 2024-13-01 2024-04-31 0000-01-01 24-01-01 2024-1-1 2024-01-01T"},
		{"time", "00:00:00Z 23:59:59.999+23:59 12:00:00z 01:02:03-08:00", "24:00:00Z 12:60:00Z 12:00:60Z 12:00:00 12:00Z 12:00:00+24:00"},
		{"date-time", "2024-02-29T00:00:00Z 1999-12-31t23:59:59.1+01:00", "2024-02-30T00:00:00Z 2024-02-29 2024-02-29_00:00:00Z"},
		{"duration", "P1D PT1H P1Y2M3DT4H5M6S P3W P1Y P1M1D PT1M1S", "P PT 1D P1DT P1H P1Y1D P1W1D P-1D p1d"},
		{"email", "a@b a.b+c@example.com o'x@y-z.org", "a a@ @b a@b. .a@b a..b@c a@-b a@b-"},
		{"hostname", "localhost a-b.example.org 1.2.3.4 xn--a", "-a a- a..b a_b .a a. a/b"},
		{"ipv4", "0.0.0.0 255.255.255.255 1.20.30.40", "256.0.0.1 1.2.3 01.2.3.4 1.2.3.4.5"},
		{"ipv6", ":: ::1 1:: 1:2:3:4:5:6:7:8 1::8 ::ffff:1.2.3.4 1:2:3:4:5:6:1.2.3.4 fe80::a:b 1:2:3:4:5:6:7::", "1 ::: 1::2::3 1:2:3:4:5:6:7:8:9 12345:: g:: 1:2:3:4:5:6:7 ::1.2.3 1:2:3:4:5:6:7:1.2.3.4"},
		{"uri", "http://a https://u:p@a.b:80/c/d?e=f#g mailto:a@b urn:x:y http://1.2.3.4/%20 file:///a", "a /b http:/// 1http://a http://a/%2 http://a/{b} //a"},
		{"uri-reference", "http://a /b/c x ../x?y#z ?q #f", "a:b:c\\d %zz {x} :x"},
		{"uuid", "123e4567-e89b-12d3-a456-426614174000 ABCDEFAB-0000-0000-0000-000000000000", "123e4567e89b12d3a456426614174000 123e4567-e89b-12d3-a456-42661417400g"},
		{"json-pointer", "/a /a~0b~1c/ /0/é", "a ~2 /~ /a~2"},
		{"relative-json-pointer", "0 1/a 20# 0/a~1b", "01 -1 /a # a"},
		{"regex", `abc ^a.*b$ (a|b)+ [a-z0-9]+\d{3} \.\\`, `( [ a** *a (?=x) [z-a] \`},
		{"made-up", "a 1 %", ""},
	} {
		for _, bound := range []string{"", `,"maxLength":60`, `,"maxLength":400`, `,"minLength":1`} {
			g, err := Schema([]byte(fmt.Sprintf(`{"type":"string","format":%q%s}`, c.format, bound)), nil)
			if err != nil {
				t.Errorf("%s%s: %v", c.format, bound, err)
				continue
			}
			for i, texts := range []string{c.no, c.yes} {
				for _, text := range strings.Fields(texts) {
					if strings.Contains(bound, "max") && slices.Contains(unbounded, text) {
						continue
					}
					if takes(t, g, quote(text)) != (i == 1) {
						t.Errorf("%s%s: takes %v: %s", c.format, bound, i == 0, text)
					}
				}
			}
		}
	}
}

// TestFormatUpTo: the parts of a format that is bounded are no more than its bound.
func TestFormatUpTo(t *testing.T) {
	for name := range formats {
		for most := range 3000 {
			if most > 300 && most%37 != 0 {
				continue
			}
			if e, ok := formatUpTo(name, most); ok {
				if least, got := lengths(e.n); got == Unbounded || got > most || least > 20 {
					t.Fatalf("%s up to %d: %d to %d characters", name, most, least, got)
				}
			}
		}
	}
}
