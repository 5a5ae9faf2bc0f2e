package history

// What an export of this program says of itself.
const (
	exportFormat  = "blitz-chats"
	exportVersion = 1
)

// wrongVersion is the error of an export of another version.
func (in *input) wrongVersion(version int) error {
	return in.wrong("the version is %d, this program knows %d", version, exportVersion)
}

// readOwn reads the array of chats of an export of this program. Messages are staged one
// by one, so that a chat may be larger than memory.
func readOwn(in *input, g *staging) error {
	return in.array(func() error {
		if isNull, err := in.open('{'); err != nil || isNull {
			if err == nil {
				err = in.wrong("want a chat")
			}
			return err
		}
		var c Chat
		begun := false
		err := in.members(func(key string) error {
			if to := c.member(key); to != nil {
				return in.value(to, maxSmall+4*maxSystem)
			}
			if key != "messages" {
				return in.skip()
			}
			begun = true
			if err := g.begin(&c); err != nil {
				return err
			}
			return in.array(func() error {
				var m Message
				if err := in.value(&m, maxValue); err != nil {
					return err
				}
				return in.checked(g.addOwn(&m))
			})
		})
		if err != nil {
			return err
		}
		if err := in.checked(c.check()); err != nil {
			return err
		}
		if !begun {
			if err := g.begin(&c); err != nil {
				return err
			}
		}
		g.met++
		return in.checked(g.end(&c))
	})
}

// checked says where what a file has is refused.
func (in *input) checked(err error) error {
	if isOwn(err) {
		return in.wrong("%v", err)
	}
	return err
}

// member returns where the value of a key of an exported chat belongs; nil for others.
func (c *Chat) member(key string) any {
	switch key {
	case "id":
		return &c.ID
	case "title":
		return &c.Title
	case "folder":
		return &c.Folder
	case "pinned":
		return &c.Pinned
	case "created":
		return &c.Created
	case "updated":
		return &c.Updated
	case "parameters":
		return &c.Parameters
	case "leaf":
		return &c.Leaf
	case "cuts":
		return &c.Cuts
	}
	return nil
}

// check says what a chat that is taken in cannot be.
func (c *Chat) check() error {
	if err := checkID("chat.id", c.ID); err != nil {
		return err
	}
	if c.Title = oneLine(c.Title, maxTitleBytes/4); c.Title == "" {
		return refuse("chat.title", "some text")
	}
	if err := checkTitle("chat.folder", c.Folder, maxFolder); err != nil {
		return err
	}
	if len(c.Cuts) > maxCuts {
		return refuse("chat.cuts", "at most %d", maxCuts)
	}
	for _, cut := range c.Cuts {
		if err := checkText("chat.cuts", cut.Summary, maxContent); err != nil {
			return err
		}
	}
	if c.Created < firstTime || c.Created > lastTime || c.Updated < firstTime || c.Updated > lastTime {
		return refuse("chat.updated", "a time")
	}
	return c.Parameters.check("chat.parameters")
}
