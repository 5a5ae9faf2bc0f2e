package usage

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/receipt"
)

// Row is what one side owes the other in a month.
type Row struct {
	Payer    string   `json:"payer"`
	Payee    string   `json:"payee"`
	Currency string   `json:"currency"`
	Amount   *big.Int `json:"amount"` // millionths
	Receipts int      `json:"receipts"`
}

// CSVHead is the first line of a table of rows.
const CSVHead = "payer,payee,currency,amount,receipts"

// CSV returns the row as a line of a table.
func (r *Row) CSV() string {
	return fmt.Sprintf("%s,%s,%s,%s,%d", r.Payer, r.Payee, r.Currency, r.Amount, r.Receipts)
}

// entry is a receipt that was verified.
type entry struct {
	*Statement
	digest string
}

// account is what two sides have in a currency; a comes before b.
type account struct{ a, b, currency string }

// Net adds up receipts of usage, which are verified, over the month (UTC, by To) that
// begins then: what one side of each pair owes the other in each currency. A receipt
// counts once, however often it is given. Gaps says where receipts of a pair are missing
// or do not follow each other. The error is a *receipt.Error that names the first receipt
// that is refused, where names has their names.
func Net(list []*Receipt, names []string, keys []*receipt.PublicKey, month time.Time) (rows []Row, gaps []string, err error) {
	entries := map[string]entry{}
	for i, r := range list {
		s, err := r.Verify(keys)
		if err != nil {
			return nil, nil, inFile(names, i, err)
		}
		entries[r.Digest()] = entry{s, r.Digest()}
	}
	sums, counts := map[account]*big.Int{}, map[account]int{}
	end := month.AddDate(0, 1, 0)
	for _, e := range entries {
		if e.To.Before(month) || !e.To.Before(end) {
			continue
		}
		k, owed := account{e.Consumer, e.Provider, e.Currency}, big.NewInt(e.Amount)
		if k.a > k.b {
			k.a, k.b = k.b, k.a
			owed.Neg(owed)
		}
		if sums[k] == nil {
			sums[k] = new(big.Int)
		}
		sums[k].Add(sums[k], owed)
		counts[k]++
	}
	rows = []Row{}
	for _, k := range sortedAccounts(sums) {
		r := Row{Payer: k.a, Payee: k.b, Currency: k.currency, Amount: new(big.Int).Abs(sums[k]), Receipts: counts[k]}
		if sums[k].Sign() < 0 {
			r.Payer, r.Payee = k.b, k.a
		}
		rows = append(rows, r)
	}
	return rows, findGaps(entries), nil
}

func sortedAccounts(sums map[account]*big.Int) []account {
	var all []account
	for k := range sums {
		all = append(all, k)
	}
	slices.SortFunc(all, func(x, y account) int {
		return cmp.Or(strings.Compare(x.a, y.a), strings.Compare(x.b, y.b), strings.Compare(x.currency, y.currency))
	})
	return all
}

// findGaps says where receipts of a provider to a consumer do not follow each other.
func findGaps(entries map[string]entry) []string {
	pairs := map[[2]string][]entry{}
	for _, e := range entries {
		k := [2]string{e.Provider, e.Consumer}
		pairs[k] = append(pairs[k], e)
	}
	var gaps []string
	for k, list := range pairs {
		slices.SortFunc(list, func(x, y entry) int {
			return cmp.Or(cmp.Compare(x.Sequence, y.Sequence), strings.Compare(x.digest, y.digest))
		})
		for i, e := range list[1:] {
			before := list[i]
			at := fmt.Sprintf("%s to %s", k[0], k[1])
			switch {
			case e.Sequence == before.Sequence:
				gaps = append(gaps, fmt.Sprintf("%s: two different receipts have the number %d", at, e.Sequence))
			case e.Sequence != before.Sequence+1:
				gaps = append(gaps, fmt.Sprintf("%s: %d follows %d", at, e.Sequence, before.Sequence))
			case e.Previous != before.digest:
				gaps = append(gaps, fmt.Sprintf("%s: %d does not go on from the %d that is here", at, e.Sequence, before.Sequence))
			}
		}
	}
	slices.Sort(gaps)
	return gaps
}
