package main

import (
	"context"
	"errors"
	"io"
	"strings"
)

// maxAnswer bounds the line that answers a question, in bytes.
const maxAnswer = 200

// readYes reads one line and says whether it is a yes. An interrupt ends the wait, and the
// end of the input is a no.
func readYes(ctx context.Context, in io.Reader) (bool, error) {
	text, err := readReply(ctx, in)
	return isYes(text), err
}

// readReply reads one line. An interrupt ends the wait.
func readReply(ctx context.Context, in io.Reader) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := readLine(in)
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// readLine reads up to the end of a line, and nothing behind it: that is somebody else's.
func readLine(in io.Reader) (string, error) {
	var line []byte
	var b [1]byte
	for len(line) < maxAnswer {
		n, err := in.Read(b[:])
		if n > 0 {
			if b[0] == '\n' {
				break
			}
			line = append(line, b[0])
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
	}
	return string(line), nil
}

func isYes(text string) bool {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "y", "yes":
		return true
	}
	return false
}
