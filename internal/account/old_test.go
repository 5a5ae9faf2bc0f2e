package account

// oldKey is the key of testdata/account-1.db.
const oldKey = "blz-QoXWeV9bml37N3qkboIqyFuQEFLwHOrBgO3NQgsOMMeIUwug3"
