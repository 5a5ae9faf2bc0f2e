package receipts

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/audit"
	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/server/wire"
	"github.com/blitz-r1/blitz/internal/transparency"
	"github.com/blitz-r1/blitz/receipt"
)

// Tables is how the table of receipts comes to be: where in the log each stands.
var Tables = database.Migration{Owner: "receipts", Steps: []string{`
CREATE TABLE receipts (
	id      TEXT PRIMARY KEY,
	tenant  TEXT NOT NULL,
	log     TEXT NOT NULL,    -- its origin
	place   INTEGER NOT NULL, -- in the log
	made_at INTEGER NOT NULL  -- seconds of Unix time
) STRICT, WITHOUT ROWID;
`}}

// keeper keeps receipts for the tenants that asked.
type keeper interface {
	keep(ctx context.Context, tenant, id string, r *receipt.Receipt) error
	// find returns a receipt. The error, a *wire.Error, says that there is none.
	find(ctx context.Context, tenant, id string) (*receipt.Receipt, error)
}

func errNone(id, why string) error {
	return &wire.Error{Kind: wire.NotFound, Param: "id", Message: "there is no receipt " + wire.Quote(id) + why}
}

// Find returns the receipt of an answer that a tenant asked for, with its newest proof. The
// error is a *wire.Error where there is none.
func (r *Receipts) Find(ctx context.Context, tenant, id string) (*receipt.Receipt, error) {
	one, err := r.passing.find(ctx, tenant, id)
	if err != nil && r.log != nil {
		return r.kept.find(ctx, tenant, id)
	}
	return one, err
}

// logged finds receipts in a log, which has them already.
type logged struct {
	dir string
	db  *database.DB
}

func (k *logged) keep(ctx context.Context, tenant, id string, r *receipt.Receipt) error {
	proof, err := transparency.ParseProof(r.Proof)
	if err != nil {
		return err
	}
	s, err := r.Statement()
	if err != nil {
		return err
	}
	return k.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO receipts VALUES (?, ?, ?, ?, ?)`, id, tenant, s.Log, proof.Index, time.Now().Unix())
		return k.db.Wrap(err)
	})
}

func (k *logged) find(ctx context.Context, tenant, id string) (*receipt.Receipt, error) {
	log, err := audit.Read(k.dir)
	if err != nil {
		return nil, err
	}
	var index int64
	err = k.db.QueryRowContext(ctx, `SELECT place FROM receipts WHERE id = ? AND tenant = ? AND log = ?`, id, tenant, log.Origin).Scan(&index)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNone(id, "")
	}
	if err != nil {
		return nil, k.db.Wrap(err)
	}
	one, erased, err := log.Receipt(index)
	switch {
	case err != nil:
		return nil, err
	case erased || one == nil:
		return nil, errNone(id, " any more: it was erased")
	}
	if log, err = audit.ReadFor(k.dir, index); err != nil {
		return nil, err
	}
	proof, err := log.Prove(index)
	if err != nil {
		return nil, err
	}
	one.Proof = proof.Text()
	return one, nil
}

// remembered keeps the latest receipts in memory.
type remembered struct {
	most int // bytes

	mu    sync.Mutex
	all   map[string]rememberedOne
	order []string
	bytes int
}

// rememberedOne is the file of a receipt.
type rememberedOne struct {
	tenant string
	text   []byte
}

// rememberedBytes bounds what is kept without a log.
const rememberedBytes = 64 << 20

func (k *remembered) keep(_ context.Context, tenant, id string, r *receipt.Receipt) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[string]rememberedOne{}
	}
	one := rememberedOne{tenant, r.Text()}
	k.all[id], k.order = one, append(k.order, id)
	for k.bytes += len(one.text); k.bytes > k.most && len(k.order) > 1; k.order = k.order[1:] {
		k.bytes -= len(k.all[k.order[0]].text)
		delete(k.all, k.order[0])
	}
	return nil
}

func (k *remembered) find(_ context.Context, tenant, id string) (*receipt.Receipt, error) {
	k.mu.Lock()
	one, ok := k.all[id]
	k.mu.Unlock()
	if !ok || one.tenant != tenant {
		return nil, errNone(id, "")
	}
	return receipt.Parse(one.text)
}
