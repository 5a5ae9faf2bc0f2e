package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// client asks a server.
type client struct {
	settings
	http *http.Client
}

func newClient(s settings) *client {
	t := &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 4096}
	return &client{s, &http.Client{Transport: t}}
}

// question is what is asked.
type question struct {
	system, user string
	tokens       int
	slow         time.Duration // between two reads
}

// reply is what came, and when.
type reply struct {
	status         int
	prompt, tokens int // as the server counts them
	pieces         int
	asked          time.Time
	first, last    time.Time // of the pieces
	retryAfter     string
}

func (r *reply) firstToken() time.Duration { return r.first.Sub(r.asked) }

// rate returns the tokens a second behind the first.
func (r *reply) rate() float64 {
	if s := r.last.Sub(r.first).Seconds(); s > 0 && r.tokens > 1 {
		return float64(r.tokens-1) / s
	}
	return 0
}

// ask asks a question and reads the answer as it comes; each piece is told to seen, which
// may be nil. A status other than 200 is no error.
func (c *client) ask(ctx context.Context, q question, seen func(time.Time)) (*reply, error) {
	var messages []map[string]string
	if q.system != "" {
		messages = append(messages, map[string]string{"role": "system", "content": q.system})
	}
	messages = append(messages, map[string]string{"role": "user", "content": q.user})
	body, err := json.Marshal(map[string]any{
		"model": c.model, "messages": messages, "stream": true, "stream_options": map[string]bool{"include_usage": true},
		"max_tokens": q.tokens, "temperature": 1, "seed": 1, "ignore_eos": true, // what Blitz and llama.cpp call it
	})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if c.key != "" {
		r.Header.Set("Authorization", "Bearer "+c.key)
	}
	out := &reply{asked: time.Now()}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	out.status, out.retryAfter = answer.StatusCode, answer.Header.Get("Retry-After")
	if out.status != http.StatusOK {
		_, err := io.Copy(io.Discard, answer.Body)
		return out, err
	}
	return out, out.read(answer.Body, q.slow, seen)
}

// read reads an event stream.
func (r *reply) read(body io.Reader, slow time.Duration, seen func(time.Time)) error {
	in := bufio.NewReader(body)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the stream broke off: %w", err)
		}
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		switch {
		case !ok:
			continue
		case text == "[DONE]":
			return nil
		}
		if err := r.chunk([]byte(text), seen); err != nil {
			return err
		}
		if slow > 0 {
			time.Sleep(slow)
		}
	}
}

func (r *reply) chunk(text []byte, seen func(time.Time)) error {
	var c struct {
		Choices []struct {
			Delta struct {
				Content   string `json:"content"`
				Reasoning string `json:"reasoning_content"`
			} `json:"delta"`
		} `json:"choices"`
		Usage *struct {
			Prompt int `json:"prompt_tokens"`
			Tokens int `json:"completion_tokens"`
		} `json:"usage"`
		Error any `json:"error"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return err
	}
	if c.Error != nil {
		return errors.New("the stream has an error in it")
	}
	if c.Usage != nil {
		r.prompt, r.tokens = c.Usage.Prompt, c.Usage.Tokens
	}
	if len(c.Choices) > 0 && c.Choices[0].Delta.Content+c.Choices[0].Delta.Reasoning != "" {
		r.last = time.Now()
		if r.pieces++; r.pieces == 1 {
			r.first = r.last
		}
		if seen != nil {
			seen(r.last)
		}
	}
	return nil
}

// words are those of made-up prompts: most are one token of any vocabulary.
var words = strings.Fields(`the of and to in is was for on that with as at by from it an be are this which or had not were have one new
 time people year first way day man world life part house place week case point company number group problem fact water room city school
 study night story book word business issue side kind head month lot right eye hand power money state family student country game line end`)

// text returns that many words.
func text(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteByte(' ')
	}
	return b.String()
}
