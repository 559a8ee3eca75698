package conda

import "regexp"

var (
	commandName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+-]*$`)
	// dottedName is a chain of Python identifiers; others than ASCII are left out on purpose.
	dottedName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
	// What conda allows in the parts of a file name (CEP 26); build strings have no dash.
	packageName   = regexp.MustCompile(`^[A-Za-z0-9_.+-]+$`)
	packagePart   = regexp.MustCompile(`^[A-Za-z0-9_.+!~]+$`)
	subdirPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9_]+)?$`)
	pythonVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+t?$`)
)
