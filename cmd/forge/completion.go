package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"forge/engine"
	"forge/platforms"
	"forge/recipes"
	"forge/sandbox"
)

// shells are those that completion writes a script for.
var shells = []string{"bash", "elvish", "fish", "nushell", "powershell", "zsh"}

func completionCommand(a *app) *cobra.Command {
	var shell string
	c := &cobra.Command{
		Use:   "completion [SHELL]",
		Short: "Write a script that completes forge's verbs, flags, recipes and outputs in a shell",
		Long: `Writes the script for bash, elvish, fish, nushell, powershell or zsh to standard output. The script
asks forge itself what may come next, so it never goes out of date: verbs, flags and their values,
recipes, the outputs of the recipes on the line, package files.`,
		Example: `  source <(forge completion bash)
  forge completion --shell zsh > "${fpath[1]}/_forge"
  forge completion fish > ~/.config/fish/completions/forge.fish
  forge completion powershell | Out-String | Invoke-Expression
  forge completion nushell | save -f ~/.config/nushell/autoload/forge.nu
  eval (forge completion elvish | slurp)`,
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				shell = args[0]
			}
			if shell == "" {
				return usageError{fmt.Errorf("which shell? One of %s", strings.Join(shells, ", "))}
			}
			return writeCompletion(cmd.Root(), shell, a.stdout)
		},
	}
	c.Flags().StringVarP(&shell, "shell", "s", "", "the shell (also as a plain argument)")
	return c
}

func writeCompletion(root *cobra.Command, shell string, w io.Writer) error {
	switch shell {
	case "bash":
		if _, err := io.WriteString(w, bashWords); err != nil {
			return err
		}
		return root.GenBashCompletionV2(w, true)
	case "zsh":
		return root.GenZshCompletion(w)
	case "fish":
		return root.GenFishCompletion(w, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(w)
	case "nushell":
		_, err := io.WriteString(w, nushellCompletion)
		return err
	case "elvish":
		_, err := io.WriteString(w, elvishCompletion)
		return err
	}
	return usageError{oneOf("the shell", shell, shells)}
}

// bashWords stands in for the one function of bash-completion that cobra's script needs, where that
// package is not installed: it puts words together again that bash broke at = and :.
const bashWords = `if ! declare -F _get_comp_words_by_ref > /dev/null; then
_get_comp_words_by_ref() {
    local i w
    words=() cword=0
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        w=${COMP_WORDS[i]}
        if ((i > 1 && ${#words[@]} > 1)) && [[ $w == [=:]* || ${COMP_WORDS[i-1]} == *[=:] ]]; then
            words[${#words[@]}-1]+=$w
        else
            words+=("$w")
        fi
        ((i == COMP_CWORD)) && cword=$((${#words[@]} - 1))
    done
    cur=${words[cword]} prev=${words[cword > 0 ? cword - 1 : 0]}
}
fi
`

// What `forge __complete WORDS…` prints: a candidate a line, a tab before its description, and as the last
// line a colon and bits: 4 that no files are offered, 8 and 16 that the candidates choose among files and folders.
const (
	nushellCompletion = `# Completion of forge in Nushell: source this file, or put it into the autoload folder.
let forge_before = $env.config.completions.external.completer?
let forge_completer = {|spans|
  let lines = (^forge __complete ...($spans | skip 1) | complete | get stdout | lines)
  let bits = ($lines | where {|l| $l starts-with ':' } | last | default ':0' | str substring 1.. | into int)
  let typed = ($spans | last)
  let flag = if ($typed starts-with '--') and ($typed has '=') { ($typed | split row '=' | first) + '=' } else { '' }
  let found = ($lines | where {|l| not ($l starts-with ':') and $l != '' } | each {|l|
    let parts = ($l | split column "\t" value description | first)
    let value = if ($parts.value starts-with '--') { $parts.value } else { $flag + $parts.value }
    {value: $value, description: ($parts.description? | default '')}
  } | where {|c| $c.value starts-with $typed })
  if ($bits | bits and 24) != 0 or (($found | is-empty) and ($bits | bits and 4) == 0) { null } else { $found }
}
$env.config.completions.external = {
  enable: true
  max_results: 200
  completer: {|spans|
    if ($spans | first) == 'forge' { do $forge_completer $spans } else if $forge_before != null { do $forge_before $spans } else { null }
  }
}
`
	elvishCompletion = `# Completion of forge in Elvish: eval (forge completion elvish | slurp)
use str
set edit:completion:arg-completer[forge] = {|@words|
  var found = []
  var bits = 0
  var flag = ''
  if (and (str:has-prefix $words[-1] '--') (str:contains $words[-1] '=')) {
    set flag = [(str:split &max=2 '=' $words[-1])][0]'='
  }
  for line [(e:forge __complete (all $words[1..]) 2>/dev/null | from-lines)] {
    if (str:has-prefix $line ':') {
      set bits = (num $line[1..])
    } elif (!=s $line '') {
      var parts = [(str:split &max=2 "\t" $line)]
      var word = $parts[0]
      if (not (str:has-prefix $word '--')) { set word = $flag$word }
      var shown = $word
      if (> (count $parts) 1) { set shown = $word'  ('$parts[1]')' }
      set found = [$@found (edit:complex-candidate $word &display=$shown)]
    }
  }
  if (or (>= $bits 8) (and (== (count $found) 0) (< $bits 4))) {
    edit:complete-filename $@words
  } else {
    put $@found
  }
}
`
)

// completions tell cobra what may come next, for every verb in one place.
func completions(a *app, c *cobra.Command) {
	for _, sub := range c.Commands() {
		completions(a, sub)
	}
	words := map[string][]string{
		"log-style": {"fancy", "plain", "json"}, "color": colorWords, "wrap-log-lines": {"true", "false"},
		"build-platform": platforms.Subdirs(), "platform": platforms.Subdirs(), "host-platform": platforms.Subdirs(), "target-platform": platforms.Subdirs(),
		"noarch-build-platform": platforms.Subdirs(), "channel-priority": {"strict", "flexible", "disabled"},
		"package-format": {"conda", "conda:min", "conda:default", "conda:max", "tar-bz2", "tar-bz2:min", "tar-bz2:max"},
		"test":           {"skip", "native", "native-and-emulated"}, "env-isolation": {"strict", "conda-build", "none"},
		"skip-existing": {"none", "local", "all"}, "isolation": {string(sandbox.Full), string(sandbox.Landlock), string(sandbox.None)},
		"shell": shells, "format": {"dot", "json", "svg", "text"}, "to": {"recipe.yaml", "recipe.hcl"}, "abi-check": abiWords, "vary": engine.VaryWords(),
	}
	if c.Name() == "export" {
		words["format"] = []string{"pem", "openpgp"} // of keys
	}
	for name, list := range words {
		if c.LocalFlags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp))
		}
	}
	for name, complete := range map[string]cobra.CompletionFunc{"recipe": a.completeRecipes, "up-to": a.completeOutputs, "output-name": a.completeOutputs, "package-file": completePackages} {
		if c.LocalFlags().Lookup(name) != nil {
			_ = c.RegisterFlagCompletionFunc(name, complete)
		}
	}
	for _, name := range []string{"recipe-dir", "output-dir", "channel", "from-recipe", "keep", "patch-dir"} {
		if c.LocalFlags().Lookup(name) != nil {
			_ = c.MarkFlagDirname(name)
		}
	}
	switch {
	case c.ValidArgsFunction != nil || len(c.ValidArgs) > 0:
	case strings.Contains(c.Use, "RECIPE"):
		c.ValidArgsFunction = a.completeRecipes
	case strings.Contains(c.Use, "FILE"):
		c.ValidArgsFunction = completePackages
	}
}

// completeRecipes offers the folders below the working one that hold a recipe; the shell adds files.
func (a *app) completeRecipes(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	files, err := recipes.Find([]string{"./..."}, ".")
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	lead := ""
	if strings.HasPrefix(typed, "./") {
		lead = "./"
	}
	var found []string
	for _, f := range files {
		folder := lead + strings.TrimSuffix(f[:max(0, strings.LastIndex(f, "/"))], "/")
		if folder != lead && strings.HasPrefix(folder, typed) && !slices.Contains(found, folder) {
			found = append(found, folder)
		}
	}
	if len(found) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// mostOutputs is how many recipes are rendered to complete a word.
const mostOutputs = 300

// completeOutputs offers the outputs of the recipes that are on the line, else of those below the working folder.
func (a *app) completeOutputs(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	patterns := args
	if list, err := c.Flags().GetStringArray("recipe"); err == nil {
		patterns = append(patterns, list...)
	}
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	files, err := recipes.Find(patterns, ".")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	host := platforms.Host()
	req := engine.Request{BuildPlatform: host, HostPlatform: host, TargetPlatform: host}
	var names []string
	for _, f := range files[:min(len(files), mostOutputs)] {
		for _, o := range recipes.RenderFile(f, req.RenderOptions(nil)).Outputs {
			if !o.Staging && strings.HasPrefix(o.Name, typed) {
				names = append(names, o.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}

func completePackages(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"conda", "bz2"}, cobra.ShellCompDirectiveFilterFileExt
}
