package recipes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"forge/platforms"
)

// RendersFor are the options a conversion of the recipe at path is held against: each of the .ci_support
// files of its feedstock, as conda-smithy writes them; without such files, the variants of base and the
// file beside the recipe on linux-64, osx-arm64 and win-64. A target platform in base is the only one.
func RendersFor(path string, base RenderOptions) ([]RenderOptions, error) {
	var one platforms.Platform
	if base.TargetPlatform == one && len(base.Variants)+len(base.Set) == 0 {
		files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "..", ".ci_support", "*.yaml"))
		if err != nil {
			return nil, fmt.Errorf("look for .ci_support: %w", err)
		}
		if all, err := supportRenders(files, base); len(all) > 0 || err != nil {
			return all, err
		}
	}
	if !base.IgnoreRecipeVariants {
		beside, err := variantsBeside(path)
		if err != nil {
			return nil, fmt.Errorf("read the variants file beside the recipe: %w", err)
		}
		base.Variants = append(base.Variants[:len(base.Variants):len(base.Variants)], beside...)
	}
	if base.TargetPlatform != one {
		return []RenderOptions{base.withDefaults()}, nil
	}
	var all []RenderOptions
	for _, subdir := range []string{"linux-64", "osx-arm64", "win-64"} {
		o, err := base.on(subdir)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// supportRenders reads .ci_support files, whose names begin with the platform: linux_64_python3.11.yaml.
func supportRenders(files []string, base RenderOptions) (all []RenderOptions, err error) {
	for _, file := range files {
		name := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".yaml"), "_", "-") + "-"
		for _, subdir := range platforms.Subdirs() {
			if !strings.HasPrefix(name, subdir+"-") {
				continue
			}
			data, err := ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", file, err)
			}
			o, err := base.on(subdir)
			if err != nil {
				return nil, err
			}
			o.Variants = []VariantFile{{Path: file, Data: data}}
			all = append(all, o)
		}
	}
	return all, nil
}

func (o RenderOptions) on(subdir string) (RenderOptions, error) {
	p, err := platforms.Parse(subdir)
	if err != nil {
		return o, err
	}
	o.TargetPlatform, o.HostPlatform, o.BuildPlatform = p, p, p
	return o, nil
}

// converting are options for comparing two formats: what either says, before pins are resolved.
func (o RenderOptions) converting() RenderOptions {
	o.noBuildPins, o.keepPins, o.exclusive, o.AllowUnhashed, o.Experimental = true, true, true, true, true
	return o
}

// exists reports whether a file is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
