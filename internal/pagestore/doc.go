// Package pagestore keeps pages of keys and values on disk, so that a prompt that was
// computed before a restart is not computed again.
//
// A page is a file in one folder. Its name is a digest over all that its bytes depend
// on: what they are made by (Make: model, profile, kind of cache, form, layers), and the
// sum of the tokens that it ends, with their salt. It is there whole or not at all, and
// it is used only after its name, its header and every byte were checked: a page that is
// damaged, cut short, or stands under another's name is removed and never used. No token
// stands in a file in clear, but keys and values are as good as the text for who knows
// the model: the folder is its user's own (0700, files 0600), and names and sums tell who
// guesses a whole text, with its salt, that it was there.
//
// The check is a SHA-256, against damage. It is no protection from somebody who writes to
// the folder as its user: that one could as well write to the model.
//
// The folder has a limit. The pages that were used longest ago go first, and a page never
// before those that continue it, without which they cannot be used. The order outlives
// the process in the times of the files. Several processes may share a folder; each looks
// again at what the others did after it has written a share of the limit.
//
// Nothing is synced: what a crash of the system damages is found by the check, and what
// was lost is computed again. A killed process loses what it was writing.
package pagestore
