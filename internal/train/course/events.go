package course

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// Events writes a file that TensorBoard reads: records of TensorFlow's TFRecord format
// (https://www.tensorflow.org/tutorials/load_data/tfrecord), each a message Event of
// tensorflow/core/util/event.proto.
type Events struct {
	w io.Writer
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of TFRecord: a CRC-32C that is turned and moved, so that a checksum
// of bytes that have checksums is not a special one.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// NewEvents begins a file; at is the time of its first event, in seconds since 1970.
func NewEvents(w io.Writer, at float64) (*Events, error) {
	e := &Events{w}
	return e, e.event(at, 0, field(nil, 3, "brain.Event:2"))
}

// record writes a record: its length and a checksum of that, its bytes and one of those.
func (e *Events) record(b []byte) error {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(b)))
	out = binary.LittleEndian.AppendUint32(out, masked(out))
	out = append(out, b...)
	out = binary.LittleEndian.AppendUint32(out, masked(b))
	_, err := e.w.Write(out)
	return err
}

// event writes an Event: wall_time 1, step 2, and what it holds.
func (e *Events) event(at float64, step int, rest []byte) error {
	b := double(nil, 1, at)
	b = append(b, 2<<3)
	b = binary.AppendUvarint(b, uint64(step))
	return e.record(append(b, rest...))
}

// Value is a number with its name.
type Value struct {
	Name string
	V    float64
}

// Scalars writes numbers of a step: a Summary (field 5), each of its values (1) a tag (1)
// with a simple_value (2).
func (e *Events) Scalars(at float64, step int, values ...Value) error {
	var summary []byte
	for _, v := range values {
		b := field(nil, 1, v.Name)
		b = append(b, 2<<3|5)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v.V)))
		summary = field(summary, 1, string(b))
	}
	return e.event(at, step, field(nil, 5, string(summary)))
}

// Text writes a text of a step, as the plugin of that name shows it: a value with a tensor
// (8) of one string, and in its metadata (9) the plugin's name.
func (e *Events) Text(at float64, step int, name, text string) error {
	const dtString = 7
	tensor := append([]byte{1 << 3}, dtString)
	tensor = field(tensor, 2, string(field(nil, 2, string([]byte{1 << 3, 1})))) // shape [1]
	tensor = field(tensor, 8, text)
	value := field(nil, 1, name)
	value = field(value, 8, string(tensor))
	value = field(value, 9, string(field(nil, 1, string(field(nil, 1, "text")))))
	return e.event(at, step, field(nil, 5, string(field(nil, 1, string(value)))))
}

// Metric writes what a line of metrics.jsonl has.
func (e *Events) Metric(at float64, m *Metric) error {
	values := []Value{
		{"loss", m.Loss}, {"loss_smoothed", m.Smoothed}, {"learning_rate", m.Rate}, {"grad_norm", m.GradNorm}, {"tokens_per_second", m.TokensPerSecond}, {"epoch", m.Epoch},
	}
	if m.Validation != nil {
		values = append(values, Value{"validation_loss", *m.Validation})
	}
	values = append(values, m.Rewards.values("")...)
	values = append(values, m.ValidationRewards.values("validation_")...)
	return e.Scalars(at, m.Step, values...)
}

// Sample writes an answer.
func (e *Events) Sample(at float64, number int, s *Sample) error {
	return e.Text(at, s.Step, fmt.Sprintf("answers/%d", number), s.Prompt+"\n\n---\n\n"+s.Answer)
}

// field appends a field of bytes.
func field(b []byte, id int, text string) []byte {
	b = binary.AppendUvarint(b, uint64(id<<3|2))
	b = binary.AppendUvarint(b, uint64(len(text)))
	return append(b, text...)
}

// double appends a field of eight bytes.
func double(b []byte, id int, v float64) []byte {
	b = binary.AppendUvarint(b, uint64(id<<3|1))
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}
