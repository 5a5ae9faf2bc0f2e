package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/settings"
)

// guardFlags say who is let in, and how it is told of.
type guardFlags struct {
	tlsCert, tlsKey                string
	tlsSelf, requireKeys, insecure bool
	hosts, proxies, origins        []string
	logFormat, logLevel            choice
}

func (f *guardFlags) add(cmd *cobra.Command) {
	f.logFormat = choice{v: "text", from: []string{"text", "json"}}
	f.logLevel = choice{v: "info", from: []string{"debug", "info", "warn", "error"}}
	fl := cmd.Flags()
	fl.StringVar(&f.tlsCert, "tls-cert", "", "`FILE` with the certificate, PEM")
	fl.StringVar(&f.tlsKey, "tls-key", "", "`FILE` with its key, PEM")
	fl.BoolVar(&f.tlsSelf, "tls-self", false, "encrypt by a certificate that blitz makes; its fingerprint is printed")
	fl.BoolVar(&f.requireKeys, "require-keys", false, "want a key from this user too")
	fl.BoolVar(&f.insecure, "insecure", false, "listen to other machines without TLS, and let in everybody while there are no keys")
	fl.StringSliceVar(&f.hosts, "hosts", nil, "`names` by which the server may be called, besides localhost, its address and those of the certificate; *.example.org is any one below it")
	fl.StringSliceVar(&f.proxies, "trusted-proxies", nil, "`addresses`, such as 10.0.0.0/8, of proxies whose X-Forwarded headers count")
	fl.StringSliceVar(&f.origins, "cors", nil, "`origins` of pages, such as https://example.org, that may use the server in a browser; * lets all that have a key")
	fl.Var(&f.logFormat, "log-format", "text or json")
	fl.Var(&f.logLevel, "log-level", "debug, info, warn or error")
}

// gate returns the flags as the server takes them.
func (f *guardFlags) gate() (server.GateSettings, error) {
	s := server.GateSettings{RequireKeys: f.requireKeys, Insecure: f.insecure, Hosts: f.hosts}
	for _, text := range f.proxies {
		p, err := netip.ParsePrefix(text)
		if a, one := netip.ParseAddr(text); err != nil && one == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return s, fault.Misuse(fmt.Errorf("--trusted-proxies: %q, want an address or a range such as 10.0.0.0/8", text))
		}
		s.TrustedProxies = append(s.TrustedProxies, p)
	}
	for _, name := range f.hosts {
		if !server.IsHostPattern(name) {
			return s, fault.Misuse(fmt.Errorf("--hosts: %q, want a name or an address without a port", name))
		}
	}
	for _, o := range f.origins {
		if !server.IsOrigin(o) {
			return s, fault.Misuse(fmt.Errorf("--cors: %q, want an origin such as https://example.org, or *", o))
		}
		s.Origins = append(s.Origins, o)
	}
	return s, nil
}

// certificate returns the server's certificate, nil where it is not to have one.
func (f *guardFlags) certificate(home, addr string) (*server.Certificate, error) {
	switch {
	case f.tlsSelf && f.tlsCert+f.tlsKey != "":
		return nil, fault.Misuse(errors.New("--tls-self and --tls-cert are two certificates, want one"))
	case f.tlsSelf:
		must, may := f.certificateNames(addr)
		return server.SelfCertificate(filepath.Join(home, "tls"), must, may)
	case f.tlsCert != "" && f.tlsKey != "":
		return server.OpenCertificate(f.tlsCert, f.tlsKey)
	case f.tlsCert+f.tlsKey != "":
		return nil, fault.Misuse(errors.New("--tls-cert and --tls-key belong together, one is missing"))
	}
	return nil, nil
}

// certificateNames returns what a certificate of our own must be for, and what else it may be for.
func (f *guardFlags) certificateNames(addr string) (must, may []string) {
	must = append([]string{"localhost", "127.0.0.1", "::1"}, f.hosts...)
	if name, err := os.Hostname(); err == nil && server.IsHostPattern(name) && name != "localhost" {
		must = append(must, name)
	}
	host, _, _ := net.SplitHostPort(addr)
	if a, err := netip.ParseAddr(host); err == nil && !a.IsUnspecified() {
		if !a.IsLoopback() {
			must = append(must, a.WithZone("").String())
		}
		return must, nil
	}
	list, err := net.InterfaceAddrs()
	if err != nil {
		return must, nil // without them its name is left
	}
	for _, one := range list {
		if n, ok := one.(*net.IPNet); ok && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() {
			may = append(may, n.IP.String())
		}
	}
	return must, may
}

// checkOpen refuses to be open to other machines without TLS and without keys.
func (f *guardFlags) checkOpen(addr string, loopback, encrypted bool) error {
	if loopback || encrypted || f.insecure {
		return nil
	}
	err := fault.Misuse(fmt.Errorf("--addr %s is open to other machines: that needs TLS (--tls-cert and --tls-key, or --tls-self) and a key (blitz keys create NAME)", addr))
	return fault.WithHint(err, "--insecure goes without, where a network can be trusted")
}

// announce says what is open to whom, and refuses to be open to other machines without
// keys.
func (f *guardFlags) announce(cmd *cobra.Command, site *server.Site, loopback bool, c *server.Certificate) error {
	if f.tlsSelf {
		fmt.Fprintf(cmd.OutOrStdout(), "blitz: the certificate's SHA-256 fingerprint is %s\n", c.Fingerprint())
	}
	if loopback {
		return nil
	}
	live, err := site.Accounts().AnyLive()
	switch {
	case err != nil:
		return err
	case !live && !f.insecure:
		return fault.WithHint(fault.Misuse(errors.New("--addr is open to other machines: that needs a key")), "blitz keys create NAME makes one")
	case f.insecure && c == nil:
		fmt.Fprintln(cmd.ErrOrStderr(), "blitz: warning: --insecure: keys, prompts and answers pass the network in the clear")
	}
	if f.insecure && !live {
		fmt.Fprintln(cmd.ErrOrStderr(), "blitz: warning: --insecure: while there are no keys, everybody who reaches this port may have models answer")
	}
	return nil
}

// encrypt puts TLS in front of a listener.
func encrypt(l net.Listener, c *server.Certificate) net.Listener {
	if c == nil {
		return l
	}
	return tls.NewListener(l, c.Config())
}

// logger returns the log of the server; level may be changed later.
func (f *guardFlags) logger(cmd *cobra.Command, level *slog.LevelVar) *slog.Logger {
	f.setLevel(level)
	o := &slog.HandlerOptions{Level: level}
	if f.logFormat.v == "json" {
		return slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), o))
	}
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), o))
}

func (f *guardFlags) setLevel(level *slog.LevelVar) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(f.logLevel.v)); err == nil {
		level.Set(l)
	}
}

// reloads reads settings and certificate anew at each SIGHUP, until ctx ends.
func (f *serveFlags) reloads(ctx context.Context, site *server.Site, c *server.Certificate, level *slog.LevelVar, log *slog.Logger) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		defer signal.Stop(hup)
		for {
			select {
			case <-ctx.Done():
				return
			case <-hup:
			}
			if err := f.reload(site, c, level); err != nil {
				log.Error("settings were not read anew; those before stay", "error", strings.Join(strings.Fields(err.Error()), " "))
				continue
			}
			log.Info("settings were read anew")
		}
	}()
}

// reload takes over what may be changed while the server runs: the certificate, who is let
// in, how much is logged, the MCP servers. What the command line said stays. Where something
// is wrong with the settings, nothing of them is taken over.
func (f *serveFlags) reload(site *server.Site, c *server.Certificate, level *slog.LevelVar) error {
	next := newServeFlags()
	file, err := settings.Open(os.Getenv)
	if err != nil {
		return err
	}
	if err := settings.Apply(next.cmd.Flags(), "serve", os.Getenv, file); err != nil {
		return err
	}
	for name, keep := range map[string]func(){
		"require-keys":    func() { next.requireKeys = f.requireKeys },
		"hosts":           func() { next.hosts = f.hosts },
		"trusted-proxies": func() { next.proxies = f.proxies },
		"cors":            func() { next.origins = f.origins },
		"log-level":       func() { next.logLevel = f.logLevel },
	} {
		if settings.Origin(f.cmd.Flags().Lookup(name)) == settings.CommandLine {
			keep()
		}
	}
	next.insecure = f.insecure // what the server was started with decided whether it might
	gate, err := next.gate()
	if err != nil {
		return err
	}
	servers, err := serversOf(file)
	if err != nil {
		return err
	}
	if c != nil {
		c.Want(next.certificateNames(f.addr))
		if err := c.Reload(); err != nil {
			return err
		}
	}
	site.Gate().Set(gate)
	if tools := site.Tools(); tools != nil {
		tools.Set(servers)
	}
	next.setLevel(level)
	f.reloaded.Store(next)
	return nil
}
