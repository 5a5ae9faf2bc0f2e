package jinja

// children calls visit for the nodes directly below n, in the order in which
// the reference keeps them; which name is seen first depends on it.
func children(n node, visit func(node)) {
	one := func(e expr) {
		if e != nil {
			visit(e)
		}
	}
	switch n := n.(type) {
	case *tupleExpr:
		eachNode(n.items, visit)
	case *listExpr:
		eachNode(n.items, visit)
	case *dictExpr:
		for i, k := range n.keys {
			visit(k)
			visit(n.values[i])
		}
	case *condExpr:
		one(n.test)
		one(n.yes)
		one(n.no)
	case *binaryExpr:
		one(n.left)
		one(n.right)
	case *logicExpr:
		one(n.left)
		one(n.right)
	case *notExpr:
		one(n.operand)
	case *signExpr:
		one(n.operand)
	case *concatExpr:
		eachNode(n.parts, visit)
	case *compareExpr:
		one(n.first)
		eachNode(n.rest, visit)
	case *attributeExpr:
		one(n.operand)
	case *itemExpr:
		one(n.operand)
		one(n.key)
	case *sliceExpr:
		one(n.operand)
		one(n.start)
		one(n.stop)
		one(n.step)
	case *callExpr:
		one(n.callee)
		eachNode(n.args.all(), visit)
	case *filterExpr:
		one(n.operand)
		eachNode(n.args.all(), visit)
	case *testExpr:
		one(n.operand)
		eachNode(n.args.all(), visit)
	default:
		statementChildren(n, visit)
	}
}

func eachNode[N node](nodes []N, visit func(node)) {
	for _, n := range nodes {
		visit(n)
	}
}

func statementChildren(n node, visit func(node)) {
	switch n := n.(type) {
	case *outputStmt:
		eachNode(n.parts, visit)
	case *ifStmt:
		visit(n.test)
		eachNode(n.body, visit)
		eachNode(n.elifs, visit)
		eachNode(n.other, visit)
	case *forStmt:
		visit(n.target)
		visit(n.iter)
		eachNode(n.body, visit)
		eachNode(n.other, visit)
		if n.test != nil {
			visit(n.test)
		}
	case *macroStmt:
		codeChildren(n.code, visit)
	case *callStmt:
		if n.call != nil {
			visit(n.call)
		}
		codeChildren(n.code, visit)
	case *filterStmt:
		eachNode(n.body, visit)
		visit(n.filter)
	case *withStmt:
		eachNode(n.targets, visit)
		eachNode(n.values, visit)
		eachNode(n.body, visit)
	case *setStmt:
		visit(n.target)
		visit(n.value)
	case *setBlockStmt:
		visit(n.target)
		if n.filter != nil {
			visit(n.filter)
		}
		eachNode(n.body, visit)
	case *blockStmt:
		eachNode(n.body, visit)
	case *otherTemplate:
		visit(n.operand)
	}
}

func codeChildren(c *macroCode, visit func(node)) {
	eachNode(c.params, visit)
	eachNode(c.defaults, visit)
	eachNode(c.body, visit)
}

// walk calls visit for n and everything below it until visit returns false,
// which leaves out what is below.
func walk(n node, visit func(node) bool) {
	if visit(n) {
		children(n, func(k node) { walk(k, visit) })
	}
}

// undeclared returns which of names the nodes read before they assign to them.
// It looks into macros and loops, but not into blocks.
func undeclared(nodes []stmt, names ...string) map[string]bool {
	open := map[string]bool{}
	for _, n := range names {
		open[n] = true
	}
	found := map[string]bool{}
	for _, n := range nodes {
		walk(n, func(n node) bool {
			switch n := n.(type) {
			case *blockStmt:
				return false
			case *nameExpr:
				if n.use == useLoad && open[n.name] {
					found[n.name] = true
				} else {
					delete(open, n.name)
				}
			}
			return true
		})
	}
	return found
}
