package pdf

import (
	"bytes"
	"compress/zlib"
	"encoding/ascii85"
	"fmt"
	"strings"
)

// builder writes PDF files for tests: object i+1 is the i-th.
type builder struct{ objects []string }

// add adds an object and returns a reference to it.
func (b *builder) add(text string) string {
	b.objects = append(b.objects, text)
	return fmt.Sprintf("%d 0 R", len(b.objects))
}

// stream adds a stream.
func (b *builder) stream(dict, content string) string {
	return b.add(fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(content), content))
}

// flate adds a compressed stream.
func (b *builder) flate(dict, content string) string {
	return b.stream(dict+" /Filter /FlateDecode", deflated(content))
}

func deflated(content string) string {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write([]byte(content))
	w.Close()
	return z.String()
}

// pages adds the tree of pages with these contents, and returns the reference to the root.
func (b *builder) pages(resources string, contents ...string) string {
	node := fmt.Sprintf("%d 0 R", len(b.objects)+len(contents)+1)
	var kids []string
	for _, c := range contents {
		kids = append(kids, b.add(fmt.Sprintf("<< /Type /Page /Parent %s /Contents %s >>", node, c)))
	}
	b.add(fmt.Sprintf("<< /Type /Pages /Kids [%s] /Count %d /Resources << %s >> >>", strings.Join(kids, " "), len(kids), resources))
	return b.add("<< /Type /Catalog /Pages " + node + " >>")
}

// file returns the file with a table of the old kind.
func (b *builder) file(root, trailer string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	var at []int
	for i, o := range b.objects {
		at = append(at, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, n := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root %s %s >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, root, trailer, table)
	return out.Bytes()
}

// packed returns the file with streams of objects and a table that is a stream, predicted
// as most programs do.
func (b *builder) packed(root string) []byte {
	var out, head, body bytes.Buffer
	out.WriteString("%PDF-1.5\n")
	rows := make([][3]int, len(b.objects)+3)
	group := len(b.objects) + 1
	n := 0
	for i, o := range b.objects {
		if strings.Contains(o, "stream\n") {
			rows[i+1] = [3]int{1, out.Len(), 0}
			fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, o)
			continue
		}
		rows[i+1] = [3]int{2, group, n}
		n++
		fmt.Fprintf(&head, "%d %d ", i+1, body.Len())
		body.WriteString(o + "\n")
	}
	rows[group] = [3]int{1, out.Len(), 0}
	z := deflated(head.String() + body.String())
	fmt.Fprintf(&out, "%d 0 obj\n<< /Type /ObjStm /N %d /First %d /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj\n", group, n, head.Len(), len(z), z)
	table := out.Len()
	rows[group+1] = [3]int{1, table, 0}
	var text bytes.Buffer
	above := make([]byte, 5)
	for _, r := range rows {
		line := []byte{byte(r[0]), byte(r[1] >> 16), byte(r[1] >> 8), byte(r[1]), byte(r[2])}
		text.WriteByte(2)
		for i := range line {
			text.WriteByte(line[i] - above[i])
		}
		above = line
	}
	z = deflated(text.String())
	fmt.Fprintf(&out, "%d 0 obj\n<< /Type /XRef /Size %d /Root %s /W [1 3 1] /DecodeParms << /Predictor 12 /Columns 5 >> /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream\nendobj\n",
		group+1, len(rows), root, len(z), z)
	fmt.Fprintf(&out, "startxref\n%d\n%%%%EOF\n", table)
	return out.Bytes()
}

const helv = "/F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"

// simple returns a file of one page with a font F1.
func simple(content string) []byte {
	b := &builder{}
	return b.file(b.pages("/Font << "+helv+" >>", b.stream("", content)), "")
}

// ascii85Of encodes a stream.
func ascii85Of(content string) string {
	out := make([]byte, ascii85.MaxEncodedLen(len(content)))
	return string(out[:ascii85.Encode(out, []byte(content))]) + "~>"
}
