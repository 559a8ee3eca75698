package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"forge/engine"
	"forge/internal/diag"
	"forge/internal/fsx"
	"forge/sources"
)

// config is the user's configuration file: what holds for all workspaces of a person or a machine. A
// flag comes before forge.hcl, that before this file, and this file before what is built in.
// docs/configuration.md has the keys; those of rattler-build's file have its names.
type config struct {
	path string

	DefaultChannels []string            `toml:"default-channels"` // where neither -c nor forge.hcl names any
	ChannelAlias    string              `toml:"channel-alias"`    // what comes before the name of a channel that is neither folder nor URL
	Mirrors         map[string][]string `toml:"mirrors"`
	InsecureHosts   []string            `toml:"allow-insecure-hosts"`
	Build           struct {
		PackageFormat string `toml:"package-format"`
		Isolation     string `toml:"isolation"`
		Test          string `toml:"test"`
		Jobs          int    `toml:"jobs"`
	} `toml:"build"`
	Proxy struct {
		HTTP    string   `toml:"http"`
		HTTPS   string   `toml:"https"`
		NoProxy []string `toml:"non-proxy-hosts"`
	} `toml:"proxy-config"`
	LogStyle string `toml:"log-style"`
	Color    string `toml:"color"`
}

// configKeys are all keys of the file.
var configKeys = []string{"default-channels", "channel-alias", "mirrors", "allow-insecure-hosts", "build", "build.package-format",
	"build.isolation", "build.test", "build.jobs", "proxy-config", "proxy-config.http", "proxy-config.https",
	"proxy-config.non-proxy-hosts", "log-style", "color"}

// foreignKeys are those of rattler-build's and pixi's files that nothing here depends on: a file that is
// shared with them may hold them.
var foreignKeys = []string{"s3-options", "repodata-config", "concurrency", "authentication-override-file", "index-config", "run-post-link-scripts",
	"allow-symbolic-links", "allow-hard-links", "allow-ref-links", "publish", "shell", "experimental", "pypi-config", "pinning-strategy", "detached-environments", "tool-platform", "cache-dir"}

// loadConfig reads the file once, before any verb runs.
func (a *app) loadConfig() error {
	path, named, err := a.configPath()
	if path == "" || err != nil {
		return err
	}
	data, err := fsx.ReadUpTo(path, mostConfig)
	if errors.Is(err, fs.ErrNotExist) && !named {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{fmt.Errorf("--config-file %s: there is no such file", path)}
	}
	if err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	a.config, err = parseConfig(path, data)
	if err != nil {
		return err
	}
	for _, w := range []struct {
		flag   *string
		ofFile string
	}{{&a.global.logStyle, a.config.LogStyle}, {&a.global.color, a.config.Color}} {
		if *w.flag == "" {
			*w.flag = w.ofFile
		}
	}
	return nil
}

// mostConfig is the longest file of settings that is read, of a person or of a workspace.
const mostConfig = 1 << 20

// configPath is the file to read, empty for none; named tells that it was asked for.
func (a *app) configPath() (path string, named bool, err error) {
	g := a.global
	switch {
	case g.noConfig && g.configFile != "":
		return "", false, usageError{errors.New("--config-file and --no-config exclude each other")}
	case g.noConfig:
		return "", false, nil
	case g.configFile != "":
		path, err := filepath.Abs(g.configFile)
		return path, true, err
	}
	for _, base := range []struct{ variable, below string }{{"XDG_CONFIG_HOME", ""}, {"APPDATA", ""}, {"HOME", ".config"}} {
		if dir := a.getenv(base.variable); filepath.IsAbs(dir) {
			return filepath.Join(dir, base.below, "forge", "config.toml"), false, nil
		}
	}
	return "", false, nil
}

// parseConfig reads the file; an unknown key is an error, so that a misspelt mirror is not left out in silence.
func parseConfig(path string, data []byte) (config, error) {
	c := config{path: path}
	if err := checkKeys(path, data); err != nil {
		return c, err
	}
	d := toml.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&c); err != nil {
		return c, configError(path, err)
	}
	if err := c.routes(nil).Check(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	for _, w := range []struct {
		key, value string
		want       []string
	}{{"log-style", c.LogStyle, logStyles}, {"color", c.Color, colorWords}} {
		if err := oneOf(w.key, w.value, w.want); w.value != "" && err != nil {
			return c, fmt.Errorf("%s: %w", path, err)
		}
	}
	if c.ChannelAlias != "" && !strings.Contains(c.ChannelAlias, "://") {
		return c, fmt.Errorf("%s: channel-alias %q: want the beginning of a URL", path, c.ChannelAlias)
	}
	return c, nil
}

func configError(path string, err error) error {
	var at *toml.DecodeError
	if errors.As(err, &at) {
		row, column := at.Position()
		return fmt.Errorf("%s:%d:%d: %s", path, row, column, tomlText(at))
	}
	return fmt.Errorf("%s: %w", path, err)
}

// tomlText is what the library says, but of a value of another type, which it describes in words of Go.
func tomlText(err *toml.DecodeError) string {
	text := err.Error()
	if !strings.HasPrefix(text, "toml: cannot decode TOML ") {
		return text
	}
	want := "another kind of value"
	switch text[strings.LastIndex(text, " ")+1:] {
	case "string":
		want = "a text in quotes"
	case "[]string":
		want = "a list of texts"
	case "int":
		want = "a whole number"
	case "map[string][]string":
		want = "a table of lists"
	}
	if key := strings.Join(err.Key(), "."); key != "" {
		return key + ": want " + want
	}
	return "want " + want
}

// checkKeys refuses keys that mean nothing, all of them at once.
func checkKeys(path string, data []byte) error {
	var all map[string]any
	if err := toml.Unmarshal(data, &all); err != nil {
		return configError(path, err)
	}
	var bad []error
	refuse := func(key string) {
		text := fmt.Sprintf("%s: unknown key %q", path, key)
		if near := diag.Nearest(key, configKeys); near != "" {
			text += fmt.Sprintf("; did you mean %q?", near)
		}
		bad = append(bad, errors.New(text))
	}
	for _, key := range sortedNames(all) {
		switch {
		case key == "tls-no-verify":
			if all[key] != false {
				bad = append(bad, fmt.Errorf("%s: tls-no-verify would trust every server; name the hosts in allow-insecure-hosts", path))
			}
		case slices.Contains(foreignKeys, key):
		case !slices.Contains(configKeys, key):
			refuse(key)
		case key == "build" || key == "proxy-config":
			table, _ := all[key].(map[string]any)
			for _, sub := range sortedNames(table) {
				if !slices.Contains(configKeys, key+"."+sub) {
					refuse(key + "." + sub)
				}
			}
		}
	}
	return errors.Join(bad...)
}

// routes are those of the file and the hosts that flags name.
func (c config) routes(insecure []string) sources.Routes {
	return sources.Routes{Mirrors: c.Mirrors, Insecure: append(append([]string(nil), c.InsecureHosts...), insecure...),
		HTTPProxy: c.Proxy.HTTP, HTTPSProxy: c.Proxy.HTTPS, NoProxy: strings.Join(c.Proxy.NoProxy, ",")}
}

// fillFlags puts the file's word where the command line was silent.
func (c config) fillFlags(f *buildFlags) {
	if f.packageFormat == "" {
		f.packageFormat = c.Build.PackageFormat
	}
	if f.packageFormat == "" {
		f.packageFormat = "conda"
	}
	if f.test == "" {
		f.test = c.Build.Test
	}
	if f.jobs == 0 {
		f.jobs = c.Build.Jobs
	}
}

// channels names the request's channels: those of flags, forge.hcl, else the file.
func (a *app) channels(f *buildFlags, req *engine.Request) error {
	for _, c := range f.channels {
		name, err := a.channelURL(req.WorkDir, c)
		if err != nil {
			return err
		}
		a.sayMissing(name)
		req.Channels = append(req.Channels, name)
	}
	if len(req.Channels) > 0 {
		return nil
	}
	for _, c := range a.config.DefaultChannels {
		name, err := a.channelURL(filepath.Dir(a.config.path), c)
		if err != nil {
			return fmt.Errorf("%s: default-channels: %w", a.config.path, err)
		}
		req.Channels = append(req.Channels, name)
	}
	return nil
}

// sayMissing warns of a channel that is a folder which is not there: it may be still to come, or misspelt.
func (a *app) sayMissing(channel string) {
	if filepath.IsAbs(channel) {
		if _, err := os.Stat(channel); errors.Is(err, fs.ErrNotExist) {
			a.say("warning", fmt.Sprintf("channel %s: there is no such folder; it counts as an empty channel", relative(channel)))
		}
	}
}

// channelURL makes a folder absolute, leaves URLs alone, and puts the alias before a bare name.
func (a *app) channelURL(wd, c string) (string, error) {
	if strings.Contains(c, "://") || filepath.IsAbs(c) || strings.ContainsAny(c[:min(1, len(c))], ".~") {
		return channelName(wd, c), nil
	}
	if _, err := os.Stat(filepath.Join(wd, c)); err == nil {
		return channelName(wd, c), nil
	}
	if alias := a.config.ChannelAlias; alias != "" {
		return strings.TrimRight(alias, "/") + "/" + strings.Trim(c, "/"), nil
	}
	return "", usageError{fmt.Errorf("channel %q: there is no such folder, and forge knows no channels by name; give its URL, ./%s for a folder that is still to come, or set channel-alias in the configuration (docs/configuration.md)", c, c)}
}
