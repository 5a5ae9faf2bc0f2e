package history

import "context"

// maxList bounds how many chats are asked for at once.
const maxList = 1000

// List returns chats, those that changed last first, and of the same moment in the order in
// which they came, which for an import is that of its file: at most limit that are neither
// pinned nor in a folder and are older than before, and whether there are more of them.
// The first part, where before is 0, has all others in front: the pinned ones, then those
// in folders.
func (s *Store) List(ctx context.Context, tenant string, limit int, before Time) (chats []Chat, more bool, err error) {
	limit = min(max(limit, 1), maxList)
	chats = []Chat{}
	if before == 0 {
		before = lastTime + 1
		chats, err = s.chats(ctx, `(c.pinned = 1 OR c.folder <> '') ORDER BY c.pinned DESC, c.updated DESC, c.n`, tenant)
		if err != nil {
			return nil, false, s.wrap(err)
		}
	}
	plain, err := s.chats(ctx, `c.pinned = 0 AND c.folder = '' AND c.updated < ? ORDER BY c.updated DESC, c.n LIMIT ?`, tenant, before, limit+1)
	if err != nil {
		return nil, false, s.wrap(err)
	}
	if len(plain) > limit {
		if plain, err = s.whole(ctx, tenant, plain, limit); err != nil {
			return nil, false, s.wrap(err)
		}
		older, err := s.chats(ctx, `c.pinned = 0 AND c.folder = '' AND c.updated < ? LIMIT 1`, tenant, plain[len(plain)-1].Updated)
		if err != nil {
			return nil, false, s.wrap(err)
		}
		more = len(older) > 0
	}
	return append(chats, plain...), more, nil
}

// whole cuts a part behind limit chats. Those that changed at the same moment as its last
// one, as imported ones may have, are all in it: the next part begins before that moment.
func (s *Store) whole(ctx context.Context, tenant string, plain []Chat, limit int) ([]Chat, error) {
	at := plain[limit-1].Updated
	if plain[limit].Updated != at {
		return plain[:limit], nil
	}
	for limit > 0 && plain[limit-1].Updated == at {
		limit--
	}
	same, err := s.chats(ctx, `c.pinned = 0 AND c.folder = '' AND c.updated = ? ORDER BY c.n`, tenant, at)
	return append(plain[:limit], same...), err
}

// chats reads the chats of a tenant that a condition holds for.
func (s *Store) chats(ctx context.Context, condition string, args ...any) ([]Chat, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+chatColumns+` FROM chats c WHERE `+ofTenant+` AND `+live+` AND `+condition, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := []Chat{}
	for rows.Next() {
		_, c, err := scanChat(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, rows.Err()
}
