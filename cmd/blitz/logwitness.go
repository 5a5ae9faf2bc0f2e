package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/transparency"
)

func newLogWitness() *cobra.Command {
	var name, key, state, listen string
	var logs []string
	cmd := &cobra.Command{
		Use:   "witness --name NAME --key KEY --state FILE --log KEY",
		Short: "Be a witness of logs: cosign what goes on from what was seen",
		Long: `Serves a witness of logs (C2SP tlog-witness): a log shows it each checkpoint,
with the proof that it goes on from the one before, and gets a cosignature. What
it has cosigned is on the disk before it answers; it never cosigns two
histories.

The address is printed as the first line.`,
		Example: `  blitz log witness --name example.net/w --key w.pem --state w.json \
    --log example.org/receipts+aabbccdd+AWV…
  blitz log witness --name example.net/w --key w.pem --state w.json \
    --log example.org/receipts+aabbccdd+AWV… --listen :7311`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, f := range []struct{ flag, v string }{{"name", name}, {"key", key}, {"state", state}} {
				if f.v == "" {
					return fault.Misuse(fmt.Errorf("log witness: --%s is missing", f.flag))
				}
			}
			if len(logs) == 0 {
				return fault.Misuse(errors.New("log witness: --log KEY is missing: of which log?"))
			}
			k, err := readPrivateKey(key)
			if err != nil {
				return err
			}
			s, err := transparency.NewSigner(name, transparency.WitnessKey, k)
			if err != nil {
				return err
			}
			keys, err := logKeys(logs)
			if err != nil {
				return err
			}
			w, err := audit.NewWitness(s, keys, state)
			if err != nil {
				return err
			}
			return serveWitness(cmd, w, listen)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "`name` of the witness: no spaces, no +")
	cmd.Flags().StringVar(&key, "key", "", "private ed25519 key `FILE` of the witness")
	cmd.Flags().StringVar(&state, "state", "", "`FILE` in which is kept what was cosigned; never lose it")
	cmd.Flags().StringArrayVar(&logs, "log", nil, "`key` of a log; may be given several times")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:7311", "`address` to listen on")
	return cmd
}

// serveWitness serves a witness until the command is interrupted.
func serveWitness(cmd *cobra.Command, w *audit.Witness, listen string) error {
	l, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", listen)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: 20 * time.Second, MaxHeaderBytes: 16 << 10}
	if _, err := fmt.Fprintf(cmd.OutOrStdout(), "http://%s\n", l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	stop := context.AfterFunc(cmd.Context(), func() { _ = s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return cmd.Context().Err()
}
