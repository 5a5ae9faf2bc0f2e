package batch

import (
	"encoding/json"
	"regexp"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// The states of a batch.
const (
	validating = "validating"
	inProgress = "in_progress"
	finalizing = "finalizing"
	completed  = "completed"
	broken     = "failed" // a line of its file is no request
	expired    = "expired"
	cancelling = "cancelling"
	cancelled  = "cancelled"
)

// endpoints are the paths that lines may be for.
var endpoints = []string{"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"}

// batch is the row of a batch.
type batch struct {
	id, tenant, once    string
	endpoint, input     string
	window              string
	metadata            string
	status              string
	errors              string
	output, wrong       string // files of results and of errors
	keep                int64
	total, done, failed int64
	created, expires    int64
	started, finalizing int64
	cancelling, endedAt int64
}

// columns are those of the table, in its order.
const columns = `id, tenant, once, endpoint, input_file, window, metadata, status, errors, output_file, error_file, keep,
	total, completed, failed, created_at, expires_at, started_at, finalizing_at, cancelling_at, ended_at`

func (b *batch) values() []any {
	return []any{
		b.id, b.tenant, b.once, b.endpoint, b.input, b.window, b.metadata, b.status, b.errors, b.output, b.wrong, b.keep,
		b.total, b.done, b.failed, b.created, b.expires, b.started, b.finalizing, b.cancelling, b.endedAt,
	}
}

func scanBatch(scan func(...any) error) (*batch, error) {
	b := &batch{}
	err := scan(
		&b.id, &b.tenant, &b.once, &b.endpoint, &b.input, &b.window, &b.metadata, &b.status, &b.errors, &b.output, &b.wrong, &b.keep,
		&b.total, &b.done, &b.failed, &b.created, &b.expires, &b.started, &b.finalizing, &b.cancelling, &b.endedAt,
	)
	return b, err
}

// isOver says whether nothing more happens to the batch.
func (b *batch) isOver() bool { return b.endedAt != 0 }

// lineError is a line that is no request.
type lineError struct {
	Code    string  `json:"code"`
	Line    *int    `json:"line"`
	Message string  `json:"message"`
	Param   *string `json:"param"`
}

type lineErrors struct {
	Object string      `json:"object"`
	Data   []lineError `json:"data"`
}

// written is a batch as clients see it.
type written struct {
	ID           string          `json:"id"`
	Object       string          `json:"object"`
	Endpoint     string          `json:"endpoint"`
	Errors       json.RawMessage `json:"errors"`
	InputFile    string          `json:"input_file_id"`
	Window       string          `json:"completion_window"`
	Status       string          `json:"status"`
	OutputFile   *string         `json:"output_file_id"`
	ErrorFile    *string         `json:"error_file_id"`
	CreatedAt    int64           `json:"created_at"`
	InProgressAt *int64          `json:"in_progress_at"`
	ExpiresAt    *int64          `json:"expires_at"`
	FinalizingAt *int64          `json:"finalizing_at"`
	CompletedAt  *int64          `json:"completed_at"`
	FailedAt     *int64          `json:"failed_at"`
	ExpiredAt    *int64          `json:"expired_at"`
	CancellingAt *int64          `json:"cancelling_at"`
	CancelledAt  *int64          `json:"cancelled_at"`
	Counts       counts          `json:"request_counts"`
	Metadata     json.RawMessage `json:"metadata"`
}

type counts struct {
	Total     int64 `json:"total"`
	Completed int64 `json:"completed"`
	Failed    int64 `json:"failed"`
}

// orNull returns a time that was, or an id that is; nil for none.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// written returns the batch as clients see it.
func (b *batch) written() written {
	x := written{
		ID: b.id, Object: "batch", Endpoint: b.endpoint, Errors: json.RawMessage("null"), InputFile: b.input, Window: b.window, Status: b.status,
		OutputFile: orNull(b.output), ErrorFile: orNull(b.wrong), CreatedAt: b.created, InProgressAt: orNull(b.started), ExpiresAt: orNull(b.expires),
		FinalizingAt: orNull(b.finalizing), CancellingAt: orNull(b.cancelling), Counts: counts{b.total, b.done, b.failed}, Metadata: json.RawMessage(b.metadata),
	}
	if b.errors != "" {
		x.Errors = json.RawMessage(b.errors)
	}
	ended := orNull(b.endedAt)
	switch b.status {
	case completed:
		x.CompletedAt = ended
	case broken:
		x.FailedAt = ended
	case expired:
		x.ExpiredAt = ended
	case cancelled:
		x.CancelledAt = ended
	}
	return x
}

// Bounds of what a batch is asked for.
const (
	maxPairs = 16
	maxKey   = 64
	maxValue = 512
	maxOnce  = 256
)

// readBatch reads the fields of a new batch.
func readBatch(o *wire.Object, now time.Time) (*batch, error) {
	b := &batch{id: wire.NewID("batch_"), status: validating, created: now.Unix(), keep: int64(usualKeep / time.Second), metadata: "null"}
	for _, name := range []string{"input_file_id", "endpoint", "completion_window"} {
		if !o.Has(name) {
			o.Refuse(name, "%s is missing", name)
		}
	}
	b.input, b.endpoint, b.window = o.Text("input_file_id"), o.OneOf("endpoint", endpoints...), o.Text("completion_window")
	if b.endpoint == "" {
		o.Refuse("endpoint", "endpoint is empty")
	}
	length, ok := readWindow(b.window)
	if !ok {
		o.Refuse("completion_window", "completion_window is %s, want 1h to 30d", wire.Quote(b.window))
	}
	b.expires = now.Add(length).Unix()
	if v, ok := o.Get("metadata"); ok {
		readMetadata(o)
		b.metadata = string(v.Raw())
	}
	if e := o.Object("output_expires_after"); e != nil {
		if e.OneOf("anchor", "created_at") == "" {
			e.Refuse("anchor", "output_expires_after.anchor is empty")
		}
		if n := e.Int("seconds", int64(leastKeep/time.Second), int64(mostKeep/time.Second)); n != nil {
			b.keep = *n
		}
	}
	return b, o.Err()
}

// windows are hours or days; OpenAI's own word is 24h.
var windows = regexp.MustCompile(`^([1-9][0-9]{0,2})([hd])$`)

// readWindow returns the time that a batch may take.
func readWindow(text string) (time.Duration, bool) {
	m := windows.FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	n, _ := strconv.Atoi(m[1])
	length := time.Duration(n) * time.Hour
	if m[2] == "d" {
		length *= 24
	}
	return length, length <= 30*24*time.Hour
}

// readMetadata checks what a client notes down for itself.
func readMetadata(o *wire.Object) {
	m := o.Object("metadata")
	if m == nil {
		return
	}
	if len(m.Names()) > maxPairs {
		o.Refuse("metadata", "metadata has %d entries, want at most %d", len(m.Names()), maxPairs)
		return
	}
	for _, name := range m.Names() {
		if value := m.Text(name); len(name) > maxKey || len(value) > maxValue {
			o.Refuse("metadata", "metadata has an entry of %d and %d bytes, want at most %d and %d", len(name), len(value), maxKey, maxValue)
			return
		}
	}
}
