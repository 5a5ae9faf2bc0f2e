package fetch

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestHostClass(t *testing.T) {
	for host, want := range map[string]Class{
		"127.0.0.1": Loopback, "127.255.0.3": Loopback, "::1": Loopback, "[::1]": Loopback, "localhost": Loopback, "LOCALHOST.": Loopback, "a.localhost": Loopback,
		"2130706433": Loopback, "0x7f000001": Loopback, "0177.0.0.1": Loopback, "127.1": Loopback, "::ffff:127.0.0.1": Loopback, "::ffff:7f00:1": Loopback, "64:ff9b::7f00:1": Loopback, "2002:7f00:1::": Loopback,
		"169.254.169.254": LinkLocal, "2852039166": LinkLocal, "0xa9fea9fe": LinkLocal, "0xA9.254.0251.0376": LinkLocal, "169.254.43518": LinkLocal,
		"::ffff:169.254.169.254": LinkLocal, "fe80::1": LinkLocal, "febf::1": LinkLocal, "64:ff9b::a9fe:a9fe": LinkLocal, "::169.254.169.254": LinkLocal,
		"10.1.2.3": Private, "172.16.0.1": Private, "172.31.255.255": Private, "192.168.1.1": Private, "100.64.0.1": Private, "100.127.255.255": Private,
		"0.0.0.0": Private, "0.1.2.3": Private, "0": Private, "224.0.0.1": Private, "255.255.255.255": Private, "::": Private, "fd00::1": Private, "ff02::1": Private, "198.18.0.1": Private, "fec0::1": Private,
	} {
		if got, known, err := hostClass(host); got != want || !known || err != nil {
			t.Errorf("%s: %v, %v, %v, want %v", host, got, known, err, want)
		}
	}
	for _, host := range []string{"8.8.8.8", "100.63.0.1", "172.32.0.1", "2606:4700::1", "169.253.1.1", "134744072", "::ffff:8.8.8.8"} {
		if got, known, err := hostClass(host); got != Public || !known || err != nil {
			t.Errorf("%s: %v, %v, %v, want public", host, got, known, err)
		}
	}
	for _, host := range []string{"huggingface.co", "localhost.example", "127.0.0.1.nip.io", "a1", "x.0xg"} {
		if _, known, err := hostClass(host); known || err != nil {
			t.Errorf("%s: known %v, %v, want a name", host, known, err)
		}
	}
	for _, host := range []string{"1.2.3.4.5", "256.1.1.1", "08.1.1.1", "4294967296", "1.2.3.0x100", "a.1", "::g", "0x"} {
		if _, _, err := hostClass(host); err == nil {
			t.Errorf("%s: no error", host)
		}
	}
}

func TestMayFollow(t *testing.T) {
	for _, c := range []struct {
		base, from string
		good, bad  []string
	}{
		{
			"https://huggingface.co", "https://huggingface.co/x",
			[]string{"https://us.aws.cdn.hf.co/y", "https://8.8.8.8/x", "https://huggingface.co:8443/"},
			[]string{
				"http://huggingface.co/x", "http://127.0.0.1/", "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/",
				"https://2852039166/", "https://0xa9fea9fe/", "https://[::ffff:169.254.169.254]/", "file:///etc/passwd", "ftp://example.org/x", "gopher://127.0.0.1/", "https://user:secret@example.org/",
				"https:///x", "https:x", "https://１２７.0.0.1/", "https://127。0。0。1/", "https://[fe80::1%25eth0]/", "https://0/", "https://1.2.3.4.5/",
			},
		},
		{
			"https://192.168.1.5", "https://192.168.1.5/x",
			[]string{"https://10.0.0.1/", "https://example.org/", "https://192.168.1.6:5000/"},
			[]string{"https://127.0.0.1/", "https://localhost/", "http://192.168.1.5/", "https://169.254.169.254/"},
		},
		{
			"http://127.0.0.1:5000", "http://127.0.0.1:5000/x",
			[]string{"http://127.0.0.2:5000/", "http://localhost/", "https://10.0.0.1/", "https://example.org/"},
			[]string{"http://10.1.2.3/", "http://192.168.1.1/", "http://169.254.169.254/", "https://169.254.169.254/", "http://[fe80::1]/", "http://2852039166/", "http://example.org/", "http://0.0.0.0/"},
		},
		{"https://127.0.0.1:5000", "https://127.0.0.1:5000/x", []string{"https://127.0.0.2/"}, []string{"http://127.0.0.1:5000/x"}},
	} {
		client, err := New(Options{Base: c.base})
		if err != nil {
			t.Fatal(err)
		}
		from, err := url.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		follow := func(location string) error {
			to, err := from.Parse(location)
			if err != nil {
				return err
			}
			return client.mayFollow(from, to)
		}
		for _, to := range c.good {
			if err := follow(to); err != nil {
				t.Errorf("%s to %s: %v", c.base, to, err)
			}
		}
		for _, to := range c.bad {
			if err := follow(to); err == nil {
				t.Errorf("%s to %s: followed", c.base, to)
			}
		}
	}
}

// What a name stands for is looked at when it is dialled.
func TestAdmit(t *testing.T) {
	for _, c := range []struct {
		base      string
		host, ip  string // dialled before
		other     string
		good, bad []string
	}{
		{"https://huggingface.co", "huggingface.co", "8.8.8.8", "cdn.example", []string{"1.1.1.1", "2606:4700::1"}, []string{"10.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "fe80::1", "::ffff:10.0.0.1"}},
		{"https://hub.corp", "hub.corp", "10.0.0.1", "cdn.corp", []string{"10.0.0.2", "8.8.8.8"}, []string{"127.0.0.1", "169.254.169.254"}},
		{"https://hub.corp", "hub.corp", "8.8.8.8", "hub.corp", []string{"8.8.4.4"}, []string{"10.0.0.1", "127.0.0.1"}}, // a name that is bound anew
		{"http://localhost:80", "localhost", "127.0.0.1", "x", []string{"10.0.0.1", "127.0.0.2"}, []string{"169.254.169.254"}},
	} {
		client, err := New(Options{Base: c.base})
		if err != nil {
			t.Fatal(err)
		}
		at := func(ip string) string { return netip.AddrPortFrom(netip.MustParseAddr(ip), 443).String() }
		if err := client.reach.admit(c.host, at(c.ip)); err != nil {
			t.Errorf("%s at %s: %v", c.host, c.ip, err)
		}
		for _, ip := range c.good {
			if err := client.reach.admit(c.other, at(ip)); err != nil {
				t.Errorf("%s, then %s at %s: %v", c.base, c.other, ip, err)
			}
		}
		for _, ip := range c.bad {
			if client.reach.admit(c.other, at(ip)) == nil {
				t.Errorf("%s, then %s at %s: dialled", c.base, c.other, ip)
			}
		}
	}
	client, err := New(Options{Base: "https://hub.corp"})
	if err != nil {
		t.Fatal(err)
	}
	if client.reach.admit("cdn.example", "10.0.0.1:443") == nil {
		t.Error("a private address of another name before the base was dialled: dialled")
	}
	if client.reach.admit("hub.corp", "169.254.169.254:443") == nil {
		t.Error("the base at a link-local address: dialled")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, base := range []string{"", "x", "http://example.org", "http://10.0.0.1", "ftp://example.org", "https://", "https://u:p@example.org", "https://169.254.169.254", "http://[fe80::1]", "https://[", "https://exa mple.org"} {
		if _, err := New(Options{Base: base}); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", base, err)
		}
	}
	for _, base := range []string{"https://127.0.0.1", "http://localhost", "https://10.0.0.1"} {
		if _, err := New(Options{Base: base, PublicOnly: true}); err == nil {
			t.Errorf("%s for somebody else: allowed", base)
		}
	}
	client, err := New(Options{Base: "https://intranet.example", PublicOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if client.reach.admit("intranet.example", "10.0.0.1:443") == nil {
		t.Error("a name of a private address for somebody else: dialled")
	}
}

func TestOrigin(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"https://hf.co/x", "https://HF.co:443/y", true},
		{"https://hf.co", "https://us.hf.co", false},
		{"https://hf.co", "http://hf.co", false},
		{"https://hf.co", "https://hf.co:8443", false},
		{"https://hf.co.", "https://hf.co", true},
		{"https://hf.co", "https://hf.co.evil.org", false},
		{"https://[", "https://[", false},
	} {
		if got := SameOrigin(c.a, c.b); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
}

func FuzzLiteral(f *testing.F) {
	for _, host := range []string{"127.0.0.1", "0x7f.1", "[::1]", "1.2.3.4.5", "::ffff:1.2.3.4", "0", ".", "a.0"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		if ip, isIP, err := literal(host); err == nil && isIP && !ip.IsValid() {
			t.Errorf("%q is an address that is none", host)
		}
	})
}
