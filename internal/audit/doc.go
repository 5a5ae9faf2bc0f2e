// Package audit is a log that only grows: a folder that any web server can serve, and that
// outsiders check (C2SP tlog-tiles, RFC 6962), with what may be erased beside it.
//
//	DIR/checkpoint  DIR/tile/L/NNN[.p/W]  DIR/tile/entries/NNN[.p/W]   for everybody
//	DIR/private/    key.pem, receipts/N (encrypted), keys/N            for the operator alone
//
// Tiles are written and synced before the checkpoint that needs them, and the checkpoint
// before a caller hears its index. One process writes, by a lock.
package audit
