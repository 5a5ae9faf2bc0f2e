package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/hub"
	"github.com/blitz-r1/blitz/internal/server"
	"github.com/blitz-r1/blitz/internal/socket"
)

func newPs() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "List the models that this user's server holds in memory",
		Long: `Lists the models that the server of this user and store holds in memory, and
those that it is loading: blitz serve.`,
		Example: `  blitz ps
  blitz ps --json`,
		Args: atMost(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			state, err := serverState()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), state)
			}
			return writeState(cmd.OutOrStdout(), state)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the same as JSON")
	return cmd
}

// errNoServer is what ps and stop say where there is none.
var errNoServer = fault.Missing(errors.New("no server of this user is running"))

// ask asks this user's server; v, which may be nil, takes the answer. The error is
// errNoServer where there is none.
func askServer(method, path string, body, v any) error {
	home, _, err := homeFolder(os.Getenv)
	if err != nil {
		return err
	}
	at, err := socket.Path(home, os.Getenv)
	if err != nil {
		return err
	}
	c := socket.Client(at)
	if c == nil {
		return fault.WithHint(errNoServer, "blitz serve starts one")
	}
	defer c.CloseIdleConnections()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(method, "http://localhost"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	answer, err := c.Do(r)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer answer.Body.Close()
	return readServer(answer, v)
}

func readServer(answer *http.Response, v any) error {
	const most = 16 << 20
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return fmt.Errorf("the server's answer broke off: %w", err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		var refusal struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(text, &refusal) != nil || refusal.Error == "" {
			refusal.Error = answer.Status
		}
		err := fmt.Errorf("the server refuses: %s", refusal.Error)
		if answer.StatusCode == http.StatusNotFound {
			err = fault.Missing(err)
		}
		return err
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	return nil
}

func serverState() (*server.State, error) {
	var state server.State
	return &state, askServer(http.MethodGet, "/blitz/state", nil, &state)
}

func writeState(w io.Writer, s *server.State) error {
	fmt.Fprintf(w, "blitz %s on %s, process %d\n", printable(s.Version), printable(s.URL), s.PID)
	if len(s.Models) == 0 {
		_, err := fmt.Fprintln(w, "no model is in memory")
		return err
	}
	rows := [][]string{{"NAME", "STATE", "SIZE", "CONTEXT", "REQUESTS", "UNTIL"}}
	for _, m := range s.Models {
		rows = append(rows, []string{
			printable(m.Name), stateText(&m), hub.FormatBytes(m.Size), positionsOrDash(int64(m.Context)), fmt.Sprint(m.Requests), untilText(m.Expires),
		})
	}
	return writeTable(w, rows...)
}

func stateText(m *server.Loaded) string {
	if m.State == "loading" && m.Weights > 0 {
		return fmt.Sprintf("loading %d %%", 100*m.Done/m.Weights)
	}
	return m.State
}

func untilText(t time.Time) string {
	if t.IsZero() {
		return "it is stopped"
	}
	return "in " + max(time.Until(t), 0).Round(time.Second).String()
}
