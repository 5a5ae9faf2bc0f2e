package ollama

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// readKeepAlive takes how long a model is kept: seconds, as a number or as text, or a
// duration such as 1h30m; negative is for ever. nil: it is not said.
func readKeepAlive(o *wire.Object) *time.Duration {
	const name = "keep_alive"
	v, ok := o.Get(name)
	switch {
	case !ok:
		return nil
	case v.IsNumber():
		if n := v.Number(-anyNumber, anyNumber); n != nil {
			return new(seconds(*n))
		}
		return nil
	case !v.IsText():
		v.Refuse("%s is neither a number of seconds nor a duration such as 5m", name)
		return nil
	}
	text := strings.TrimSpace(v.Text())
	if text == "" {
		return nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(n) {
		return new(seconds(n))
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		v.Refuse("%s is %s, want seconds or a duration such as 5m", name, wire.Quote(text))
		return nil
	}
	return &d
}

// seconds returns a time; one that is longer than there are is for ever.
func seconds(n float64) time.Duration {
	if n < 0 || n > math.MaxInt64/float64(time.Second)/2 {
		return -1
	}
	return time.Duration(n * float64(time.Second))
}
