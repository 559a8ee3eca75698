package engine

import (
	"context"
	"os"
	"path"
	"path/filepath"
	"time"

	"forge/recipes"
)

// workScript is a file of the recipe's folder, and where it lies in the work folder.
type workScript struct{ file, at string }

// workScripts are the scripts that an output names. conda-build copies such a one into the work folder (build.py: build),
// and once more under its whole name (bundle_conda), before it runs it there: over files of the sources with these
// names, and for the outputs that come after, too.
func workScripts(o *recipes.Output) []workScript {
	var list []workScript
	for _, s := range o.Build.Scripts {
		if !s.InWork || !filepath.IsLocal(filepath.FromSlash(s.File)) {
			continue
		}
		if base := path.Base(s.File); base != s.File {
			list = append(list, workScript{s.File, base})
		}
		list = append(list, workScript{s.File, s.File})
	}
	return list
}

// scriptsBefore are the scripts that earlier outputs left in o's work folder, the first one first.
func scriptsBefore(o *recipes.Output) []workScript {
	if o.After == nil {
		return nil
	}
	return append(scriptsBefore(o.After), workScripts(o.After)...)
}

// placeScripts copies the scripts of an output into the work folder.
func (j *job) placeScripts(ctx context.Context, o *recipes.Output) error {
	scripts := workScripts(o)
	if len(scripts) == 0 {
		return nil
	}
	dir, err := j.recipeFolder(ctx)
	if err != nil {
		return err
	}
	recipe, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer recipe.Close()
	work, err := os.OpenRoot(j.site.work)
	if err != nil {
		return err
	}
	defer work.Close()
	then := time.Unix(j.epoch(), 0)
	for _, s := range scripts {
		if err := copyMade(recipe, work, s.file, s.at); err != nil {
			return err
		}
		if err := work.Chtimes(filepath.FromSlash(s.at), then, then); err != nil {
			return err
		}
	}
	return nil
}
