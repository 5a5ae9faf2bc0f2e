package cluster

import (
	"net/url"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// TestHearsay: servers that another one names are not gone to where nothing is encrypted.
func TestHearsay(t *testing.T) {
	start := func(routes ...*url.URL) *server.Server {
		s, err := server.NewServer(&server.Options{
			Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, Routes: routes,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: -1},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		t.Cleanup(s.Shutdown)
		if !s.ReadyForConnections(time.Minute) {
			t.Fatal("the server does not start")
		}
		return s
	}
	first := start()
	start(&url.URL{Scheme: "nats", Host: first.ClusterAddr().String()})
	hearer, err := nats.Connect(first.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer hearer.Close()
	for len(hearer.DiscoveredServers()) == 0 { // the servers name one another in their own time
		time.Sleep(10 * time.Millisecond)
	}
	nc, err := Connect(t.Context(), Address{URLs: first.ClientURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if found := nc.DiscoveredServers(); len(found) > 0 || nc.Opts.ReconnectedCB == nil {
		t.Errorf("it would go on to %q", found)
	}
}

// TestOpenWhenBack: a connection that breaks again while it is looked at is not given up for it.
func TestOpenWhenBack(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	nc, err := Connect(t.Context(), Address{URLs: s.ClientURL()})
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	s.Shutdown()
	for nc.IsConnected() {
		time.Sleep(time.Millisecond)
	}
	if err := checkOpen(nc); err != nil {
		t.Errorf("while it is broken: %v", err)
	}
}
