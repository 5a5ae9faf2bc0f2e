package attest

import (
	"sync"

	"github.com/blitz-r1/blitz/receipt"
)

// rowsAhead is how many rows of logits wait to be summed up; behind them the engine waits.
// Where an answer is computed again they come as many at a time as a product has: up to
// rowsAgain of them wait, and as many as bytesAgain hold.
const (
	rowsAhead  = 16
	rowsAgain  = 256
	bytesAgain = 64 << 20
)

// Recording sums up the logits of one answer, beside the threads that compute them.
type Recording struct {
	salt       receipt.Salt  // of the prompt and the chain
	outputSalt *receipt.Salt // nil: a new one
	vocabulary int
	context    int // positions of the engine

	rows  chan row
	free  chan []float32
	done  chan struct{} // closed: nothing more is wanted
	ended sync.Once
}

// row is a row of logits, or the wish for the sums of the first tokens.
type row struct {
	id     int32
	logits []float32
	sums   chan []string // not nil: the wish
	n      int
}

// NewRecording begins to record an answer of an engine whose rows and context have that
// many numbers and positions.
func NewRecording(vocabulary, context int) *Recording {
	return newRecording(receipt.NewSalt(), nil, vocabulary, context, rowsAhead)
}

// NewSaltedRecording is NewRecording with salts that are given.
func NewSaltedRecording(prompt, output receipt.Salt, vocabulary, context int) *Recording {
	return newRecording(prompt, &output, vocabulary, context, rowsAhead)
}

// newRereading records the rows of an answer that is computed again, with the salt that its
// chain had.
func newRereading(salt receipt.Salt, vocabulary int) *Recording {
	return newRecording(salt, nil, vocabulary, 0, min(max(bytesAgain/4/max(vocabulary, 1), rowsAhead), rowsAgain))
}

// newRecording records with so many rows that wait.
func newRecording(salt receipt.Salt, output *receipt.Salt, vocabulary, context, ahead int) *Recording {
	r := &Recording{
		salt: salt, outputSalt: output, vocabulary: vocabulary, context: context,
		rows: make(chan row), free: make(chan []float32, ahead), done: make(chan struct{}),
	}
	queue := make(chan row, ahead)
	r.rows = queue
	go r.sum(queue)
	return r
}

// Observe takes a token and its logits. The engine's goroutine calls it.
func (r *Recording) Observe(id int32, logits []float32) {
	var kept []float32
	select {
	case kept = <-r.free:
	default:
		kept = make([]float32, len(logits))
	}
	copy(kept, logits)
	select {
	case r.rows <- row{id: id, logits: kept}:
	case <-r.done:
	}
}

// sum sums up rows until nothing more is wanted.
func (r *Recording) sum(queue <-chan row) {
	chain := receipt.NewChain(r.salt)
	for {
		select {
		case x := <-queue:
			if x.sums != nil {
				x.sums <- chain.Hashes(min(x.n, chain.Len()))
				return
			}
			chain.Add(uint32(x.id), x.logits)
			select {
			case r.free <- x.logits:
			default:
			}
		case <-r.done:
			return
		}
	}
}

// finish returns the sums of the first n tokens, which were observed, and ends the
// recording.
func (r *Recording) finish(n int) []string {
	sums := make(chan []string, 1)
	select {
	case r.rows <- row{sums: sums, n: n}:
	case <-r.done:
		return nil
	}
	hashes := <-sums
	r.Close()
	return hashes
}

// Close ends the recording; it may be called twice.
func (r *Recording) Close() { r.ended.Do(func() { close(r.done) }) }

// room returns how many tokens an answer to a prompt may have at most.
func (r *Recording) room(prompt int) int { return max(r.context-prompt, 0) }
