package cluster

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

var (
	jobsFlag   = flag.Int("jobs", 140, "jobs of TestFaults")
	faultsFlag = flag.Int("faults", 7, "faults of TestFaults")
	seedFlag   = flag.Uint64("seed", 0, "of TestFaults; 0: a new one")
	auditFlag  = flag.Float64("audit", 1, "share of the jobs of TestFaults that is computed again")
)

// childVariable names the file of the node that a child of the test is.
const childVariable = "BLITZ_TEST_NODE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		if err := childNode(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// childNode is a node in a process of its own, until its input ends.
func childNode(path string) error {
	c, err := ReadConfig(path)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.Beside(c.Key))
	if err != nil {
		return err
	}
	key, err := signed.ParsePrivateKey(text)
	if err != nil {
		return err
	}
	m, err := openTiny(c.Beside(c.Models[0]), key)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	r := &faulty{Models: m}
	go func() {
		r.obey(os.Stdin)
		stop()
	}()
	id := key.Public().ID()
	n := &Node{
		Pool: c.Pool, ID: id, Self: c.Everyone().ByKey(id), Peers: c.Everyone(), Runner: r, Slots: c.Slots, Wait: c.AckWait(),
		Note: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	}
	if err := n.Embed(ctx, c); err != nil {
		return err
	}
	defer n.Close()
	err = n.Run(ctx, func() error {
		_, err := fmt.Println("ready")
		return err
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// faulty is a runner whose clock may be wrong, and that may lie.
type faulty struct {
	*Models
	lie   atomic.Bool
	clock atomic.Int64 // seconds
	sleep atomic.Int64 // milliseconds that a job takes beside
}

// obey does what the test says: lie N, clock N, sleep N.
func (f *faulty) obey(in io.Reader) {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		what, value, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch what {
		case "lie":
			f.lie.Store(n != 0)
		case "clock":
			f.clock.Store(n)
		case "sleep":
			f.sleep.Store(n)
		}
	}
}

func (f *faulty) Run(ctx context.Context, j *Job) (*Result, error) {
	r, err := f.Models.Run(ctx, j)
	time.Sleep(time.Duration(f.sleep.Load()) * time.Millisecond)
	shift := time.Duration(f.clock.Load()) * time.Second
	if err != nil || !f.lie.Load() && shift == 0 {
		return r, err
	}
	return forge(j, r, f.Notary.Key, f.lie.Load(), func(s *receipt.Statement) {
		s.Started, s.Finished = s.Started.Add(shift), s.Finished.Add(shift)
	})
}

// proxy passes connections on, until it is cut.
type proxy struct {
	l      net.Listener
	target string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, target: target, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = l.Close()
		p.set(true, false)
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.pass(c)
		}
	}()
	return p
}

// keep notes a connection, unless the proxy is cut.
func (p *proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		_ = c.Close()
		return false
	}
	p.conns[c] = true
	return true
}

func (p *proxy) pass(c net.Conn) {
	if !p.keep(c) {
		return
	}
	to, err := net.Dial("tcp", p.target)
	if err != nil || !p.keep(to) {
		_ = c.Close()
		return
	}
	go p.copy(to, c)
	p.copy(c, to)
}

// copy copies until either side ends; what comes while the proxy is cut is lost.
func (p *proxy) copy(to, from net.Conn) {
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		lost := p.cut
		p.mu.Unlock()
		if err == nil && !lost {
			_, err = to.Write(b[:n])
		}
		if err != nil {
			_ = to.Close()
			_ = from.Close()
			return
		}
	}
}

// set cuts the proxy, or heals it: by new connections. Where it is cut silently, connections
// stay, and nothing comes through.
func (p *proxy) set(cut, silent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	if cut && silent {
		return
	}
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

// testNode is a node of the test.
type testNode struct {
	name   string
	config string
	store  string
	key    *signed.PrivateKey
	cmd    *exec.Cmd
	in     io.WriteCloser
	ended  chan struct{}
}

// testCluster is three nodes, each in a process of its own, behind proxies.
type testCluster struct {
	t       testing.TB
	nodes   [3]*testNode
	proxies map[[2]int]*proxy // from, to
	peers   *Peers
	clients string
	client  *Config // of the submitter
	logs    string
}

// newTestCluster starts three nodes.
func newTestCluster(t testing.TB) *testCluster {
	t.Helper()
	d := t.TempDir()
	c := &testCluster{t: t, proxies: map[[2]int]*proxy{}, logs: d}
	model := filepath.Join(d, "model")
	if err := os.Mkdir(model, 0o700); err != nil {
		t.Fatal(err)
	}
	writeModel(t, model)
	var peers, clients strings.Builder
	var listen, client [3]string
	for i := range c.nodes {
		name := fmt.Sprintf("n%d", i+1)
		c.nodes[i] = &testNode{name: name, config: filepath.Join(d, name+".toml"), store: filepath.Join(d, "store"+name), key: writeKeys(t, filepath.Join(d, name))}
		writeKeys(t, filepath.Join(d, name+".nats"))
		writeCertificate(t, filepath.Join(d, name), name)
		listen[i], client[i] = freeAddress(t), freeAddress(t)
		fmt.Fprintf(&peers, "[[peer]]\nname = %q\nkey = %q\nroles = [\"work\", \"audit\"]\nnkey = %q\ncertificate = %q\n", name, name+".pub", name+".nats.pub", name+".crt")
		fmt.Fprintf(&clients, ",tls://%s", client[i])
	}
	writeKeys(t, filepath.Join(d, "s"))
	writeKeys(t, filepath.Join(d, "s.nats"))
	writeCertificate(t, filepath.Join(d, "s"), "s")
	fmt.Fprintf(&peers, "[[peer]]\nname = \"s\"\nkey = \"s.pub\"\nroles = [\"submit\"]\nnkey = \"s.nats.pub\"\ncertificate = \"s.crt\"\n")
	writeFile(t, filepath.Join(d, "peers.toml"), []byte(peers.String()))
	config := func(name, listen, clients, routes, store string) []byte {
		return fmt.Appendf(nil, `pool = "p"
key = %q
peers = "peers.toml"
models = ["model"]
slots = 4
ack-wait = 2
[cluster]
name = "test"
server = %q
listen = %q
clients = %q
advertise = "127.0.0.1:1"
routes = [%s]
store = %q
nkey = %q
[tls]
certificate = %q
key = %q
`, name, name, listen, clients, routes, store, name+".nats", name+".crt", name+".tls")
	}
	for i, n := range c.nodes {
		var routes []string
		for k := range c.nodes {
			if k != i {
				p := newProxy(t, listen[k])
				c.proxies[[2]int{i, k}] = p
				routes = append(routes, strconv.Quote(p.l.Addr().String()))
			}
		}
		if err := os.Mkdir(n.store, 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, n.config, config(n.name, listen[i], client[i], strings.Join(routes, ", "), n.store))
	}
	path := filepath.Join(d, "s.toml")
	writeFile(t, path, config("s", listen[0], client[0], "", "none"))
	var err error
	if c.client, err = ReadConfig(path); err != nil {
		t.Fatal(err)
	}
	c.peers, c.clients = c.client.Everyone(), clients.String()[1:]
	return c
}

// start starts a node. ready is closed when it works.
func (c *testCluster) start(i int) (ready chan struct{}) {
	c.t.Helper()
	n := c.nodes[i]
	exe, err := os.Executable()
	if err != nil {
		c.t.Fatal(err)
	}
	n.cmd = exec.Command(exe, "-test.run", "^$")
	n.cmd.Env = append(os.Environ(), childVariable+"="+n.config)
	log, err := os.OpenFile(filepath.Join(c.logs, n.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	n.cmd.Stderr = log
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		c.t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ready, n.ended = make(chan struct{}), make(chan struct{})
	cmd, ended := n.cmd, n.ended
	go func() {
		defer close(ended)
		once := sync.OnceFunc(func() { close(ready) })
		defer once() // who ended is waited for no longer, and found below
		for lines := bufio.NewScanner(out); lines.Scan(); {
			once()
		}
		_ = cmd.Wait()
	}()
	return ready
}

// startAll starts all nodes, which end with the test.
func (c *testCluster) startAll() {
	c.t.Helper()
	var ready []chan struct{}
	for i := range c.nodes {
		ready = append(ready, c.start(i))
	}
	c.t.Cleanup(func() {
		for i := range c.nodes {
			c.kill(i)
		}
		if c.t.Failed() {
			c.showLogs()
		}
	})
	for i, r := range ready {
		<-r
		select {
		case <-c.nodes[i].ended:
			c.t.Fatalf("node %d ended", i+1)
		default:
		}
	}
}

// kill ends a node as a power cut does.
func (c *testCluster) kill(i int) {
	n := c.nodes[i]
	_ = n.cmd.Process.Kill()
	<-n.ended
}

// say tells a node to misbehave.
func (c *testCluster) say(i int, what string, n int64) {
	fmt.Fprintf(c.nodes[i].in, "%s %d\n", what, n)
}

// cutOff cuts a node off from the others, or lets it back.
func (c *testCluster) cutOff(i int, cut, silent bool) {
	for k, p := range c.proxies {
		if k[0] == i || k[1] == i {
			p.set(cut, silent)
		}
	}
}

// mountStores gives each node a disk of its own, where that is allowed.
func (c *testCluster) mountStores(size int64) bool {
	for _, n := range c.nodes {
		if err := syscall.Mount("none", n.store, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
			return false
		}
		c.t.Cleanup(func() { _ = syscall.Unmount(n.store, syscall.MNT_DETACH) })
	}
	return true
}

// fill fills the disk of a node.
func (c *testCluster) fill(i int) (empty func()) {
	path := filepath.Join(c.nodes[i].store, "ballast")
	f, err := os.Create(path)
	if err == nil {
		zeros := make([]byte, 64<<10)
		for err == nil {
			_, err = f.Write(zeros)
		}
		_ = f.Close()
	}
	return func() { _ = os.Remove(path) }
}

// connect connects the submitter.
func (c *testCluster) connect(ctx context.Context) *JetStream {
	c.t.Helper()
	a, err := c.client.ClientAddress("test")
	if err != nil {
		c.t.Fatal(err)
	}
	a.URLs = c.clients
	nc, err := Connect(ctx, a)
	if err != nil {
		c.t.Fatal(err)
	}
	q, err := NewJetStream(ctx, nc, JetStreamOptions{Wait: 2 * time.Second})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(q.Close)
	return q
}

// kinds are the faults: each is begun, and ended by what it returns.
var kinds = []string{"kill", "pause", "partition", "disk full", "clock", "lie", "restart of all"}

// fault begins a fault, and returns what ends it.
func (c *testCluster) fault(rng *rand.Rand, kind string, disks bool) (end func()) {
	i := rng.IntN(len(c.nodes))
	again := func(i int) {
		select {
		case <-c.nodes[i].ended:
		default:
			c.kill(i)
		}
		<-c.start(i)
	}
	switch kind {
	case "kill":
		c.kill(i)
		return func() { again(i) }
	case "pause":
		_ = c.nodes[i].cmd.Process.Signal(syscall.SIGSTOP)
		return func() { _ = c.nodes[i].cmd.Process.Signal(syscall.SIGCONT) }
	case "partition":
		c.cutOff(i, true, rng.IntN(2) == 0)
		return func() { c.cutOff(i, false, false) }
	case "disk full":
		if !disks {
			return func() {}
		}
		empty := c.fill(i)
		return func() {
			empty()
			again(i) // as who has made room does
		}
	case "clock":
		c.say(i, "clock", int64(rng.IntN(1<<22))-1<<21)
		return func() {}
	case "lie":
		c.say(2, "lie", 1)
		return func() { c.say(2, "lie", 0) }
	case "restart of all":
		for i := range c.nodes {
			c.kill(i)
		}
		return func() {
			for i := range c.nodes {
				defer func(ready chan struct{}) { <-ready }(c.start(i))
			}
		}
	}
	panic(kind)
}

// TestFaults: jobs of 1 to 32 tokens under faults: none is lost, none doubled, each is equal to
// the one that is computed alone; and each lie that was audited is found.
//
//	go test ./internal/cluster -run Faults -jobs 100000 -faults 200 -timeout 3h
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes, for some seconds; run without -short")
	}
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d (-seed %d gives the same jobs and faults)", seed, seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	c := newTestCluster(t)
	disks := c.mountStores(256<<20 + int64(*jobsFlag)*48<<10)
	if !disks {
		t.Log("without full disks: no right to mount (root has it)")
	}
	c.startAll()
	q := c.connect(t.Context())
	a := newAlone(t)
	f := &faultsRun{t: t, c: c, q: q, alone: a, rng: rng, counts: map[string]int{}, disks: disks, audits: newAudited(t, q), asker: NewAsker(q, "p", c.peers)}
	defer f.asker.Close()
	for k := range *faultsFlag {
		n := *jobsFlag*(k+1) / *faultsFlag - *jobsFlag*k / *faultsFlag
		kind := kinds[k%len(kinds)]
		f.portion(kind, newJobs(t, rng, a.root, n, 32))
		if (k+1)%10 == 0 {
			t.Logf("%d faults, %d jobs, %d lies of which %d were found", k+1, f.jobs, f.lies, f.found)
		}
	}
	f.end()
}

// showLogs shows the ends of the nodes' logs.
func (c *testCluster) showLogs() {
	for _, n := range c.nodes {
		text, _ := os.ReadFile(filepath.Join(c.logs, n.name+".log"))
		c.t.Logf("%s: %s", n.name, text[max(0, len(text)-4000):])
	}
}

// faultsRun is a run of TestFaults.
type faultsRun struct {
	t      *testing.T
	c      *testCluster
	q      *JetStream
	alone  *alone
	rng    *rand.Rand
	disks  bool
	counts map[string]int

	asker  *Asker
	audits *audited
	handed atomic.Int64 // jobs, again

	jobs, lost, lies, audited, found int
}

// portion hands jobs out around a fault, waits until they are done, has them audited, and
// checks each.
func (f *faultsRun) portion(kind string, jobs []*Job) {
	t, ctx := f.t, f.t.Context()
	f.counts[kind]++
	plan, err := NewPlan(int64(*auditFlag * Millionths))
	if err != nil {
		t.Fatal(err)
	}
	half := len(jobs) / 2
	var asked sync.WaitGroup
	f.ask(&asked, jobs[:half])
	end := f.c.fault(f.rng, kind, f.disks)
	f.ask(&asked, jobs[half:])
	time.Sleep(time.Duration(500+f.rng.IntN(2500)) * time.Millisecond)
	end()
	if err := plan.Announce(ctx, f.q, len(jobs)); err != nil {
		t.Fatal(err)
	}
	asked.Wait()
	if err := exists(f.q.Create(ctx, Audited, plan.Commitment()+"-seed", plan.Text())); err != nil {
		t.Fatal(err)
	}
	wanted, err := plan.demand(ctx, f.q, "p", jobs)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.audits.wait(ctx, f.q, wanted); err != nil {
		t.Fatal(err)
	}
	verdicts, err := verdicts(ctx, f.q, wanted, f.c.peers)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Verdict{}
	for _, v := range verdicts {
		found[v.Job] = v
	}
	f.audited += len(verdicts)
	for _, j := range jobs {
		f.check(j, found)
	}
}

// ask hands jobs out, and waits for each until it is settled; what was delivered too often
// comes again.
func (f *faultsRun) ask(asked *sync.WaitGroup, jobs []*Job) {
	for _, j := range jobs {
		asked.Go(func() {
			for {
				s, err := f.asker.Settle(f.t.Context(), j)
				if err != nil {
					f.t.Errorf("job %.8s: %v", j.ID, err)
				}
				if s.State != IsDead {
					return
				}
				f.handed.Add(1)
			}
		})
	}
}

// audited hears of audits, each once.
type audited struct {
	mu    sync.Mutex
	there map[string]bool
	more  chan struct{} // closed and made anew when one comes
	err   error
}

// newAudited listens until the test ends.
func newAudited(t *testing.T, q Queue) *audited {
	a := &audited{there: map[string]bool{}, more: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	tell := func(change func()) {
		a.mu.Lock()
		defer a.mu.Unlock()
		change()
		close(a.more)
		a.more = make(chan struct{})
	}
	var listening sync.WaitGroup
	listening.Go(func() {
		err := q.Watch(ctx, Audited, func(key string) error {
			tell(func() { a.there[key] = true })
			return nil
		})
		tell(func() { a.err = err })
	})
	t.Cleanup(func() {
		stop()
		listening.Wait()
	})
	return a
}

// wait waits until jobs were audited. A watch whose connection broke takes a while to notice.
func (a *audited) wait(ctx context.Context, q Queue, jobs []*Job) error {
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for {
		a.mu.Lock()
		for len(jobs) > 0 && a.there[jobs[0].ID] {
			delete(a.there, jobs[0].ID)
			jobs = jobs[1:]
		}
		more, err := a.more, a.err
		a.mu.Unlock()
		switch {
		case len(jobs) == 0:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-more:
		case <-look.C:
			if _, err := q.Get(ctx, Audited, jobs[0].ID); err == nil {
				jobs = jobs[1:]
				look.Reset(time.Millisecond)
			} else {
				look.Reset(lookAgain)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// check compares the result of a job with that of a run alone.
func (f *faultsRun) check(j *Job, audits map[string]Verdict) {
	t := f.t
	f.jobs++
	want, err := f.alone.models.Run(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	own, err := want.Receipt.Statement()
	if err != nil {
		t.Fatal(err)
	}
	s := look(t, f.q, j.ID)
	if s.Result == nil {
		f.lost++
		t.Errorf("job %.8s is lost: %s %s", j.ID, s.State, s.Fault)
		return
	}
	r, err := ParseResult(s.Result)
	if err != nil {
		t.Errorf("job %.8s: %v", j.ID, err)
		return
	}
	st, err := r.Verify(j, f.c.peers)
	if err != nil {
		t.Errorf("job %.8s: %v", j.ID, err)
		return
	}
	v, audited := audits[j.ID]
	lie := !Equal(st, own)
	liar := f.c.nodes[2].key.Public().ID()
	if lie {
		f.lies++
		if r.Node != liar {
			t.Errorf("job %.8s: another answer than alone, by %s, which is honest", j.ID, r.Node)
		}
		switch {
		case s.State == IsFault:
			f.found++
		case audited:
			t.Errorf("job %.8s: a lie that was audited is not found: %v", j.ID, v.Wrong)
		}
	}
	if s.State == IsFault {
		f.checkFault(j, s.Fault, own, liar)
	}
	if audited && v.Wrong != nil && s.State != IsFault {
		t.Errorf("job %.8s: wrong by its audit (%v), and no fault", j.ID, v.Wrong)
	}
}

// checkFault: of the two results of a fault one is right, and the liar signed the other.
func (f *faultsRun) checkFault(j *Job, text []byte, own *receipt.Statement, liar string) {
	t := f.t
	x, err := ParseFault(text)
	if err != nil || len(x.Results) != 2 || x.Reason != signed.Output {
		t.Errorf("job %.8s: fault %s: %v", j.ID, text, err)
		return
	}
	lies := 0
	for _, one := range x.Results {
		r, err := ParseResult(one)
		if err != nil {
			t.Errorf("job %.8s: %v", j.ID, err)
			continue
		}
		st, err := r.Verify(j, f.c.peers)
		if err != nil {
			t.Errorf("job %.8s: %v", j.ID, err)
			continue
		}
		if Equal(st, own) {
			continue
		}
		lies++
		if r.Node != liar {
			t.Errorf("job %.8s: %s is accused, and honest", j.ID, r.Node)
		}
	}
	if lies != 1 {
		t.Errorf("job %.8s: a fault with %d lies, want 1", j.ID, lies)
	}
}

// end checks what there is in all.
func (f *faultsRun) end() {
	t := f.t
	keys, err := Keys(t.Context(), f.q, Results, 2*f.jobs+1)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != f.jobs {
		t.Errorf("%d results of %d jobs", len(keys), f.jobs)
	}
	for _, n := range f.c.nodes {
		t.Logf("%s has %d bytes of a job on its disk", n.name, sizeOf(n.store)/int64(f.jobs))
	}
	t.Logf("%d jobs, %d faults %v: %d lost, %d results; %d audited; %d lies, %d of them found; %d handed out again", f.jobs, *faultsFlag, f.counts, f.lost, len(keys), f.audited, f.lies, f.found, f.handed.Load())
}

// sizeOf returns the bytes of the files below a folder.
func sizeOf(folder string) (n int64) {
	_ = filepath.WalkDir(folder, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if i, err := d.Info(); err == nil { // else it is gone by now
				n += i.Size()
			}
		}
		return nil
	})
	return n
}
