package registry

import (
	"errors"
	"testing"
)

func TestCredentials(t *testing.T) {
	c, err := ParseCredentials([]byte(`{"auths":{
		"registry.example:5000":{"auth":"cHVsbGVyOnBhOnNz"},
		"https://index.docker.io/v1/":{"auth":"aHViOnNlY3JldA=="},
		"plain.example":{"username":"u","password":"p"},
		"kept.example":{}, "broken.example":{"auth":"%%%"}},
		"credHelpers":{"own.example":"ecr-login"},"credsStore":"desktop"}`))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]Login{
		"registry.example:5000": {"puller", "pa:ss"}, "Registry.Example:5000": {"puller", "pa:ss"}, "plain.example": {"u", "p"},
		"docker.io": {"hub", "secret"}, "registry-1.docker.io": {"hub", "secret"},
		"registry.example": {}, "registry.example:5001": {}, "example": {}, "sub.plain.example": {}, "kept.example": {}, "broken.example": {}, "auth.docker.io": {},
	} {
		if got, ok := c.For(host); got != want || ok != (want != Login{}) {
			t.Errorf("%s: got %v %v, want %v", host, got, ok, want)
		}
	}
	if c.Helper("own.example") != "ecr-login" || c.Helper("kept.example") != "desktop" {
		t.Errorf("helpers %q, %q", c.Helper("own.example"), c.Helper("kept.example"))
	}
	var none *Credentials
	if _, ok := none.For("a"); ok || none.Helper("a") != "" {
		t.Error("no file has credentials")
	}
	for _, text := range []string{"", "[]", `{"auths":[]}`, `{"auths":{"a":{"auth":1}}}`} {
		if _, err := ParseCredentials([]byte(text)); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v, want ErrFormat", text, err)
		}
	}
}

func TestMaySend(t *testing.T) {
	for _, c := range []struct {
		registry, realm string
		want            bool
	}{
		{"a.example", "a.example", true},
		{"a.example:5000", "A.example:5000", true},
		{"docker.io", "auth.docker.io", true},
		{"registry-1.docker.io", "auth.docker.io", true},
		{"a.example", "auth.docker.io", false},
		{"a.example", "b.example", false},
		{"a.example", "sub.a.example", false},
		{"a.example:5000", "a.example", false},
		{"docker.io", "auth.docker.io.example", false},
	} {
		if got := MaySend(c.registry, c.realm); got != c.want {
			t.Errorf("from %s to %s: %v, want %v", c.registry, c.realm, got, c.want)
		}
	}
}

func FuzzParseCredentials(f *testing.F) {
	f.Add([]byte(`{"auths":{"registry.example:5000":{"auth":"cHVsbGVyOnBhOnNz"}},"credsStore":"x"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseCredentials(text)
		if err != nil {
			return
		}
		for host := range c.auths {
			if l, ok := c.For(host); !ok || l.User == "" || l.Password == "" {
				t.Errorf("%q: %v %v", host, l, ok)
			}
		}
	})
}
