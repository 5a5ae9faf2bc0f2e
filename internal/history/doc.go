// Package history keeps the chats of a server's page: trees of messages with all their
// versions, folders, presets, a trash, a search over everything, exports and imports.
//
//	store, err := history.Open(ctx, db, history.Options{})      // db has history.Tables
//	done, err := store.Turn(ctx, tenant, chat, history.Turn{…}) // a question and its answer
//	err = store.Progress(ctx, tenant, chat, id, history.Progress{…})
//	err = store.Finish(ctx, tenant, chat, id, history.End{…})
//	found, err := store.Search(ctx, tenant, "two words", 50)
//	end := store.Subscribe(tenant, func(c history.Change) { … })
//
// Every method takes the tenant, whose chats alone it sees. Ids of chats and messages
// are made by clients, and a change that is asked for again by the same ids is made once.
// What is deleted lies in the trash for a minute and is then wiped out of the file.
//
// An import is staged: its chats are written in small steps, seen by nobody, and published
// in one. A stranger's chat becomes a graph first (chatgpt.go, foreign.go), which graph.go
// makes messages of; those of this program's own exports go from the file to the tables one
// by one (own.go).
package history
