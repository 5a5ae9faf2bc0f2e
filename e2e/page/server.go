package page

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/gguf"
	"github.com/blitz-r1/blitz/internal/catalogue"
	"github.com/blitz-r1/blitz/internal/golden/puppet"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
)

// Models are the names of the puppet in a store: two, so that they can be compared.
var Models = []string{"puppet", "puppet-two"}

// licences are those of the models. What a model's file says is not to be trusted.
var licences = []string{"apache-2.0", "<img src=x onerror=window.__hit=8>mit"}

// contextLength is the positions of prompt and answer together.
const contextLength = 128 << 10

// Server is a real server with the puppet behind it.
type Server struct {
	*server.Site
	URL  string
	Home string
	http *httptest.Server
}

// NewHome makes a store with the puppets in a folder.
func NewHome(ctx context.Context, home string) error {
	dir, err := os.MkdirTemp("", "blitz-page-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	store, err := hub.Open(home)
	if err != nil {
		return err
	}
	for i, name := range Models {
		p := puppet.WithTools()
		p.Context = contextLength
		p.Keys = []gguf.KeyValue{{Key: "general.license", Value: gguf.ValueOf(licences[i])}}
		for _, s := range scripts {
			p.Add(s.Name, s.Pieces, s.Loop)
		}
		for range i { // another file is another model
			p.AddControl(fmt.Sprintf("<|more:%d|>", i), "hello")
		}
		path := filepath.Join(dir, name+".gguf")
		if err := p.Write(path); err != nil {
			return err
		}
		if _, err := store.Import(ctx, path, name, nil); err != nil {
			return err
		}
	}
	return nil
}

// Open starts a server on a store. change, which may be nil, changes how.
func Open(home string, change func(*server.SiteOptions)) (*Server, error) {
	return OpenAt(home, "127.0.0.1:0", change)
}

// OpenAt is Open at an address.
func OpenAt(home, address string, change func(*server.SiteOptions)) (*Server, error) {
	known, err := catalogue.Open("")
	if err != nil {
		return nil, err
	}
	o := server.SiteOptions{Host: host.Options{Home: home, Threads: 1, Context: contextLength, Catalogue: known}, Version: "test"}
	if change != nil {
		change(&o)
	}
	s := &Server{Home: home}
	if s.Site, err = server.OpenSite(o); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, errors.Join(err, s.Site.Close(context.Background()))
	}
	s.http = httptest.NewUnstartedServer(s.Site.Handler())
	s.http.Listener.Close() // of an address that nobody chose
	s.http.Listener = listener
	s.http.Config.ConnContext = s.Gate().ConnContext
	s.http.Start()
	s.URL = s.http.URL
	return s, nil
}

// Close ends the server; answers under way have a moment.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.Site.Close(ctx)
	s.http.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil
	}
	return err
}

// Kill ends the server as a machine does that goes down: connections break, and answers
// under way end where they are.
func (s *Server) Kill() error {
	s.http.Listener.Close()
	s.http.CloseClientConnections()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := s.Site.Close(ctx)
	s.http.Close()
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// Script is what the puppet says where a message has "play NAME".
type Script struct {
	Name         string
	Pieces, Loop []string
}

// Hostile is the Markdown of the script "attack": none of it may do anything.
var Hostile = []string{
	"Before.\n\n", "<script>window.__hit = 1</script>\n\n", "<img src=x onerror=\"window.__hit = 2\">\n\n",
	"![remote](https://example.org/pixel.png)\n\n", "[run](javascript:window.__hit=3)\n\n", "[data](data:text/html,<script>window.__hit=4</script>)\n\n",
	"<svg onload=\"window.__hit = 5\"><a xlink:href=\"javascript:window.__hit=6\">svg</a></svg>\n\n", "<iframe src=\"https://example.org/\"></iframe>\n\n",
	"<form action=\"https://example.org/\"><input name=\"q\"></form>\n\n", "<style>body { display: none }</style>\n\n", "<div style=\"position:fixed;inset:0\">over</div>\n\n",
	"$\\href{javascript:window.__hit=7}{x}$ $\\def\\a{\\a\\a}\\a$ $\\includegraphics{https://example.org/y.png}$\n\n",
	"<a href=\"https://example.org/\" target=\"_self\">plain link</a>\n\n", "| a | b |\n|---|---|\n" + strings.Repeat("| x | y |\n", 200) + "\n",
	"<base href=\"https://example.org/\">\n\n", "```html\n<b>unclosed fence</b>\n",
}

var scripts = []Script{
	{Name: "rich", Pieces: []string{
		"# A heading\n\n", "Some **bold** text with `code` and $x^2$.\n\n", "```go\nfunc main() { println(\"hi\") }\n```\n\n",
		"| left | right |\n|---|---|\n| 1 | 2 |\n\n", "- one item\n- another\n\n", "The end of it.",
	}},
	{Name: "attack", Pieces: Hostile},
	{Name: "flood", Pieces: []string{"# Flood\n\n", "The first paragraph stays.\n\n"}, Loop: []string{
		"Water", " rises", " over", " all", " banks,", " and", " goes", " on", " and on.\n\n", "- a point of it\n", "- and one more\n\n", "`some code` ", "and **strong** words.\n\n",
	}},
	{Name: "arabic", Pieces: []string{"\u0645\u0631\u062d\u0628\u0627 ", "\u0628\u0627\u0644\u0639\u0627\u0644\u0645\n\n", "```python\nx = 1\n```\n"}},
	{Name: "cut", Pieces: []string{"Num", "bers:"}}, // behind which the model counts
}
