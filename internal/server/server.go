package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Options say what a server serves.
type Options struct {
	Dialects []*wire.Dialect
	Guard    Guard // nil: everybody may do everything
	Log      *slog.Logger
	// Ready says whether requests can be answered; nil: always.
	Ready func() bool
	// Done is told of each request, for metrics; nil: nobody is.
	Done func(r *http.Request, route string, status int, took time.Duration)
	// ConnContext is asked once for each connection; nil: nobody is.
	ConnContext func(ctx context.Context, c net.Conn) context.Context
}

// Server serves dialects on any number of listeners.
type Server struct {
	o        Options
	http     *http.Server
	draining atomic.Bool
	stop     context.CancelCauseFunc // ends the requests that are under way
	serving  sync.WaitGroup
}

// Bounds of what a client may send, and of the time it may take.
const (
	maxHeader      = 64 << 10 // bytes
	headerPatience = 15 * time.Second
	idlePatience   = 3 * time.Minute
)

// ErrStopped is the cause of the end of requests that were under way when the server's
// grace was over.
var ErrStopped = errors.New("server: stopped")

// New returns a server.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o}
	ctx, stop := context.WithCancelCause(context.Background())
	s.stop = stop
	dialects := append(o.Dialects[:len(o.Dialects):len(o.Dialects)], s.own())
	s.http = &http.Server{
		Handler:           &frame{next: newRouter(o.Guard, dialects), log: o.Log, done: o.Done},
		ReadHeaderTimeout: headerPatience,
		IdleTimeout:       idlePatience,
		MaxHeaderBytes:    maxHeader,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       o.ConnContext,
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug), // what clients do to connections
	}
	return s
}

// Handler returns what answers requests, for who has a listener of his own.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers on a listener until Shutdown; then it returns nil.
func (s *Server) Serve(l net.Listener) error {
	s.serving.Add(1)
	defer s.serving.Done()
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Shutdown takes no new requests, waits for those under way until ctx ends, and then
// ends them too.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	err := s.http.Shutdown(ctx)
	s.stop(ErrStopped)
	if err != nil {
		last, cancel := context.WithTimeout(context.Background(), lastPatience)
		defer cancel()
		if s.http.Shutdown(last) != nil {
			_ = s.http.Close()
		}
	}
	s.serving.Wait()
	return err
}

// lastPatience is how long requests that were ended may take to say so.
const lastPatience = 2 * time.Second
