package inference

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/cluster"
	"github.com/blitz-r1/blitz/internal/server/receipts"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// Jobs are answers that nobody waits for, by way of a queue: each is a job, whose result is
// created once under its id, with a receipt. The queue is in this process, where this server
// computes them, or that of a cluster, whose nodes do.
type Jobs struct {
	asker  *cluster.Asker
	unseen *receipts.Receipts // signs results where the server shows no receipts
	here   *here              // nil: nodes compute them
	audit  *cluster.Plan      // says which answers of nodes are computed here, too; nil: none
	log    *slog.Logger
}

// Nodes are those of a cluster that compute jobs.
type Nodes struct {
	Queue cluster.Queue // closed by who made it
	Pool  string
	Peers *cluster.Peers
	Audit *cluster.Plan // says which answers are computed here, too; nil: none
}

// NewJobs returns answers by way of the queue of nodes; nil: of one in this process. What signs
// results that are computed here is r, whose receipts nobody needs to see.
func NewJobs(nodes *Nodes, r *receipts.Receipts, log *slog.Logger) (*Jobs, error) {
	j := &Jobs{unseen: r, log: log}
	if nodes != nil {
		j.asker, j.audit = cluster.NewAsker(nodes.Queue, nodes.Pool, nodes.Peers), nodes.Audit
		return j, nil
	}
	key := r.Key()
	self, err := cluster.NewPeers(&cluster.Peer{Name: "self", Key: key, Roles: []cluster.Role{cluster.Work}})
	if err != nil {
		return nil, err
	}
	j.here = newHere(key.ID(), self, log)
	j.asker = cluster.NewAsker(j.here.queue, herePool, self)
	return j, nil
}

// Close ends the queue in the process. Answers under way end with an error.
func (j *Jobs) Close() {
	j.asker.Close()
	if j.here != nil {
		j.here.close()
	}
}

// take says whether a request goes by way of the queue, and what its answers are held to, as a
// job has it. Not do those that somebody waits for; that want more than a result has:
// log-probabilities; that are read otherwise than a job is: by a template that is not the
// model's, or held to a form without being a conversation; or whose form a job cannot have. What
// is not to be stored leaves this machine by no queue.
func (j *Jobs) take(a *Answers, r *blitz.Request, f *Format) (constraints any, is bool) {
	switch {
	case j == nil || !r.Batch || r.Logprobs || r.TopTokens > 0 || a.echo != nil || r.Template != nil || a.begun.engine().Rope() != "":
		return nil, false
	case r.Messages == nil && (!f.IsFree() || r.Think.Budget > 0):
		return nil, false
	case j.here == nil && (r.Adapter != nil || a.private):
		return nil, false
	}
	constraints, err := constraintsOf(r, f).Value()
	return constraints, err == nil
}

// handed is a request on its way.
type handed struct {
	jobs        *Jobs
	request     blitz.Request
	engine      *blitz.Engine
	making      *receipts.Making // makes the receipts of what is computed here
	shown       *receipts.Making // nil: nobody sees receipts
	ids         []string         // of the receipts
	line        string           // see InBatch
	first       int              // answers of the line before
	constraints any
}

// hand has a request go by way of the queue, and returns its answers.
func (j *Jobs) hand(a *Answers, r blitz.Request, constraints any) ([]*blitz.Answer, error) {
	h := &handed{
		jobs: j, engine: a.begun.engine(), making: a.receipts, shown: a.receipts,
		ids: a.receipts.Expect(a.n), line: lineOf(a.ctx), first: len(a.answers), constraints: constraints,
	}
	if h.making == nil {
		h.making = j.unseen.Begin(r.Tenant, a.begun.subject(r.Template), a.private)
	}
	if r.Sampling.Seed == nil && r.Sampling.Temperature != 0 {
		s := *r.Sampling
		salt := h.salt(0)
		s.Seed = new(binary.LittleEndian.Uint64(salt[:8]) >> 11) // every reader of JSON keeps it
		r.Sampling = &s
	}
	h.request = r
	return h.engine.Recall(a.ctx, r, a.n, h.learn)
}

// salt returns the salt of a job: the same each time that the line is asked, so that it is the
// same job.
func (h *handed) salt(i int) receipt.Salt {
	return sha256.Sum256([]byte("blitz-batch/1\n" + h.line + "\n" + strconv.Itoa(h.first+i)))
}

// learn has an answer computed. It is what Engine.Recall asks.
func (h *handed) learn(ctx context.Context, i int, prompt []int32, s blitz.Settings) (blitz.Known, error) {
	of, by, err := h.making.Means()
	if err != nil {
		return blitz.Known{}, err
	}
	want := &cluster.Job{
		Kind: "generate", Model: of.Model.Root, Adapter: of.Adapter, Constraints: h.constraints, Salt: h.salt(i),
		Profile:    receipt.Profile{Name: blitz.Profile, MLA: h.engine.Model().Form(), Cache: h.engine.Cache()},
		Parameters: attest.ParametersOf(&s, h.engine.Context()-len(prompt)),
	}
	for _, id := range prompt {
		want.Prompt = append(want.Prompt, uint32(id))
	}
	means := &cluster.Means{Engine: h.engine, Subject: of, Notary: by, Adapter: h.request.Adapter, Tenant: h.request.Tenant, Batch: true, Request: h.ids[i]}
	out, r, err := h.answer(ctx, want, means)
	if err != nil {
		return blitz.Known{}, err
	}
	st, err := r.Statement()
	if err == nil {
		err = h.shown.Given(ctx, h.ids[i], r)
	}
	if err != nil {
		return blitz.Known{}, err
	}
	return knownOf(out, st), nil
}

// knownOf returns what tokens and their receipt say of an answer.
func knownOf(out []uint32, st *receipt.Statement) blitz.Known {
	known := blitz.Known{Cached: int(min(st.Usage.CachedTokens, st.Usage.PromptTokens)), Cut: st.Finish == blitz.FinishLength.String()}
	for _, id := range out {
		known.Tokens = append(known.Tokens, int32(id))
	}
	return known
}

// read says whether what a node answered reads as an answer to the request: of tokens that there
// are, with an end. Else the error wraps cluster.ErrDisputed.
func (h *handed) read(ctx context.Context, known blitz.Known) error {
	all, err := h.engine.Recall(ctx, h.request, 1, func(context.Context, int, []int32, blitz.Settings) (blitz.Known, error) { return known, nil })
	if err == nil {
		defer all[0].Close()
		err = all[0].Wait()
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", cluster.ErrDisputed, err)
	}
	return err
}

// answer asks the queue for the result of a job. What is too large for it, what nodes dispute or
// do not take, and what of theirs is no answer, is computed here, outside of it; but what they
// died of is not. A queue that cannot be used just now is wire.Unavailable: the line waits.
func (h *handed) answer(ctx context.Context, want *cluster.Job, means *cluster.Means) ([]uint32, *receipt.Receipt, error) {
	job, err := cluster.NewJob(want)
	if err != nil {
		return cluster.Draw(ctx, want, means)
	}
	j := h.jobs
	var own *wanted
	if j.here != nil {
		own = j.here.expect(ctx, job.ID, means)
		defer j.here.leave(job.ID)
	}
	result, st, err := j.asker.Ask(ctx, job)
	if err == nil && j.here == nil {
		err = h.read(ctx, knownOf(result.Output, st))
	}
	dropped, reason := errors.Is(err, cluster.ErrDropped), signed.ReasonOf(err)
	switch {
	case dropped && own.failed() != nil:
		return nil, nil, own.failed()
	case dropped && reason == cluster.Deliveries:
		return nil, nil, &wire.Error{Kind: wire.Internal, Message: "the answer failed: nodes gave it up", Err: err}
	case errors.Is(err, cluster.ErrDisputed), dropped && reason != reasonLeft:
		j.log.Warn("an answer of a batch is computed outside of the queue", "job", job.ID, "error", err)
		return cluster.Draw(ctx, want, means)
	case err != nil && ctx.Err() == nil:
		j.log.Warn("the queue of batches has no answer now, and is asked again", "job", job.ID, "error", err)
		return nil, nil, &wire.Error{Kind: wire.Unavailable, Message: "the queue of batches has no answer now", Err: err}
	case err != nil:
		return nil, nil, err
	case j.audit != nil && j.audit.Wants(job.ID):
		err := attest.Again(ctx, means.Engine, nil, st, result.Receipt.Opening)
		if signed.ReasonOf(err) != "" {
			j.log.Error("a node gave a wrong answer: take it out of the peers", "node", result.Node, "job", job.ID, "error", err)
			return cluster.Draw(ctx, want, means)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return result.Output, result.Receipt, nil
}

// here is the node of the queue in this process: it computes what requests wait for, with
// their models.
type here struct {
	queue *cluster.Memory
	stop  context.CancelFunc
	ended sync.WaitGroup

	mu    sync.Mutex
	means map[string]*wanted // by job
}

// wanted is a job that a request waits for.
type wanted struct {
	ctx   context.Context // of the request
	means *cluster.Means
	users int

	mu  sync.Mutex
	err error // of the computation
}

// failed returns why a job could not be computed; nil: it could, or nobody has tried.
func (w *wanted) failed() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Settings of the queue in this process.
const (
	herePool  = "here"
	hereSlots = 64        // jobs at once; engines have bounds of their own
	hereKeep  = time.Hour // of what nobody forgot, since who waited for it has left
)

// newHere starts the node.
func newHere(id string, self *cluster.Peers, log *slog.Logger) *here {
	h := &here{queue: cluster.NewMemory(), means: map[string]*wanted{}}
	h.queue.Keep = hereKeep
	var ctx context.Context
	ctx, h.stop = context.WithCancel(context.Background())
	w := &cluster.Worker{
		Queue: h.queue, Pool: herePool, Node: id, Peers: self, Runner: h, Slots: hereSlots, Wait: time.Minute,
		Report: func(format string, args ...any) {
			log.Debug("the queue of batches", "said", fmt.Sprintf(format, args...))
		},
	}
	h.ended.Go(func() { _ = w.Run(ctx) }) // which ends with ctx
	return h
}

func (h *here) close() {
	h.stop()
	h.ended.Wait()
	h.queue.Close()
}

// expect notes with what a job is computed.
func (h *here) expect(ctx context.Context, id string, means *cluster.Means) *wanted {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.means[id]
	if w == nil {
		w = &wanted{ctx: ctx, means: means}
		h.means[id] = w
	}
	w.users++
	return w
}

// leave forgets a job when nobody waits for it any more.
func (h *here) leave(id string) {
	h.mu.Lock()
	w := h.means[id]
	w.users--
	last := w.users == 0
	if last {
		delete(h.means, id)
	}
	h.mu.Unlock()
	if last {
		h.queue.Forget(id)
	}
}

// Reasons for which a job in this process is not tried again: nobody waits for it any more; and
// who does hears why it failed, and knows better what to do.
const (
	reasonLeft   signed.Reason = "left"
	reasonFailed signed.Reason = "failed"
)

// find returns with what a job is computed.
func (h *here) find(j *cluster.Job) (*wanted, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w := h.means[j.ID]
	if w == nil || w.ctx.Err() != nil {
		return nil, signed.Refuse(reasonLeft, "nobody waits for the job")
	}
	return w, nil
}

// Check is that of cluster.Runner.
func (h *here) Check(j *cluster.Job) error {
	_, err := h.find(j)
	return err
}

// Run is that of cluster.Runner.
func (h *here) Run(ctx context.Context, j *cluster.Job) (*cluster.Result, error) {
	w, err := h.find(j)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(w.ctx, stop)()
	r, err := cluster.Compute(ctx, j, w.means)
	switch {
	case err == nil || signed.ReasonOf(err) == signed.Form: // what is too large for a queue is computed outside of it
		return r, err
	case w.ctx.Err() != nil:
		return nil, signed.Refuse(reasonLeft, "nobody waits for the job")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.err = err
	return nil, signed.Refuse(reasonFailed, "%v", err)
}
