package cluster

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync"
)

// State is how far a job is.
type State string

// The states.
const (
	IsDone    State = "done"
	IsPending State = "pending"
	IsFault   State = "fault" // its result is disputed
	IsDead    State = "dead"  // it is not delivered any more
)

// Status is what there is of a job.
type Status struct {
	Job    string          `json:"job"`
	State  State           `json:"state"`
	Result json.RawMessage `json:"result"` // null: none
	Fault  json.RawMessage `json:"fault"`  // a Fault, or why it is dead; null: neither
}

// Look returns what there is of a job.
func Look(ctx context.Context, q Queue, id string) (Status, error) {
	s := Status{Job: id, State: IsPending}
	for _, x := range []struct {
		in    Bucket
		state State
		into  *json.RawMessage
	}{{Lost, IsDead, &s.Fault}, {Results, IsDone, &s.Result}, {Faults, IsFault, &s.Fault}} {
		v, err := q.Get(ctx, x.in, id)
		switch {
		case errors.Is(err, ErrAbsent):
		case err != nil:
			return s, err
		case !json.Valid(v):
			s.State = IsFault // nobody honest wrote it
		default:
			s.State, *x.into = x.state, v
			if x.in == Results {
				s.Fault = nil // it was given up, and done yet
			}
		}
	}
	return s, nil
}

// Wait waits until each of some jobs is done, disputed or dead, and tells each change of a
// state, a fault last: a job may become one behind it was done.
func Wait(ctx context.Context, q Queue, ids []string, each func(id string, s State)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	wanted := make(map[string]State, len(ids))
	for _, id := range ids {
		wanted[id] = IsPending
	}
	var mu sync.Mutex
	open := len(wanted)
	if open == 0 {
		return nil
	}
	var watches sync.WaitGroup
	for bucket, state := range map[Bucket]State{Results: IsDone, Faults: IsFault, Lost: IsDead} {
		watches.Go(func() {
			stop(q.Watch(ctx, bucket, func(key string) error {
				mu.Lock()
				defer mu.Unlock()
				before, ok := wanted[key]
				if !ok || before == state || before == IsFault || before == IsDone && state == IsDead {
					return nil
				}
				wanted[key] = state
				if each != nil {
					each(key, state)
				}
				if before == IsPending {
					open--
				}
				if open == 0 {
					return errAll
				}
				return nil
			}))
		})
	}
	watches.Wait()
	if err := context.Cause(ctx); !errors.Is(err, errAll) {
		return err
	}
	return nil
}

// errAll ends a watch that has seen all.
var errAll = errors.New("all were seen")

// Hand puts a job into a queue. One that was given up comes to life again.
func Hand(ctx context.Context, q Queue, pool string, j *Job) error {
	id := j.ID
	switch _, err := q.Get(ctx, Lost, j.ID); {
	case err == nil:
		if err := q.Remove(ctx, Lost, j.ID); err != nil {
			return err
		}
		id += "/" + rand.Text() // the queue remembers the one before
	case !errors.Is(err, ErrAbsent):
		return err
	}
	return q.Submit(ctx, Jobs, pool, id, j.Text())
}
