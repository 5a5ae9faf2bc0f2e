package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/attest"
	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/settings"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// serveReceipts are the flags of serve that are about receipts.
type serveReceipts struct{ key, log string }

func (f *serveReceipts) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.key, "receipt-key", "", "private ed25519 key `FILE` that signs a receipt of every answer, at /v1/receipts/ID (blitz verify)")
	cmd.Flags().StringVar(&f.log, "log", "", "`FOLDER` of the log that receipts are written down in (blitz log init), served at /log/; without, only the latest are kept, in memory")
}

// open returns who signs receipts, nil where there are none.
func (f *serveReceipts) open(cmd *cobra.Command) (n *attest.Notary, closeLog func(), err error) {
	switch {
	case f.key == "" && f.log == "":
		return nil, func() {}, nil
	case f.key == "":
		return nil, nil, fault.Misuse(errors.New("serve: --log needs --receipt-key FILE"))
	}
	return openNotary(cmd.Context(), f.key, f.log)
}

// auditSettings are those of the log of receipts.
type auditSettings struct {
	witnesses []audit.AskedWitness
	retention time.Duration // 0: for ever
	payment   string        // the address that is asked whether a request is paid; "": none is
}

// readAudit reads the table of the settings file.
func readAudit(file *settings.File) (a auditSettings, err error) {
	a.retention = audit.DefaultRetention
	wrong := func(key, want string) error {
		return fault.Misuse(fmt.Errorf("%s: %s.%s: want %s", file.Path(), settings.AuditTable, key, want))
	}
	for key, v := range file.Table(settings.AuditTable) {
		switch key {
		case "witnesses":
			list, ok := v.([]any)
			for _, one := range list {
				text, _ := one.(string)
				url, key, _ := strings.Cut(text, " ")
				verifier, err := transparency.ParseVerifier(key, transparency.WitnessKey)
				if err != nil || !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
					ok = false
				}
				a.witnesses = append(a.witnesses, audit.AskedWitness{URL: strings.TrimSuffix(url, "/"), Key: verifier})
			}
			if !ok {
				return a, wrong(key, `a list of texts such as "https://witness.example.net NAME+HASH+KEY"`)
			}
		case "retention":
			text, _ := v.(string)
			days, isDays := strings.CutSuffix(text, "d")
			n, err := strconv.Atoi(days)
			switch {
			case text == "for ever":
				a.retention = 0
			case isDays && err == nil && n >= 1 && n <= 100_000:
				a.retention = time.Duration(n) * 24 * time.Hour
			default:
				return a, wrong(key, `days such as "182d", or "for ever"`)
			}
		case "payment":
			text, _ := v.(string)
			if !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
				return a, wrong(key, "an address")
			}
			a.payment = text
		default:
			return a, wrong(key, "witnesses, retention or payment alone")
		}
	}
	return a, nil
}

// attend has the log of a notary shown to its witnesses, and old receipts erased, until ctx
// is done.
func (a *auditSettings) attend(ctx context.Context, n *attest.Notary, log *slog.Logger) {
	if n == nil {
		return
	}
	l, ok := n.Log.(audit.Receipts)
	if !ok {
		return
	}
	if len(a.witnesses) > 0 {
		go l.Ask(ctx, audit.Asking{Witnesses: a.witnesses, Log: log})
	}
	if a.retention > 0 {
		go l.KeepFor(ctx, a.retention, log)
	}
}
