package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// Server is a server of NATS in this process: one of the three of a cluster.
type Server struct {
	s     *server.Server
	nkey  nats.Option
	inbox string
	name  string
}

// StartServer starts the server that a configuration describes. What is written is on the
// disk before it is acknowledged. The error wraps ErrNATS or ErrConfig.
func StartServer(c *Config, note func(format string, args ...any)) (*Server, error) {
	with, err := c.tls()
	if err != nil {
		return nil, err
	}
	public, sign, err := c.nkey()
	if err != nil {
		return nil, err
	}
	o, err := c.serverOptions(with)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(o.Nkeys, func(u *server.NkeyUser) bool { return u.Nkey == public })
	if i < 0 {
		return nil, fmt.Errorf("%s: no peer has the nkey of %s: %w", c.Peers, c.Cluster.NKey, ErrConfig)
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, refused("the embedded server", err)
	}
	s.SetLoggerV2(&natsLog{note}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		s.Shutdown()
		return nil, refused("the embedded server", errors.New("it does not come to listen"))
	}
	return &Server{s: s, nkey: nats.Nkey(public, sign), inbox: inboxOf(public), name: o.ServerName}, nil
}

// serverOptions returns the options of the embedded server.
func (c *Config) serverOptions(with *tls.Config) (*server.Options, error) {
	o := &server.Options{
		ServerName: c.Cluster.Server, DontListen: c.Cluster.Clients == "", NoSigs: true, NoLog: true, MaxPayload: MaxMessage, MaxConn: maxConnections, MaxPending: 64 << 20,
		JetStream: true, StoreDir: c.Beside(c.Cluster.Store), SyncAlways: true, DisableJetStreamBanner: true,
		JetStreamMaxStore: 16 << 30, JetStreamMaxMemory: 64 << 20, MaxControlLine: 4096, AuthTimeout: 5, PingInterval: 5 * time.Second, MaxPingsOut: 2,
	}
	if o.ServerName == "" {
		o.ServerName = c.Cluster.Listen
	}
	if c.Cluster.MaxMB > 0 {
		o.JetStreamMaxStore = c.Cluster.MaxMB << 20
	}
	if c.Cluster.Clients != "" {
		o.Host, o.Port, _ = splitAddress(c.Cluster.Clients)
		if o.Port == 0 {
			o.Port = server.RANDOM_PORT
		}
	}
	if with != nil {
		o.TLS, o.TLSVerify, o.TLSConfig, o.TLSTimeout = true, true, with, 5
	}
	o.Cluster.Name = c.Cluster.Name
	o.Cluster.Host, o.Cluster.Port, _ = splitAddress(c.Cluster.Listen)
	o.Cluster.Advertise = c.Cluster.Advertise
	o.Cluster.NoAdvertise, o.Cluster.ConnectBackoff, o.Cluster.PoolSize = true, false, 1
	o.Cluster.PingInterval, o.Cluster.MaxPingsOut = 2*time.Second, 2
	if with != nil {
		o.Cluster.TLSConfig, o.Cluster.TLSTimeout = with, 5
	}
	for _, r := range c.Cluster.Routes {
		o.Routes = append(o.Routes, &url.URL{Scheme: "nats", Host: r})
	}
	for _, p := range c.peers.All {
		if p.NKey != "" {
			o.Nkeys = append(o.Nkeys, &server.NkeyUser{Nkey: p.NKey, Permissions: permissions(p)})
		}
	}
	if len(o.Nkeys) == 0 {
		return nil, fmt.Errorf("%s: no peer has an nkey: %w", c.Peers, ErrConfig)
	}
	return o, nil
}

// maxConnections bounds the clients of an embedded server.
const maxConnections = 4096

// inboxOf returns where a peer gets its answers: nobody else may listen there.
func inboxOf(nkey string) string { return "_INBOX_" + nkey }

// permissions returns what a peer may say and hear: its roles, and no more.
func permissions(p *Peer) *server.Permissions {
	publish := []string{
		"$JS.API.INFO", "$SRV.>",
		"$JS.FC.>",
	}
	for _, b := range buckets {
		publish = append(publish, "$JS.API.STREAM.INFO.KV_"+string(b), "$JS.API.DIRECT.GET.KV_"+string(b)+".>", "$JS.API.DIRECT.GET.KV_"+string(b), "$JS.API.STREAM.MSG.GET.KV_"+string(b),
			"$JS.API.CONSUMER.CREATE.KV_"+string(b)+".>", "$JS.API.CONSUMER.CREATE.KV_"+string(b), "$JS.API.CONSUMER.DELETE.KV_"+string(b)+".>", "$JS.API.CONSUMER.INFO.KV_"+string(b)+".>")
	}
	line := func(l Line) string { return streamName(l) }
	for _, l := range []Line{Jobs, Audits} {
		publish = append(publish, "$JS.API.STREAM.INFO."+line(l))
	}
	if p.May(Submit) {
		publish = append(publish, subject(Jobs, "*"), subject(Audits, "*"), "$KV."+string(Audited)+".*", "$KV."+string(Lost)+".*")
	}
	for _, x := range []struct {
		role Role
		line Line
	}{{Work, Jobs}, {Audit, Audits}} {
		if !p.May(x.role) {
			continue
		}
		for _, b := range []Bucket{Results, Faults, Lost, Audited} {
			publish = append(publish, "$KV."+string(b)+".*", "$JS.API.STREAM.CREATE.KV_"+string(b))
		}
		publish = append(publish, "$JS.API.STREAM.CREATE."+line(Jobs), "$JS.API.STREAM.CREATE."+line(Audits),
			"$JS.API.CONSUMER.CREATE."+line(x.line)+".>", "$JS.API.CONSUMER.DURABLE.CREATE."+line(x.line)+".>", "$JS.API.CONSUMER.INFO."+line(x.line)+".>", "$JS.API.CONSUMER.MSG.NEXT."+line(x.line)+".>",
			"$JS.ACK."+line(x.line)+".>", "$JS.API.STREAM.MSG.GET."+line(x.line), "$JS.API.STREAM.MSG.DELETE."+line(x.line), "$JS.API.DIRECT.GET."+line(x.line)+".>", "$JS.API.DIRECT.GET."+line(x.line))
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: []string{inboxOf(p.NKey) + ".>", "$SRV.>"}},
		Response:  &server.ResponsePermission{MaxMsgs: 1, Expires: time.Minute},
	}
}

// Connect connects to the server, within the process.
func (s *Server) Connect(ctx context.Context) (*nats.Conn, error) {
	return Connect(ctx, Address{Nkey: s.nkey, Inbox: s.inbox, Name: s.name, inProcess: s.s})
}

// Healthy says whether the server takes part: its disk may have failed it.
func (s *Server) Healthy() bool { return s.s.Running() && s.s.JetStreamEnabled() }

// ClientURL returns where clients connect to.
func (s *Server) ClientURL() string { return s.s.ClientURL() }

// Close ends the server.
func (s *Server) Close() {
	s.s.Shutdown()
	s.s.WaitForShutdown()
}

// ClientAddress returns where a client of the cluster of a configuration connects to, and as
// who: this node's server, or those of the routes.
func (c *Config) ClientAddress(name string) (Address, error) {
	if c.Cluster.Clients == "" {
		return Address{}, fmt.Errorf("%s: cluster.clients is missing: where do clients connect to?: %w", c.path, ErrConfig)
	}
	with, err := c.tls()
	if err != nil {
		return Address{}, err
	}
	public, sign, err := c.nkey()
	if err != nil {
		return Address{}, err
	}
	scheme := "nats://"
	if with != nil {
		scheme = "tls://"
	}
	return Address{URLs: scheme + c.Cluster.Clients, TLS: with, Nkey: nats.Nkey(public, sign), Inbox: inboxOf(public), Name: name}, nil
}

// natsLog passes what the embedded server warns of on.
type natsLog struct {
	note func(format string, args ...any)
}

func (l *natsLog) Noticef(string, ...any)            {}
func (l *natsLog) Debugf(string, ...any)             {}
func (l *natsLog) Tracef(string, ...any)             {}
func (l *natsLog) Warnf(format string, args ...any)  { l.say(format, args) }
func (l *natsLog) Errorf(format string, args ...any) { l.say(format, args) }
func (l *natsLog) Fatalf(format string, args ...any) { l.say(format, args) }
func (l *natsLog) say(format string, args []any) {
	if l.note != nil {
		l.note("nats: "+format, args...)
	}
}
