//go:build !darwin && !windows

package trust

// Where the configuration folder is looked for (XDG base directory specification).
var configVariables = []string{"XDG_CONFIG_HOME"}

const (
	homeVariable = "HOME"
	homeConfig   = ".config"
)
