package account

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Usage is what requests used.
type Usage struct {
	Model     string // its name in the store; "": there is none, nothing was used
	Requests  int64
	Failed    int64 // of the requests
	Prompt    int64 // tokens
	Cached    int64 // of the prompt
	Answer    int64 // reasoning included
	Reasoning int64
	Time      time.Duration
}

// tokens is what counts against a key's limits.
func (u *Usage) tokens() int64 { return u.Prompt + u.Answer }

func (u *Usage) add(o Usage) {
	u.Requests += o.Requests
	u.Failed += o.Failed
	u.Prompt += o.Prompt
	u.Cached += o.Cached
	u.Answer += o.Answer
	u.Reasoning += o.Reasoning
	u.Time += o.Time
}

// Query says which usage is wanted.
type Query struct {
	By          []string // what it is told apart by: key, model, day, month; none: one sum
	Since, Till string   // days, as 2026-11-29 in UTC, both included; "": all
}

// Groups are the words of Query.By.
var Groups = []string{"key", "model", "day", "month"}

// Total is usage that was added up. What it was not told apart by is "".
type Total struct {
	Key       string  `json:"key,omitempty"`    // its name, or "owner"
	KeyID     string  `json:"key_id,omitempty"` // "" of the owner
	Model     string  `json:"model,omitempty"`
	Day       string  `json:"day,omitempty"`
	Month     string  `json:"month,omitempty"`
	Requests  int64   `json:"requests"`
	Failed    int64   `json:"failed"`
	Prompt    int64   `json:"prompt_tokens"`
	Cached    int64   `json:"cached_tokens"`
	Answer    int64   `json:"answer_tokens"` // reasoning included
	Reasoning int64   `json:"reasoning_tokens"`
	Seconds   float64 `json:"seconds"`
}

// parts returns the columns that a query is grouped by. The error is a *ValueError.
func (q *Query) parts() ([]string, error) {
	for _, day := range []string{q.Since, q.Till} {
		if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
			return nil, &ValueError{"since, till", "days such as 2026-11-29"}
		}
	}
	columns := []string{"''", "''", "''", "''"}
	for _, word := range q.By {
		switch i := slices.Index(Groups, word); i {
		case -1:
			return nil, &ValueError{"by", strings.Join(Groups, ",")}
		case 3:
			columns[i] = "substr(day, 1, 7)"
		default:
			columns[i] = "usage." + word
		}
	}
	return columns, nil
}

// Usage adds up what was used, up to this moment, in the order of days, keys and models.
// The error is a *ValueError or one of the file.
func (a *Accounts) Usage(ctx context.Context, q Query) ([]Total, error) {
	columns, err := q.parts()
	if err != nil {
		return nil, err
	}
	if err := a.Flush(ctx); err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`SELECT u.*, coalesce(keys.name, '') FROM (
		SELECT %s AS key, %s AS model, %s AS day, %s AS month,
			coalesce(sum(requests), 0), coalesce(sum(failed), 0), coalesce(sum(prompt), 0), coalesce(sum(cached), 0),
			coalesce(sum(answer), 0), coalesce(sum(reasoning), 0), coalesce(sum(micros), 0)
		FROM usage WHERE (?1 = '' OR day >= ?1) AND (?2 = '' OR day <= ?2) GROUP BY 1, 2, 3, 4
	) u LEFT JOIN keys ON keys.id = u.key ORDER BY 4, 3, 12, 1, 2`, columns[0], columns[1], columns[2], columns[3])
	rows, err := a.db.QueryContext(ctx, text, q.Since, q.Till)
	if err != nil {
		return nil, fmt.Errorf("account: usage: %w", a.db.Wrap(err))
	}
	defer rows.Close()
	list := []Total{}
	for rows.Next() {
		var t Total
		var micros int64
		err := rows.Scan(&t.KeyID, &t.Model, &t.Day, &t.Month, &t.Requests, &t.Failed, &t.Prompt, &t.Cached, &t.Answer, &t.Reasoning, &micros, &t.Key)
		if err != nil {
			return nil, fmt.Errorf("account: usage: %w", a.db.Wrap(err))
		}
		t.Seconds = float64(micros) / 1e6
		switch {
		case !slices.Contains(q.By, "key"):
		case t.KeyID == "":
			t.Key = ownerName
		case t.Key == "":
			t.Key = t.KeyID // Anyone
		}
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("account: usage: %w", a.db.Wrap(err))
	}
	return list, nil
}
