package registry

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseChallenges(t *testing.T) {
	bearer := func(p map[string]string) Challenge { return Challenge{"bearer", p} }
	for _, c := range []struct {
		values []string
		want   []Challenge
	}{
		{
			[]string{`Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull"`},
			[]Challenge{bearer(map[string]string{"realm": "https://auth.docker.io/token", "service": "registry.docker.io", "scope": "repository:a/b:pull"})},
		},
		{[]string{`BEARER Realm = "a\"b" , scope=x,realm="second"`}, []Challenge{bearer(map[string]string{"realm": `a"b`, "scope": "x"})}},
		{[]string{`Basic realm="files", Bearer realm="t"`, `Negotiate`}, []Challenge{{"basic", map[string]string{"realm": "files"}}, bearer(map[string]string{"realm": "t"}), {"negotiate", map[string]string{}}}},
		{[]string{`Bearer realm="never closed`}, []Challenge{bearer(map[string]string{})}},
		{[]string{``, `,,`, `"`, "Bearer " + strings.Repeat("x", maxChallenge)}, nil},
	} {
		if got := ParseChallenges(c.values); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.values, got, c.want)
		}
	}
}

func FuzzParseChallenges(f *testing.F) {
	f.Add(`Bearer realm="https://a/token",service="b",scope="repository:a/b:pull", Basic realm=x`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range ParseChallenges([]string{text}) {
			if c.Scheme == "" || c.Scheme != strings.ToLower(c.Scheme) {
				t.Errorf("scheme %q of %q", c.Scheme, text)
			}
		}
	})
}
