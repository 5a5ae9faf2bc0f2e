package main

import (
	"net"
	"testing"
)

func TestOllamaAddr(t *testing.T) {
	for text, want := range map[string]string{
		"": defaultAddr, "127.0.0.1:1": "127.0.0.1:1", "http://localhost:99/": "localhost:99", "https://10.0.0.1": "10.0.0.1:11434",
		"0.0.0.0": "0.0.0.0:11434", ":8080": "127.0.0.1:8080", "[::1]:5": "[::1]:5", "::1": "[::1]:11434", "[::1]": "[::1]:11434",
	} {
		if got := ollamaAddr(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestParseAddr(t *testing.T) {
	for text, want := range map[string]bool{
		"127.0.0.1:0": true, "localhost:8080": true, "[::1]:1": true, "127.1.2.3:4": true,
		"0.0.0.0:80": false, "[::]:0": false, ":0": false, "10.0.0.1:65535": false,
	} {
		if got, err := parseAddr(text); got != want || err != nil {
			t.Errorf("%q: loopback %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "nonsense", "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:-1", "256.0.0.1:80", "127.0.0.1:http", "example.com:80", "1:2:3"} {
		if _, err := parseAddr(text); err == nil || exitCode(err) != exitUsage {
			t.Errorf("%q: %v, want wrong use", text, err)
		}
	}
}

func TestReached(t *testing.T) {
	for text, want := range map[string]string{"0.0.0.0:80": "localhost:80", "[::]:81": "localhost:81", "127.0.0.1:82": "127.0.0.1:82", "[::1]:83": "[::1]:83", "10.0.0.1:84": "10.0.0.1:84"} {
		a, err := net.ResolveTCPAddr("tcp", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := reached(a); got != want || (everywhere(a) != "") != (want[:3] == "loc") {
			t.Errorf("%s: %s, %q; want %s", text, got, everywhere(a), want)
		}
	}
}
