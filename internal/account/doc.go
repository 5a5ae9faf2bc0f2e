// Package account keeps who may use a server, and how much of it they used: keys, their
// scopes and limits, usage for each key, model and day, and an audit of what was changed.
//
//	accounts, err := account.Open(ctx, db, account.Options{})
//	caller, err := accounts.Find(text)         // whose key it is
//	ctx = account.With(ctx, caller)
//	admission, err := accounts.Begin(caller, "smollm2:latest")
//	defer admission.End(account.Usage{…})
//
// Keys are stored as their SHA-256 only. Several processes may use one file: what one of
// them changes holds for the next request of the others.
package account
