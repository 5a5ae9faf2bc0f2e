package jinja

// The tree of a template. Expressions know how to evaluate themselves
// (eval.go), statements how to run (exec.go). bind.go fills in what follows
// from the scoping rules: where variables live and how scopes open and close.

type node interface{ at() *position }

type expr interface {
	node
	eval(r *rendering, s *scope) (object, error)
}

type stmt interface {
	node
	exec(r *rendering, s *scope) (flow, error)
}

// flow says how a statement ended.
type flow uint8

const (
	flowNext flow = iota
	flowBreak
	flowContinue
)

// position is what all nodes have.
type position struct {
	line   int
	height int // levels of expressions below, this one included
}

func (p *position) at() *position { return p }

// variable is a slot of the function that runs or of one around it.
type variable struct {
	hops int // how many functions outward
	slot int
}

type (
	constExpr struct {
		position
		value object
	}

	// nameExpr reads a variable, or is what an assignment writes to.
	nameExpr struct {
		position
		name  string
		use   nameUse
		where variable
	}

	// attributeTarget is ns.name on the left side of an assignment.
	attributeTarget struct {
		position
		name, attribute string
		where           variable
	}

	tupleExpr struct {
		position
		items []expr
	}
	listExpr struct {
		position
		items []expr
	}
	dictExpr struct {
		position
		keys, values []expr
	}
	condExpr struct {
		position
		test, yes, no expr // no may be nil
	}
	binaryExpr struct {
		position
		op          operator
		left, right expr
	}
	logicExpr struct {
		position
		or          bool
		left, right expr
	}
	notExpr struct {
		position
		operand expr
	}
	signExpr struct {
		position
		minus   bool
		operand expr
	}
	concatExpr struct {
		position
		parts []expr
	}
	compareExpr struct {
		position
		first expr
		ops   []operator
		rest  []expr
	}
	attributeExpr struct {
		position
		operand expr
		name    string
		plain   bool // name is no attribute that dicts have
	}
	itemExpr struct {
		position
		operand, key expr
	}
	sliceExpr struct {
		position
		operand           expr
		start, stop, step expr // each may be nil
	}
	callExpr struct {
		position
		callee expr
		args   callArgs
	}
	filterExpr struct {
		position
		operand expr // nil for the filter of a block
		name    string
		args    callArgs
		filter  callee // nil if there is none of this name
	}
	testExpr struct {
		position
		operand expr
		name    string
		args    callArgs
		test    callee // nil if there is none of this name
	}
)

// callArgs are the arguments as written: f(pos, name=value, *star, **stars).
type callArgs struct {
	pos    []expr
	names  []string
	values []expr
	star   expr
	stars  expr
}

type nameUse uint8

const (
	useLoad nameUse = iota
	useStore
	useParam
)

type (
	outputStmt struct {
		position
		parts []expr // text of the template is a constExpr
	}
	ifStmt struct {
		position
		test  expr
		body  []stmt
		elifs []*ifStmt
		other []stmt
	}
	forStmt struct {
		position
		target    expr
		iter      expr
		body      []stmt
		other     []stmt
		test      expr
		recursive bool
		bound     forBinding
	}
	macroStmt struct {
		position
		name  string
		code  *macroCode
		where variable
		top   bool // also a variable of the context
	}
	// callStmt is a call block; a nil call is the generation tag, which runs
	// its body as a call block would.
	callStmt struct {
		position
		call *callExpr
		code *macroCode
	}
	filterStmt struct {
		position
		filter *filterExpr
		body   []stmt
		frame  frameBinding
	}
	withStmt struct {
		position
		targets, values []expr
		body            []stmt
		frame           frameBinding
	}
	setStmt struct {
		position
		target, value expr
		top           bool
	}
	setBlockStmt struct {
		position
		target expr
		filter *filterExpr // may be nil
		body   []stmt
		frame  frameBinding
		top    bool
	}
	// refusedStmt is a tag that is known and not supported.
	refusedStmt struct {
		position
		tag string
	}
	blockStmt struct {
		position
		name     string
		scoped   bool
		required bool
		body     []stmt
		code     *blockCode
		stores   []namedVariable // for a scoped block: what it sees
	}
	breakStmt    struct{ position }
	continueStmt struct{ position }

	// otherTemplate is include, import, from or extends: they need other
	// templates, and a chat template has none.
	otherTemplate struct {
		position
		tag     string
		operand expr
		names   []string // the variables it sets
	}
)

type namedVariable struct {
	name  string
	where variable
}

// macroCode is a macro or a call block: one function.
type macroCode struct {
	name     string // empty for a call block
	params   []*nameExpr
	defaults []expr // of the last parameters
	body     []stmt
	line     int

	routine  *routine // its slots, filled in by bind
	frame    frameBinding
	caller   *variable // where caller, kwargs and varargs go, if the body uses them
	kwargs   *variable
	varargs  *variable
	explicit bool // caller is one of the parameters
}

// blockCode is the body of a block: a function that sees the context only.
type blockCode struct {
	name    string
	body    []stmt
	routine *routine
	frame   frameBinding
	self    *variable
	super   *variable
}
