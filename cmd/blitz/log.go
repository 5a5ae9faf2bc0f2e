package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

func newLog() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Keep a log of receipts that outsiders can check",
		Long: `Keeps a log that only grows: a folder that any web server can serve, in which
every receipt has a leaf (C2SP tlog-tiles, RFC 6962). Who has an older
checkpoint of it can tell that nothing of that was changed. A witness (blitz log
witness) has one; without, the operator can rewrite everything.

The receipts themselves lie encrypted below DIR/private, which is not served;
erasing one deletes its key, and changes no leaf and no proof.`,
		Example: `  blitz log checkpoint ./log
  blitz log check -h`,
		Args: noVerb,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLogInit(), newLogAdd(), newLogCheckpoint(), newLogShow(), newLogProve(), newLogCheck(), newLogErase(), newLogWitness())
	return cmd
}

func newLogInit() *cobra.Command {
	var origin, key string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "init DIR --origin NAME --key KEY",
		Short: "Make a log in a folder",
		Example: `  blitz log init ./log --origin example.org/receipts --key log.pem
  blitz log init ./log --origin example.org/receipts --key log.pem --json`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := transparency.CheckName(origin); err != nil {
				return fault.Misuse(fmt.Errorf("log init: --origin: %w", err))
			}
			if key == "" {
				return fault.Misuse(errors.New("log init: --key KEY is missing"))
			}
			k, err := readPrivateKey(key)
			if err != nil {
				return err
			}
			s, err := audit.Init(args[0], origin, k)
			if errors.Is(err, audit.ErrExists) {
				err = fault.Refusal(err)
			}
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), struct {
					Origin string `json:"origin"`
					VKey   string `json:"vkey"`
				}{origin, s.String()})
			}
			return writeTable(cmd.OutOrStdout(), []string{"origin", origin}, []string{"key", s.String()})
		},
	}
	cmd.Flags().StringVar(&origin, "origin", "", "`name` of the log, such as example.org/receipts: no spaces, no +")
	cmd.Flags().StringVar(&key, "key", "", "private ed25519 key `FILE` of the log, which is copied into it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print origin and key as JSON")
	return cmd
}

func newLogAdd() *cobra.Command {
	var jsonl bool
	cmd := &cobra.Command{
		Use:   "add DIR --jsonl",
		Short: "Append leaves that other programs make",
		Long: `Appends leaves: each line is a text in base64 of at most 65,535 bytes, for each
comes {"index": N} once it is durable. What comes together becomes durable
together.

` + jsonLinesHelp,
		Example: `  echo '"aGVsbG8="' | blitz log add ./log --jsonl
  blitz log add ./log --jsonl < leaves.jsonl`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !jsonl {
				return fault.Misuse(errors.New("log add: --jsonl is missing"))
			}
			w, err := audit.Open(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer w.Close()
			return addLeaves(cmd, w)
		},
	}
	cmd.Flags().BoolVar(&jsonl, "jsonl", false, "each line is a leaf")
	return cmd
}

// addLeaves appends the leaves of the standard input. Lines are read while others become
// durable.
func addLeaves(cmd *cobra.Command, w *audit.Writer) error {
	type answer struct {
		leaf *audit.Pending
		err  error
	}
	answers := make(chan answer, 1024)
	written := make(chan error, 1)
	go func() {
		var failed error
		lines := 0
		for a := range answers {
			lines++
			var line []byte
			index, err := int64(0), a.err
			if err == nil {
				index, err = a.leaf.Wait()
			}
			if err != nil {
				failed = fmt.Errorf("line %d was not appended, and perhaps others", lines)
				line = append(appendString([]byte(`{"error": `), err.Error()), '}')
			} else {
				line = fmt.Appendf(nil, `{"index": %d}`, index)
			}
			if _, err := cmd.OutOrStdout().Write(append(line, '\n')); err != nil {
				failed = err
			}
		}
		written <- failed
	}()
	in := newLineReader(newInput(cmd.Context(), cmd.InOrStdin(), nil), maxLine)
	err := in.each(func(line []byte, long error) error {
		a := answer{err: long}
		if long == nil {
			var leaf []byte
			if leaf, a.err = readLeaf(line); a.err == nil {
				a.leaf = w.Begin(leaf)
			}
		}
		answers <- a
		return nil
	})
	close(answers)
	failed := <-written
	switch {
	case err != nil:
		return err
	case failed != nil:
		return fmt.Errorf("%s: %w", cmd.CommandPath(), failed)
	}
	return nil
}

// readLeaf reads a line of add.
func readLeaf(line []byte) ([]byte, error) {
	text, err := parseString(line, "a text in base64")
	if err != nil {
		return nil, err
	}
	return base64Of("leaf", text)
}

func newLogCheckpoint() *cobra.Command {
	return &cobra.Command{
		Use:   "checkpoint DIR",
		Short: "Print the newest checkpoint of a log",
		Example: `  blitz log checkpoint ./log
  blitz log checkpoint ./log > before.txt`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			note, err := audit.ReadCheckpoint(args[0])
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(note)
			return err
		},
	}
}

// shownLeaf is the JSON of log show.
type shownLeaf struct {
	Index   int64           `json:"index"`
	Leaf    []byte          `json:"leaf"`
	Receipt json.RawMessage `json:"receipt"` // null: it is none, or erased
	Erased  bool            `json:"erased"`
}

// indexFlag adds the flag of a leaf's number.
func indexFlag(cmd *cobra.Command, index *int64) {
	cmd.Flags().Int64Var(index, "index", -1, "`number` of the leaf, from 0")
}

func newLogShow() *cobra.Command {
	var index int64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show DIR --index N",
		Short: "Show a leaf, and the receipt that it stands for",
		Example: `  blitz log show ./log --index 0
  blitz log show ./log --index 0 --json`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := audit.Read(args[0])
			if err != nil {
				return err
			}
			s := shownLeaf{Index: index, Receipt: json.RawMessage("null")}
			if s.Leaf, err = r.Leaf(index); err != nil {
				return err
			}
			one, erased, err := r.Receipt(index)
			if err != nil {
				return err
			}
			s.Erased = erased
			if one != nil {
				s.Receipt = bytes.TrimSpace(one.Text())
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), s)
			}
			what := "no receipt"
			switch {
			case erased:
				what = "a receipt that was erased"
			case one != nil:
				what = "a receipt"
			}
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "leaf %d: %s, %s\n", index, base64.StdEncoding.EncodeToString(s.Leaf), what); err != nil || one == nil {
				return err
			}
			st, err := one.Statement()
			if err != nil {
				return err
			}
			return writeReceiptShown(cmd, one, st)
		},
	}
	indexFlag(cmd, &index)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print leaf and receipt as JSON")
	return cmd
}

// provedSince is the JSON of log prove --since.
type provedSince struct {
	From  int64    `json:"from"`
	Old   string   `json:"old"`
	Size  int64    `json:"size"`
	Root  string   `json:"root"`
	Proof []string `json:"proof"`
}

func newLogProve() *cobra.Command {
	var index, since, size int64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "prove DIR --index N | --since M",
		Short: "Prove that a leaf is in the log, or that it goes on from before",
		Long: `Prints the proof that leaf N stands in the log (C2SP tlog-proof, with the newest
checkpoint), or that the log goes on from its first M leaves (RFC 6962).`,
		Example: `  blitz log prove ./log --index 0
  blitz log prove ./log --since 100 --json`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := audit.Read(args[0])
			if err != nil {
				return err
			}
			set := cmd.Flags().Changed
			switch {
			case set("index") == set("since"):
				return fault.Misuse(errors.New("log prove: want --index N or --since M"))
			case set("size") && size != r.Size:
				return fault.Missing(fmt.Errorf("log prove: the newest checkpoint has %d leaves, and none of %d is kept", r.Size, size))
			case set("index"):
				p, err := r.Prove(index)
				if err != nil {
					return err
				}
				_, err = fmt.Fprint(cmd.OutOrStdout(), p.Text())
				return err
			}
			old, proof, err := r.ProveSince(since)
			if err != nil {
				return err
			}
			p := provedSince{since, old.String(), r.Size, r.Root.String(), transparency.EncodeHashes(proof)}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), p)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "old %d %s\nnew %d %s\n%s", p.From, p.Old, p.Size, p.Root, strings.Join(append(p.Proof, ""), "\n"))
			return err
		},
	}
	indexFlag(cmd, &index)
	cmd.Flags().Int64Var(&since, "since", 0, "`number` of leaves of the older log")
	cmd.Flags().Int64Var(&size, "size", 0, "`number` of leaves that the newest checkpoint has to have")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the proof of --since as JSON")
	return cmd
}

func newLogCheck() *cobra.Command {
	var key, since string
	var witnesses []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check DIR --key KEY",
		Short: "Check all of a log, and that it goes on from an older checkpoint",
		Long: `Checks all of a log: the signature of its checkpoint, every leaf against its
hash, every tile against the one below it, the root; with --since that the older
checkpoint's leaves are still there, in their places.`,
		Example: `  blitz log check ./log --key example.org/receipts+aabbccdd+AWV…
  blitz log check ./log --key example.org/receipts+aabbccdd+AWV… --since old.txt`,
		Args: exactly("DIR"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return sayRefused(cmd, asJSON, checkLog(cmd, args[0], key, since, witnesses, asJSON))
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "`key` of the log, as log init prints it")
	cmd.Flags().StringVar(&since, "since", "", "`FILE` with an older checkpoint")
	cmd.Flags().StringArrayVar(&witnesses, "witness", nil, "`key` of a witness; may be given several times")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

func checkLog(cmd *cobra.Command, dir, key, since string, witnesses []string, asJSON bool) error {
	if key == "" {
		return fault.Misuse(errors.New("log check: --key KEY is missing: whose log has it to be?"))
	}
	v, err := transparency.ParseVerifier(key, transparency.LogKey)
	if err != nil {
		return err
	}
	trust := transparency.Trust{Logs: []*transparency.Verifier{v}}
	if trust.Witnesses, err = transparency.ParseVerifiers(witnesses, transparency.WitnessKey); err != nil {
		return err
	}
	var older []byte
	if since != "" {
		if older, err = readSigned(since, transparency.MaxNote); err != nil {
			return err
		}
	}
	w, err := audit.Check(cmd.Context(), dir, trust, older)
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), struct {
			OK        bool   `json:"ok"`
			Origin    string `json:"origin"`
			Size      int64  `json:"size"`
			Root      string `json:"root"`
			Witnesses int    `json:"witnesses"`
		}{true, w.Origin, w.Size, w.Root.String(), w.Witnesses})
	}
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s: %d leaves, root %s\n", w.Origin, w.Size, w.Root)
	if since != "" {
		fmt.Fprintf(out, "goes on from the checkpoint in %s\n", printable(since))
	}
	if w.Witnesses == 0 {
		_, err = fmt.Fprintln(out, "no witness that was given cosigned it: before what others have seen, the operator can have rewritten it all")
	} else {
		_, err = fmt.Fprintf(out, "cosigned by %s\n", counted(w.Witnesses, "witness that was given"))
	}
	return err
}

func newLogErase() *cobra.Command {
	var index int64
	cmd := &cobra.Command{
		Use:   "erase DIR --index N",
		Short: "Erase a receipt: its key and itself, but no leaf",
		Long: `Erases the receipt of a leaf: its key and itself are written over and deleted.
Leaf, tiles and checkpoints stay, and so do all proofs. A copy that somebody
else has, or a backup, is not erased by it.`,
		Example: `  blitz log erase ./log --index 17
  blitz log show ./log --index 17`,
		Args: exactly("DIR"),
		RunE: func(_ *cobra.Command, args []string) error {
			return audit.Erase(args[0], index, time.Now())
		},
	}
	indexFlag(cmd, &index)
	return cmd
}

// logKeys reads keys of logs.
func logKeys(texts []string) ([]*transparency.Verifier, error) {
	all, err := transparency.ParseVerifiers(texts, transparency.LogKey)
	if signed.ReasonOf(err) != "" {
		err = fault.Misuse(err)
	}
	return all, err
}
