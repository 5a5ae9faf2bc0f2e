package history

import (
	"encoding/json"
	"fmt"
	"time"
)

// Time is a moment in milliseconds of Unix time; 0 is none. Its JSON is RFC 3339 with
// three digits behind the second, in UTC.
type Time int64

// timeForm is the JSON of a Time.
const timeForm = "2006-01-02T15:04:05.000Z07:00"

// Years that a time can lie in, so that its JSON can be read again.
const (
	firstTime = Time(-62135596800000) // of the year 1
	lastTime  = Time(253402300799999) // of the year 9999
)

// TimeOf returns the moment of t.
func TimeOf(t time.Time) Time { return min(max(Time(t.UnixMilli()), firstTime), lastTime) }

// Time returns the moment as the standard library has it.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String returns the moment as its JSON has it.
func (t Time) String() string { return t.Time().Format(timeForm) }

// MarshalJSON writes the moment.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalJSON reads a moment.
func (t *Time) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("history: a time: %w", err)
	}
	at, err := ParseTime(s)
	if err == nil {
		*t = at
	}
	return err
}

// ParseTime reads a moment as RFC 3339 has it.
func ParseTime(s string) (Time, error) {
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, &ValueError{Want: "a time as RFC 3339 has it"}
	}
	return TimeOf(at), nil
}
