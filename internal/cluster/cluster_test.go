package cluster

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/receipt"
)

// TestParseJob: a job in another form is refused, each with its reason; the id does not
// depend on how it is written.
func TestParseJob(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	root := strings.Repeat("ab", 32)
	o := object(rng, root, 5, nil)
	j := jobOf(t, o)
	indented, err := json.MarshalIndent(o, "", "   ")
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseJob(indented)
	if err != nil || again.ID != j.ID || !bytes.Equal(again.Text(), j.Text()) {
		t.Errorf("written otherwise: %v, %v", again, err)
	}
	parameters := func(name string, v any) map[string]any {
		p := map[string]any{}
		for k, x := range o["parameters"].(map[string]any) {
			p[k] = x
		}
		p[name] = v
		return map[string]any{"parameters": p}
	}
	for name, changes := range map[string]map[string]any{
		"version": {"version": 2}, "another field": {"more": 1}, "a model that is no root": {"model": "x"}, "no profile": {"profile": gone}, "a token below 0": {"prompt_ids": []int{-1}},
		"no token": {"prompt_ids": []int{}}, "a token that is none": {"prompt_ids": []any{"1"}}, "a large token": {"prompt_ids": []int64{1 << 31}}, "a short salt": {"salt": "00"}, "constraints": {"constraints": []int{}},
		"empty constraints": {"constraints": map[string]any{}}, "kind": {"kind": "train"}, "sample": {"sample": -1}, "NaN": parameters("temperature", "NaN"), "no end": parameters("max_tokens", 0),
	} {
		text, err := json.Marshal(object(rng, root, 5, changes))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseJob(text); signed.ReasonOf(err) != signed.Form {
			t.Errorf("%s: %v, want a refusal with form", name, err)
		}
	}
	for _, text := range []string{"", "{", "\xff\xfe", strings.Repeat("[", 60000), `"` + strings.Repeat("x", 900_000) + `"`, string(j.Text()[:len(j.Text())-1]) + `,"version":1}`, strings.Repeat(" ", MaxMessage+1)} {
		if _, err := ParseJob([]byte(text)); signed.ReasonOf(err) != signed.Form {
			t.Errorf("%.20q: %v, want a refusal with form", text, err)
		}
	}
}

// work runs a worker until the test ends.
func (a *alone) work(t testing.TB, q Queue, change func(w *Worker)) *Worker {
	t.Helper()
	w := &Worker{Queue: q, Pool: "p", Node: a.id, Peers: a.peers, Runner: a.models, Slots: 3, Wait: time.Minute}
	if change != nil {
		change(w)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	return w
}

func submit(t testing.TB, q Queue, jobs ...*Job) (ids []string) {
	t.Helper()
	for _, j := range jobs {
		if err := q.Submit(t.Context(), Jobs, "p", j.ID, j.Text()); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, j.ID)
	}
	return ids
}

func look(t testing.TB, q Queue, id string) Status {
	t.Helper()
	s, err := Look(t.Context(), q, id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestOneNode: jobs go through the queue in the process; each has one result, whose receipt
// holds, with the job's salts; what stands twice in the queue is compared.
func TestOneNode(t *testing.T) {
	a := newAlone(t)
	q := NewMemory()
	t.Cleanup(q.Close)
	w := a.work(t, q, nil)
	rng := rand.New(rand.NewPCG(3, 4))
	jobs := newJobs(t, rng, a.root, 20, 40)
	jobs = append(jobs, jobOf(t, object(rng, a.root, 30, map[string]any{"constraints": map[string]any{"stop": []string{"a", "e"}}})))
	ids := submit(t, q, jobs...)
	if err := q.Submit(t.Context(), Jobs, "p", "again", jobs[0].Text()); err != nil {
		t.Fatal(err)
	}
	if err := Wait(t.Context(), q, ids, nil); err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs {
		s := look(t, q, j.ID)
		if s.State != IsDone {
			t.Fatalf("job %.8s: %s %s", j.ID, s.State, s.Fault)
		}
		r, err := ParseResult(s.Result)
		if err != nil {
			t.Fatal(err)
		}
		st, err := r.Verify(j, a.peers)
		if err != nil || !bytes.Equal(r.Text(), s.Result) {
			t.Errorf("job %.8s: %v", j.ID, err)
			continue
		}
		salt := receipt.Salt(sha256.Sum256(append([]byte("blitz-job/1 prompt\n"), j.Salt[:]...)))
		if st.Prompt != receipt.CommitIDs("prompt", &receipt.Tokens{Salt: salt, IDs: j.Prompt}) {
			t.Errorf("job %.8s: another commitment to the prompt", j.ID)
		}
		if err := a.models.Judge(t.Context(), r, a.peers); err != nil {
			t.Errorf("job %.8s: computed again: %v", j.ID, err)
		}
		other := jobs[0]
		if j == other {
			other = jobs[1]
		}
		if _, err := r.Verify(other, a.peers); err == nil {
			t.Errorf("job %.8s: its result passes for another job's", j.ID)
		}
	}
	if n := w.Counts.Faults.Load(); n != 0 {
		t.Errorf("%d faults, want none", n)
	}
}

// TestRefused: what is no job, or one that cannot be computed here, is dropped with a reason,
// and the jobs behind it are done.
func TestRefused(t *testing.T) {
	a := newAlone(t)
	q := NewMemory()
	t.Cleanup(q.Close)
	rng := rand.New(rand.NewPCG(5, 6))
	good := newJobs(t, rng, a.root, 1, 5)[0]
	otherModel := jobOf(t, object(rng, strings.Repeat("0", 64), 5, nil))
	long := jobOf(t, object(rng, a.root, 100_000, nil))
	vocabulary := jobOf(t, object(rng, a.root, 5, map[string]any{"prompt_ids": []int{1 << 30}}))
	unknown := jobOf(t, object(rng, a.root, 5, map[string]any{"constraints": map[string]any{"x": 1}}))
	messages := map[string]struct {
		text   []byte
		key    string
		reason signed.Reason
	}{
		"no JSON":         {[]byte("{"), sumOf([]byte("{")), signed.Form},
		"another model":   {otherModel.Text(), otherModel.ID, signed.Model},
		"no canonical":    {append([]byte(" "), otherModel.Text()...), sumOf(append([]byte(" "), otherModel.Text()...)), signed.Model},
		"too long":        {long.Text(), long.ID, signed.Form},
		"a foreign token": {vocabulary.Text(), vocabulary.ID, signed.Form},
		"constraints":     {unknown.Text(), unknown.ID, signed.Form},
	}
	for name, m := range messages {
		if err := q.Submit(t.Context(), Jobs, "p", name, m.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Submit(t.Context(), Jobs, "p", long.ID, good.Text()); err != nil { // a bit that flipped
		t.Fatal(err)
	}
	a.work(t, q, nil)
	for name, m := range messages {
		if err := Wait(t.Context(), q, []string{m.key}, nil); err != nil {
			t.Fatal(err)
		}
		var dead Dead
		if s := look(t, q, m.key); s.State != IsDead || json.Unmarshal(s.Fault, &dead) != nil || dead.Reason != string(m.reason) {
			t.Errorf("%s: %s %s, want %s", name, s.State, s.Fault, m.reason)
		}
	}
	if err := Wait(t.Context(), q, []string{good.ID}, nil); err != nil {
		t.Fatal(err)
	}
	if s := look(t, q, good.ID); s.State != IsDead || !strings.Contains(string(s.Fault), string(signed.Digest)) {
		t.Errorf("a job under another id: %s %s", s.State, s.Fault)
	}
	next := submit(t, q, newJobs(t, rng, a.root, 1, 5)...)
	if err := Wait(t.Context(), q, next, nil); err != nil {
		t.Fatal(err)
	}
	if s := look(t, q, next[0]); s.State != IsDone {
		t.Errorf("behind rubbish: %s", s.State)
	}
}

// TestLies: what stands there first is believed where a peer signed the same answer, and is a
// fault with both results where it is another, or nobody's.
func TestLies(t *testing.T) {
	a := newAlone(t)
	peer, stranger := newKey(t), newKey(t)
	var err error
	if a.peers, err = NewPeers(append(a.peers.All, &Peer{Name: "other", Key: peer.Public(), Roles: []Role{Work}})...); err != nil {
		t.Fatal(err)
	}
	q := NewMemory()
	t.Cleanup(q.Close)
	rng := rand.New(rand.NewPCG(7, 8))
	root := strings.Repeat("1", 64)
	for name, c := range map[string]struct {
		make func(j *Job, honest *Result) ([]byte, error)
		want signed.Reason
	}{
		"honest": {func(j *Job, honest *Result) ([]byte, error) {
			r, err := forge(j, honest, peer, false, func(s *receipt.Statement) {
				s.Started, s.Finished = s.Started.Add(time.Hour), s.Finished.Add(2*time.Hour)
				s.Request, s.Usage.CachedTokens, s.Program.Version = "another", 1, "2"
			})
			return r.Text(), err
		}, ""},
		"another token": {func(j *Job, honest *Result) ([]byte, error) {
			r, err := forge(j, honest, peer, true, nil)
			return r.Text(), err
		}, signed.Output},
		"another chain": {func(j *Job, honest *Result) ([]byte, error) {
			r, err := forge(j, honest, peer, false, func(s *receipt.Statement) { s.Hashes[len(s.Hashes)-1] = root })
			return r.Text(), err
		}, signed.Output},
		"another model": {func(j *Job, honest *Result) ([]byte, error) {
			r, err := forge(j, honest, peer, false, func(s *receipt.Statement) { s.Model.Root = root })
			return r.Text(), err
		}, signed.Signature},
		"a stranger": {func(j *Job, honest *Result) ([]byte, error) {
			r, err := forge(j, honest, stranger, false, nil)
			return r.Text(), err
		}, signed.Signature},
		"a peer's name": {func(j *Job, honest *Result) ([]byte, error) {
			r, err := forge(j, honest, stranger, false, nil)
			return bytes.Replace(r.Text(), []byte(`"node":"`+stranger.Public().ID()), []byte(`"node":"`+peer.Public().ID()), 1), err
		}, signed.Signature},
		"redacted": {func(j *Job, honest *Result) ([]byte, error) {
			r, err := newResult(j, honest.Node, honest.Output, honest.Receipt.Redact(receipt.Output))
			return r.Text(), err
		}, signed.Signature},
		"without a receipt": {func(j *Job, honest *Result) ([]byte, error) {
			return []byte(`{"version":1,"job":"` + j.ID + `","node":"` + a.id + `","output_ids":[1]}`), nil
		}, signed.Signature},
		"no JSON": {func(*Job, *Result) ([]byte, error) { return []byte("\xff"), nil }, signed.Signature},
		"another job's": {func(j *Job, _ *Result) ([]byte, error) {
			other := newJobs(t, rng, a.root, 1, 5)[0]
			r, err := a.models.Run(t.Context(), other)
			return r.Text(), err
		}, signed.Signature},
	} {
		j := newJobs(t, rng, a.root, 1, 20)[0]
		honest, err := a.models.Run(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		there, err := c.make(j, honest)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := q.Create(t.Context(), Results, j.ID, there); err != nil {
			t.Fatal(err)
		}
		w := &Worker{Queue: q, Pool: "p", Node: a.id, Peers: a.peers, Runner: a.models, Slots: 1, Wait: time.Minute}
		submit(t, q, j)
		d, err := q.Receive(t.Context(), Jobs, "p")
		if err != nil {
			t.Fatal(err)
		}
		w.take(t.Context(), Jobs, d)
		if waiting, working, _ := q.Depth(t.Context(), Jobs, "p"); waiting != 0 || working != 0 {
			t.Errorf("%s: %d messages wait, %d are worked on, want none", name, waiting, working)
		}
		if kept, err := q.Get(t.Context(), Results, j.ID); err != nil || !bytes.Equal(kept, there) {
			t.Errorf("%s: the result is no longer the one that was created", name)
		}
		text, err := q.Get(t.Context(), Faults, j.ID)
		if c.want == "" {
			if !errors.Is(err, ErrAbsent) {
				t.Errorf("%s: a fault: %s", name, text)
			}
			continue
		}
		f, err := ParseFault(text)
		if err != nil || f.Reason != c.want || len(f.Results) != 2 {
			t.Errorf("%s: %s, %v; want a fault with %s", name, text, err, c.want)
			continue
		}
		mine, err := ParseResult(f.Results[1])
		if err != nil || mine.Node != a.id {
			t.Errorf("%s: the second result is %v, %v", name, mine, err)
		} else if err := a.models.Judge(t.Context(), mine, a.peers); err != nil {
			t.Errorf("%s: the honest result: %v", name, err)
		}
		if c.want == signed.Output {
			lie, err := ParseResult(f.Results[0])
			if err != nil {
				t.Fatal(err)
			}
			if err := a.models.Judge(t.Context(), lie, a.peers); signed.ReasonOf(err) != signed.Output && signed.ReasonOf(err) != signed.Chain {
				t.Errorf("%s: the lie, computed again: %v", name, err)
			}
		}
	}
}

// TestAudits: what another node computes again is found where it was another answer, and
// nobody audits himself.
func TestAudits(t *testing.T) {
	a := newAlone(t)
	key := newKey(t)
	folder := t.TempDir()
	writeModel(t, folder)
	m, err := openTiny(folder, key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	a.peers.All[0].Roles = []Role{Work, Audit}
	peers, err := NewPeers(a.peers.All[0], &Peer{Name: "auditor", Key: key.Public(), Roles: []Role{Audit}})
	if err != nil {
		t.Fatal(err)
	}
	q := NewMemory()
	t.Cleanup(q.Close)
	liar := &liar{Models: a.models}
	a.work(t, q, func(w *Worker) { w.Peers, w.Runner, w.Audits, w.Wait = peers, liar, true, 4*time.Millisecond })
	jobs := newJobs(t, rand.New(rand.NewPCG(9, 10)), a.root, 40, 10)
	plan, err := NewPlan(Millionths / 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := plan.Announce(t.Context(), q, len(jobs)); err != nil {
		t.Fatal(err)
	}
	liar.every.Store(3)
	if err := Wait(t.Context(), q, submit(t, q, jobs...), nil); err != nil {
		t.Fatal(err)
	}
	liar.every.Store(0)
	other := &alone{m, a.root, key.Public().ID(), peers}
	other.work(t, q, func(w *Worker) { w.Audits, w.Wait, w.Pool = true, 4*time.Millisecond, "p" })
	all, err := plan.Run(t.Context(), q, "p", jobs, peers)
	if err != nil {
		t.Fatal(err)
	}
	audited := map[string]Verdict{}
	for _, v := range all {
		audited[v.Job] = v
		if v.By != key.Public().ID() {
			t.Errorf("job %.8s was audited by %s", v.Job, v.By)
		}
	}
	caught := 0
	for _, j := range jobs {
		v, ok := audited[j.ID]
		if ok != plan.Wants(j.ID) {
			t.Errorf("job %.8s: audited %v", j.ID, ok)
		}
		lied := liar.lied(j.ID)
		if ok && (v.Wrong != nil) != lied {
			t.Errorf("job %.8s: lied about: %v, found: %v", j.ID, lied, v.Wrong)
		}
		if s := look(t, q, j.ID); ok && lied && s.State != IsFault {
			t.Errorf("job %.8s: %s, want a fault", j.ID, s.State)
		}
		if ok && lied {
			caught++
		}
	}
	if caught == 0 || len(all) == len(jobs) {
		t.Errorf("%d of %d audits found a lie: the case is none", caught, len(all))
	}
	parsed, err := ParsePlan(plan.Text())
	if err != nil || *parsed != *plan {
		t.Errorf("the plan's text: %v, %v", parsed, err)
	}
}

// TestAuditsGivenUp: who waits for audits hears of those that no node can compute, whose
// results pass for wrong.
func TestAuditsGivenUp(t *testing.T) {
	a := newAlone(t)
	liar := newKey(t)
	a.peers.All[0].Roles = []Role{Work, Audit}
	peers, err := NewPeers(a.peers.All[0], &Peer{Name: "liar", Key: liar.Public(), Roles: []Role{Work}})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(13, 14))
	for name, c := range map[string]struct {
		job    *Job
		runner Runner
	}{
		"another model": {jobOf(t, object(rng, strings.Repeat("0", 64), 5, nil)), a.models},
		"constraints":   {jobOf(t, object(rng, a.root, 5, map[string]any{"constraints": map[string]any{"x": 1}})), a.models},
		"a broken node": {jobOf(t, object(rng, a.root, 5, nil)), broken{}},
	} {
		q := NewMemory()
		t.Cleanup(q.Close)
		like := jobOf(t, object(rng, a.root, 5, nil))
		honest, err := a.models.Run(t.Context(), like)
		if err != nil {
			t.Fatal(err)
		}
		result, err := newResult(c.job, liar.Public().ID(), honest.Output, honest.Receipt)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Create(t.Context(), Results, c.job.ID, result.Text()); err != nil {
			t.Fatal(err)
		}
		plan, err := NewPlan(Millionths)
		if err != nil {
			t.Fatal(err)
		}
		a.work(t, q, func(w *Worker) { w.Peers, w.Runner, w.Audits, w.Wait = peers, c.runner, true, time.Millisecond })
		all, err := plan.Run(t.Context(), q, "p", []*Job{c.job}, peers)
		if err != nil || len(all) != 1 || signed.ReasonOf(all[0].Wrong) == "" {
			t.Errorf("%s: %v, %v; want one audit, and why it is none", name, all, err)
		}
	}
}

// broken is a node that cannot compute.
type broken struct{}

func (broken) Check(*Job) error { return nil }
func (broken) Run(context.Context, *Job) (*Result, error) {
	return nil, errors.New("no memory")
}

// TestRate: of many ids about the wanted share is audited, the same with the same seed.
func TestRate(t *testing.T) {
	seed := make([]byte, 32)
	rng := rand.New(rand.NewPCG(11, 12))
	for _, ppm := range []int64{0, 1000, 50_000, 500_000, Millionths} {
		n, of := 0, 20_000
		for range of {
			id := make([]byte, 32)
			for i := range id {
				id[i] = byte(rng.Uint32())
			}
			if IsAudited(seed, id, ppm) {
				n++
			}
		}
		want := float64(of) * float64(ppm) / Millionths
		if d := float64(n) - want; d*d > 25*(want*(1-float64(ppm)/Millionths)+1e-9) {
			t.Errorf("%d ppm: %d of %d, want about %.0f", ppm, n, of, want)
		}
	}
}

// liar is a node that signs another answer, to every so manieth job.
type liar struct {
	*Models
	every atomic.Int64 // 0: to none
	runs  atomic.Int64
	lies  sync.Map // ids
}

func (l *liar) Run(ctx context.Context, j *Job) (*Result, error) {
	r, err := l.Models.Run(ctx, j)
	every := l.every.Load()
	if err != nil || every == 0 || l.runs.Add(1)%every != 0 {
		return r, err
	}
	l.lies.Store(j.ID, true)
	return forge(j, r, l.Notary.Key, true, nil)
}

func (l *liar) lied(id string) bool {
	_, ok := l.lies.Load(id)
	return ok
}
