package document

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/blitz-r1/blitz/internal/sandbox"
)

// TestMain is the program whose children the tests run.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case "read":
		os.Exit(Main(os.Args[2:]))
	case "confine":
		os.Exit(sandbox.Main(os.Args[2:]))
	case "peek": // a parser that a file has taken over
		os.Exit(peek())
	case "eat", "spin":
		os.Exit(misbehave(os.Args[1], os.Args[2:]))
	case "talk":
		for {
			if _, err := os.Stdout.WriteString(strings.Repeat("x", 4096)); err != nil {
				os.Exit(1)
			}
		}
	case "sleep":
		time.Sleep(time.Hour)
	}
	os.Exit(m.Run())
}

// misbehave is a child that takes more than it may.
func misbehave(how string, args []string) int {
	limits := Limits{Memory: 64 << 20, Processor: time.Second}
	if err := bound(limits.Memory, uint64(limits.Processor/time.Second)); err != nil || len(args) != 2 {
		return exitReason
	}
	var eaten [][]byte
	for n := 0; ; n++ {
		if how == "eat" {
			b := make([]byte, 16<<20)
			for i := range b {
				b[i] = 1
			}
			eaten = append(eaten, b)
		}
		if n == -1 {
			return len(eaten)
		}
	}
}

// peek is a child that looks for what is not its file, where the tests have one.
var peek = func() int { return exitReason }

// reader returns one whose children are confined where the system can.
func reader(verb string) *Reader {
	if raced {
		return bare(verb)
	}
	return &Reader{Command: []string{os.Args[0], verb}, Confine: []string{os.Args[0], "confine"}}
}

// bare returns one whose children are bounded alone.
func bare(verb string) *Reader { return &Reader{Command: []string{os.Args[0], verb}} }

func TestText(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"notes.txt":    {"Hello, Wörld\r\nline\rnext\n", "Hello, Wörld\nline\nnext\n"},
		"marked.md":    {"\ufeff# Title", "# Title"},
		"little.csv":   {"\xff\xfea\x00,\x00\xe4\x00\r\x00\n\x00", "a,ä\n"},
		"big.txt":      {"\xfe\xff\x00a\xd8\x3d\xde\x00", "a😀"},
		"page.html":    {"<script>alert(1)</script>", "<script>alert(1)</script>"},
		"log":          {"\x1b[31mred\x1b[0m\a text of a log", "[31mred[0m text of a log"},
		"begins.txt":   {"BMW and MZ are makers; GGUF is a format", "BMW and MZ are makers; GGUF is a format"},
		"PK.txt":       {"PKware", "PKware"},
		"deleted.text": {"a\x7fb", "ab"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := (&Reader{}).Text(t.Context(), name, []byte(c.file))
			if err != nil || got != c.want {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	zeros := "\x00\x00\x00\x00"
	for name, c := range map[string]struct{ file, reason string }{
		"empty.txt":   {" \n", "empty"},
		"picture.png": {"\x89PNG\r\n\x1a\n" + zeros, "PNG"},
		"photo.txt":   {"\xff\xd8\xff\xe0" + zeros, "JPEG"},
		"picture.bmp": {"BM\x36" + zeros, "BMP"},
		"web.webp":    {"RIFF\x10\x00\x00\x00WEBPVP8 " + zeros, "WebP"},
		"film.mp4":    {"\x00\x00\x00\x18ftypmp42" + zeros, "MP4"},
		"text.docx":   {"PK\x03\x04" + zeros, "Word"},
		"things.zip":  {"PK\x03\x04" + zeros, "ZIP"},
		"model.gguf":  {"GGUF\x03\x00\x00\x00" + zeros, "GGUF"},
		"unknown":     {"\x01\x02\x03\x04\x05\x06\x07", "neither text nor"},
		"keys.txt":    {strings.Repeat("\x1b\b", 20), "no text"},
		"latin.txt":   {"The word caf\xe9 in an old encoding, in a text that is long enough", "byte 13"},
		"half.txt":    {"\xff\xfea\x00b", "UTF-16"},
		"holes.txt":   {"\xff\xfea\x00\x00\x00", "UTF-16"},
		"long.txt":    {strings.Repeat("long ", MaxText/5+1), "bytes of text"},
		"large.txt":   {strings.Repeat("x", MaxFile+1), "at most are read"},
		"fake.pdf":    {"%!PS" + zeros, "neither"},
		"true.pdf":    {"%PDF-1.4\n", "text alone"}, // there is no program that reads it
	} {
		t.Run(name, func(t *testing.T) {
			text, err := (&Reader{}).Text(t.Context(), name, []byte(c.file))
			var unreadable *Unreadable
			if !errors.As(err, &unreadable) || unreadable.Name != name || !strings.Contains(unreadable.Reason, c.reason) {
				t.Errorf("got %.40q, %v, want an error with %q", text, err, c.reason)
			}
		})
	}
}

// page is a PDF of one page, as small as a mended one can be.
func page(text string) []byte {
	return []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Kids[3 0 R]/Count 1>>endobj\n" +
		"3 0 obj<</Contents 4 0 R/Resources<</Font<</F<</Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n4 0 obj<</Length 5>>stream\nBT /F 12 Tf (" + text + ") Tj ET\nendstream endobj\ntrailer<</Root 1 0 R>>")
}

func TestPDF(t *testing.T) {
	for _, r := range []*Reader{reader("read"), bare("read")} {
		got, err := r.Text(t.Context(), "report.pdf", page("From a child"))
		if err != nil || got != "From a child" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	for name, c := range map[string]struct{ file, reason string }{
		"damaged.pdf":   {"%PDF-1.4\nnothing", "damaged"},
		"encrypted.pdf": {strings.Replace(string(page("x")), "<</Root", "<</Encrypt<</V 1>>/Root", 1), "encrypted"},
	} {
		_, err := reader("read").Text(t.Context(), name, []byte(c.file))
		var unreadable *Unreadable
		if !errors.As(err, &unreadable) || unreadable.Name != name || !strings.Contains(unreadable.Reason, c.reason) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.reason)
		}
	}
}

// Children that take more than they may come to an end, and what is said of it names the file.
func TestBounds(t *testing.T) {
	for verb, c := range map[string]struct {
		limits Limits
		reason string
	}{
		"eat":   {Limits{Memory: 64 << 20, Processor: 20 * time.Second, Time: time.Minute}, "takes more than"},
		"spin":  {Limits{Memory: 64 << 20, Processor: time.Second, Time: time.Minute}, "takes more than"},
		"sleep": {Limits{Memory: 64 << 20, Processor: time.Second, Time: time.Second}, "not read in"},
		"talk":  {Limits{Memory: 64 << 20, Processor: 20 * time.Second, Time: time.Minute}, "MiB of text"},
	} {
		t.Run(verb, func(t *testing.T) {
			if (verb == "eat" || verb == "spin") && !bounds {
				t.Skip("this system has no bounds for a process that the reader uses")
			}
			for _, r := range []*Reader{reader(verb), bare(verb)} {
				r.Limits = c.limits
				text, err := r.Text(t.Context(), "x.pdf", page("x"))
				var unreadable *Unreadable
				if !errors.As(err, &unreadable) || !strings.Contains(unreadable.Reason, c.reason) {
					t.Errorf("got %.40q, %v, want an error with %q", text, err, c.reason)
				}
			}
		})
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := reader("sleep").Text(ctx, "x.pdf", page("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func FuzzText(f *testing.F) {
	f.Add("a.txt", []byte("text"))
	f.Add("a.csv", []byte("\xff\xfea\x00"))
	f.Add("a.txt", []byte("\x01\x02\x03\x04\x05\x06\x0e\x0f\x10"))
	f.Fuzz(func(t *testing.T, name string, file []byte) {
		text, err := (&Reader{}).Text(context.Background(), name, file)
		var unreadable *Unreadable
		if err != nil && !errors.As(err, &unreadable) {
			t.Error(err)
		}
		if err == nil && (strings.TrimSpace(text) == "" || strings.ContainsRune(text, 0)) {
			t.Errorf("%q", text)
		}
	})
}
