package sources

import (
	"context"
	"errors"

	"github.com/package-url/packageurl-go"

	"forge/recipes"
)

func (g *Getter) openCargo(ctx context.Context, p packageurl.PackageURL) (*body, error) {
	return nil, errors.New("todo")
}
func (g *Getter) cargoClosure(ctx context.Context, p packageurl.PackageURL, file File) ([]File, error) {
	return nil, nil
}
func (g *Getter) layCargo(ctx context.Context, files []File, extra string) (map[string]string, error) {
	return nil, nil
}
func (g *Getter) fetchGit(ctx context.Context, origin recipes.Origin, src recipes.Source) (Fetched, error) {
	return Fetched{}, errors.New("todo")
}
