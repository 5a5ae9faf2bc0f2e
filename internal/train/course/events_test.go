package course

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEvents holds the bytes of a file: computed by hand from the format, with checksums of
// a published implementation of CRC-32C.
func TestEvents(t *testing.T) {
	var b bytes.Buffer
	e, err := NewEvents(&b, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Scalars(2, 3, Value{"loss", 0.5}); err != nil {
		t.Fatal(err)
	}
	// record: length 8 bytes, checksum 4, event, checksum 4
	first := "09" + "0000000000000040" + "1000" + "1a0d" + hex.EncodeToString([]byte("brain.Event:2"))
	second := "09" + "0000000000000040" + "1003" + "2a0d" + "0a0b" + "0a04" + hex.EncodeToString([]byte("loss")) + "15" + "0000003f"
	got := b.Bytes()
	for _, want := range []string{first, second} {
		n := len(want) / 2
		if text := hex.EncodeToString(got[12 : 12+n]); text != want {
			t.Errorf("event %s, want %s", text, want)
		}
		if got[0] != byte(n) {
			t.Errorf("length %d, want %d", got[0], n)
		}
		got = got[12+n+4:]
	}
	// RFC 3720, B.4: the CRC-32C of 32 zeros is 0x8a9136aa.
	crc := uint32(0x8a9136aa)
	if c, want := masked(make([]byte, 32)), (crc>>15|crc<<17)+0xa282ead8; c != want {
		t.Errorf("masked checksum %#x, want %#x", c, want)
	}
}

// TestTensorBoard reads a file with TensorBoard's own reader.
func TestTensorBoard(t *testing.T) {
	const script = `
import sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
a = EventAccumulator(sys.argv[1]); a.Reload()
print([(e.step, e.value) for e in a.Scalars("loss")], a.Tensors("answers/0")[0].tensor_proto.string_val[0].decode())`
	if exec.Command("python3", "-c", "import tensorboard").Run() != nil {
		t.Skip("python3 has no tensorboard; pip install tensorboard gets it")
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, eventsName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e, err := NewEvents(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := e.Metric(2, &Metric{Step: i, Loss: float64(i) / 2}); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.Sample(3, 0, &Sample{Step: 3, Prompt: "p", Answer: "ä"}); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("python3", "-c", script, dir).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "[(0, 0.0), (1, 0.5), (2, 1.0)]") || !strings.Contains(string(out), "ä") {
		t.Errorf("error %v: %s", err, out)
	}
}
