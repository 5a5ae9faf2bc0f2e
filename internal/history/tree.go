package history

import (
	"context"
	"math"
)

// tree is the messages of a chat that are there, without their texts.
type tree struct {
	nodes    map[string]node
	children map[string][]string // the oldest first; those of "" begin the chat
}

type node struct {
	n      int64
	parent string
}

// tree reads the tree of a chat.
func (c *change) tree(chat int64) (*tree, error) { return readTree(c.ctx, c.Tx, chat) }

// readTree reads the tree of a chat.
func readTree(ctx context.Context, q querier, chat int64) (*tree, error) {
	rows, err := q.QueryContext(ctx, `SELECT n, id, parent FROM chat_messages WHERE chat = ? AND gone = 0 ORDER BY n`, chat)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	t := &tree{nodes: map[string]node{}, children: map[string][]string{}}
	for rows.Next() {
		var id string
		var m node
		if err := rows.Scan(&m.n, &id, &m.parent); err != nil {
			return nil, err
		}
		t.nodes[id] = m
		t.children[m.parent] = append(t.children[m.parent], id)
	}
	return t, rows.Err()
}

// below returns a message and all behind it, parents before their children. Each message
// has one parent that is older, so that none is met twice.
func (t *tree) below(id string) []string {
	list := []string{id}
	for i := 0; i < len(list); i++ {
		list = append(list, t.children[list[i]]...)
	}
	return list
}

// path returns the messages from the beginning to leaf; those of the newest branch where
// there is no leaf. A parent is older than its children, so that no path is endless.
func (t *tree) path(leaf string) []string {
	if _, ok := t.nodes[leaf]; !ok {
		leaf = t.end("")
	}
	var path []string
	for id, last := leaf, int64(math.MaxInt64); id != "" && t.nodes[id].n < last; id = t.nodes[id].parent {
		if _, ok := t.nodes[id]; !ok {
			break
		}
		last = t.nodes[id].n
		path = append(path, id)
	}
	return reversed(path)
}

// end returns the end of the newest branch behind a message.
func (t *tree) end(id string) string {
	for {
		next := t.children[id]
		if len(next) == 0 {
			return id
		}
		id = next[len(next)-1]
	}
}

// without returns what a chat shows when a message is deleted: the newest branch of
// another version of it, or its parent.
func (t *tree) without(id, parent string) string {
	versions := t.children[parent]
	for i := len(versions) - 1; i >= 0; i-- {
		if versions[i] != id {
			return t.end(versions[i])
		}
	}
	return parent
}
