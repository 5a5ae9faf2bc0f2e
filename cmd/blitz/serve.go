package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/mcp"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/socket"
)

type serveFlags struct {
	engineFlags
	guardFlags
	cmd              *cobra.Command
	addr             string
	keepAlive, grace time.Duration
	context          count
	sequences, queue count
	prefixes         size
	open             bool
	speculate        choice
	receipts         serveReceipts
	jobs             serveJobs
	drafts, adapters []string
	reloaded         atomic.Pointer[serveFlags] // as SIGHUP had them read last; nil: it never did
}

func newServe() *cobra.Command { return newServeFlags().cmd }

func newServeFlags() *serveFlags {
	f := &serveFlags{context: count{min: 1, max: maxPositions}, sequences: count{min: 1, max: 4096}, queue: count{min: 1, max: 1 << 20}}
	cmd := &cobra.Command{
		Use:   "serve [MODEL…]",
		Short: "Serve models over HTTP",
		Long: `Answers clients of OpenAI, Anthropic and Ollama on one port, and shows a page to
browsers. Models that are named are loaded at once, all others of the store when
they are asked for.

From this machine the user who runs the server needs no key; everybody else
does (blitz keys create NAME). Any address but this machine's own needs TLS and
a key. SIGHUP has the settings file and the certificate read anew.`,
		Example: `  blitz serve
  blitz serve --open
  blitz serve --addr 0.0.0.0:11434 --tls-self`,
		ValidArgsFunction: completeModel,
		RunE:              func(_ *cobra.Command, args []string) error { return f.run(args) },
	}
	f.cmd = cmd
	cmd.Flags().StringVar(&f.addr, "addr", defaultAddr, "`HOST:PORT` to listen on; OLLAMA_HOST says so too")
	cmd.Flags().DurationVar(&f.keepAlive, "keep-alive", host.DefaultKeepAlive, "`time` that a model stays behind its last use, negative: for ever")
	cmd.Flags().Var(&f.context, "ctx", "`positions` of prompt and answer together (default each model's, up to what memory allows)")
	cmd.Flags().Var(&f.sequences, "sequences", "`answers` that a model gives at once (default by memory)")
	cmd.Flags().Var(&f.queue, "queue", "`answers` under way and waiting, more are refused (default 512)")
	f.prefixes.v = 8 << 30
	cmd.Flags().Var(&f.prefixes, "prefix-cache", "`bytes` of disk for what was computed of prompts, which then outlives a restart; 0: none")
	cmd.Flags().BoolVar(&f.open, "open", false, "show the page in the browser")
	f.speculate = choice{from: []string{"auto", "off", "ngram"}}
	cmd.Flags().Var(&f.speculate, "speculate", "guess coming tokens by what stood behind the same words, and compute them at once where that pays, which changes no bit of any answer: `auto|off|ngram` (default auto)")
	cmd.Flags().StringSliceVar(&f.adapters, "adapter", nil, "`MODEL:NAME=FOLDER`: a low-rank adapter (LoRA) that MODEL:NAME asks for, loaded with a MODEL that is named; several with commas")
	cmd.Flags().StringSliceVar(&f.drafts, "draft", nil, "`MODEL=DRAFT`: a smaller model of the same vocabulary that guesses for another, or a GGUF file of its own draft layers, loaded with it; several with commas")
	cmd.Flags().DurationVar(&f.grace, "grace", 30*time.Second, "`time` that answers under way have when the server ends")
	f.engineFlags.add(cmd)
	f.guardFlags.add(cmd)
	f.receipts.add(cmd)
	f.jobs.add(cmd)
	return f
}

// run serves until it is interrupted.
func (f *serveFlags) run(models []string) error {
	if err := errors.Join(f.check(), f.checkDrafts()); err != nil {
		return err
	}
	home, _, err := homeFolder(os.Getenv)
	if err != nil {
		return err
	}
	known, err := openCatalogue()
	if err != nil {
		return err
	}
	gate, err := f.gate()
	if err != nil {
		return err
	}
	tools, err := mcpServers(os.Getenv)
	if err != nil {
		return err
	}
	file, err := settings.Open(os.Getenv)
	if err != nil {
		return err
	}
	auditing, err := readAudit(file)
	if err != nil {
		return err
	}
	f.addr = f.address()
	cert, err := f.certificate(home, f.addr)
	if err != nil {
		return err
	}
	l, loopback, err := f.listen(cert != nil)
	if err != nil {
		return err
	}
	defer l.Close()
	notary, closeLog, err := f.receipts.open(f.cmd)
	if err != nil {
		return err
	}
	defer closeLog()
	nodes, closeNodes, err := f.jobs.open(f.cmd)
	if err != nil {
		return err
	}
	defer closeNodes()
	level := &slog.LevelVar{}
	log := f.logger(f.cmd, level)
	ctx, stop := context.WithCancel(f.cmd.Context())
	defer stop()
	auditing.attend(ctx, notary, log)
	trusted, err := readTrusted(f.cmd, os.Getenv)
	if err != nil {
		return err
	}
	o := server.SiteOptions{
		Host: host.Options{
			Voucher: trusted,
			Home:    home, Threads: f.computing(), KeepAlive: f.keepAlive, Context: f.context.v, Sequences: f.sequences.v,
			Cache: f.cache.v, MLA: f.mla.v, Rope: f.rope(), Speculate: f.speculate.v, Packed: openPacked(f.packed.v), ExpertMemory: f.experts.v, Log: log,
			Settings: readHubs(), Places: hub.DefaultPlaces(os.Getenv), Catalogue: known, Offline: has(f.cmd, "offline"),
		},
		Serve: models, Gate: gate, Queue: f.queue.v, Prefixes: filepath.Join(home, "prefixes"), PrefixesLimit: f.prefixes.v,
		Version: readBuild().String(), Log: log,
		URL: "http://" + reached(l.Addr()), PID: os.Getpid(), Stop: stop,
		Documents: ownCommand(readerVerb), Confine: ownCommand(confineVerb), Settings: f.settings,
		Allowed: allowedTools(os.Getenv), Notary: notary, Payment: auditing.payment, Nodes: nodes, Digests: digestMemory(),
	}
	o.Tools = mcp.New(tools, mcp.Options{Version: o.Version, Getenv: os.Getenv, Log: log})
	if cert != nil {
		o.URL, o.CertificateNames = "https://"+reached(l.Addr()), cert.Names
	}
	site, err := server.OpenSite(o)
	if err != nil {
		return err
	}
	if err := f.announce(f.cmd, site, loopback, cert); err != nil {
		return errors.Join(err, site.Close(ctx))
	}
	f.reloads(ctx, site, cert, level, log)
	return f.serve(ctx, site, models, encrypt(l, cert), f.door(home))
}

// computing returns how many threads compute, 0: what suits the machine. Go runs a few
// goroutines more at once: what reads requests and writes answers would otherwise wait until
// one of those threads is taken off its step.
func (f *serveFlags) computing() int {
	n := f.processors()
	runtime.GOMAXPROCS(max(n, runtime.GOMAXPROCS(0)) + max(2, n/4))
	return f.threads.v
}

// door opens the socket by which this user's own programs find the server; nil where
// there is none, which stderr is told.
func (f *serveFlags) door(home string) net.Listener {
	path, err := socket.Path(home, os.Getenv)
	if err == nil {
		var l net.Listener
		if l, err = socket.Listen(path); err == nil {
			return l
		}
	}
	fmt.Fprintf(f.cmd.ErrOrStderr(), "blitz: note: blitz run, ps and stop will not find this server: %v\n", err)
	return nil
}

// serve brings the models that were named, and answers until the end.
func (f *serveFlags) serve(ctx context.Context, site *server.Site, models []string, port, door net.Listener) error {
	if door != nil {
		defer door.Close()
	}
	names, err := f.names(site, models)
	if err != nil {
		return errors.Join(err, site.Close(ctx))
	}
	fmt.Fprintf(f.cmd.OutOrStdout(), "blitz: serving on %s%s\n", site.URL(), everywhere(port.Addr()))
	ended := make(chan error, 3)
	go func() { ended <- site.Serve(port) }()
	go f.showPage(site.URL())
	if door != nil {
		go func() { ended <- site.Serve(door) }()
	}
	if len(names) > 0 {
		go func() {
			if err := site.Load(ctx, names); err != nil {
				ended <- err
			}
		}()
	}
	select {
	case err = <-ended:
	case <-ctx.Done():
		fmt.Fprintln(f.cmd.ErrOrStderr(), "blitz: the server ends when the answers under way do")
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.grace)
	defer cancel()
	if closed := site.Close(grace); closed != nil && ctx.Err() == nil {
		err = errors.Join(err, closed)
	}
	return err
}

// address returns the address to listen on.
func (f *serveFlags) address() string {
	ollama := os.Getenv("OLLAMA_HOST")
	if ollama != "" && settings.Origin(f.cmd.Flags().Lookup("addr")) == settings.Default {
		return ollamaAddr(ollama)
	}
	return f.addr
}

// listen opens the port. loopback says that nobody but this machine reaches it.
func (f *serveFlags) listen(encrypted bool) (l net.Listener, loopback bool, err error) {
	if loopback, err = parseAddr(f.addr); err == nil {
		err = f.checkOpen(f.addr, loopback, encrypted)
	}
	if err != nil {
		return nil, false, err
	}
	l, err = listen(f.addr)
	return l, loopback, err
}

// names returns what the models are asked for by: names of the store as they are, paths by
// a name of their own. One that is not there is an error. Those that guess are told to the
// host.
func (f *serveFlags) names(site *server.Site, models []string) ([]string, error) {
	var names []string
	for _, name := range models {
		served, err := f.nameOf(site, name)
		if err != nil {
			return nil, err
		}
		names = append(names, served)
	}
	for _, pair := range f.drafts {
		model, draft, _ := strings.Cut(pair, "=")
		served, err := f.nameOf(site, model)
		if err != nil {
			return nil, fmt.Errorf("--draft: %w", err)
		}
		location, err := locateModel(f.cmd.Context(), f.cmd, draft)
		if err != nil {
			return nil, fmt.Errorf("--draft: %w", err)
		}
		if location.Model != nil {
			draft = location.Model.Name.String()
		} else if draft, err = filepath.Abs(location.Path); err != nil {
			return nil, fmt.Errorf("--draft: %w", err)
		}
		if err := site.Host().Draft(served, draft); err != nil {
			return nil, fmt.Errorf("--draft: %w", err)
		}
	}
	adapted, err := f.adapt(site, names)
	return append(names, adapted...), err
}

// adapt tells the host of adapters, and returns the names of those whose models are loaded
// at once: they are loaded with them.
func (f *serveFlags) adapt(site *server.Site, models []string) (names []string, err error) {
	for _, pair := range f.adapters {
		model, name, folder := cutAdapter(pair)
		served, err := f.nameOf(site, model)
		if err == nil {
			err = site.Host().Adapter(served, name, folder)
		}
		if err != nil {
			return nil, fmt.Errorf("--adapter: %w", err)
		}
		if slices.Contains(models, served) {
			names = append(names, host.AdapterName(served, name))
		}
	}
	return names, nil
}

// cutAdapter returns the parts of MODEL:NAME=FOLDER, empty ones where it is not that.
func cutAdapter(pair string) (model, name, folder string) {
	left, folder, _ := strings.Cut(pair, "=")
	if at := strings.LastIndexByte(left, ':'); at >= 0 {
		model, name = left[:at], left[at+1:]
	}
	return model, name, folder
}

// nameOf returns what a model is asked for by, and has the host know it.
func (f *serveFlags) nameOf(site *server.Site, name string) (string, error) {
	location, err := locateModel(f.cmd.Context(), f.cmd, name)
	if err != nil {
		return "", err
	}
	if location.Model != nil {
		if location.Model.IsWithin() {
			site.Host().ListWithin()
		}
		return location.Model.Name.String(), nil
	}
	return site.Host().Serve(location.Path)
}

// checkDrafts says what is wrong with --draft and --adapter.
func (f *serveFlags) checkDrafts() error {
	for _, pair := range f.drafts {
		if model, draft, ok := strings.Cut(pair, "="); !ok || model == "" || draft == "" {
			return fault.Misuse(fmt.Errorf("serve: --draft is %q, want MODEL=DRAFT", pair))
		}
	}
	for _, pair := range f.adapters {
		if model, name, folder := cutAdapter(pair); model == "" || name == "" || folder == "" {
			return fault.Misuse(fmt.Errorf("serve: --adapter is %q, want MODEL:NAME=FOLDER", pair))
		}
	}
	if kind := f.speculate.v; len(f.drafts) > 0 && kind != "" && kind != engine.SpeculateAuto.String() {
		return fault.Misuse(fmt.Errorf("serve: --draft with --speculate %s", kind))
	}
	return nil
}
