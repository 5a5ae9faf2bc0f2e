package main

import (
	"strings"
	"testing"
)

// What a text is read as, in every encoding that a file may come in.
func TestDecodeText(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"UTF-8":                        {"héllo", "héllo"},
		"nothing":                      {"", ""},
		"a mark":                       {"\xef\xbb\xbfhéllo", "héllo"},
		"a mark alone":                 {"\xef\xbb\xbf", ""},
		"a mark inside stays":          {"a\ufeffb", "a\ufeffb"},
		"a second mark stays":          {"\ufeff\ufeffb", "\ufeffb"},
		"UTF-16, little end first":     {"\xff\xfeh\x00\xe9\x00", "hé"},
		"UTF-16, big end first":        {"\xfe\xff\x00h\x00\xe9", "hé"},
		"UTF-16 beyond the first 64 K": {"\xff\xfe\x3d\xd8\x00\xde", "😀"},
		"UTF-16, nothing":              {"\xff\xfe", ""},
		"a zero byte":                  {"a long text with one \x00 zero", "a long text with one \x00 zero"},
	} {
		if got, err := decodeText([]byte(c.in), "x"); got != c.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	for name, c := range map[string]struct{ in, want string }{
		"Latin-1":                  {"caf\xe9", "x: byte 3 is 0xe9, which is no UTF-8"},
		"UTF-8 that is cut":        {"caf\xc3", "x: byte 3 is 0xc3"},
		"Shift JIS":                {"\x93\xfa\x96\x7b", "x: byte 0 is 0x93"},
		"UTF-16 without a mark":    {"h\x00i\x00", "looks like UTF-16 without its byte order mark"},
		"UTF-16 of an odd length":  {"\xff\xfeh\x00i", "ends inside a character"},
		"half a pair":              {"\xff\xfe\x3d\xd8a\x00", "half of a character at byte 2"},
		"half a pair at the end":   {"\xff\xfea\x00\x3d\xd8", "half of a character at byte 4"},
		"UTF-32, little end first": {"\xff\xfe\x00\x00h\x00\x00\x00", "UTF-32"},
		"UTF-32, big end first":    {"\x00\x00\xfe\xff\x00\x00\x00h", "UTF-32"},
	} {
		_, err := decodeText([]byte(c.in), "x")
		if err == nil || !strings.Contains(err.Error(), c.want) || exitCode(err) != exitRefused {
			t.Errorf("%s: %v, want a refusal with %q", name, err, c.want)
		} else if _, hint := explain(err); hint != hintEncoding {
			t.Errorf("%s: hint %q", name, hint)
		}
	}
}
